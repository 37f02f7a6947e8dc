//! How well and how fast the built-in scorer judges labelled mail: the component inside the sandbox, and beside it the
//! same code natively, message by message. And what it takes of messages that are made to take long.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "these are figures for people"
)]

#[path = "../support/component.rs"]
mod component;
mod curve;
mod judge;

use std::process::ExitCode;

use pillarbox_scorer_train::evaluate::Options;
use tokio::runtime::Builder;

const USAGE: &str = "\
Judges labelled mail by the built-in scorer (plugins/dist/scorer.wasm) as it serves, in the sandbox, and natively.

    cargo bench --bench scoring_eval -- MAIL... [--json] [FLOOR NUMBER]...
    cargo bench --bench scoring_eval -- --curve

  MAIL      a directory with labels.tsv (id, label, slice, source; tab-separated) beside eml/, or with ham/ and spam/
  --json    figures for programs
  --curve   no mail: what messages take that are made to take long, by their size

Floors; when one is missed, it says so and ends with 1:
  --auc-min NUMBER                  the AUC
  --f1-min NUMBER                   F1 at 5.0 points
  --caught-min PERCENT              spam caught at 1 % false alarms
  --false-alarms-max PERCENT        ham at 5.0 points and more
  --slice-false-alarms-max PERCENT  the same, for each slice of ham
  --rate-min NUMBER                 messages per second of CPU time in the sandbox

Mail that the weights were learned from is judged too well: see plugins/scorer/MODEL.md for mail that was left out.";

fn main() -> ExitCode {
    // `cargo bench` adds `--bench`; `cargo test --benches` and the like only want to know whether it starts.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let has = |wanted: &[&str]| arguments.iter().any(|word| wanted.contains(&word.as_str()));
    if has(&["--test", "--list"]) {
        return ExitCode::SUCCESS;
    }
    if arguments.is_empty() || has(&["--help", "-h"]) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    if has(&["--curve"]) {
        runtime.block_on(curve::print());
        return ExitCode::SUCCESS;
    }
    let result = Options::read(arguments.into_iter()).and_then(|options| runtime.block_on(judge::run(&options)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scoring_eval: {error}");
            ExitCode::FAILURE
        }
    }
}
