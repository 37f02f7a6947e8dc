//! `pillarbox plugin torture`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::app::plugin_limits;
use crate::cli::Failure;
use crate::cli::output::{show, table};
use crate::config::Config;
use crate::plugins::zoo::{Case, Report, Torture, cases};
use crate::registry::BUILT_IN;

/// How often the bar shows that a slow case is still under way.
const BAR_TICK: Duration = Duration::from_millis(100);
/// Of what a guest does and what the host said of it, in the table. `--json` has all.
const CELL_CHARS_MAX: usize = 70;

/// Lets every hostile guest of the zoo loose on a plugin host of its own, and shows that each is contained.
///
/// The host has the limits of your settings and runs in this process, beside a service that may be running and without
/// its data. After each guest the built-in scorer and normalizer must answer as before. Exit code 0 means that every
/// guest was contained and named.
#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// Run these guests alone; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Print JSON instead of text for people
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(in crate::cli) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let cases = chosen(&self.only)?;
        let bar = bar(cases.len());
        bar.set_message("compiling the built-in plugins");
        let [scorer, normalizer] = BUILT_IN;
        let torture = Torture::start(plugin_limits(&config), scorer, normalizer).await?;
        let mut reports = Vec::with_capacity(cases.len());
        for case in &cases {
            bar.set_message(case.name.to_string());
            reports.push(torture.run(case).await);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let is_contained = reports.iter().all(|report| report.contained);
        show(self.json, &json!({ "cases": reports }), || text(&reports));
        Ok(if is_contained { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The whole zoo, or those that were asked for.
fn chosen(only: &[String]) -> Result<Vec<Case>, String> {
    let all = cases();
    if let Some(unknown) = only.iter().find(|name| !all.iter().any(|case| case.name == name.as_str())) {
        let similar = |case: &&Case| {
            case.name
                .split('_')
                .any(|word| word.len() > 3 && (word.contains(unknown.as_str()) || unknown.contains(word)))
        };
        let similar: Vec<_> = all.iter().filter(similar).map(|case| case.name.as_ref()).collect();
        let like = if similar.is_empty() { String::new() } else { format!(" Similar are {}.", similar.join(", ")) };
        return Err(format!("no guest of the zoo is called {unknown}.{like} Without --only all {} run.", all.len()));
    }
    Ok(all.into_iter().filter(|case| only.is_empty() || only.iter().any(|name| *name == case.name)).collect())
}

/// A bar on standard error, when that is a terminal.
fn bar(cases: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(cases as u64).with_style(style);
    bar.enable_steady_tick(BAR_TICK);
    bar
}

fn text(reports: &[Report]) -> String {
    let row = |report: &Report| {
        json!({
            "name": report.name,
            "contained": report.contained,
            "cause": report.cause,
            "stage": report.stage,
            "ms": report.elapsed_ms,
            "said": cut(report.wrong.as_ref().unwrap_or(&report.said)),
        })
    };
    let rows: Vec<_> = reports.iter().map(row).collect();
    let columns = [
        ("GUEST", "name"),
        ("CONTAINED", "contained"),
        ("CAUSE", "cause"),
        ("AT", "stage"),
        ("MS", "ms"),
        ("WHAT THE HOST SAID", "said"),
    ];
    let contained = reports.iter().filter(|report| report.contained).count();
    let told = format!("\n{contained} of {} guests are contained", reports.len());
    let missing: String = reports
        .iter()
        .filter_map(|report| Some(format!("\n{}: {} {}", report.name, report.about, report.wrong.as_ref()?)))
        .collect();
    format!("{}{told}.\n{missing}", table(&Value::from(rows), &columns)).trim_end().to_owned() + "\n"
}

fn cut(text: &str) -> String {
    let line = text.replace(char::is_control, " ");
    if line.chars().count() <= CELL_CHARS_MAX {
        line
    } else {
        line.chars().take(CELL_CHARS_MAX - 1).collect::<String>() + "…"
    }
}
