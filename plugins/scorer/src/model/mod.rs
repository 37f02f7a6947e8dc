//! The learned layer: a logistic regression over hashed features, with weights of one byte each.
//!
//! Its judgement is the score: its finding has the points that the rules lack, so that all findings add up. Only what
//! the rules say of attachments and of authentication counts beside it.
//! Sums are taken in integers and in a fixed order, so every machine comes to the same points.

pub mod features;
pub mod weights;

use std::ops::Range;

use crate::facts::{Facts, quoted_range};
use crate::prose::Prose;
use crate::rules::{Category, Rule};
use crate::tally::{Hits, PLACES_PER_RULE_MAX};
use crate::verdict::Severity;
use features::{Kind, Origin, Spotted};
use weights::{SLOTS, Weights};

/// What the model says is a finding like any other.
pub(crate) static RULE: Rule = Rule {
    id: "MODEL_CONTENT",
    category: Category::Model,
    severity: Severity::Warning,
    points: 0.0,
    description: "What a model that has learned from spam and from honest mail adds to the rules, by words, pairs of words, \
                  runs of characters and how the message is built. Its points say how much it leans either way: below \
                  zero, the message reads like honest mail.",
    suggestion: "Say plainly who writes, why, and what the reader gets; reword the places that are listed.",
};

/// Points that the model adds or takes at most.
pub const POINTS_MAX: f64 = 12.0;

/// Bytes around a place that are shown, at most.
const PLACE_BYTES_MAX: usize = 60;

/// What the model says of a message.
pub(crate) struct Opinion {
    /// What it adds to the points of the rules.
    pub(crate) points: f64,
    /// The places that weighed most, in order of weight. Empty when it speaks for the message.
    pub(crate) hits: Hits,
}

/// A word or two that the model knows from spam.
struct Telling {
    weight: i8,
    spotted: Spotted,
}

/// Such words of most messages, so that their list need not move.
const TELLING_EXPECTED: usize = 512;

/// Asks the model. `rules` are the ids of those that found something, and `light_points` what those of them come to
/// whose place it takes.
pub(crate) fn judge(facts: &Facts<'_>, rules: &[&str], light_points: f64) -> Opinion {
    let weights = Weights::embedded();
    let mut seen = vec![0_u64; SLOTS / 64];
    let mut telling: Vec<Telling> = Vec::with_capacity(TELLING_EXPECTED);
    let mut sums = [0_i32; Kind::COUNT];
    let mut counts = [0_u32; Kind::COUNT];
    features::of(facts, rules, &mut |kind, hash, spotted| {
        let Some((slot, weight)) = weights.find(hash) else { return };
        let bit = 1 << (slot % 64);
        if seen[slot / 64] & bit == 0 {
            seen[slot / 64] |= bit;
            sums[kind as usize] += i32::from(weight);
            counts[kind as usize] += 1;
            if weight > 0 && kind == Kind::Words && spotted.origin != Origin::Elsewhere {
                telling.push(Telling { weight, spotted });
            }
        }
    });
    let points = weights.points(sums, counts, light_points).clamp(-POINTS_MAX, POINTS_MAX);
    let points = (points * 100.0).round() / 100.0;
    let mut hits = Hits::default();
    if points > 0.0 {
        explain(facts, telling, &mut hits);
    } else {
        hits.note(|| "The message is written and built like honest mail.".to_owned());
    }
    Opinion { points, hits }
}

/// The probability that a message with these points is spam, 0 to 1 in thousandths. What it means on mail that the
/// model never saw stands in the documentation.
pub(crate) fn probability(points: f64) -> f64 {
    Weights::embedded().probability(points)
}

/// Lists the words that weighed most, each place once.
fn explain(facts: &Facts<'_>, mut telling: Vec<Telling>, hits: &mut Hits) {
    telling.sort_by(|one, other| other.weight.cmp(&one.weight).then(one.spotted.start.cmp(&other.spotted.start)));
    let mut listed: Vec<(Origin, Range<usize>)> = Vec::new();
    for one in &telling {
        if listed.len() == PLACES_PER_RULE_MAX {
            break;
        }
        let Some(prose) = prose(facts, one.spotted.origin) else { continue };
        let range = one.spotted.start as usize..one.spotted.end as usize;
        let overlaps = |(origin, other): &(Origin, Range<usize>)| {
            *origin == one.spotted.origin && other.start < range.end && range.start < other.end
        };
        if range.len() > PLACE_BYTES_MAX || listed.iter().any(overlaps) {
            continue;
        }
        hits.at(prose.place(range.clone()), || {
            format!("{} is more common in spam than in honest mail.", quoted_range(&prose.text, &range))
        });
        listed.push((one.spotted.origin, range));
    }
    if listed.is_empty() {
        hits.note(|| {
            "The message is built like spam: where it leads and how it is made weigh more than its words.".to_owned()
        });
    }
}

fn prose<'f, 'm>(facts: &'f Facts<'m>, origin: Origin) -> Option<&'f Prose<'m>> {
    match origin {
        Origin::Subject => facts.subject.as_ref(),
        Origin::Body => facts.body(),
        Origin::Elsewhere => None,
    }
}
