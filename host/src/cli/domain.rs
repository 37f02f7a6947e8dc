//! `pillarbox domain`

mod args;
mod text;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use self::args::{Add, Exported, Format, List, Named, Outlet, Sign, Tracking};
use super::output::{print, print_bytes, show};
use super::session::Session;
use super::{Failure, read_input, with_crlf};
use crate::config::Config;
use crate::control::{Bytes, Command};

/// The word for no tracking host.
const NONE: &str = "none";

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Domain {
    /// Add a domain to an account, with keys that sign its mail, and say what to publish in DNS
    ///
    /// The service looks for the records by itself, after a minute at first and every six hours at last, for three days.
    /// `pillarbox domain check` looks at once.
    Add(Add),
    /// List the domains of one account, or of all, with what needs attention
    List(List),
    /// Show one domain, with its records and what happened to it
    Show(Named),
    /// Look for a domain's records now, and say what to do about each
    ///
    /// The exit code is 0 when every required record is there, and 1 when not.
    Check(Named),
    /// Print what to publish in DNS: for people, as a zone file (BIND), or as JSON for Route 53 and Cloudflare
    Records(Exported),
    /// Make new keys for a domain, which sign once their records are published
    ///
    /// The present keys sign until then, and their records must stay for seven days more. `pillarbox domain show` tells
    /// when they may go.
    RotateDkim(Named),
    /// Say where a domain's mail goes
    Outlet(Outlet),
    /// Say under which name of its own a domain's tracked links lead here
    ///
    /// The name needs a CNAME record that leads to the host of `public_url`; it is looked for at once, and again and again.
    /// Links begin with the name once it was found. With `acme_directory` it gets a certificate, which is renewed by itself;
    /// links begin with https:// from then on. The same name once more has it looked at now; `domain show` tells how far
    /// it is.
    Tracking(Tracking),
    /// Print a message with the DKIM signatures that it would go out with
    Sign(Sign),
    /// Take a domain away: mail that waits to be sent from it fails
    Remove(Named),
}

impl Domain {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let (json, command, as_text): (_, _, fn(&Value) -> String) = match self {
            Self::Sign(sign) => return sign.run(&session).await,
            Self::Check(named) => return named.check(&session).await,
            Self::Records(exported) => return exported.run(&session).await,
            Self::List(List { customer, json }) => (json, Command::DomainList { customer }, text::list),
            Self::Add(Add { name, customer, assume_verified, outlet, json }) => {
                (json, Command::DomainAdd { name, customer, assume_verified, outlet }, |answer| {
                    text::one(&answer["domain"]) + &text::next_steps(&answer["domain"])
                })
            }
            Self::Show(Named { name, customer, json }) => {
                (json, Command::DomainShow { name, customer }, |answer| text::one(&answer["domain"]))
            }
            Self::RotateDkim(Named { name, customer, json }) => {
                (json, Command::DomainRotateDkim { name, customer }, |answer| text::rotation(&answer["domain"]))
            }
            Self::Outlet(Outlet { name, choice, customer, json }) => {
                (json, Command::DomainOutlet { name, customer, outlet: choice.0 }, |answer| {
                    text::one(&answer["domain"])
                })
            }
            Self::Remove(Named { name, customer, json }) => {
                (json, Command::DomainRemove { name, customer }, text::removed)
            }
            Self::Tracking(Tracking { name, host, customer, json }) => {
                let host = (host != NONE).then_some(host);
                (json, Command::DomainTracking { name, customer, host }, |answer| text::one(&answer["domain"]))
            }
        };
        let answer = session.run(command).await?;
        show(json.json, &answer, || as_text(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    async fn check(self, session: &Session) -> Result<ExitCode, Failure> {
        let answer = session.run(Command::DomainCheck { name: self.name, customer: self.customer }).await?;
        show(self.json.json, &answer, || text::checks(&answer));
        let checks = answer["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_there = |check: &Value| check["required"] != true || check["status"] == "verified";
        Ok(if checks.iter().all(is_there) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Exported {
    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let answer = session.run(Command::DomainRecords { name: self.name, customer: self.customer }).await?;
        match self.format {
            Format::Table => print(&text::records(&answer["domain"])),
            Format::Zone => print(answer["zone"].as_str().unwrap_or_default()),
            Format::Json => print(&format!("{:#}\n", answer["export"])),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Sign {
    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let message = with_crlf(&read_input(self.file.as_deref())?);
        let (name, customer) = (self.name, self.customer);
        let command = Command::DomainSign { name, customer, message: Bytes(message.clone()) };
        let answer = session.run(command).await?;
        if self.json.json {
            print(&format!("{}\n", json!({ "headers": answer["headers"] })));
        } else {
            print(answer["headers"].as_str().unwrap_or_default());
            print_bytes(&message);
        }
        Ok(ExitCode::SUCCESS)
    }
}
