//! `pillarbox plugin explain`

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::super::Failure;
use super::super::output::{show, table, word};
use super::corpus::Given;
use super::replay::{OUTSIDE, failures_text, head, tail};
use super::trying::{Tryout, Wanted, wanted};
use crate::config::Config;
use crate::plugins::Workbench;
use crate::replay::explain;

/// Counts what a version costs more or less than another on the same inputs.
///
/// Cost is counted in fuel, about one unit for each instruction, in an engine of its own: the same input always costs
/// the same, so a difference of one in a thousand is real, on a busy machine too. Nothing that serves is touched.
///
/// The exit code is 0; 2 when --max-growth is given and the total grew by more; 1 when nothing could be compared.
#[derive(Args)]
pub(in crate::cli) struct Explain {
    /// What it is compared with: a .wasm file, or NAME@VERSION of an installed version
    #[arg(value_name = "OLD", value_parser = wanted)]
    old: Wanted,
    /// The version that is looked at, likewise
    #[arg(value_name = "NEW", value_parser = wanted)]
    new: Wanted,
    /// Exit with 2 when the total grew by more percent
    #[arg(long, value_name = "PERCENT", value_parser = super::replay::at_least_nothing)]
    max_growth: Option<f64>,
    #[command(flatten)]
    given: Given,
}

impl Explain {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let plugins = (Some(self.old), self.new);
        let mut tryout = Tryout::prepare(config, plugins, &self.given, Workbench::start_metered).await?;
        let mut costs = explain::Explain::new(self.given.examples as usize);
        let went = tryout.run(|pair| costs.add(pair)).await?;
        let plugins = (&*tryout.before, &*tryout.after);
        let report = costs.report(plugins, went.inputs, self.max_growth, (went.threads, went.elapsed));
        if report.compared == 0 {
            return Err("there is no input that both versions answer, so their cost cannot be compared".into());
        }
        let is_outside = !report.outside.is_empty();
        let report = serde_json::to_value(report)?;
        show(self.given.json, &report, || text(&report));
        Ok(if is_outside { ExitCode::from(OUTSIDE) } else { ExitCode::SUCCESS })
    }
}

fn text(report: &Value) -> String {
    let mut text = head(report, &report["new"], &report["old"]);
    let fuel = &report["fuel"];
    let row = |version: &str| {
        let mut row = fuel[version].clone();
        row["version"] = report[version]["id"].clone();
        row
    };
    let columns =
        [("FUEL", "version"), ("TOTAL", "total"), ("MEAN", "mean"), ("MEDIAN", "p50"), ("P99", "p99"), ("MOST", "max")];
    text += &table(&json!([row("old"), row("new")]), &columns);
    let growth = fuel["growth_percent"].as_f64().unwrap_or(0.0);
    let change = match growth {
        _ if growth > 0.0 => format!("{growth} % more"),
        _ if growth < 0.0 => format!("{} % less", -growth),
        _ => "the same".into(),
    };
    let _ = writeln!(text, "\nThe new version costs {change} (ratio {}).", fuel["ratio"]);
    let _ = writeln!(
        text,
        "Of {} inputs {} cost more and {} less.",
        report["compared"], report["dearer"]["count"], report["cheaper"]["count"]
    );
    let groups = [
        ("Grew most", &report["dearer"]["examples"]),
        ("Fell most", &report["cheaper"]["examples"]),
        ("Cost most now", &report["dearest"]),
    ];
    for (heading, examples) in groups {
        if examples.as_array().is_some_and(|examples| !examples.is_empty()) {
            let columns = [(heading, "input"), ("OLD", "old"), ("NEW", "new"), ("RATIO", "ratio")];
            let _ = write!(text, "\n{}", table(&shortened(examples), &columns));
        }
    }
    text + &failures_text(report, &word(&report["new"]["id"]), &word(&report["old"]["id"])) + &tail(report)
}

/// Names that fit a terminal.
fn shortened(examples: &Value) -> Value {
    let mut examples = examples.clone();
    for example in examples.as_array_mut().into_iter().flatten() {
        example["input"] = super::replay::short(&word(&example["input"])).into();
    }
    examples
}
