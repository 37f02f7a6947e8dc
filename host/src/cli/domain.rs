//! `pillarbox domain`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{print, print_bytes, show, table, word};
use super::session::Session;
use super::{Failure, Json, read_input, with_crlf};
use crate::config::Config;
use crate::control::{Bytes, Command};
use crate::delivery::outlet::OutletKind;

/// The word for following the service.
const FOLLOWS: &str = "default";

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Domain {
    /// Add a domain to an account, with keys that sign its mail
    Add(Add),
    /// List the domains of one account, or of all
    List(List),
    /// Show one domain, with the records to publish in DNS
    Show(Named),
    /// Say where a domain's mail goes
    Outlet(Outlet),
    /// Print a message with the DKIM signatures that it would go out with
    Sign(Sign),
}

#[derive(Args)]
pub(super) struct Add {
    /// Such as mail.example.com, in any script
    name: String,
    /// The account's address
    #[arg(long, value_name = "EMAIL")]
    customer: String,
    /// Take your word that the domain is the customer's, instead of looking into DNS
    #[arg(long)]
    assume_verified: bool,
    /// Where its mail goes, when that is not where the service's goes
    #[arg(long, value_name = "capture|relay|mx", value_parser = outlet_kind)]
    outlet: Option<OutletKind>,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct List {
    /// Only those of this account, by its address
    #[arg(long, value_name = "EMAIL")]
    customer: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Named {
    /// The domain
    name: String,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Outlet {
    /// The domain
    name: String,
    /// `default` follows the service
    #[arg(value_name = "capture|relay|mx|default", value_parser = choice)]
    choice: Choice,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Sign {
    /// The domain
    name: String,
    /// The message (RFC 5322); `-` or nothing is standard input
    file: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

/// An outlet, or none for that of the service.
#[derive(Clone, Copy)]
struct Choice(Option<OutletKind>);

fn outlet_kind(word: &str) -> Result<OutletKind, String> {
    OutletKind::parse(word).ok_or_else(|| "capture, relay or mx".into())
}

fn choice(word: &str) -> Result<Choice, String> {
    if word == FOLLOWS {
        return Ok(Choice(None));
    }
    let kind = OutletKind::parse(word).ok_or_else(|| format!("capture, relay, mx or {FOLLOWS}"))?;
    Ok(Choice(Some(kind)))
}

impl Domain {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let (json, command) = match self {
            Self::List(List { customer, json }) => {
                let answer = session.run(Command::DomainList { customer }).await?;
                show(json.json, &answer, || list(&answer));
                return Ok(ExitCode::SUCCESS);
            }
            Self::Sign(sign) => return sign.run(&session).await,
            Self::Add(Add { name, customer, assume_verified, outlet, json }) => {
                (json, Command::DomainAdd { name, customer, assume_verified, outlet })
            }
            Self::Show(Named { name, json }) => (json, Command::DomainShow { name }),
            Self::Outlet(Outlet { name, choice, json }) => (json, Command::DomainOutlet { name, outlet: choice.0 }),
        };
        let answer = session.run(command).await?;
        show(json.json, &answer, || one(&answer["domain"]));
        Ok(ExitCode::SUCCESS)
    }
}

impl Sign {
    async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let message = with_crlf(&read_input(self.file.as_deref())?);
        let command = Command::DomainSign { name: self.name, message: Bytes(message.clone()) };
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

fn list(answer: &Value) -> String {
    let columns = [
        ("DOMAIN", "domain"),
        ("CUSTOMER", "customer"),
        ("STATUS", "status"),
        ("VERIFIED BY", "verified_by"),
        ("OUTLET", "outlet"),
        ("CREATED", "created_at"),
    ];
    table(&answer["domains"], &columns)
}

fn one(domain: &Value) -> String {
    let mut text = String::new();
    let line = |name: &str, value: &str| format!("{name:<14}{value}\n");
    for name in ["domain", "customer", "status"] {
        text += &line(name, &word(&domain[name]));
    }
    if let Some(by) = domain["verified_by"].as_str() {
        text += &line("verified by", who(by));
    }
    text += &line("outlet", domain["outlet"].as_str().unwrap_or("the service's"));
    text += &line("created", &word(&domain["created_at"]));
    let records = domain["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    if domain["sandbox"] == true {
        text += "\nIts mail is captured on this machine and needs no record in DNS.\n";
    } else if records.is_empty() {
        text += "\nIt has no key, so its mail goes out unsigned.\n";
    } else {
        text += "\nPublish these records, so that receivers can verify its signatures (DKIM):\n";
    }
    records.iter().fold(text, |text, record| text + "\n" + &zone_line(record))
}

fn who(verified_by: &str) -> &str {
    match verified_by {
        "service" => "the service, which gave it away",
        "operator" => "an operator, who assumed it: nobody looked into DNS",
        "dns" => "its records in DNS",
        other => other,
    }
}

/// A record as zone files have it; one whose value is longer than a string has several.
fn zone_line(record: &Value) -> String {
    let strings = record["strings"].as_array().into_iter().flatten();
    let quoted: Vec<_> = strings.map(|string| format!("\"{}\"", word(string))).collect();
    format!("{}. IN {} ( {} )\n", word(&record["host"]), word(&record["type"]), quoted.join("\n    "))
}
