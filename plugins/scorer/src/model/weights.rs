//! The weights: a table that hashes lead into, as training writes it and the plugin carries it.
//!
//! ```text
//! bytes  0..8    "PILLAR2\0"
//!        8..     numbers (f64, little-endian), in the order of [`Scales`]
//!        then    SLOTS entries of a check byte and a weight (i8); a weight of 0 is no entry
//! ```

use super::features::Kind;

/// Entries of the table.
pub const SLOTS: usize = 1 << 16;

const MAGIC: &[u8; 8] = b"PILLAR2\0";
/// Numbers before the table: those of [`Scales`] that are one each, then one for each kind.
const NUMBERS: usize = 5 + Kind::COUNT;
const TABLE_AT: usize = 8 + 8 * NUMBERS;

/// Bytes of all of it.
pub const BYTES: usize = TABLE_AT + 2 * SLOTS;

static EMBEDDED: &[u8; BYTES] = include_bytes!("weights.bin");

/// What turns sums of weights into points and a probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scales {
    /// Odds of a message of which nothing is known.
    pub bias: f64,
    /// Odds at which a message has 5.0 points.
    pub threshold: f64,
    /// Odds that one point stands for.
    pub odds_per_point: f64,
    /// Slope and odds of the probability at 5.0 points, fitted on messages that training left out.
    pub probability: [f64; 2],
    /// Odds, as a natural logarithm, that a sum of one stands for, by kind. The sum is first divided by the root of
    /// how many features it has.
    pub odds: [f64; Kind::COUNT],
}

/// Weights as they are used.
#[derive(Clone, Copy)]
pub struct Weights<'w> {
    scales: Scales,
    /// A check byte and a weight each.
    table: &'w [[u8; 2]; SLOTS],
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
            bias: number(0),
            threshold: number(1),
            odds_per_point: number(2),
            probability: [number(3), number(4)],
            odds: std::array::from_fn(|kind| number(5 + kind)),
        };
        let (entries, _) = bytes[TABLE_AT..].as_chunks();
        Weights { scales, table: entries.try_into().expect("there are as many as slots") }
    }

    /// Where a feature stands and what it weighs, if it is known.
    #[must_use]
    pub fn find(&self, hash: u64) -> Option<(usize, i8)> {
        let slot = slot_of(hash);
        let [check, weight] = self.table[slot];
        (check == check_of(hash) && weight != 0).then_some((slot, weight.cast_signed()))
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

    /// The points that a message gets beside `light_points`, so that both together are what the odds stand for.
    #[must_use]
    pub fn points(&self, sums: [i32; Kind::COUNT], counts: [u32; Kind::COUNT], light_points: f64) -> f64 {
        let wanted = SPAM_POINTS + (self.odds(sums, counts) - self.scales.threshold) / self.scales.odds_per_point;
        (wanted - light_points) * weight_of(counts)
    }

    /// See [`super::probability`].
    #[must_use]
    pub fn probability(&self, points: f64) -> f64 {
        let [slope, at_spam] = self.scales.probability;
        let odds = (slope * (points - SPAM_POINTS) + at_spam).clamp(-20.0, 20.0);
        (1000.0 / (1.0 + exponential(-odds))).round() / 1000.0
    }
}

/// What part of the model's judgement counts in a message with so many known features, 0 to 1; the rest is left to the
/// rules. Where there are hardly any words and no links, the odds are those of mail in general, half of which is spam
/// where the model has learned: no reason to condemn a "Hello".
fn weight_of(counts: [u32; Kind::COUNT]) -> f64 {
    let of = |kind: Kind| f64::from(counts[kind as usize]);
    let known = of(Kind::SubjectWords) + of(Kind::Words) + of(Kind::Links) / LINK_SIGNS_PER_WORD;
    known * known / (known * known + HALF_AT_WORDS * HALF_AT_WORDS)
}

/// Known words and pairs at which the judgement counts half.
const HALF_AT_WORDS: f64 = 3.0;
/// A link has so many known signs that say as much as a word.
const LINK_SIGNS_PER_WORD: f64 = 4.0;
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
#[allow(clippy::cast_possible_truncation, reason = "16 bits are taken")]
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
    let single = [scales.bias, scales.threshold, scales.odds_per_point, slope, at_spam];
    for (at, number) in single.into_iter().chain(scales.odds).enumerate() {
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
        assert!(weights.table.iter().filter(|entry| entry[1] != 0).count() > SLOTS / 2);
    }

    #[test]
    fn hardly_any_words_say_hardly_anything() {
        for (words, weight) in [(0, 0.0), (3, 0.5), (9, 0.9), (60, 0.9975)] {
            let mut counts = [0; Kind::COUNT];
            counts[Kind::Words as usize] = words;
            assert!((weight_of(counts) - weight).abs() < 1e-3, "{words}: {}", weight_of(counts));
        }
        let mut links = [0; Kind::COUNT];
        links[Kind::Links as usize] = 12;
        assert!((weight_of(links) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn what_was_written_is_read() {
        let scales = Scales {
            bias: -1.0,
            threshold: 0.5,
            odds_per_point: 2.0,
            probability: [1.0, 0.0],
            odds: [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
        };
        let hash = 0x0042_0000_0000_1234;
        let bytes: Vec<u8> = write(&scales, [(slot_of(hash), check_of(hash), -7)]);
        let bytes: &[u8; BYTES] = bytes.as_slice().try_into().expect("all of it");
        let weights = Weights::read(bytes);
        assert_eq!(weights.scales, scales);
        assert_eq!(weights.find(hash), Some((0x1234, -7)));
        assert_eq!(weights.find(hash ^ 1), None);
        assert_eq!(weights.find(hash ^ 1 << 48), None);
        let (mut sums, mut counts) = ([0; Kind::COUNT], [0; Kind::COUNT]);
        sums[Kind::Words as usize] = 40;
        counts[Kind::Words as usize] = 100;
        assert!((weights.odds(sums, counts) - 3.0).abs() < 1e-9);
        let weight = 10_000.0 / 10_009.0;
        assert!((weights.points(sums, counts, 0.0) - 6.25 * weight).abs() < 1e-9);
        assert!((weights.points(sums, counts, 2.0) - 4.25 * weight).abs() < 1e-9);
        assert!((weights.probability(5.0) - 0.5).abs() < 1e-9);
        assert!((weights.probability(7.0) - 0.881).abs() < 1e-9);
    }
}
