//! `pillarbox stats`

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::output::show;
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;

#[derive(Subcommand)]
pub(super) enum Stats {
    Rebuild(Rebuild),
}

/// Count everything again from the events, and put right what differs
///
/// Statistics are counted when something happens, in the same transaction, so they are right; this proves it: it says
/// how many rows it compared and how many were wrong. It works through a customer's day at a time while the service
/// runs, and may be broken off. Days whose events are gone by their age keep their counts.
#[derive(Args)]
pub(super) struct Rebuild {
    /// Only the emails of this account
    #[arg(long, value_name = "EMAIL")]
    customer: Option<String>,
    /// Only say what is wrong; the exit code is 1 when something is
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Stats {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        match self {
            Self::Rebuild(rebuild) => rebuild.run(config).await,
        }
    }
}

impl Rebuild {
    async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let (progress, mut sums, mut next) = (progress(), [0; 3], Value::Null);
        loop {
            let from = serde_json::from_value(next.clone())?;
            let part = Command::StatsRebuild { from, customer: self.customer.clone(), dry_run: self.dry_run };
            let part = session.run(part).await?;
            for (sum, name) in sums.iter_mut().zip(["days", "rows", "wrong"]) {
                *sum += part[name].as_i64().unwrap_or(0);
            }
            progress.set_position(u64::try_from(sums[0]).unwrap_or(0));
            next = part["next"].clone();
            if next.is_null() {
                break;
            }
        }
        progress.finish_and_clear();
        let [days, rows, wrong] = sums;
        let answer = json!({ "dry_run": self.dry_run, "days": days, "rows": rows, "wrong": wrong });
        show(self.json.json, &answer, || {
            let verb = if self.dry_run { "are wrong" } else { "were wrong and are right now" };
            format!("{days} days of customers with {rows} rows of counts: {wrong} {verb}\n")
        });
        Ok(if self.dry_run && wrong > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// How far it is, for a person who waits.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} days of customers, {per_sec} ({elapsed})");
    ProgressBar::new_spinner().with_style(style.expect("the template is well formed"))
}
