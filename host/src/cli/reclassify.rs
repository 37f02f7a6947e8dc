//! `pillarbox reclassify`

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::output::{show, table};
use super::session::Session;
use super::since::Since;
use super::{Failure, Json};
use crate::app::system_clock;
use crate::config::Config;
use crate::control::Command;

/// Judge stored opens and clicks again, by the rules in effect
///
/// Says how many come to another class: human, suspicious or scanner. What was recorded of them (address, user agent,
/// time, link) stays as it is, and the counts of people follow. It works through a bounded part at a time while the
/// service runs, may be broken off, and comes to the same when it is run again.
#[derive(Args)]
pub(super) struct Reclassify {
    /// Only what happened from then on: a time such as 2026-11-20T08:00:00Z, or an age such as 90m, 12h, 7d
    #[arg(long, value_name = "T", value_parser = Since::parse)]
    since: Option<Since>,
    /// Only the emails of this account
    #[arg(long, value_name = "EMAIL")]
    customer: Option<String>,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Default)]
struct Sum {
    judged: i64,
    revised: i64,
    moved: BTreeMap<(String, String), i64>,
}

impl Reclassify {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        let since = self.since.map_or(0, |since| since.at(system_clock()()));
        let (progress, mut sum, mut after) = (progress(), Sum::default(), Some(0));
        while let Some(from) = after {
            let customer = self.customer.clone();
            let part = Command::Reclassify { after: from, since, customer, dry_run: self.dry_run };
            let part = session.run(part).await?;
            sum.add(&part);
            // Where nothing is left, the next part begins nowhere. It always begins further on.
            after = part["next"].as_i64().filter(|next| *next > from);
            progress.set_length(part["last"].as_u64().unwrap_or(0));
            progress.set_position(after.and_then(|next| u64::try_from(next).ok()).unwrap_or(0));
        }
        progress.finish_and_clear();
        let answer = sum.answer(self.dry_run);
        show(self.json.json, &answer, || text(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

impl Sum {
    fn add(&mut self, part: &Value) {
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        self.judged += number(&part["judged"]);
        self.revised += number(&part["revised"]);
        for moved in part["moved"].as_array().into_iter().flatten() {
            let word = |name: &str| moved[name].as_str().unwrap_or_default().to_owned();
            *self.moved.entry((word("from"), word("to"))).or_default() += number(&moved["count"]);
        }
    }

    fn answer(&self, dry_run: bool) -> Value {
        let moved = self.moved.iter().map(|((from, to), count)| json!({ "from": from, "to": to, "count": count }));
        json!({ "dry_run": dry_run, "judged": self.judged, "changed": self.moved.values().sum::<i64>(),
            "revised": self.revised, "moved": moved.collect::<Vec<_>>() })
    }
}

fn text(answer: &Value) -> String {
    let would = if answer["dry_run"] == true { "would " } else { "" };
    let count = |name: &str| answer[name].as_i64().unwrap_or(0);
    let sentence = format!(
        "Of {} opens and clicks {} {would}come to another class; {} {would}keep theirs with other reasons\n",
        count("judged"),
        count("changed"),
        count("revised"),
    );
    if count("changed") == 0 {
        return sentence;
    }
    format!("{}\n{sentence}", table(&answer["moved"], &[("FROM", "from"), ("TO", "to"), ("FETCHES", "count")]))
}

/// How far it is, for a person who waits.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} events, {per_sec} ({elapsed}, {eta} left)");
    ProgressBar::new(0).with_style(style.expect("the template is well formed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up() {
        let mut sum = Sum::default();
        for count in [2, 3] {
            let moved = json!([{ "from": "human", "to": "scanner", "count": count }]);
            sum.add(&json!({ "next": 500, "last": 900, "judged": 10, "revised": 1, "moved": moved }));
        }
        let answer = sum.answer(true);
        let moved = json!([{ "from": "human", "to": "scanner", "count": 5 }]);
        let expected = json!({ "dry_run": true, "judged": 20, "changed": 5, "revised": 2, "moved": moved });
        assert_eq!(answer, expected);
        let shown = text(&answer);
        assert!(shown.contains("human  scanner  5"), "{shown}");
        assert!(shown.contains("Of 20 opens and clicks 5 would come to another class; 2 would keep theirs"), "{shown}");
        assert!(text(&Sum::default().answer(false)).starts_with("Of 0 opens and clicks 0 come to another class"));
    }
}
