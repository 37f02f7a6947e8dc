//! `pillarbox stats`

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::output::{fields, show, table};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::Command;
use crate::stats::DAYS_MAX;

/// Characters of the longest bar.
const BAR_CHARS: u32 = 24;

/// See what was sent and what came of it, and that it is counted right
///
/// Shows the totals of some days and a bar for each of them, of one account or of all together.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Stats {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Subcommand)]
enum What {
    Rebuild(Rebuild),
}

#[derive(Args)]
struct Shown {
    /// Only the emails of this account
    #[arg(long, value_name = "EMAIL")]
    customer: Option<String>,
    /// Days, today included
    #[arg(long, default_value_t = 14, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MAX)))]
    days: u32,
    #[command(flatten)]
    json: Json,
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
        match self.what {
            Some(What::Rebuild(rebuild)) => rebuild.run(config).await,
            None => self.shown.run(config).await,
        }
    }
}

impl Shown {
    async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let answer = session.run(Command::StatsShow { customer: self.customer, days: self.days }).await?;
        show(self.json.json, &answer, || text(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

/// Totals, a line for each day with a bar for what was sent, and why mail bounced.
fn text(answer: &Value) -> String {
    let series = answer["series"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = fields(&answer["totals"]);
    text.extend(["\nsent ", &spark(series, "sent"), "\n\n"]);
    let most = series.iter().filter_map(|day| day["sent"].as_i64()).max().unwrap_or(0);
    let rows: Vec<_> = series
        .iter()
        .map(|day| {
            let mut day = day.clone();
            day["bar"] = bar(day["sent"].as_i64().unwrap_or(0), most).into();
            day
        })
        .collect();
    let columns = [
        ("DATE", "date"),
        ("SENT", "sent"),
        ("DELIVERED", "delivered"),
        ("BOUNCED", "bounced"),
        ("OPENED", "opened"),
        ("CLICKED", "clicked"),
        ("COMPLAINED", "complained"),
        ("", "bar"),
    ];
    text.push_str(&table(&rows.into(), &columns));
    if answer["bounces"].as_array().is_some_and(|classes| !classes.is_empty()) {
        text.push('\n');
        text.push_str(&table(&answer["bounces"], &[("WHY MAIL BOUNCED", "class"), ("BOUNCED", "bounced")]));
    }
    text
}

/// A bar in eighths of a character.
fn bar(value: i64, most: i64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if value <= 0 || most <= 0 {
        return String::new();
    }
    let eighths =
        (i128::from(value) * i128::from(BAR_CHARS) * 8 / i128::from(most)).clamp(1, i128::from(BAR_CHARS) * 8);
    let eighths = usize::try_from(eighths).unwrap_or(0);
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// One character for each day.
fn spark(series: &[Value], name: &str) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<_> = series.iter().map(|day| day[name].as_i64().unwrap_or(0).max(0)).collect();
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let level = |value: &i64| usize::try_from(i128::from(*value) * 7 / i128::from(most)).unwrap_or(0).min(7);
    values.iter().map(|value| LEVELS[level(value)]).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_sparks_are_as_long_as_their_numbers() {
        assert_eq!((bar(0, 9).as_str(), bar(1, 1_000_000).as_str(), bar(1, 2).as_str()), ("", "▏", "████████████"));
        assert_eq!(bar(i64::MAX, i64::MAX).chars().count(), 24);
        let series: Vec<_> = [0, 7, 14].into_iter().map(|sent| json!({ "sent": sent })).collect();
        assert_eq!((spark(&series, "sent").as_str(), spark(&series[..1], "sent").as_str()), ("▁▄█", "▁"));
    }

    #[test]
    fn a_person_reads_totals_days_and_reasons() {
        let day = |date: &str, sent| json!({ "date": date, "sent": sent, "delivered": sent, "bounced": 0 });
        let answer = json!({ "totals": { "sent": 3 }, "series": [day("2024-03-14", 1), day("2024-03-15", 2)],
            "bounces": [{ "class": "policy", "bounced": 4 }] });
        let text = text(&answer);
        for part in ["sent                    3\n", "sent ▄█\n", "2024-03-14", "████████████", "policy"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
