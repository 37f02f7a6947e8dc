//! From labelled mail to weights: which features count, what they weigh, and where 5.0 points lie.

use std::collections::{BTreeMap, HashMap};

use pillarbox_scorer::Learnable;
use pillarbox_scorer::model::features::Kind;
use pillarbox_scorer::model::weights::{self, BYTES, SLOTS, Scales, Weights};

use crate::corpus::Labelled;
use crate::regression::{Fit, Recipe, Sample, fit};

/// Messages that have a feature, for it to be learned.
const MESSAGES_MIN: u32 = 3;

/// Of the weights, the share that is not cut to the largest byte.
const UNCUT: f64 = 0.999;

/// How messages of a source count: as if it had this many, within bounds.
const SOURCE_MESSAGES: f64 = 1500.0;
const SOURCE_WEIGHT: std::ops::RangeInclusive<f64> = 0.5..=4.0;

/// A message as hashes.
pub struct Example {
    /// Whether it is spam.
    pub is_spam: bool,
    /// For figures.
    pub slice: String,
    /// Where it was collected.
    pub source: String,
    /// When it was sent; 0 when nobody knows.
    pub year: u32,
    /// For people who look into a score.
    pub subject: String,
    /// Which message it was made of; the same number for a message and what was made of it.
    pub origin: usize,
    /// Whether it is as it was collected.
    pub is_real: bool,
    weight: f32,
    points: f64,
    light_points: f64,
    hashes: [Vec<u64>; Kind::COUNT],
}

impl Example {
    /// Reads a message. `share` is how much it counts.
    pub fn of(one: &Labelled, origin: usize, is_real: bool, share: f32) -> Example {
        let Learnable { features, points, light_points } = pillarbox_scorer::learnable(&one.message);
        let mut hashes: [Vec<u64>; Kind::COUNT] = Default::default();
        for (kind, hash) in features {
            hashes[kind as usize].push(hash);
        }
        for hashes in &mut hashes {
            hashes.sort_unstable();
            hashes.dedup();
        }
        Example {
            is_spam: one.is_spam,
            slice: one.slice.clone(),
            source: one.source.clone(),
            year: one.year,
            subject: one.message.subject.clone().unwrap_or_default(),
            origin,
            is_real,
            weight: share,
            points,
            light_points,
            hashes,
        }
    }

    /// Sources of one origin: those whose names begin with the same letters.
    pub fn family(&self) -> &str {
        let end = self.source.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.source.len());
        if end == 0 { &self.source } else { &self.source[..end] }
    }

    /// The points that weights give it, those of the rules included.
    pub fn points(&self, weights: &Weights) -> f64 {
        let mut sums = [0; Kind::COUNT];
        let mut counts = [0; Kind::COUNT];
        let mut slots = Vec::new();
        for (kind, hashes) in self.hashes.iter().enumerate() {
            for (slot, weight) in hashes.iter().filter_map(|hash| weights.find(*hash)) {
                slots.push(slot);
                sums[kind] += i32::from(weight);
                counts[kind] += 1;
            }
        }
        self.points + weights.points(sums, counts, self.light_points)
    }
}

/// Learns weights from examples. Points are odds until [`calibrated`] says where spam begins.
pub fn learn(examples: &[&Example], recipe: &Recipe) -> Vec<u8> {
    let vocabulary = vocabulary(examples);
    let shares = shares(examples);
    let samples = samples(examples, &vocabulary, &shares);
    let first = fit(&samples.iter().collect::<Vec<_>>(), vocabulary.len(), recipe, 1);
    let kept = heaviest(&vocabulary, &first, &believed(&samples, vocabulary.len(), recipe));
    let samples = self::samples(examples, &kept, &shares);
    let last = fit(&samples.iter().collect::<Vec<_>>(), kept.len(), recipe, 1);
    quantized(&kept, &last, recipe)
}

/// The features that enough messages have and that more than one family has. What only one family has says where mail
/// was collected.
fn vocabulary(examples: &[&Example]) -> HashMap<u64, u32> {
    let mut families: BTreeMap<&str, u32> = BTreeMap::new();
    let mut seen: HashMap<u64, (u32, u64)> = HashMap::new();
    for example in examples {
        let next = families.len() as u32;
        let family = *families.entry(example.family()).or_insert(next);
        for hash in example.hashes.iter().flatten() {
            let entry = seen.entry(*hash).or_default();
            entry.0 += 1;
            entry.1 |= 1 << (family % 64);
        }
    }
    // The only modern spam is of one family, so its words need no second one.
    let spam_only: u64 = families
        .iter()
        .filter(|(family, _)| examples.iter().filter(|one| one.family() == **family).all(|one| one.is_spam))
        .map(|(_, bit)| 1 << (bit % 64))
        .sum();
    let several = families.len() > 1;
    let counts = |(messages, families): (u32, u64)| {
        messages >= MESSAGES_MIN && (!several || families.count_ones() > 1 || families & spam_only != 0)
    };
    let mut hashes: Vec<u64> = seen.iter().filter(|(_, entry)| counts(**entry)).map(|(hash, _)| *hash).collect();
    hashes.sort_unstable();
    hashes.into_iter().zip(0..).collect()
}

/// How much each example counts: what there is little of counts more.
fn shares(examples: &[&Example]) -> Vec<f32> {
    let mut sizes: HashMap<&str, f64> = HashMap::new();
    for example in examples {
        *sizes.entry(&example.source).or_default() += 1.0;
    }
    let share = |example: &&Example| {
        let balanced = (SOURCE_MESSAGES / sizes[example.source.as_str()]).sqrt();
        example.weight * balanced.clamp(*SOURCE_WEIGHT.start(), *SOURCE_WEIGHT.end()) as f32
    };
    examples.iter().map(share).collect()
}

fn samples(examples: &[&Example], vocabulary: &HashMap<u64, u32>, shares: &[f32]) -> Vec<Sample> {
    let sample = |(example, share): (&&Example, &f32)| Sample {
        is_spam: example.is_spam,
        weight: *share,
        features: std::array::from_fn(|kind| {
            example.hashes[kind].iter().filter_map(|hash| vocabulary.get(hash).copied()).collect()
        }),
    };
    examples.iter().zip(shares).map(sample).collect()
}

/// How much a weight of each feature counts in the end, which is a matter of its kind.
fn believed(samples: &[Sample], features: usize, recipe: &Recipe) -> Vec<f32> {
    let mut believed = vec![0.0; features];
    for sample in samples {
        for (kind, features) in sample.features.iter().enumerate() {
            for at in features {
                believed[*at as usize] = recipe.strengths[kind] * recipe.trusted[kind];
            }
        }
    }
    believed
}

/// The feature of each entry of the table that counts most.
fn heaviest(vocabulary: &HashMap<u64, u32>, fit: &Fit, believed: &[f32]) -> HashMap<u64, u32> {
    let mut slots: Vec<Option<(u64, f32)>> = vec![None; SLOTS];
    for (hash, at) in vocabulary {
        let weight = fit.weights[*at as usize].abs() * believed[*at as usize];
        let slot = &mut slots[weights::slot_of(*hash)];
        let is_heavier = weight > 0.0 && slot.is_none_or(|(other, most)| (weight, *hash) > (most, other));
        if is_heavier {
            *slot = Some((*hash, weight));
        }
    }
    let mut kept: Vec<u64> = slots.into_iter().flatten().map(|(hash, _)| hash).collect();
    kept.sort_unstable();
    kept.into_iter().zip(0..).collect()
}

fn quantized(kept: &HashMap<u64, u32>, fit: &Fit, recipe: &Recipe) -> Vec<u8> {
    let mut sizes: Vec<f32> = fit.weights.iter().map(|weight| weight.abs()).collect();
    sizes.sort_by(f32::total_cmp);
    let largest = sizes.get((sizes.len() as f64 * UNCUT) as usize).or(sizes.last()).copied().unwrap_or(1.0);
    let scale = largest / 127.0;
    let entry = |(hash, at): (&u64, &u32)| {
        let byte = (fit.weights[*at as usize] / scale).round().clamp(-127.0, 127.0) as i8;
        (weights::slot_of(*hash), weights::check_of(*hash), byte)
    };
    let scales = Scales {
        odds: std::array::from_fn(|kind| f64::from(recipe.strengths[kind] * recipe.trusted[kind] * scale)),
        bias: f64::from(fit.bias),
        threshold: 0.0,
        odds_per_point: f64::from(recipe.odds_per_point),
        probability: [1.0, 0.0],
    };
    weights::write(&scales, kept.iter().map(entry))
}

/// The same weights with other places for spam and other probabilities.
pub fn calibrated(bytes: &[u8], threshold: f64, probability: [f64; 2]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, number) in [(1, threshold), (3, probability[0]), (4, probability[1])] {
        bytes[8 + 8 * at..16 + 8 * at].copy_from_slice(&f64::to_le_bytes(number));
    }
    bytes
}

/// The weights in bytes that [`learn`] made.
pub fn read(bytes: &[u8]) -> Weights<'_> {
    let bytes: &[u8; BYTES] = bytes.try_into().expect("all of them");
    Weights::read(bytes)
}

/// Slope and odds at 5.0 of the logistic curve that fits scores best (Platt, by Newton's method).
pub fn probability(scores: &[(f64, bool)]) -> [f64; 2] {
    let (mut slope, mut middle) = (0.5, 0.0);
    for _ in 0..50 {
        let mut gradient = [0.0; 2];
        let mut curve = [1e-6, 0.0, 1e-6];
        for (points, is_spam) in scores {
            let x = points - 5.0;
            let expected = 1.0 / (1.0 + (-(slope * x + middle)).exp());
            let error = f64::from(u8::from(*is_spam)) - expected;
            gradient[0] += error * x;
            gradient[1] += error;
            let bend = expected * (1.0 - expected);
            curve[0] += bend * x * x;
            curve[1] += bend * x;
            curve[2] += bend;
        }
        let determinant = curve[0] * curve[2] - curve[1] * curve[1];
        let steps = [
            (curve[2] * gradient[0] - curve[1] * gradient[1]) / determinant,
            (curve[0] * gradient[1] - curve[1] * gradient[0]) / determinant,
        ];
        slope += steps[0].clamp(-0.5, 0.5);
        middle += steps[1].clamp(-0.5, 0.5);
    }
    [slope, middle]
}

#[cfg(test)]
mod tests {
    use pillarbox_scorer::message::Message;

    use super::*;

    /// Spam speaks of casinos in its text, ham of gardens.
    fn examples() -> Vec<Example> {
        let example = |at: usize| {
            let is_spam = at.is_multiple_of(2);
            let text = if is_spam { "a casino bonus waits" } else { "the garden needs water" };
            let message = Message { text: Some(text.into()), ..Message::default() };
            let one = Labelled { is_spam, slice: "s".into(), source: "s".into(), year: 0, message };
            Example::of(&one, at, true, 1.0)
        };
        (0..40).map(example).collect()
    }

    fn points_apart(trusted: [f32; Kind::COUNT]) -> f64 {
        let examples = examples();
        let recipe = Recipe { trusted, ..crate::RECIPE };
        let bytes = learn(&examples.iter().collect::<Vec<_>>(), &recipe);
        let weights = read(&bytes);
        examples[0].points(&weights) - examples[1].points(&weights)
    }

    #[test]
    fn what_was_learned_tells_spam_from_ham() {
        assert!(points_apart([1.0; Kind::COUNT]) > 1.0);
    }

    #[test]
    fn what_is_not_trusted_says_nothing() {
        let mut trusted = [0.0; Kind::COUNT];
        assert!(points_apart(trusted).abs() < 1e-9);
        trusted[Kind::Words as usize] = 1.0;
        assert!(points_apart(trusted) > 0.5);
    }
}
