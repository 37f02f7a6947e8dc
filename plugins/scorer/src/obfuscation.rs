//! Words that filters look for, written so that filters should miss them and people should not.

use std::ops::Range;

use crate::byte_set::ByteSet;
use crate::prose::Prose;

/// Bytes of the longest disguise that is looked at.
const DISGUISE_BYTES_MAX: usize = 24;

/// Words worth hiding. None is part of what honest people write with digits or signs in it.
const HIDDEN_WORDS: &[&str] = &[
    "bitcoin",
    "casino",
    "cialis",
    "hydrocodone",
    "levitra",
    "lottery",
    "mortgage",
    "paypal",
    "pharmacy",
    "phentermine",
    "porn",
    "porno",
    "rolex",
    "tramadol",
    "valium",
    "viagra",
    "vicodin",
    "xanax",
];

/// The disguised words of a text and what they say.
pub(crate) fn find<'p>(prose: &'p Prose<'_>) -> impl Iterator<Item = (Range<usize>, &'static str)> + 'p {
    let with_digits = prose.digit_words.iter().filter_map(|range| revealed(&prose.text, range.clone()));
    let text = if prose.has_any(SIGNS) { &*prose.text } else { "" };
    let with_signs = chunks_with_signs(text).filter_map(|range| revealed(&prose.text, range));
    let spaced = prose.spaced_words.iter().filter_map(|range| revealed(&prose.text, range.clone()));
    with_digits.chain(with_signs).chain(spaced)
}

fn revealed(text: &str, range: Range<usize>) -> Option<(Range<usize>, &'static str)> {
    let written = &text[range.clone()];
    if written.len() > DISGUISE_BYTES_MAX {
        return None;
    }
    let plain: String = written.chars().filter_map(letter_of).collect();
    let word = HIDDEN_WORDS.iter().find(|word| **word == plain)?;
    (!written.eq_ignore_ascii_case(word)).then_some((range, *word))
}

/// The letter that a character stands in for; separators stand for nothing.
fn letter_of(character: char) -> Option<char> {
    match character {
        '0' => Some('o'),
        '1' | '!' | '|' => Some('i'),
        '3' => Some('e'),
        '4' | '@' => Some('a'),
        '5' | '$' => Some('s'),
        '7' => Some('t'),
        ' ' | '.' | '-' | '_' | '*' | '\u{a0}' => None,
        other => Some(other.to_ascii_lowercase()),
    }
}

/// Signs that can stand for a letter and join others to a word.
const SIGNS: &[u8] = b"@$|!";
static SIGN_SET: ByteSet = ByteSet::of(SIGNS);

/// Stretches without blanks around a sign that can stand for a letter.
fn chunks_with_signs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let joins = |byte: &u8| byte.is_ascii_alphanumeric() || SIGN_SET.has(*byte);
    SIGN_SET.find_all(bytes).filter_map(move |at| {
        let before = bytes[..at].iter().rev().take(DISGUISE_BYTES_MAX).take_while(|byte| joins(byte)).count();
        let after = bytes[at..].iter().take(DISGUISE_BYTES_MAX).take_while(|byte| joins(byte)).count();
        (before > 0 && after > 1).then_some(at - before..at + after)
    })
}
