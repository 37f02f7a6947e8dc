//! `pillarbox queue`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;
use uuid::Uuid;

use super::output::{show, table};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Queue {
    /// List what waits: a line for each destination, then the copies that are due first
    List(List),
    /// Show the copies of one email that have not reached their end
    Show(Show),
    /// Have copies tried now instead of at their time
    Retry(Retry),
    /// Take an email back that no server was asked to take yet
    Cancel(Show),
    /// Hold a destination's mail back
    Pause(Pause),
    /// Let a destination's mail go on
    Resume(Resume),
}

#[derive(Args)]
pub(super) struct List {
    /// Only for this domain (`sandbox` for mail that never leaves the machine)
    #[arg(value_name = "DOMAIN")]
    destination: Option<String>,
    /// Copies to list
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Show {
    /// As `queue list` shows it
    email_id: Uuid,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(super) struct Retry {
    /// The copies of this email
    #[arg(group = "which")]
    email_id: Option<Uuid>,
    /// Everything for this domain
    #[arg(long, value_name = "DOMAIN", group = "which")]
    destination: Option<String>,
    /// Everything
    #[arg(long, group = "which")]
    all: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Pause {
    /// The domain (`sandbox` for mail that never leaves the machine)
    #[arg(value_name = "DOMAIN")]
    destination: String,
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Resume {
    /// The domain
    #[arg(value_name = "DOMAIN")]
    destination: String,
    #[command(flatten)]
    json: Json,
}

impl Queue {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let (json, command, as_text): (Json, Command, fn(&Value) -> String) = match self {
            Self::List(List { destination, limit, json }) => {
                (json, Command::QueueList { destination, offset: 0, limit }, list)
            }
            Self::Show(Show { email_id, json }) => (json, Command::QueueShow { email_id }, copies),
            Self::Retry(Retry { email_id, destination, json, .. }) => {
                (json, Command::QueueRetry { email_id, destination }, |answer| count(answer, "retried", "tried now"))
            }
            Self::Cancel(Show { email_id, json }) => (json, Command::QueueCancel { email_id }, |answer| {
                format!("{} is taken back\n", super::output::word(&answer["canceled"]))
            }),
            Self::Pause(Pause { destination, reason, json }) => {
                (json, Command::QueuePause { destination, reason }, |answer| {
                    format!("{} is paused until `pillarbox queue resume`\n", super::output::word(&answer["paused"]))
                })
            }
            Self::Resume(Resume { destination, json }) => (json, Command::QueueResume { destination }, |answer| {
                format!("{} goes on\n", super::output::word(&answer["resumed"]))
            }),
        };
        let answer = session.run(command).await?;
        show(json.json, &answer, || as_text(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

fn list(answer: &Value) -> String {
    if answer["destinations"].as_array().is_none_or(Vec::is_empty) {
        return "Nothing waits\n".into();
    }
    let columns = [
        ("DESTINATION", "destination"),
        ("COPIES", "copies"),
        ("UNDER WAY", "under_way"),
        ("DUE", "due_at"),
        ("PAUSED", "paused_at"),
        ("REASON", "reason"),
    ];
    format!("{}\n{}", table(&answer["destinations"], &columns), copies(answer))
}

fn copies(answer: &Value) -> String {
    let columns = [
        ("EMAIL ID", "email_id"),
        ("RECIPIENT", "recipient"),
        ("STATE", "state"),
        ("ATTEMPTS", "attempts"),
        ("DUE", "due_at"),
        ("LAST ANSWER", "response"),
    ];
    table(&answer["copies"], &columns)
}

fn count(answer: &Value, name: &str, what: &str) -> String {
    match answer[name].as_i64().unwrap_or(0) {
        1 => format!("1 copy is {what}\n"),
        count => format!("{count} copies are {what}\n"),
    }
}
