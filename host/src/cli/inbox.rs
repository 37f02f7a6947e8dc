//! `pillarbox inbox`

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::{fields, printable, show, table};
use super::session::Session;
use super::since::Since;
use super::{Failure, Json};
use crate::app::system_clock;
use crate::config::Config;
use crate::control::Command;
use crate::inbox::desk::{REPLAYED_MAX, read_state};
use crate::store::InboxState;

/// Rows that a replay which changes something names one by one.
const CHANGES_MAX: usize = 1_000;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Inbox {
    /// List what came in by webhooks and as returned mail, newest first, and what became of it
    List(List),
    /// Show one row: what came, what the normalizer made of it, and which emails it was matched to
    Show(Show),
    /// Read rows again, for example after a plugin has changed
    ///
    /// What a row told before is not told again, so no event and no counter doubles. Rows that wait to be read are left to
    /// the service. It may be broken off, and comes to the same when it is run again.
    Replay(Replay),
}

/// Which rows.
#[derive(Args)]
struct Which {
    /// Only those in this state: received, normalized, matched, unmatched, unparsed or refused
    #[arg(long, value_name = "STATE", value_parser = read_state)]
    state: Option<InboxState>,
    /// Only those from this source; `bounce` and `complaint` are the public routes, and `bounce` is returned mail too
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only what came from then on: a time such as 2026-11-20T08:00:00Z, or an age such as 90m, 12h, 7d
    #[arg(long, value_name = "T", value_parser = Since::parse)]
    since: Option<Since>,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    which: Which,
    /// Rows to list
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Show {
    /// As `inbox list` shows it
    id: Uuid,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Replay {
    /// These rows
    ids: Vec<Uuid>,
    #[command(flatten)]
    which: Which,
    /// All rows
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Only say what would be read otherwise
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Inbox {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        match self {
            Self::List(List { which, limit, json }) => {
                let (state, source, since) = which.parts();
                let session = Session::open(config).await?;
                let answer = session.run(Command::InboxList { state, source, since, offset: 0, limit }).await?;
                show(json.json, &answer, || list(&answer));
            }
            Self::Show(Show { id, json }) => {
                let answer = Session::open(config).await?.run(Command::InboxShow { id }).await?;
                show(json.json, &answer, || row(&answer));
            }
            Self::Replay(replay) => replay.run(config).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Which {
    fn parts(self) -> (Option<InboxState>, Option<String>, Option<i64>) {
        (self.state, self.source, self.since.map(|since| since.at(system_clock()())))
    }

    fn is_everything(&self) -> bool {
        self.state.is_none() && self.source.is_none() && self.since.is_none()
    }
}

impl Replay {
    async fn run(self, config: Config) -> Result<(), Failure> {
        // What is not said is never everything.
        if self.ids.is_empty() && self.which.is_everything() && !self.all {
            return Err("say which rows: ids, --state, --source, --since, or --all".into());
        }
        if !self.ids.is_empty() && !self.which.is_everything() {
            return Err("say either ids or a selection, not both".into());
        }
        let session = Session::open(config).await?;
        let (state, source, since) = self.which.parts();
        let progress = progress();
        let mut sum = Sum::default();
        let parts_max = usize::try_from(REPLAYED_MAX).unwrap_or(usize::MAX);
        let named: Vec<_> = self.ids.chunks(parts_max).map(<[Uuid]>::to_vec).collect();
        let mut named = named.into_iter();
        let mut before = None;
        loop {
            let ids = named.next().unwrap_or_default();
            let is_named = !ids.is_empty();
            let source = source.clone();
            let part = Command::InboxReplay { ids, state, source, since, before, dry_run: self.dry_run };
            let part = session.run(part).await?;
            sum.add(&part);
            progress.set_position(sum.read);
            before = part["next"].as_str().and_then(|next| next.parse().ok());
            if named.len() == 0 && (is_named || before.is_none()) {
                break;
            }
        }
        progress.finish_and_clear();
        let answer = sum.answer(self.dry_run);
        show(self.json.json, &answer, || replayed(&answer));
        Ok(())
    }
}

/// What all parts of a replay came to.
#[derive(Default)]
struct Sum {
    read: u64,
    changed: u64,
    accepted: u64,
    failed: u64,
    rows: Vec<Value>,
}

impl Sum {
    fn add(&mut self, part: &Value) {
        let number = |name: &str| part[name].as_u64().unwrap_or(0);
        self.read += number("read");
        self.changed += number("changed");
        self.accepted += number("accepted");
        self.failed += number("failed");
        let room = CHANGES_MAX - self.rows.len();
        self.rows.extend(part["rows"].as_array().into_iter().flatten().take(room).cloned());
    }

    fn answer(self, dry_run: bool) -> Value {
        json!({ "dry_run": dry_run, "read": self.read, "changed": self.changed, "accepted": self.accepted,
            "failed": self.failed, "rows": self.rows })
    }
}

fn list(answer: &Value) -> String {
    if answer["totals"].as_array().is_none_or(Vec::is_empty) {
        return "Nothing came in\n".into();
    }
    let totals = table(&answer["totals"], &[("STATE", "state"), ("ROWS", "rows"), ("OLDEST", "oldest_at")]);
    let columns = [
        ("ID", "id"),
        ("RECEIVED", "received_at"),
        ("SOURCE", "source"),
        ("STATE", "state"),
        ("NEW", "accepted"),
        ("KNOWN", "duplicates"),
        ("UNMATCHED", "unmatched"),
        ("BYTES", "bytes"),
        ("ERROR", "error"),
    ];
    format!("{totals}\n{}", table(&answer["rows"], &columns))
}

fn row(answer: &Value) -> String {
    let mut facts = answer.clone();
    let (mut body, mut events) = (String::new(), Value::Null);
    if let Some(facts) = facts.as_object_mut() {
        body = facts.remove("body").and_then(|body| body.as_str().map(str::to_owned)).unwrap_or_default();
        events = facts.remove("outcome").map(|mut outcome| outcome["events"].take()).unwrap_or_default();
        facts.remove("headers");
        facts.remove("matches");
    }
    let event_columns = [
        ("EVENT", "kind"),
        ("TYPE", "bounce_type"),
        ("RECIPIENT", "recipient"),
        ("CLASS", "class"),
        ("CODE", "enhanced_code"),
        ("REASON", "reason"),
    ];
    let match_columns =
        [("#", "event"), ("RESULT", "result"), ("BY", "by"), ("EMAIL ID", "email_id"), ("RECIPIENT", "recipient")];
    let mut text = fields(&facts);
    for (rows, columns) in [(&events, event_columns.as_slice()), (&answer["matches"], match_columns.as_slice())] {
        if rows.as_array().is_some_and(|rows| !rows.is_empty()) {
            text = format!("{text}\n{}", table(rows, columns));
        }
    }
    let body: Vec<_> = body.lines().map(printable).collect();
    format!("{text}\n{}\n", body.join("\n"))
}

fn replayed(answer: &Value) -> String {
    let count = |name: &str| answer[name].as_u64().unwrap_or(0);
    let would = if answer["dry_run"] == true { "would " } else { "" };
    let mut sentence = format!("Of {} rows {} {would}come to something else", count("read"), count("changed"));
    if answer["dry_run"] != true {
        sentence = format!("{sentence}; {} events are new", count("accepted"));
    }
    if count("failed") > 0 {
        sentence = format!("{sentence}; {} could not be read now", count("failed"));
    }
    if answer["rows"].as_array().is_none_or(Vec::is_empty) {
        return format!("{sentence}\n");
    }
    let columns =
        [("ID", "id"), ("BEFORE", "before"), ("AFTER", "after"), ("NEW EVENTS", "accepted"), ("ERROR", "error")];
    format!("{}\n{sentence}\n", table(&answer["rows"], &columns))
}

/// How far it is, for a person who waits.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} rows, {per_sec} ({elapsed})");
    ProgressBar::new_spinner().with_style(style.expect("the template is well formed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_replay_add_up() {
        let mut sum = Sum::default();
        let rows = json!([{ "id": "a", "before": "unparsed", "after": "matched", "accepted": 1, "error": null }]);
        for read in [200, 3] {
            sum.add(&json!({ "read": read, "changed": 1, "accepted": 1, "failed": 0, "rows": rows, "next": null }));
        }
        let shown = replayed(&sum.answer(false));
        assert!(shown.contains("unparsed") && shown.contains("matched"), "{shown}");
        assert!(shown.ends_with("Of 203 rows 2 come to something else; 2 events are new\n"), "{shown}");
        let dry = replayed(&Sum { failed: 1, ..Sum::default() }.answer(true));
        assert_eq!(dry, "Of 0 rows 0 would come to something else; 1 could not be read now\n");
    }

    #[test]
    fn a_row_cannot_steer_the_terminal() {
        let shown = row(&json!({ "id": "a", "body": "Subject: \u{1b}[2J\r\n\u{7}", "error": "\u{1b}]0;x",
            "outcome": { "events": [{ "kind": "bounce", "reason": "\u{1b}[1m" }] }, "matches": [] }));
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown:?}");
        assert!(shown.contains("bounce") && shown.contains("Subject: "), "{shown}");
    }
}
