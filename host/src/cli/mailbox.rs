//! `pillarbox mailbox`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::{print, printable, show, table, word};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Mailbox {
    /// List captured mail, newest first
    List(List),
    /// Show one captured email
    Show(Show),
}

#[derive(Args)]
pub(super) struct List {
    /// Emails to list
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Show {
    /// As `mailbox list` shows it
    email_id: Uuid,
    /// Print the html part alone
    #[arg(long, group = "part")]
    html: bool,
    /// Print the text part alone
    #[arg(long, group = "part")]
    text: bool,
    /// Print the whole message as it would have gone out
    #[arg(long, group = "part")]
    source: bool,
    #[command(flatten)]
    json: Json,
}

impl Mailbox {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        match self {
            Self::List(List { limit, json }) => {
                let answer = session.run(Command::MailboxList { limit }).await?;
                show(json.json, &answer, || list(&answer));
            }
            Self::Show(Show { email_id, html, text, source, json }) => {
                let answer = session.run(Command::MailboxShow { email_id }).await?;
                let wanted =
                    [("html", html), ("text", text), ("source", source)].into_iter().find(|(_, wanted)| *wanted);
                match wanted {
                    Some((part, _)) if json.json => print(&format!("{}\n", json!({ part: answer[part] }))),
                    Some((part, _)) => match answer[part].as_str() {
                        Some(content) => print(content),
                        None => return Err(format!("this email has no {part} part").into()),
                    },
                    None => show(json.json, &answer, || one(&answer)),
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(answer: &Value) -> String {
    let columns = [
        ("EMAIL ID", "email_id"),
        ("CAPTURED", "captured_at"),
        ("FROM", "from"),
        ("TO", "to"),
        ("STATUS", "status"),
        ("SUBJECT", "subject"),
    ];
    table(&answer["emails"], &columns)
}

fn one(answer: &Value) -> String {
    let mut text = String::new();
    for name in ["subject", "from", "to", "customer", "status", "captured_at"] {
        text = format!("{text}{:<12}{}\n", name.replace('_', " "), word(&answer[name]));
    }
    for event in answer["events"].as_array().into_iter().flatten() {
        text = format!("{text}{:<12}{} {}\n", "event", word(&event["timestamp"]), word(&event["event_type"]));
    }
    // Line breaks are kept, everything else that steers a terminal is not.
    let body = answer["text"].as_str().unwrap_or("(no text part; see --html)");
    text + "\n" + &body.lines().map(printable).collect::<Vec<_>>().join("\n") + "\n"
}
