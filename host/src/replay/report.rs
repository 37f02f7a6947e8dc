//! The report of a replay. Its JSON is for programs and stays as it is: fields may be added, none goes or changes.

use std::time::Duration;

use serde::Serialize;

use super::failures::{FailureCounter, Failures};
use super::normalizer::{Events, NormalizerComparison};
use super::pairs::Pair;
use super::scorer::{RuleChange, ScorerComparison, Scores, Verdicts, thousandths};
use crate::plugins::{Loaded, Tried, World};

/// What the JSON is.
const REPORT: &str = "pillarbox.plugin-replay.1";

/// Everything about one replay.
#[derive(Debug, Serialize)]
pub struct ReplayReport {
    /// `pillarbox.plugin-replay.1`.
    pub report: &'static str,
    /// What both plugins are for.
    pub world: World,
    /// The version that is tried.
    pub candidate: PluginView,
    /// The version that it is compared with.
    pub against: PluginView,
    /// What they were given.
    pub inputs: Inputs,
    /// Of scorers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<Verdicts>,
    /// Of scorers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// Of scorers: the rules that find something else, those that matter most first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<RuleChange>>,
    /// Of normalizers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    /// Calls without an answer.
    pub failures: Failures,
    /// What the calls used.
    pub cost: Costs,
    /// How the replay went.
    pub run: Run,
    /// What was allowed.
    pub thresholds: Thresholds,
    /// Why the candidate is not within the thresholds, a sentence each. Empty when it is.
    pub outside: Vec<String>,
}

/// Which plugin.
#[derive(Clone, Debug, Serialize)]
pub struct PluginView {
    /// `name@version`.
    pub id: String,
    /// `sha256:` and hex.
    pub digest: String,
}

/// What the plugins were given.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inputs {
    /// `recordings` or `fixtures`.
    pub source: &'static str,
    /// Inputs that both were called with.
    pub replayed: u64,
    /// Inputs that could not be given to them.
    pub skipped: u64,
    /// The first of those, with the reason.
    pub skipped_examples: Vec<Skipped>,
    /// When the oldest and the newest were recorded (RFC 3339); absent for fixtures.
    pub oldest_at: Option<String>,
    /// The same of the newest.
    pub newest_at: Option<String>,
}

/// An input that could not be given to a plugin.
#[derive(Clone, Debug, Serialize)]
pub struct Skipped {
    /// The recording or file.
    pub input: String,
    /// A few words.
    pub reason: String,
}

/// What the calls of both used.
#[derive(Debug, Serialize)]
pub struct Costs {
    /// Of the version that is tried.
    pub candidate: Cost,
    /// Of the other.
    pub against: Cost,
}

/// What the calls of one plugin used, failed ones too.
#[derive(Debug, Serialize)]
pub struct Cost {
    /// Microseconds of CPU time.
    pub cpu_us: Quantiles,
    /// Microseconds until the answer.
    pub wall_us: Quantiles,
    /// The most memory that any call had.
    pub memory_bytes_max: usize,
}

/// Half, all but a hundredth, and all were at most so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

/// How a run went.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Run {
    /// Threads that called.
    pub threads: usize,
    /// Calls of both plugins.
    pub calls: u64,
    /// From the first input to the report.
    pub seconds: f64,
    /// Calls a second.
    pub calls_per_second: u64,
    /// Calls in a second of the plugins' own CPU time.
    pub calls_per_cpu_second: u64,
}

/// What is allowed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Thresholds {
    /// Of a hundred inputs, how many may have another verdict, or other events.
    pub max_flips_percent: f64,
    /// Points by which any score may differ; absent for any.
    pub max_difference: Option<f64>,
}

/// Gathers what a replay shows.
pub struct Replay {
    world: World,
    scorer: ScorerComparison,
    normalizer: NormalizerComparison,
    failures: FailureCounter,
    against: Meter,
    candidate: Meter,
}

/// What the calls of one plugin used.
#[derive(Default)]
struct Meter {
    cpu_us: Vec<u64>,
    wall_us: Vec<u64>,
    memory_bytes_max: usize,
}

impl Replay {
    /// With so many examples of each change.
    pub fn new(world: World, examples_max: usize) -> Self {
        Self {
            world,
            scorer: ScorerComparison::new(examples_max),
            normalizer: NormalizerComparison::new(examples_max),
            failures: FailureCounter::default(),
            against: Meter::default(),
            candidate: Meter::default(),
        }
    }

    /// Takes what both said of one input. The order of inputs decides which examples are the first.
    pub fn add(&mut self, pair: &Pair) {
        self.failures.add(pair);
        self.against.add(&pair.before);
        self.candidate.add(&pair.after);
        match self.world {
            World::Scorer => self.scorer.add(pair),
            World::Normalizer => self.normalizer.add(pair),
        }
    }

    /// What came of it all.
    pub fn report(
        self,
        (candidate, against): (&Loaded, &Loaded),
        inputs: Inputs,
        thresholds: Thresholds,
        (threads, elapsed): (usize, Duration),
    ) -> ReplayReport {
        let calls = 2 * inputs.replayed;
        let cpu_us = self.candidate.cpu_us.iter().chain(&self.against.cpu_us).sum::<u64>();
        let mut report = ReplayReport {
            report: REPORT,
            world: self.world,
            candidate: PluginView::of(candidate),
            against: PluginView::of(against),
            inputs,
            verdicts: None,
            scores: None,
            rules: None,
            events: None,
            failures: self.failures.report(),
            cost: Costs { candidate: self.candidate.report(), against: self.against.report() },
            run: Run::of(threads, calls, elapsed, cpu_us),
            thresholds,
            outside: Vec::new(),
        };
        match self.world {
            World::Scorer => {
                let told = self.scorer.report();
                (report.verdicts, report.scores) = (Some(told.verdicts), Some(told.scores));
                report.rules = Some(told.rules);
            }
            World::Normalizer => report.events = Some(self.normalizer.report()),
        }
        report.outside = report.judge();
        report
    }
}

impl ReplayReport {
    fn judge(&self) -> Vec<String> {
        let mut outside = Vec::new();
        let flips = self.verdicts.as_ref().map(|told| ("verdicts", told.flips, told.flips_percent, told.compared));
        let flips =
            flips.or(self.events.as_ref().map(|told| ("outcomes", told.flips, told.flips_percent, told.compared)));
        let percent_max = self.thresholds.max_flips_percent;
        if let Some((what, flips, percent, compared)) = flips.filter(|(_, _, percent, _)| *percent > percent_max) {
            outside.push(format!(
                "{flips} of {compared} {what} differ ({percent} %), and --max-flips allows {percent_max} %"
            ));
        }
        if let (Some(scores), Some(points_max)) = (&self.scores, self.thresholds.max_difference) {
            let largest = scores.largest_rise.max(-scores.largest_fall);
            if largest > points_max {
                outside.push(format!("a score differs by {largest} points, and --max-difference allows {points_max}"));
            }
        }
        if self.failures.new > 0 {
            let (new, id) = (self.failures.new, &self.candidate.id);
            let inputs = if new == 1 { "input" } else { "inputs" };
            outside.push(format!("{id} has no answer for {new} {inputs} that {} answers", self.against.id));
        }
        outside
    }
}

impl PluginView {
    /// Who a plugin is.
    pub fn of(plugin: &Loaded) -> Self {
        Self { id: plugin.id.to_string(), digest: plugin.digest.clone() }
    }
}

impl Run {
    pub(super) fn of(threads: usize, calls: u64, elapsed: Duration, cpu_us: u64) -> Self {
        let per_second_of = |micros: u64| calls * 1_000_000 / micros.max(1);
        Self {
            threads,
            calls,
            seconds: thousandths(elapsed.as_secs_f64()),
            calls_per_second: per_second_of(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)),
            calls_per_cpu_second: per_second_of(cpu_us),
        }
    }
}

impl Meter {
    fn add<T>(&mut self, tried: &Tried<T>) {
        self.cpu_us.push(tried.cpu_us);
        self.wall_us.push(tried.duration_us);
        self.memory_bytes_max = self.memory_bytes_max.max(tried.memory_bytes);
    }

    fn report(self) -> Cost {
        Cost {
            cpu_us: Quantiles::of(self.cpu_us),
            wall_us: Quantiles::of(self.wall_us),
            memory_bytes_max: self.memory_bytes_max,
        }
    }
}

impl Quantiles {
    /// By nearest rank.
    pub(super) fn of(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        let at = |percent: usize| {
            let rank = (numbers.len() * percent).div_ceil(100).max(1);
            numbers.get(rank - 1).copied().unwrap_or(0)
        };
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numbers_that_were_there() {
        assert_eq!(Quantiles::of(Vec::new()), Quantiles::default());
        assert_eq!(Quantiles::of(vec![7]), Quantiles { p50: 7, p99: 7, max: 7 });
        assert_eq!(Quantiles::of((1..=100).rev().collect()), Quantiles { p50: 50, p99: 99, max: 100 });
        assert_eq!(Quantiles::of((1..=101).collect()), Quantiles { p50: 51, p99: 100, max: 101 });
    }
}
