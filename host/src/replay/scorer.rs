//! What differs between the verdicts of two scorers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::pairs::{Answer, Pair};
use crate::api::scoring::rounded;
use crate::plugins::{Band, scorer};

/// Differences of scores, candidate minus the other version: the lower bounds of the buckets on the side above zero.
const STEPS: [f64; 5] = [0.1, 0.5, 1.0, 2.0, 5.0];

/// Verdicts that flipped.
#[derive(Debug, Serialize)]
pub struct Verdicts {
    /// Inputs that both judged.
    pub compared: u64,
    /// Of them, those with the same verdict.
    pub same: u64,
    /// Those with another.
    pub flips: u64,
    /// Of a hundred that were compared.
    pub flips_percent: f64,
    /// Only directions with any; towards `reject` first.
    pub directions: Vec<Direction>,
}

/// Flips from one verdict to another.
#[derive(Debug, Serialize)]
pub struct Direction {
    /// What the other version says.
    from: Band,
    /// What the candidate says.
    to: Band,
    /// Inputs.
    pub count: u64,
    /// Those whose scores differ most.
    pub examples: Vec<Flip>,
}

/// One input with another verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// The recording or file.
    pub input: String,
    /// Points by the other version.
    pub before: f64,
    /// Points by the candidate.
    pub after: f64,
    /// Rules that found more.
    pub gained: Vec<String>,
    /// Rules that found less.
    pub lost: Vec<String>,
    /// Rules that found as much, for other points.
    pub reweighted: Vec<String>,
}

/// How the scores differ, candidate minus the other version, in points.
#[derive(Debug, Serialize)]
pub struct Scores {
    /// Inputs with the same score.
    pub equal: u64,
    /// With another.
    pub different: u64,
    /// Over all that were compared.
    pub mean_difference: f64,
    /// The largest upwards; 0 when there is none.
    pub largest_rise: f64,
    /// The largest downwards, below 0.
    pub largest_fall: f64,
    /// From the largest fall to the largest rise. Always the same buckets.
    pub histogram: Vec<Bucket>,
}

/// Differences from `from` to `to`. The bucket of 0 holds equal scores alone; elsewhere the bound nearer to 0 belongs
/// to the bucket, the other does not.
#[derive(Debug, Serialize)]
pub struct Bucket {
    /// Absent for no bound.
    pub from: Option<f64>,
    /// Absent for no bound.
    pub to: Option<f64>,
    /// Inputs.
    pub count: u64,
}

/// A rule that finds something else than before.
#[derive(Debug, Default, Serialize)]
pub struct RuleChange {
    /// Its id.
    pub rule: String,
    /// Findings of the other version.
    pub hits_before: u64,
    /// Findings of the candidate.
    pub hits_after: u64,
    /// Their points together.
    pub points_before: f64,
    /// Their points together.
    pub points_after: f64,
    /// Inputs in which it finds more than before.
    pub inputs_gained: u64,
    /// Inputs in which it finds less.
    pub inputs_lost: u64,
}

/// All of it.
pub(super) struct ScorerReport {
    pub(super) verdicts: Verdicts,
    pub(super) scores: Scores,
    pub(super) rules: Vec<RuleChange>,
}

/// Takes pair after pair.
pub(super) struct ScorerComparison {
    examples_max: usize,
    compared: u64,
    equal: u64,
    sum: f64,
    rise: f64,
    fall: f64,
    buckets: [u64; 2 * STEPS.len() + 3],
    directions: BTreeMap<(Band, Band), (u64, Vec<Flip>)>,
    rules: BTreeMap<String, RuleChange>,
}

impl ScorerComparison {
    pub(super) fn new(examples_max: usize) -> Self {
        Self {
            examples_max,
            compared: 0,
            equal: 0,
            sum: 0.0,
            rise: 0.0,
            fall: 0.0,
            buckets: [0; 2 * STEPS.len() + 3],
            directions: BTreeMap::new(),
            rules: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, pair: &Pair) {
        let (Ok(Answer::Judged(before)), Ok(Answer::Judged(after))) = (&pair.before.result, &pair.after.result) else {
            return;
        };
        let (old, new) = (rounded(before.spam_score), rounded(after.spam_score));
        let difference = rounded(new - old);
        self.compared += 1;
        self.equal += u64::from(difference == 0.0);
        self.sum += difference;
        self.rise = self.rise.max(difference);
        self.fall = self.fall.min(difference);
        self.buckets[bucket(difference)] += 1;
        let [gained, lost, reweighted] = self.compare_rules(before, after);
        let (from, to) = (Band::of(old), Band::of(new));
        if from != to {
            let (count, examples) = self.directions.entry((from, to)).or_default();
            *count += 1;
            let flip = Flip { input: pair.name.clone(), before: old, after: new, gained, lost, reweighted };
            keep_largest(examples, flip, self.examples_max);
        }
    }

    /// Counts what each rule found, and names those that found more, those that found less, and those that found as
    /// much for other points.
    fn compare_rules(&mut self, before: &scorer::Verdict, after: &scorer::Verdict) -> [Vec<String>; 3] {
        let (old, new) = (by_rule(before), by_rule(after));
        let (mut gained, mut lost, mut reweighted) = (Vec::new(), Vec::new(), Vec::new());
        let only_new = new.keys().filter(|rule| !old.contains_key(*rule));
        for rule in old.keys().chain(only_new) {
            let (old_hits, old_points) = old.get(rule).copied().unwrap_or_default();
            let (new_hits, new_points) = new.get(rule).copied().unwrap_or_default();
            if !self.rules.contains_key(*rule) {
                self.rules.insert((*rule).to_owned(), RuleChange { rule: (*rule).to_owned(), ..RuleChange::default() });
            }
            let change = self.rules.get_mut(*rule).expect("it was just put there");
            change.hits_before += old_hits;
            change.hits_after += new_hits;
            change.points_before += old_points;
            change.points_after += new_points;
            if new_hits > old_hits {
                change.inputs_gained += 1;
                gained.push((*rule).to_owned());
            } else if new_hits < old_hits {
                change.inputs_lost += 1;
                lost.push((*rule).to_owned());
            } else if rounded(new_points - old_points) != 0.0 {
                reweighted.push((*rule).to_owned());
            }
        }
        [gained, lost, reweighted]
    }

    pub(super) fn report(self) -> ScorerReport {
        let flips = self.directions.values().map(|(count, _)| count).sum();
        let directions = self.directions.into_iter().map(|((from, to), (count, examples))| {
            let direction = Direction { from, to, count, examples };
            (std::cmp::Reverse(to), from, direction)
        });
        let mut directions: Vec<_> = directions.collect();
        directions.sort_by_key(|(to, from, _)| (*to, *from));
        let mut rules: Vec<_> = self.rules.into_values().filter(RuleChange::is_one).collect();
        for rule in &mut rules {
            (rule.points_before, rule.points_after) = (rounded(rule.points_before), rounded(rule.points_after));
        }
        rules.sort_by(|one, other| other.weight().total_cmp(&one.weight()).then_with(|| one.rule.cmp(&other.rule)));
        ScorerReport {
            verdicts: Verdicts {
                compared: self.compared,
                same: self.compared - flips,
                flips,
                flips_percent: percent(flips, self.compared),
                directions: directions.into_iter().map(|(.., direction)| direction).collect(),
            },
            scores: Scores {
                equal: self.equal,
                different: self.compared - self.equal,
                mean_difference: if self.compared == 0 { 0.0 } else { thousandths(self.sum / real(self.compared)) },
                largest_rise: self.rise,
                largest_fall: self.fall,
                histogram: histogram(&self.buckets),
            },
            rules,
        }
    }
}

impl RuleChange {
    fn is_one(&self) -> bool {
        let same_points = rounded(self.points_before - self.points_after) == 0.0;
        self.inputs_gained + self.inputs_lost > 0 || self.hits_before != self.hits_after || !same_points
    }

    /// What it does to scores.
    fn weight(&self) -> f64 {
        (self.points_after - self.points_before).abs()
    }
}

/// Findings and points of each rule.
fn by_rule(verdict: &scorer::Verdict) -> BTreeMap<&str, (u64, f64)> {
    let mut rules = BTreeMap::new();
    for finding in &verdict.findings {
        let (hits, points) = rules.entry(finding.rule.as_str()).or_insert((0, 0.0));
        *hits += 1;
        *points += finding.points;
    }
    rules
}

/// Keeps the examples whose scores differ most, and of equal ones those that came first.
fn keep_largest(examples: &mut Vec<Flip>, flip: Flip, examples_max: usize) {
    let difference = |flip: &Flip| (flip.after - flip.before).abs();
    let at = examples.partition_point(|kept| difference(kept) >= difference(&flip));
    if at < examples_max {
        examples.insert(at, flip);
        examples.truncate(examples_max);
    }
}

/// Which bucket a difference belongs to: the middle one is that of 0.
fn bucket(difference: f64) -> usize {
    let steps = STEPS.iter().filter(|step| difference.abs() >= **step).count();
    let middle = STEPS.len() + 1;
    match difference {
        _ if difference > 0.0 => middle + 1 + steps,
        _ if difference < 0.0 => middle - 1 - steps,
        _ => middle,
    }
}

fn histogram(buckets: &[u64]) -> Vec<Bucket> {
    let bounds: Vec<_> = std::iter::once(0.0).chain(STEPS).collect();
    let above = bounds.iter().enumerate().map(|(at, from)| (Some(*from), bounds.get(at + 1).copied()));
    let below = above
        .clone()
        .rev()
        .map(|(from, to)| (to.map(|to| -to), from.map(|from| if from == 0.0 { 0.0 } else { -from })));
    let places = below.chain(std::iter::once((Some(0.0), Some(0.0)))).chain(above);
    places.zip(buckets).map(|((from, to), count)| Bucket { from, to, count: *count }).collect()
}

/// Of a hundred.
pub(super) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { thousandths(real(part) * 100.0 / real(whole)) }
}

pub(super) fn thousandths(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "a count of inputs is far below 2^52")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::Tried;
    use crate::plugins::scorer::{Finding, Severity};

    fn verdict(findings: &[(&str, f64)]) -> Tried<Answer> {
        let finding = |(rule, points): &(&str, f64)| Finding {
            rule: (*rule).into(),
            severity: Severity::Info,
            points: *points,
            message: "Found.".into(),
            suggestion: "Change it.".into(),
            location: None,
            attributes: Vec::new(),
        };
        let spam_score = findings.iter().map(|(_, points)| points).sum();
        let verdict =
            scorer::Verdict { spam_score, findings: findings.iter().map(finding).collect(), attributes: Vec::new() };
        Tried { duration_us: 1, cpu_us: 1, memory_bytes: 1, fuel: None, result: Ok(Answer::Judged(verdict)) }
    }

    type Findings<'a> = &'a [(&'a str, f64)];

    fn report(pairs: &[(Findings<'_>, Findings<'_>)], examples_max: usize) -> ScorerReport {
        let mut comparison = ScorerComparison::new(examples_max);
        for (at, (before, after)) in pairs.iter().enumerate() {
            comparison.add(&Pair { name: at.to_string(), before: verdict(before), after: verdict(after) });
        }
        comparison.report()
    }

    #[test]
    fn a_flip_is_told_with_both_scores_and_the_rules_that_made_it() {
        let ScorerReport { verdicts, scores, rules } = report(
            &[
                (&[("A", 2.9)], &[("A", 2.9)]),
                (&[("A", 1.9), ("B", 0.5)], &[("A", 2.0), ("C", 1.0), ("C", 2.0)]),
                (&[("B", 5.0)], &[]),
            ],
            5,
        );
        assert_eq!((verdicts.compared, verdicts.same, verdicts.flips, verdicts.flips_percent), (3, 1, 2, 66.667));
        let flip = |input: &str, before, after, [gained, lost, reweighted]: [&[&str]; 3]| {
            let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
            let (gained, lost, reweighted) = (words(gained), words(lost), words(reweighted));
            Flip { input: input.into(), before, after, gained, lost, reweighted }
        };
        let told: Vec<_> = verdicts.directions.iter().map(|way| (way.from, way.to, way.examples.clone())).collect();
        let expected = [
            (Band::Pass, Band::Reject, vec![flip("1", 2.4, 5.0, [&["C"], &["B"], &["A"]])]),
            (Band::Reject, Band::Pass, vec![flip("2", 5.0, 0.0, [&[], &["B"], &[]])]),
        ];
        assert_eq!(told, expected);
        assert_eq!((scores.equal, scores.different), (1, 2));
        let told = (scores.largest_rise, scores.largest_fall, scores.mean_difference);
        assert_eq!(told, (2.6, -5.0, -0.8));
        let told: Vec<_> = rules
            .iter()
            .map(|rule| (rule.rule.as_str(), rule.hits_before, rule.hits_after, rule.points_before, rule.points_after))
            .collect();
        assert_eq!(told, [("B", 2, 0, 5.5, 0.0), ("C", 0, 2, 0.0, 3.0), ("A", 2, 2, 4.8, 4.9)]);
    }

    #[test]
    fn the_examples_are_those_that_differ_most_and_no_more_than_wanted() {
        let pairs: Vec<_> = [4.0, 6.0, 5.0, 6.0].into_iter().map(|points| [("A", points)]).collect();
        let pairs: Vec<(&[_], &[_])> = pairs.iter().map(|after| (&[] as &[_], after.as_slice())).collect();
        let names = |examples_max| {
            let directions = report(&pairs, examples_max).verdicts.directions;
            let of = |to| directions.iter().find(|way| way.to == to).expect("there are such").examples.clone();
            of(Band::Reject).into_iter().map(|flip| flip.input).collect::<Vec<_>>()
        };
        assert_eq!(names(2), ["1", "3"]);
        assert_eq!(names(9), ["1", "3", "2"]);
        assert_eq!(names(0), [""; 0]);
    }

    #[test]
    fn each_difference_has_one_bucket_and_the_middle_one_is_for_none() {
        let total: Vec<_> =
            [-7.0, -5.0, -4.99, -0.1, -0.09, -0.01, 0.0, 0.01, 0.1, 0.49, 0.5, 5.0, 100.0].map(bucket).into();
        assert_eq!(total, [0, 0, 1, 4, 5, 5, 6, 7, 8, 8, 9, 12, 12]);
        let shown: Vec<_> = histogram(&[0; 13]).iter().map(|bucket| (bucket.from, bucket.to)).collect();
        assert_eq!(
            (shown[0], shown[5], shown[6]),
            ((None, Some(-5.0)), (Some(-0.1), Some(0.0)), (Some(0.0), Some(0.0)))
        );
        assert_eq!((shown[7], shown[12], shown.len()), ((Some(0.0), Some(0.1)), (Some(5.0), None), 13));
    }

    #[test]
    fn points_that_move_between_rules_show_though_the_score_stays() {
        let ScorerReport { verdicts, scores, rules } = report(&[(&[("A", 1.0), ("B", 1.0)], &[("A", 2.0)])], 1);
        assert_eq!((verdicts.flips, scores.equal), (0, 1));
        assert_eq!(rules.iter().map(|rule| rule.rule.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    }
}
