//! `pillarbox plugin recordings`

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::super::output::{show, table, word};
use super::super::session::Session;
use super::super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;

/// Shows how many inputs are recorded for replays, how old they are, and what was not recorded.
///
/// A part of the messages that are judged is recorded, as the settings `record_…` say. Notifications are kept in any
/// case, by the webhooks themselves. Nobody but the operator of this machine gets to see them.
#[derive(Args)]
pub(in crate::cli) struct Recordings {
    /// Remove every recorded message. Notifications stay
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    json: Json,
}

impl Recordings {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        if self.clear {
            session.run(Command::RecordingsClear).await?;
        }
        let answer = session.run(Command::RecordingsStatus).await?;
        show(self.json.json, &answer, || text(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

fn text(answer: &Value) -> String {
    let row = |world: &str, what: &str| {
        let mut row = answer[world].clone();
        row["what"] = format!("{what} for a {world}").into();
        row
    };
    let rows = json!([row("scorer", "messages"), row("normalizer", "notifications")]);
    let columns = [
        ("RECORDED", "what"),
        ("INPUTS", "inputs"),
        ("BYTES", "bytes"),
        ("OLDEST", "oldest_at"),
        ("NEWEST", "newest_at"),
    ];
    let since = &answer["since_start"];
    let count = |name: &str| word(&since[name]);
    let settings = answer["settings"].as_object().into_iter().flatten();
    let settings = settings.fold(String::new(), |text, (name, value)| format!("{text}{name:<24}{}\n", word(value)));
    format!(
        "{}\nSince the start {} were recorded; {} came while too many waited, {} were too large, {} failed.\n\n{settings}",
        table(&rows, &columns),
        count("recorded"),
        count("dropped"),
        count("too_large"),
        count("failed"),
    )
}
