//! `pillarbox plugin replay`

mod text;

use std::process::ExitCode;

use clap::Args;

pub(super) use self::text::{failures_text, head, short, tail};
use super::super::Failure;
use super::super::output::show;
use super::corpus::Given;
use super::trying::{Tryout, Wanted, wanted};
use crate::config::Config;
use crate::plugins::{Workbench, World};
use crate::replay::{self, Thresholds};

/// The exit code for a candidate that is not within the thresholds.
pub(super) const OUTSIDE: u8 = 2;

/// Tries a version on recorded or given inputs, before it serves, and tells what it would have done.
///
/// Both versions get the same inputs, in a sandbox of this command: the service hands out what it recorded and is not
/// slowed. The report counts verdicts that flip, scores that differ, rules that find something else (events, for a
/// normalizer), failures, and what both cost. It names recordings and rules, and never shows what a message says. Under
/// an example stand the rules that find more (+), less (-), or as much for other points (±).
///
/// The exit code is 0 when the candidate is within the thresholds; 2 when it is not: more verdicts flip than
/// --max-flips allows, a score differs by more than --max-difference, or it has no answer where the other version has
/// one; 1 when nothing could be replayed. (A wrong command line is 2 as well, and prints nothing on standard output.)
#[derive(Args)]
pub(in crate::cli) struct Replay {
    /// The version that is tried: a .wasm file, or NAME@VERSION of an installed version
    #[arg(value_name = "CANDIDATE", value_parser = wanted)]
    candidate: Wanted,
    /// What it is compared with, likewise [default: the version that serves]
    #[arg(long, value_name = "NAME@VERSION", value_parser = wanted)]
    against: Option<Wanted>,
    /// Of a hundred inputs, how many may get another verdict, or other events
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = at_least_nothing)]
    max_flips: f64,
    /// Points by which the score of any message may differ [default: any]
    #[arg(long, value_name = "POINTS", value_parser = at_least_nothing)]
    max_difference: Option<f64>,
    #[command(flatten)]
    given: Given,
}

/// A finite number from 0 on.
pub(super) fn at_least_nothing(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "write a number from 0 on, for example 0.5".into())
}

impl Replay {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let plugins = (self.against, self.candidate);
        let mut tryout = Tryout::prepare(config, plugins, &self.given, Workbench::start).await?;
        if self.max_difference.is_some() && tryout.after.world == World::Normalizer {
            return Err("a normalizer gives no scores, so --max-difference cannot be kept; use --max-flips".into());
        }
        let mut replay = replay::Replay::new(tryout.after.world, self.given.examples as usize);
        let went = tryout.run(|pair| replay.add(pair)).await?;
        let thresholds = Thresholds { max_flips_percent: self.max_flips, max_difference: self.max_difference };
        let plugins = (&*tryout.after, &*tryout.before);
        let report = replay.report(plugins, went.inputs, thresholds, (went.threads, went.elapsed));
        let is_outside = !report.outside.is_empty();
        let report = serde_json::to_value(report)?;
        show(self.given.json, &report, || text::text(&report));
        Ok(if is_outside { ExitCode::from(OUTSIDE) } else { ExitCode::SUCCESS })
    }
}
