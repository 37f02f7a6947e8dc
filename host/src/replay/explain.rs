//! What two versions cost on the same inputs, in fuel: counted, not measured, so a difference of one in a thousand is
//! seen on any machine.

use std::time::Duration;

use serde::Serialize;

use super::failures::{FailureCounter, Failures};
use super::pairs::Pair;
use super::report::{Inputs, PluginView, Quantiles, Run};
use super::scorer::{real, thousandths};
use crate::plugins::{Loaded, World};

/// What the JSON is.
const REPORT: &str = "pillarbox.plugin-explain.1";

/// The difference in cost. The JSON stays as it is, like that of a replay.
#[derive(Debug, Serialize)]
pub struct ExplainReport {
    /// `pillarbox.plugin-explain.1`.
    pub report: &'static str,
    /// What both plugins are for.
    pub world: World,
    /// The version that is compared with.
    pub old: PluginView,
    /// The version that is looked at.
    pub new: PluginView,
    /// What they were given.
    pub inputs: Inputs,
    /// Inputs that both answered. Only they count.
    pub compared: u64,
    /// What both used.
    pub fuel: FuelDifference,
    /// Inputs that cost more than before: those whose cost grew by the largest factor first.
    pub dearer: Group,
    /// Inputs that cost less: those whose cost fell by the largest factor first.
    pub cheaper: Group,
    /// Inputs that cost most in the new version.
    pub dearest: Vec<CostPair>,
    /// Calls without an answer.
    pub failures: Failures,
    /// How it went.
    pub run: Run,
    /// Percent by which the total may grow; absent for any.
    pub max_growth_percent: Option<f64>,
    /// Why the new version is not within that; empty when it is.
    pub outside: Vec<String>,
}

/// Fuel of both, and how they compare.
#[derive(Debug, Serialize)]
pub struct FuelDifference {
    /// Of the old version.
    pub old: Fuel,
    /// Of the new one.
    pub new: Fuel,
    /// New total by old total. 1 is the same.
    pub ratio: f64,
    /// The same in percent more, or less below 0.
    pub growth_percent: f64,
}

/// Fuel of one version. A unit is about one instruction.
#[derive(Debug, Serialize)]
pub struct Fuel {
    /// Over all inputs.
    pub total: u64,
    /// For each.
    pub mean: u64,
    /// How it is spread.
    #[serde(flatten)]
    pub spread: Quantiles,
}

/// Inputs with something in common.
#[derive(Debug, Serialize)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// The first ones.
    pub examples: Vec<CostPair>,
}

/// What one input costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostPair {
    /// The recording or file.
    pub input: String,
    /// Fuel of the old version.
    pub old: u64,
    /// Fuel of the new one.
    pub new: u64,
    /// New by old.
    pub ratio: f64,
}

/// Gathers what calls cost.
pub struct Explain {
    examples_max: usize,
    old: Vec<u64>,
    new: Vec<u64>,
    dearer: Group,
    cheaper: Group,
    dearest: Vec<CostPair>,
    failures: FailureCounter,
    cpu_us: u64,
    calls: u64,
}

impl Explain {
    /// With so many examples of each kind.
    pub fn new(examples_max: usize) -> Self {
        let none = || Group { count: 0, examples: Vec::new() };
        Self {
            examples_max,
            old: Vec::new(),
            new: Vec::new(),
            dearer: none(),
            cheaper: none(),
            dearest: Vec::new(),
            failures: FailureCounter::default(),
            cpu_us: 0,
            calls: 0,
        }
    }

    /// Takes what both said of one input, in an engine that counts fuel.
    pub fn add(&mut self, pair: &Pair) {
        self.failures.add(pair);
        self.cpu_us += pair.before.cpu_us + pair.after.cpu_us;
        self.calls += 2;
        if pair.before.result.is_err() || pair.after.result.is_err() {
            return;
        }
        let (old, new) = (pair.before.fuel.unwrap_or(0), pair.after.fuel.unwrap_or(0));
        self.old.push(old);
        self.new.push(new);
        let cost = CostPair { input: pair.name.clone(), old, new, ratio: ratio(new, old) };
        let examples_max = self.examples_max;
        let group = match new.cmp(&old) {
            std::cmp::Ordering::Greater => Some((&mut self.dearer, 1.0)),
            std::cmp::Ordering::Less => Some((&mut self.cheaper, -1.0)),
            std::cmp::Ordering::Equal => None,
        };
        if let Some((group, sign)) = group {
            group.count += 1;
            keep(&mut group.examples, &cost, examples_max, |cost| sign * real(cost.new) / real(cost.old.max(1)));
        }
        keep(&mut self.dearest, &cost, examples_max, |cost| real(cost.new));
    }

    /// What came of it all.
    pub fn report(
        self,
        (old, new): (&Loaded, &Loaded),
        inputs: Inputs,
        max_growth_percent: Option<f64>,
        (threads, elapsed): (usize, Duration),
    ) -> ExplainReport {
        let compared = self.old.len() as u64;
        let fuel = FuelDifference::of(self.old, self.new);
        let mut outside = Vec::new();
        if let Some(percent_max) = max_growth_percent.filter(|percent_max| fuel.growth_percent > *percent_max) {
            let growth = fuel.growth_percent;
            outside.push(format!("it costs {growth} % more, and --max-growth allows {percent_max} %"));
        }
        ExplainReport {
            report: REPORT,
            world: new.world,
            old: PluginView::of(old),
            new: PluginView::of(new),
            inputs,
            compared,
            fuel,
            dearer: self.dearer,
            cheaper: self.cheaper,
            dearest: self.dearest,
            failures: self.failures.report(),
            run: Run::of(threads, self.calls, elapsed, self.cpu_us),
            max_growth_percent,
            outside,
        }
    }
}

impl FuelDifference {
    fn of(old: Vec<u64>, new: Vec<u64>) -> Self {
        let fuel = |numbers: Vec<u64>| {
            let total = numbers.iter().sum::<u64>();
            let mean = total.checked_div(numbers.len() as u64).unwrap_or(0);
            Fuel { total, mean, spread: Quantiles::of(numbers) }
        };
        let (old, new) = (fuel(old), fuel(new));
        let exact = if old.total == 0 { 1.0 } else { real(new.total) / real(old.total) };
        Self { ratio: ratio(new.total, old.total), growth_percent: thousandths((exact - 1.0) * 100.0), old, new }
    }
}

/// To five digits: a thousandth of a percent shows.
fn ratio(new: u64, old: u64) -> f64 {
    if old == 0 { 1.0 } else { (real(new) / real(old) * 100_000.0).round() / 100_000.0 }
}

/// Keeps those with the largest weight, and of equal ones those that came first.
fn keep(examples: &mut Vec<CostPair>, cost: &CostPair, examples_max: usize, weight: impl Fn(&CostPair) -> f64) {
    let at = examples.partition_point(|kept| weight(kept) >= weight(cost));
    if at < examples_max {
        examples.insert(at, cost.clone());
        examples.truncate(examples_max);
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::Answer;
    use super::*;
    use crate::plugins::Tried;
    use crate::plugins::error::Fault;
    use crate::plugins::normalizer::Problem;

    fn gather(costs: &[(u64, Option<u64>)], examples_max: usize) -> Explain {
        let mut explain = Explain::new(examples_max);
        for (at, (old, new)) in costs.iter().enumerate() {
            let tried = |fuel: Option<u64>| Tried {
                duration_us: 1,
                cpu_us: 1,
                memory_bytes: 1,
                fuel: Some(fuel.unwrap_or(0)),
                result: match fuel {
                    Some(_) => {
                        Ok(Answer::Read(Err(Problem { code: "x".into(), message: "x".into(), pointer: String::new() })))
                    }
                    None => Err(Fault::Trapped("it gave up".into())),
                },
            };
            explain.add(&Pair { name: at.to_string(), before: tried(Some(*old)), after: tried(*new) });
        }
        explain
    }

    #[test]
    fn inputs_are_told_apart_by_what_became_of_their_cost() {
        let explain = gather(&[(100, Some(100)), (100, Some(150)), (10, Some(40)), (100, Some(50)), (9, None)], 1);
        assert_eq!((explain.dearer.count, explain.cheaper.count, explain.calls), (2, 1, 10));
        let cost = |input: &str, old, new, ratio| CostPair { input: input.into(), old, new, ratio };
        assert_eq!(explain.dearer.examples, [cost("2", 10, 40, 4.0)]);
        assert_eq!(explain.cheaper.examples, [cost("3", 100, 50, 0.5)]);
        assert_eq!(explain.dearest, [cost("1", 100, 150, 1.5)]);
        let fuel = FuelDifference::of(explain.old, explain.new);
        assert_eq!((fuel.old.total, fuel.new.total, fuel.new.mean), (310, 340, 85));
        assert_eq!((fuel.ratio, fuel.growth_percent), (1.09677, 9.677));
    }

    #[test]
    fn a_difference_of_one_in_a_million_still_shows() {
        let fuel = FuelDifference::of(vec![4_000_000], vec![4_000_040]);
        assert_eq!((fuel.ratio, fuel.growth_percent), (1.00001, 0.001));
    }
}
