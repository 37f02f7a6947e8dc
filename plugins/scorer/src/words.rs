//! Words of a text, found in one pass, with a hash that does not depend on case.
//!
//! A word is a run of letters and digits, with apostrophes inside. Characters that nobody sees are passed over, so
//! a zero-width space does not tear a word apart.

use std::ops::Range;

use crate::scripts;

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// One word of a text.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    /// Bytes of the text.
    pub(crate) range: Range<usize>,
    /// The same for the same word in another case.
    pub(crate) hash: u64,
    pub(crate) is_ascii: bool,
    /// ASCII letters in it, and how many of them are capitals.
    pub(crate) letters: usize,
    pub(crate) capitals: usize,
    /// ASCII digits in it.
    pub(crate) digits: usize,
}

/// The words of a text, in order.
#[derive(Clone)]
pub(crate) struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Words<'t> {
    pub(crate) fn of(text: &'t str) -> Words<'t> {
        Words::from(text, 0)
    }

    /// The words from a character boundary on.
    pub(crate) fn from(text: &'t str, at: usize) -> Words<'t> {
        Words { text, at }
    }

    /// Skips to the next word. ASCII is told byte by byte, since most text is.
    fn start(&self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        loop {
            match *bytes.get(at)? {
                byte if byte.is_ascii_alphanumeric() => return Some(at),
                byte if byte.is_ascii() => at += 1,
                _ => {
                    let character = self.text[at..].chars().next()?;
                    if character.is_alphanumeric() {
                        return Some(at);
                    }
                    at += character.len_utf8();
                }
            }
        }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let bytes = self.text.as_bytes();
        let Some(start) = self.start() else {
            self.at = self.text.len();
            return None;
        };
        let mut end = start;
        let mut at = start;
        let mut hash = FNV_BASIS;
        let mut is_ascii = true;
        let (mut letters, mut capitals, mut digits) = (0, 0, 0);
        while let Some(&byte) = bytes.get(at) {
            let lower = byte | 0x20;
            if lower.is_ascii_lowercase() || byte.is_ascii_digit() {
                // A digit has this bit already.
                hash = (hash ^ u64::from(lower)).wrapping_mul(FNV_PRIME);
                letters += usize::from(lower.is_ascii_lowercase());
                capitals += usize::from(byte != lower);
                digits += usize::from(byte.is_ascii_digit());
                at += 1;
                end = at;
            } else if byte == b'\'' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) {
                at += 1;
            } else if byte.is_ascii() {
                break;
            } else {
                let Some(character) = self.text[at..].chars().next() else { break };
                if character.is_alphanumeric() {
                    is_ascii = false;
                    hash = hash_character(hash, character);
                    at += character.len_utf8();
                    end = at;
                } else if scripts::is_invisible(character) || character == '\u{2019}' {
                    is_ascii = false;
                    at += character.len_utf8();
                } else {
                    break;
                }
            }
        }
        self.at = at;
        Some(Word { range: start..end, hash, is_ascii, letters, capitals, digits })
    }
}

/// The hash of one ASCII word, in any case, for example of a tag's name.
pub(crate) const fn hash(word: &str) -> u64 {
    hash_bytes(word.as_bytes(), 0, word.len())
}

/// The hash of `bytes[from..to]`, which are letters and digits in lower case or ASCII.
pub(crate) const fn hash_bytes(bytes: &[u8], from: usize, to: usize) -> u64 {
    let mut hash = FNV_BASIS;
    let mut at = from;
    while at < to {
        if bytes[at] != b'\'' {
            hash = (hash ^ bytes[at].to_ascii_lowercase() as u64).wrapping_mul(FNV_PRIME);
        }
        at += 1;
    }
    hash
}

fn hash_character(hash: u64, character: char) -> u64 {
    let mut hash = hash;
    for lower in character.to_lowercase() {
        for byte in lower.encode_utf8(&mut [0; 4]).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
    }
    hash
}
