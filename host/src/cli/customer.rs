//! `pillarbox customer`

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::output::{fields, show, table, word};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;
use crate::mail::event::PrivacyLevel;
use crate::store::CustomerStatus;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Customer {
    /// Make an account with a sandbox domain, and show its API key this once
    Create(Create),
    /// List every account
    List(Json),
    /// Show one account with what it used this month
    Show(Named),
    /// Stop an account from sending
    Suspend(Named),
    /// Let an account send again
    Activate(Named),
    /// Let an account send again that was paused because too much bounced
    Resume(Named),
    /// Give an account a new API key, and show it this once
    RotateKey(RotateKey),
    /// Give an account a new password for SMTP, and show it this once
    SmtpPassword(Named),
    /// Change how much an account may do
    Limits(Limits),
    /// Keep an account's events for longer or shorter than all others' (on this node)
    Retention(Retention),
    /// Change what an account may see
    Features(Features),
}

#[derive(Args)]
pub(super) struct Create {
    /// What the account calls itself
    #[arg(long)]
    name: String,
    /// Its address; also how later commands name it
    #[arg(long)]
    email: String,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Named {
    /// The account's address
    #[arg(long)]
    email: String,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct RotateKey {
    /// The account's address
    #[arg(long)]
    email: String,
    /// Make a sandbox key (`ml_test_`), whose mail never leaves the machine
    #[arg(long)]
    sandbox: bool,
    /// Seconds for which older keys of the same kind still work, at most 7 days
    #[arg(long, default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(0..=604_800))]
    grace: i64,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Limits {
    /// The account's address
    #[arg(long)]
    email: String,
    /// Requests a minute; 0 is no limit
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
    requests_per_minute: Option<i64>,
    /// Emails a month
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=1_000_000_000_000))]
    monthly: Option<i64>,
    /// Sending domains
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    max_domains: Option<i64>,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("how_long").required(true))]
pub(super) struct Retention {
    /// The account's address
    #[arg(long)]
    email: String,
    /// Days; 0 is for ever
    #[arg(long, value_name = "N", group = "how_long", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    event_days: Option<u32>,
    /// As all others: `event_retention_days` of the settings
    #[arg(long, group = "how_long")]
    default: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Features {
    /// The account's address
    #[arg(long)]
    email: String,
    /// The first switch of the Events API
    #[arg(long, value_name = "on|off")]
    event_tracking: Option<Switch>,
    /// The second switch of the Events API
    #[arg(long, value_name = "on|off")]
    event_api: Option<Switch>,
    /// How much of a reader an event shows
    #[arg(long, value_name = "full|masked|minimal", value_parser = privacy_level)]
    privacy: Option<PrivacyLevel>,
    #[command(flatten)]
    json: Json,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Switch {
    On,
    Off,
}

fn privacy_level(word: &str) -> Result<PrivacyLevel, String> {
    PrivacyLevel::parse(word).ok_or_else(|| "full, masked or minimal".into())
}

impl Customer {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let is_on = |switch: Switch| switch == Switch::On;
        let (json, command) = match self {
            Self::List(json) => {
                let answer = session.run(Command::CustomerList).await?;
                show(json.json, &answer, || list(&answer));
                return Ok(ExitCode::SUCCESS);
            }
            Self::Create(Create { name, email, json }) => (json, Command::CustomerCreate { name, email }),
            Self::Show(Named { email, json }) => (json, Command::CustomerShow { email }),
            Self::Suspend(Named { email, json }) => {
                (json, Command::CustomerStatus { email, status: CustomerStatus::Suspended })
            }
            Self::Activate(Named { email, json }) => {
                (json, Command::CustomerStatus { email, status: CustomerStatus::Active })
            }
            Self::Resume(Named { email, json }) => (json, Command::CustomerResume { email }),
            Self::RotateKey(RotateKey { email, sandbox, grace, json }) => {
                (json, Command::CustomerRotateKey { email, sandbox, grace_secs: grace })
            }
            Self::SmtpPassword(Named { email, json }) => (json, Command::CustomerSmtpPassword { email }),
            Self::Limits(Limits { email, requests_per_minute, monthly, max_domains, json }) => {
                (json, Command::CustomerLimits { email, requests_per_minute, monthly, max_domains })
            }
            Self::Retention(Retention { email, event_days, json, .. }) => {
                (json, Command::CustomerRetention { email, event_days })
            }
            Self::Features(Features { email, event_tracking, event_api, privacy, json }) => {
                let (event_tracking, event_api) = (event_tracking.map(is_on), event_api.map(is_on));
                (json, Command::CustomerFeatures { email, event_tracking, event_api, privacy })
            }
        };
        let answer = session.run(command).await?;
        show(json.json, &answer, || one(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

fn list(answer: &Value) -> String {
    let columns = [
        ("EMAIL", "email"),
        ("NAME", "name"),
        ("STATUS", "status"),
        ("MONTHLY LIMIT", "monthly_email_limit"),
        ("CREATED", "created_at"),
    ];
    table(&answer["customers"], &columns)
}

fn one(answer: &Value) -> String {
    let mut text = fields(&answer["customer"]);
    if !answer["domain"].is_null() {
        let domain = word(&answer["domain"]);
        text = format!("{text}{:<24}{domain} (sandbox: mail is captured)\n", "domain");
    }
    if !answer["smtp_password"].is_null() {
        text = format!("{text}\nSMTP password, shown this once:\n{}\n", word(&answer["smtp_password"]));
    }
    if !answer["api_key"].is_null() {
        text = format!("{text}\nAPI key, shown this once:\n{}\n", word(&answer["api_key"]));
    }
    text
}
