//! `pillarbox send`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::{show, word};
use super::session::Session;
use super::{Failure, Json, read_content, with_crlf};
use crate::config::Config;
use crate::control::{Bytes, Command};

const EXAMPLES: &str = "Examples:
  pillarbox send message.eml

  printf 'From: shop@acme.example\\nSubject: Backup\\n\\nIt is done.\\n' |
    pillarbox send --customer me@acme.example --to ada@example.com

The id that it prints leads to what became of the email: `pillarbox queue show ID` while it waits,
`pillarbox mailbox show ID` when it was captured.";

/// Send one finished message, as scripts make them
///
/// The message has headers, an empty line and a body (RFC 5322). It is checked, judged, signed and queued as if a mail
/// program had submitted it by SMTP, and is on disk when its id is printed. Lines may end as in any file, and a line with
/// a dot alone ends nothing. `Bcc` does not go out, and the headers that speak to Pillarbox (`X-Tag` and its like) work.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Send {
    /// The message; `-` or nothing is standard input
    file: Option<PathBuf>,
    /// Whose message it is, by the account's address. May be left out where there is one account
    #[arg(long, value_name = "EMAIL")]
    customer: Option<String>,
    /// Who gets it, whomever the message names: again for each, or with commas between. Without it, To, Cc and Bcc say
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    to: Vec<String>,
    #[command(flatten)]
    json: Json,
}

impl Send {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let Self { file, customer, to, json } = self;
        let message = Bytes(with_crlf(&read_content(file.as_deref())?));
        let answer = Session::open(config).await?.run(Command::Send { customer, to, message }).await?;
        show(json.json, &answer, || format!("{}\n", word(&answer["email_id"])));
        Ok(ExitCode::SUCCESS)
    }
}
