//! The weights: a table that hashes lead into, as training writes it and the plugin carries it.
//!
//! ```text
//! bytes  0..8    "PILLAR1\0"
//!        8..72   eight numbers (f64, little-endian), in the order of [`Scales`]
//!       72..     SLOTS entries of a check byte and a weight (i8); a weight of 0 is no entry
//! ```

use super::features::Kind;

/// Entries of the table.
pub const SLOTS: usize = 1 << 17;

const MAGIC: &[u8; 8] = b"PILLAR1\0";
const TABLE_AT: usize = 8 + 8 * 8;

/// Bytes of all of it.
pub const BYTES: usize = TABLE_AT + 2 * SLOTS;

static EMBEDDED: &[u8; BYTES] = include_bytes!("weights.bin");

/// What turns sums of weights into points and a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scales {
    /// Odds, as a natural logarithm, that a sum of one stands for, by kind. The sum is first divided by the root of
    /// how many features it has.
    pub odds: [f64; Kind::COUNT],
    /// Odds of a message of which nothing is known.
    pub bias: f64,
    /// Odds at which a message has 5.0 points.
    pub threshold: f64,
    /// Odds that one point stands for.
    pub odds_per_point: f64,
    /// Slope and odds of the probability at 5.0 points, fitted on messages that training left out.
    pub probability: [f64; 2],
}

/// Weights as they are used.
#[derive(Clone, Copy)]
pub struct Weights<'w> {
    scales: Scales,
    table: &'w [u8],
}

impl Weights<'_> {
    /// The ones in this plugin.
    pub(crate) fn embedded() -> Weights<'static> {
        Weights::read(EMBEDDED)
    }

    /// Reads what [`write`] wrote.
    ///
    /// # Panics
    /// When `bytes` does not begin as weights do; what is embedded was checked by a test.
    #[must_use]
    pub fn read(bytes: &[u8; BYTES]) -> Weights<'_> {
        assert!(bytes.starts_with(MAGIC), "these are not weights");
        let number = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[8 + 8 * at..16 + 8 * at]);
            f64::from_le_bytes(eight)
        };
        let scales = Scales {
            odds: [number(0), number(1), number(2)],
            bias: number(3),
            threshold: number(4),
            odds_per_point: number(5),
            probability: [number(6), number(7)],
        };
        Weights { scales, table: &bytes[TABLE_AT..] }
    }

    /// Where a feature stands and what it weighs, if it is known.
    #[must_use]
    pub fn find(&self, hash: u64) -> Option<(usize, i8)> {
        let slot = slot_of(hash);
        let weight = self.table[2 * slot + 1].cast_signed();
        (self.table[2 * slot] == check_of(hash) && weight != 0).then_some((slot, weight))
    }

    /// The odds, as a natural logarithm, that sums of weights stand for.
    #[must_use]
    pub fn odds(&self, sums: [i32; Kind::COUNT], counts: [u32; Kind::COUNT]) -> f64 {
        let mut odds = self.scales.bias;
        for kind in 0..Kind::COUNT {
            odds += f64::from(sums[kind]) * self.scales.odds[kind] / f64::from(counts[kind].max(1)).sqrt();
        }
        odds
    }

    /// The points that they stand for, to be added to those of the rules.
    #[must_use]
    pub fn points(&self, sums: [i32; Kind::COUNT], counts: [u32; Kind::COUNT]) -> f64 {
        let points = SPAM_POINTS + (self.odds(sums, counts) - self.scales.threshold) / self.scales.odds_per_point;
        points * weight_of(counts[Kind::Words as usize])
    }

    /// See [`super::probability`].
    #[must_use]
    pub fn probability(&self, points: f64) -> f64 {
        let [slope, at_spam] = self.scales.probability;
        let odds = (slope * (points - SPAM_POINTS) + at_spam).clamp(-20.0, 20.0);
        (1000.0 / (1.0 + exponential(-odds))).round() / 1000.0
    }
}

/// What part of the points counts in a message with so many known words and pairs, 0 to 1. Where there are hardly any, the
/// odds are those of mail in general, half of which is spam where the model has learned: no reason to condemn a "Hello".
fn weight_of(words: u32) -> f64 {
    let square = f64::from(words) * f64::from(words);
    square / (square + HALF_AT_WORDS * HALF_AT_WORDS)
}

/// Known words and pairs at which the points count half.
const HALF_AT_WORDS: f64 = 5.0;
/// Points at which a message is spam.
const SPAM_POINTS: f64 = 5.0;

/// `e` to the power of `x`, by additions and multiplications alone, since libraries differ in the last digits.
fn exponential(x: f64) -> f64 {
    let small = x / 4096.0;
    let mut power = 1.0 + small * (1.0 + small / 2.0 * (1.0 + small / 3.0));
    for _ in 0..12 {
        power *= power;
    }
    power
}

/// Which entry a feature has.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "17 bits are taken")]
pub fn slot_of(hash: u64) -> usize {
    hash as usize % SLOTS
}

/// By which byte an entry knows its feature.
#[must_use]
pub fn check_of(hash: u64) -> u8 {
    hash.to_le_bytes()[6]
}

/// Writes weights down. `entries` are slots with check bytes and weights.
#[must_use]
pub fn write(scales: &Scales, entries: impl IntoIterator<Item = (usize, u8, i8)>) -> Vec<u8> {
    let mut bytes = vec![0; BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    let [slope, at_spam] = scales.probability;
    let [words, runs, signs] = scales.odds;
    let numbers = [words, runs, signs, scales.bias, scales.threshold, scales.odds_per_point, slope, at_spam];
    for (at, number) in numbers.into_iter().enumerate() {
        bytes[8 + 8 * at..16 + 8 * at].copy_from_slice(&number.to_le_bytes());
    }
    for (slot, check, weight) in entries {
        bytes[TABLE_AT + 2 * slot] = check;
        bytes[TABLE_AT + 2 * slot + 1] = weight.cast_unsigned();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_weights_are_weights() {
        let weights = Weights::embedded();
        assert!(weights.scales.odds_per_point > 0.0, "{:?}", weights.scales);
        assert!(weights.scales.probability[0] > 0.0, "{:?}", weights.scales);
        assert!(weights.table.chunks(2).filter(|entry| entry[1] != 0).count() > SLOTS / 2);
    }

    #[test]
    fn hardly_any_words_say_hardly_anything() {
        for (words, weight) in [(0, 0.0), (5, 0.5), (15, 0.9), (100, 0.9975)] {
            assert!((weight_of(words) - weight).abs() < 1e-4, "{words}: {}", weight_of(words));
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let scales =
            Scales { odds: [1.0, 2.0, 3.0], bias: -1.0, threshold: 0.5, odds_per_point: 2.0, probability: [1.0, 0.0] };
        let hash = 0x0042_0000_0000_1234;
        let bytes: Vec<u8> = write(&scales, [(slot_of(hash), check_of(hash), -7)]);
        let bytes: &[u8; BYTES] = bytes.as_slice().try_into().expect("all of it");
        let weights = Weights::read(bytes);
        assert_eq!(weights.scales, scales);
        assert_eq!(weights.find(hash), Some((0x1234, -7)));
        assert_eq!(weights.find(hash ^ 1), None);
        assert_eq!(weights.find(hash ^ 1 << 48), None);
        assert!((weights.odds([4, 0, 0], [4, 0, 0]) - 1.0).abs() < 1e-9);
        assert!((weights.points([20, 0, 0], [100, 0, 0]) - 5.25 * 400.0 / 401.0).abs() < 1e-9);
        assert!((weights.probability(5.0) - 0.5).abs() < 1e-9);
        assert!((weights.probability(7.0) - 0.881).abs() < 1e-9);
    }
}
