//! An eye on versions that are new: a candidate that fails or says something else too often is stopped, and an active
//! version that fails in its first minutes is taken back. Neither waits for a person.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use super::compare::Difference;
use super::deployment::Bounds;
use super::error::Fault;
use super::fingerprint::Fingerprint;

/// Upper ends of the histogram of score differences, in points either way. What differs more is in one more bucket.
pub const DIFFERENCE_ENDS: [f64; 6] = [0.0, 0.1, 0.5, 1.0, 2.0, 5.0];
/// Examples that are kept: the ones that differ most.
pub const EXAMPLES_MAX: usize = 10;
/// Rules whose gains and losses are counted.
const RULES_MAX: usize = 2_000;
/// Failures of an active version in its probation before anything is concluded.
pub const PROBATION_FAILURES_MIN: u64 = 5;
/// Of a hundred calls in its probation, how many may fail.
pub const PROBATION_FAILED_PERCENT_MAX: f64 = 10.0;
/// Calls of both versions before their cost is compared.
pub const PROBATION_COMPARED_MIN: u64 = 100;
/// CPU time in the mean that an active version may take in its probation, as a multiple of its predecessor's.
pub const PROBATION_COST_RATIO_MAX: f64 = 10.0;

/// What was seen of a candidate.
#[derive(Debug, Default)]
pub struct Watch {
    bounds: Bounds,
    seen: Mutex<Seen>,
    stopped: OnceLock<String>,
}

/// Numbers and examples of one moment.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Calls of the candidate that failed.
    pub failures: u64,
    /// Inputs that both versions answered.
    pub compared: u64,
    /// Of these, how many came to another verdict or to other events.
    pub flips: u64,
    /// Inputs that were not compared, because too many were waiting.
    pub skipped: u64,
    /// Compared inputs for each of `DIFFERENCE_ENDS`, and those that differ more.
    pub differences: [u64; DIFFERENCE_ENDS.len() + 1],
    /// CPU microseconds of the active version and of the candidate on what was compared.
    pub cpu_us: (u64, u64),
    /// How often each rule was gained and lost.
    pub rules: BTreeMap<String, (u64, u64)>,
    /// Those that differ most, first.
    pub examples: Vec<Example>,
    /// The last failure in words.
    pub last_failure: Option<String>,
}

/// One input on which the versions differ, without the input.
#[derive(Debug, Clone)]
pub struct Example {
    /// Which input.
    pub input: Fingerprint,
    /// How.
    pub difference: Difference,
}

impl Watch {
    pub(super) fn new(bounds: Bounds) -> Watch {
        Watch { bounds, ..Watch::default() }
    }

    /// Why the candidate was stopped.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// What was seen so far.
    pub fn seen(&self) -> Seen {
        self.with(|seen| seen.clone())
    }

    pub(super) fn skip(&self) {
        self.with(|seen| seen.skipped += 1);
    }

    /// Takes a failure of the candidate. True when this is what stops it.
    pub(super) fn fail(&self, fault: &Fault) -> bool {
        let failures = self.with(|seen| {
            seen.failures += 1;
            seen.last_failure = Some(fault.to_string());
            seen.failures
        });
        let failures_max = self.bounds.failures_max;
        failures > failures_max
            && self.stop(format!("it failed {failures} times, of at most {failures_max}; the last time it {fault}"))
    }

    /// Takes two answers to one input. True when this is what stops the candidate.
    pub(super) fn compare(&self, input: Fingerprint, cpu_us: (u64, u64), difference: Difference) -> bool {
        let points = difference.points();
        let why = self.with(|seen| {
            seen.note(input, cpu_us, difference);
            self.bounds.crossed(points, seen)
        });
        why.is_some_and(|why| self.stop(why))
    }

    fn stop(&self, why: String) -> bool {
        self.stopped.set(why).is_ok()
    }

    fn with<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Seen {
    fn note(&mut self, input: Fingerprint, cpu_us: (u64, u64), difference: Difference) {
        self.compared += 1;
        self.flips += u64::from(difference.is_flip);
        self.cpu_us = (self.cpu_us.0 + cpu_us.0, self.cpu_us.1 + cpu_us.1);
        let apart = difference.points().abs();
        self.differences[DIFFERENCE_ENDS.partition_point(|end| *end < apart)] += 1;
        for (names, is_gain) in [(&difference.gained, true), (&difference.lost, false)] {
            for name in names {
                if self.rules.len() < RULES_MAX || self.rules.contains_key(name) {
                    let (gained, lost) = self.rules.entry(name.clone()).or_default();
                    *if is_gain { gained } else { lost } += 1;
                }
            }
        }
        let is_other =
            difference.is_flip || apart > 0.0 || !difference.gained.is_empty() || !difference.lost.is_empty();
        if is_other && !self.examples.iter().any(|known| known.input == input) {
            self.examples.push(Example { input, difference });
            let weight = |example: &Example| (example.difference.is_flip, example.difference.points().abs());
            self.examples.sort_by(|one, other| {
                let ((one_flips, one_apart), (other_flips, other_apart)) = (weight(one), weight(other));
                other_flips.cmp(&one_flips).then(other_apart.total_cmp(&one_apart))
            });
            self.examples.truncate(EXAMPLES_MAX);
        }
    }
}

impl Bounds {
    /// Which bound was crossed, in a sentence.
    #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
    fn crossed(&self, points: f64, seen: &Seen) -> Option<String> {
        if let Some(difference_max) = self.difference_max.filter(|max| points.abs() > *max) {
            return Some(format!("a score differs by {points:+.2} points, of at most {difference_max}"));
        }
        if seen.compared < self.compared_min {
            return None;
        }
        let flips_percent = 100.0 * seen.flips as f64 / seen.compared as f64;
        if flips_percent > self.flips_percent_max {
            let (flips, compared, max) = (seen.flips, seen.compared, self.flips_percent_max);
            return Some(format!("{flips} of {compared} answers come to something else, of at most {max} %"));
        }
        let ratio = seen.cpu_us.1 as f64 / seen.cpu_us.0.max(1) as f64;
        (ratio > self.cost_ratio_max)
            .then(|| format!("it takes {ratio:.1} times the CPU time, of at most {} times", self.cost_ratio_max))
    }
}

/// The first minutes of an active version that has a predecessor.
#[derive(Debug)]
pub struct Probation {
    /// When the version began to serve, in milliseconds since 1970: which probation this is.
    pub(super) since: i64,
    until: Instant,
    calls: AtomicU64,
    failures: AtomicU64,
    cpu_us: AtomicU64,
    /// CPU microseconds of a call of the predecessor in the mean, if it was called often enough to tell.
    cpu_us_before: Option<f64>,
    tripped: OnceLock<String>,
}

impl Probation {
    pub(super) fn new(since: i64, until: Instant, cpu_us_before: Option<f64>) -> Probation {
        let zero = || AtomicU64::new(0);
        Probation {
            since,
            until,
            calls: zero(),
            failures: zero(),
            cpu_us: zero(),
            cpu_us_before,
            tripped: OnceLock::new(),
        }
    }

    /// Why the version is to be taken back.
    pub fn tripped(&self) -> Option<&str> {
        self.tripped.get().map(String::as_str)
    }

    /// Takes the end of a call. True when this is what takes the version back.
    #[expect(clippy::cast_precision_loss, reason = "counts of calls")]
    pub(super) fn note(&self, fault: Option<&Fault>, cpu_us: u64, now: Instant) -> bool {
        if now >= self.until {
            return false;
        }
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let cpu_us = self.cpu_us.fetch_add(cpu_us, Ordering::Relaxed) + cpu_us;
        if let Some(fault) = fault {
            let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
            let percent = 100.0 * failures as f64 / calls as f64;
            if failures >= PROBATION_FAILURES_MIN && percent > PROBATION_FAILED_PERCENT_MAX {
                let why = format!("{failures} of its first {calls} calls failed; the last time it {fault}");
                return self.tripped.set(why).is_ok();
            }
        }
        let ratio = self.cpu_us_before.map_or(0.0, |before| cpu_us as f64 / calls as f64 / before.max(1.0));
        calls >= PROBATION_COMPARED_MIN
            && ratio > PROBATION_COST_RATIO_MAX
            && self.tripped.set(format!("it takes {ratio:.1} times the CPU time of the version before it")).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn input(number: u64) -> Fingerprint {
        Fingerprint::of_bytes(&number.to_be_bytes())
    }

    fn differing(points: f64, is_flip: bool) -> Difference {
        Difference { after: points, is_flip, gained: vec!["A".into()], ..Difference::default() }
    }

    fn trap() -> Fault {
        Fault::Trapped("x".into())
    }

    #[test]
    fn a_candidate_may_fail_so_often_and_not_once_more() {
        let watch = Watch::new(Bounds { failures_max: 2, ..Bounds::default() });
        assert!(!watch.fail(&trap()) && !watch.fail(&trap()));
        assert_eq!(watch.stopped(), None);
        assert!(watch.fail(&trap()));
        assert_eq!(watch.stopped(), Some("it failed 3 times, of at most 2; the last time it trapped: x"));
        assert!(!watch.fail(&trap()), "it is stopped once");
    }

    #[test]
    fn one_score_too_far_off_stops_it_at_once() {
        let watch = Watch::new(Bounds { difference_max: Some(1.0), ..Bounds::default() });
        assert!(!watch.compare(input(1), (1, 1), differing(1.0, false)));
        assert!(watch.compare(input(2), (1, 1), differing(-1.5, false)));
        assert_eq!(watch.stopped(), Some("a score differs by -1.50 points, of at most 1"));
    }

    #[test]
    fn too_many_other_verdicts_stop_it_once_enough_were_compared() {
        let watch = Watch::new(Bounds { compared_min: 10, flips_percent_max: 10.0, ..Bounds::default() });
        for number in 0..9 {
            assert!(!watch.compare(input(number), (1, 1), differing(3.0, number < 2)), "{number}");
        }
        assert!(watch.compare(input(9), (1, 1), Difference::default()), "2 of 10 are more than 10 %");
        let lenient = Watch::new(Bounds { compared_min: 10, flips_percent_max: 20.0, ..Bounds::default() });
        for number in 0..10 {
            assert!(!lenient.compare(input(number), (1, 1), differing(3.0, number < 2)));
        }
    }

    #[test]
    fn one_that_costs_too_much_is_stopped() {
        let of = |cpu_us| {
            let watch = Watch::new(Bounds { compared_min: 1, cost_ratio_max: 2.0, ..Bounds::default() });
            watch.compare(input(0), cpu_us, Difference::default())
        };
        assert!(!of((100, 200)));
        assert!(of((100, 201)));
    }

    #[test]
    fn what_differs_most_is_kept_as_an_example_and_equals_are_not() {
        let watch = Watch::new(Bounds { compared_min: 1_000, ..Bounds::default() });
        for number in 0..30 {
            #[expect(clippy::cast_precision_loss, reason = "small")]
            watch.compare(input(number), (1, 1), differing(number as f64 / 10.0, number == 3));
        }
        watch.compare(input(99), (1, 1), Difference::default());
        let seen = watch.seen();
        assert_eq!((seen.compared, seen.flips, seen.examples.len()), (31, 1, EXAMPLES_MAX));
        assert_eq!(seen.examples[0].input, input(3), "another verdict weighs most");
        assert_eq!(seen.examples[1].input, input(29));
        assert_eq!(seen.rules["A"], (30, 0));
        assert_eq!(seen.differences.iter().sum::<u64>(), 31);
        assert_eq!(seen.differences[0], 2, "no difference in points");
    }

    #[test]
    fn an_active_version_that_fails_in_its_probation_is_taken_back() {
        let now = Instant::now();
        let until = now + Duration::from_secs(1);
        let probation = Probation::new(0, until, None);
        for _ in 0..4 {
            assert!(!probation.note(Some(&trap()), 1, now));
        }
        assert!(probation.note(Some(&trap()), 1, now));
        assert_eq!(probation.tripped(), Some("5 of its first 5 calls failed; the last time it trapped: x"));
        let over = Probation::new(0, until, None);
        for _ in 0..10 {
            assert!(!over.note(Some(&trap()), 1, until), "the probation is over");
        }
    }

    #[test]
    fn one_failure_in_ten_is_borne() {
        let now = Instant::now();
        let probation = Probation::new(0, now + Duration::from_secs(1), None);
        for round in 0..20 {
            for _ in 0..9 {
                assert!(!probation.note(None, 1, now));
            }
            assert!(!probation.note(Some(&trap()), 1, now), "{round}");
        }
    }

    #[test]
    fn an_active_version_that_costs_ten_times_as_much_is_taken_back() {
        let now = Instant::now();
        let of = |cpu_us: u64| {
            let probation = Probation::new(0, now + Duration::from_secs(1), Some(10.0));
            (0..PROBATION_COMPARED_MIN).any(|_| probation.note(None, cpu_us, now))
        };
        assert!(!of(100));
        assert!(of(101));
    }
}
