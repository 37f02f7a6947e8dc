//! `pillarbox plugin test`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::super::output::{printable, show};
use super::super::{Failure, Json};
use super::subject::Subject;
use crate::config::Config;
use crate::kit::answer::expectation;
use crate::kit::fixture::Fixture;
use crate::kit::trial::{self, Outcome};

/// Run a plugin's fixtures in the sandbox, and say what differs
///
/// A fixture is an input in `fixtures/` (`NAME.eml` or `NAME.json`, with `NAME.settings.json` where an operator set
/// something) and what is expected of it (`NAME.expected.json`). Only what stands there is compared: a field, an item
/// of a list, `{"min": 1, "max": 2}` for a number. `rules` and `kinds` are compared as a whole.
#[derive(Args)]
pub(in crate::cli) struct Test {
    /// The project, or a .wasm file with a folder `fixtures` beside it
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    path: PathBuf,
    /// Write what the plugin answers now wherever it is not what is expected
    #[arg(long)]
    update: bool,
    #[command(flatten)]
    json: Json,
}

impl Test {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let subject = Subject::open(&config, &self.path, false).await?;
        if subject.fixtures.is_empty() {
            let folder = subject.fixtures_dir.display();
            return Err(
                format!("there are no fixtures in {folder}; put a message there as NAME.eml or NAME.json").into()
            );
        }
        let mut outcomes = Vec::with_capacity(subject.fixtures.len());
        let mut updated = Vec::new();
        for fixture in &subject.fixtures {
            let mut outcome = trial::run(&subject.plugins, &subject.loaded, fixture).await;
            // What the sandbox had to stop is no answer that anybody wants.
            if self.update && !outcome.has_passed() && outcome.trial.failure.is_none() {
                update(fixture, &outcome)?;
                updated.push(fixture.name.clone());
                outcome.differences.clear();
            }
            outcomes.push(outcome);
        }
        let failed = outcomes.iter().filter(|outcome| !outcome.has_passed()).count();
        let passed = outcomes.len() - failed;
        let views: Vec<_> = outcomes.iter().map(Outcome::view).collect();
        let answer = json!({ "plugin": subject.loaded.id.to_string(), "passed": passed, "failed": failed,
            "updated": updated, "fixtures": views });
        show(self.json.json, &answer, || {
            let lines = outcomes.iter().map(|outcome| line(outcome, updated.contains(&outcome.name)));
            let lines: String = lines.collect();
            format!("{lines}\n{}: {passed} passed, {failed} failed\n", subject.loaded.id)
        });
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn update(fixture: &Fixture, outcome: &Outcome) -> Result<(), String> {
    let path = fixture.expected_path.display();
    let expected = serde_json::to_string_pretty(&expectation(&outcome.trial.answer));
    let expected = expected.map_err(|error| format!("{path}: {error}"))?;
    fs::write(&fixture.expected_path, expected + "\n").map_err(|error| format!("cannot write {path}: {error}"))
}

/// A line for each fixture, and one for each difference below it.
pub(super) fn line(outcome: &Outcome, was_updated: bool) -> String {
    let word = match outcome.has_passed() {
        _ if was_updated => "written",
        true => "ok",
        false => "FAILED",
    };
    let head = format!("{word:<8}{:<24}{:>8} µs\n", printable(&outcome.name), outcome.trial.cpu_us);
    outcome.differences.iter().fold(head, |text, difference| format!("{text}        {}\n", printable(difference)))
}
