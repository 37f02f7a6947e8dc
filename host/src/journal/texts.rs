//! Texts that stand once in a segment, however many of its records have them.
//!
//! What a text of a record is, and how it says that it stands elsewhere, is the business of whoever owns the records. Each
//! text that is kept gets a number of its own in its segment, which its first record tells: so a record that is lost takes
//! no others with it but those that refer to it, and none is ever read with another's text.

use std::collections::HashMap;

/// Texts that are kept of one segment.
pub(crate) const TEXTS_MAX: usize = 4_096;
/// Bytes of all of them.
const TEXTS_BYTES_MAX: usize = 512 * 1024;
/// Bytes that the numbers of a record's texts take at most when it tells them.
pub(super) const TELLING_BYTES_MAX: u64 = 8;
/// Bytes of the shortest that is worth a number.
const TEXT_BYTES_MIN: usize = 6;

/// How records say less than they hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packing {
    /// Writes a record, its texts by their numbers where they have some.
    pub(crate) pack: fn(&[u8], &mut Texts, &mut Vec<u8>),
    /// Writes it as it was before. False when it refers to what was never told.
    pub(crate) unpack: fn(&[u8], &mut Texts, &mut Vec<u8>) -> bool,
}

/// The texts of one segment.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    numbers: HashMap<Box<[u8]>, u32>,
    told: HashMap<u32, Box<[u8]>>,
    bytes: usize,
}

impl Packing {
    /// Records stay as they are.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self {
        pack: |record, _, out| out.extend(record),
        unpack: |record, _, out| {
            out.extend(record);
            true
        },
    };
}

impl Texts {
    /// The number of a text, when it has one.
    pub(crate) fn number(&self, text: &[u8]) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// Gives a text the next number. `None` for one that is too short to be worth it, and when there are enough.
    pub(crate) fn give_number(&mut self, text: &[u8]) -> Option<u32> {
        let bytes = self.bytes + text.len();
        if text.len() < TEXT_BYTES_MIN || self.numbers.len() == TEXTS_MAX || bytes > TEXTS_BYTES_MAX {
            return None;
        }
        let number = u32::try_from(self.numbers.len()).ok()?;
        self.numbers.insert(text.into(), number);
        self.bytes = bytes;
        Some(number)
    }

    /// The text of a number, when it was told.
    pub(crate) fn text(&self, number: u32) -> Option<&[u8]> {
        self.told.get(&number).map(AsRef::as_ref)
    }

    /// A record tells the text of a number. One that is told again is the same.
    pub(crate) fn tell(&mut self, number: u32, text: &[u8]) {
        if self.told.len() < TEXTS_MAX {
            self.told.entry(number).or_insert_with(|| text.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number_and_there_are_as_many_as_the_bounds_and_no_more() {
        let mut texts = Texts::default();
        for number in 0..u32::try_from(TEXTS_MAX).expect("it is small") {
            assert_eq!(texts.give_number(format!("text {number}").as_bytes()), Some(number));
        }
        assert_eq!(texts.give_number(b"one more"), None);
        assert_eq!((texts.number(b"text 7"), texts.number(b"one more")), (Some(7), None));

        let mut texts = Texts::default();
        assert_eq!(texts.give_number(&[7; TEXT_BYTES_MIN - 1]), None);
        assert_eq!(texts.give_number(&[7; TEXT_BYTES_MIN]), Some(0));
        let room = TEXTS_BYTES_MAX - TEXT_BYTES_MIN;
        assert_eq!(texts.give_number(&vec![7; room + 1]), None);
        assert_eq!(texts.give_number(&vec![7; room]), Some(1));
        assert_eq!(texts.give_number(&[8; TEXT_BYTES_MIN]), None);
    }

    #[test]
    fn what_is_told_is_known_once_and_within_the_bound() {
        let mut texts = Texts::default();
        texts.tell(7, b"seven");
        texts.tell(7, b"eleven");
        assert_eq!((texts.text(7), texts.text(8)), (Some(&b"seven"[..]), None));
        for number in 0..=u32::try_from(TEXTS_MAX).expect("it is small") {
            texts.tell(number, b"x");
        }
        assert_eq!(texts.told.len(), TEXTS_MAX);
    }
}
