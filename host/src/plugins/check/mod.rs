//! Whether an answer can be so. A plugin that lies, or says more than anyone can use, is a failing plugin.

mod outcome;
mod verdict;

pub(super) use self::outcome::{outcome, problem, request_bytes};
pub(super) use self::verdict::{message_bytes, verdict};

use super::declaration::{WORD_BYTES_MAX, shown};
use super::limits::Limits;

/// Names of attributes, ids of sources, values of clues.
const NAME_BYTES_MAX: usize = 1_024;

/// What does not make sense, in a few words.
pub(super) type Result = std::result::Result<(), String>;

/// The checks that all records share.
#[derive(Clone, Copy)]
pub(super) struct Checker<'a>(pub(super) &'a Limits);

impl Checker<'_> {
    pub(super) fn string(self, what: &str, text: &str) -> Result {
        length(what, text, self.0.string_bytes_max)
    }

    pub(super) fn sentence(self, what: &str, text: &str) -> Result {
        length(what, text, self.0.sentence_bytes_max)
    }

    pub(super) fn filled_sentence(self, what: &str, text: &str) -> Result {
        if text.trim().is_empty() { Err(format!("{what} is empty")) } else { self.sentence(what, text) }
    }

    pub(super) fn attributes(self, of: &str, attributes: &[(String, String)]) -> Result {
        let (count, count_max) = (attributes.len(), self.0.attributes_max);
        if count > count_max {
            return Err(format!("{count} attributes of {of}, of at most {count_max}"));
        }
        for (name, value) in attributes {
            length("the name of an attribute", name, NAME_BYTES_MAX)?;
            self.string("an attribute", value)?;
        }
        Ok(())
    }
}

pub(super) fn count(what: &str, count: usize, count_max: usize) -> Result {
    if count > count_max { Err(format!("{count} {what} of at most {count_max}")) } else { Ok(()) }
}

pub(super) fn length(what: &str, text: &str, bytes_max: usize) -> Result {
    let bytes = text.len();
    if bytes > bytes_max { Err(format!("{what} has {bytes} bytes of at most {bytes_max}")) } else { Ok(()) }
}

/// One word of lower-case letters, digits, hyphens and dots.
pub(super) fn word(what: &str, text: &str) -> Result {
    let is_word = !text.is_empty()
        && text.len() <= WORD_BYTES_MAX
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'));
    if is_word { Ok(()) } else { Err(format!("{what} is {:?}, not a word in lower case", shown(text))) }
}

pub(super) fn points(what: &str, points: f64, points_max: f64) -> Result {
    if !points.is_finite() {
        Err(format!("{what} is {points}, not a finite number"))
    } else if points.abs() > points_max {
        Err(format!("{what} is {points}, outside -{points_max} to {points_max}"))
    } else {
        Ok(())
    }
}

/// What a guest needs for two texts, besides the texts.
const PAIR_BYTES: usize = 16;

/// Names and values as a guest receives them, so that a million empty ones are not nothing.
fn pairs_bytes(pairs: &[(String, String)]) -> usize {
    pairs.iter().map(|(name, value)| PAIR_BYTES + name.len() + value.len()).sum()
}
