//! From what the rules found to a verdict: points once per rule, a limit per category, most important first.

use std::borrow::Cow;

use crate::rules::Rule;
use crate::verdict::{Finding, Location, Severity, Verdict};

/// Places that one rule lists; the first finding tells how many more there are.
pub(crate) const PLACES_PER_RULE_MAX: usize = 5;

/// What one rule found.
#[derive(Default)]
pub(crate) struct Hits {
    listed: Vec<(Option<Location>, String)>,
    more: usize,
}

impl Hits {
    /// Something found at a place. The sentence is only written when it will be listed.
    pub(crate) fn at(&mut self, place: Location, sentence: impl FnOnce() -> String) {
        self.push(Some(place), sentence);
    }

    /// Something found that is nowhere in particular, for example because it is missing.
    pub(crate) fn note(&mut self, sentence: impl FnOnce() -> String) {
        self.push(None, sentence);
    }

    /// Further places that were counted but not kept.
    pub(crate) fn and_more(&mut self, count: usize) {
        self.more += count;
    }

    fn push(&mut self, place: Option<Location>, sentence: impl FnOnce() -> String) {
        if self.listed.len() < PLACES_PER_RULE_MAX {
            self.listed.push((place, sentence()));
        } else {
            self.more += 1;
        }
    }
}

/// Who a rule of the operator is, beside the one that stands for all of them.
pub(crate) struct Own {
    pub(crate) id: String,
    pub(crate) severity: Severity,
    pub(crate) suggestion: String,
}

/// Everything that was found so far.
#[derive(Default)]
pub(crate) struct Tally {
    found: Vec<Found>,
}

/// What one rule found and what that is worth.
struct Found {
    rule: &'static Rule,
    own: Option<Own>,
    points: f64,
    hits: Hits,
}

impl Found {
    fn severity(&self) -> Severity {
        self.own.as_ref().map_or(self.rule.severity, |own| own.severity)
    }
}

impl Tally {
    /// Takes what a rule found, which is worth `points` if it found anything.
    pub(crate) fn add(&mut self, rule: &'static Rule, points: f64, hits: Hits) {
        self.push(Found { rule, own: None, points, hits });
    }

    /// The same of a rule of the operator, for all of which `rule` stands.
    pub(crate) fn add_own(&mut self, rule: &'static Rule, own: Own, points: f64, hits: Hits) {
        self.push(Found { rule, own: Some(own), points, hits });
    }

    fn push(&mut self, found: Found) {
        if !found.hits.listed.is_empty() {
            self.found.push(found);
        }
    }

    /// The rules that found something, in the order of the tables.
    pub(crate) fn rules(&self) -> Vec<&'static str> {
        self.found.iter().map(|found| found.rule.id).collect()
    }

    /// What the rules come to by themselves.
    pub(crate) fn points(&mut self) -> Points {
        let mut points = Points::default();
        for (rule, counted) in self.counted() {
            points.all += counted;
            if !rule.category.stands_alone() {
                points.light += counted;
            }
        }
        points
    }

    /// Sorts, limits and sums. The sum is taken in hundredths, so that it is the same on every machine and shows
    /// no rounding noise.
    pub(crate) fn verdict(mut self) -> Verdict {
        let counted = self.counted();
        let total = counted.iter().map(|(_, counted)| counted).sum();
        let mut findings = Vec::new();
        for (found, (_, counted)) in self.found.into_iter().zip(counted) {
            append(&mut findings, found, whole(counted));
        }
        Verdict { spam_score: whole(total), findings, attributes: Vec::new() }
    }

    /// Sorts, and says what each rule counts within the limit of its category, in hundredths.
    fn counted(&mut self) -> Vec<(&'static Rule, i64)> {
        self.found.sort_by(|a, b| b.points.total_cmp(&a.points).then(a.severity().cmp(&b.severity())));
        let mut spent = [0_i64; crate::rules::Category::COUNT];
        let count = |Found { rule, points, .. }: &Found| {
            let category = &mut spent[rule.category as usize];
            let room = hundredths(rule.category.points_max()) - *category;
            let counted = hundredths(*points).min(room);
            *category += counted;
            (*rule, counted)
        };
        self.found.iter().map(count).collect()
    }
}

/// What rules come to, in hundredths of points.
#[derive(Clone, Copy, Default)]
pub(crate) struct Points {
    all: i64,
    light: i64,
}

impl Points {
    /// Of all rules.
    pub(crate) fn all(self) -> f64 {
        whole(self.all)
    }

    /// Of the rules in whose place the model's judgement stands.
    pub(crate) fn light(self) -> f64 {
        whole(self.light)
    }
}

fn append(findings: &mut Vec<Finding>, found: Found, points: f64) {
    let (severity, mut points) = (found.severity(), points);
    let mut more = found.hits.more;
    let suggestion = match &found.own {
        Some(own) => Cow::Owned(own.suggestion.clone()),
        None => Cow::Borrowed(found.rule.suggestion),
    };
    for (location, message) in found.hits.listed {
        let mut attributes = match std::mem::take(&mut more) {
            0 => Vec::new(),
            count => vec![("more-places".to_owned(), count.to_string())],
        };
        attributes.extend(found.own.as_ref().map(|own| ("own-rule".to_owned(), own.id.clone())));
        findings.push(Finding {
            rule: found.rule.id,
            severity,
            points: std::mem::take(&mut points),
            message,
            suggestion: suggestion.clone(),
            location,
            attributes,
        });
    }
}

#[allow(clippy::cast_possible_truncation, reason = "points are bounded by the table and by `settings`")]
fn hundredths(points: f64) -> i64 {
    (points * 100.0).round() as i64
}

#[allow(clippy::cast_precision_loss, reason = "a few thousand at most")]
fn whole(hundredths: i64) -> f64 {
    hundredths as f64 / 100.0
}
