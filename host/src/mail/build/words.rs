//! Encoded words (RFC 2047) for text that would be taken for some: a subject about `=?` must not be decoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// What an encoded word begins with.
const START: &str = "=?";
/// Bytes of text in one word: with the name of its character set it has the 75 characters that section 2 allows.
const WORD_BYTES_MAX: usize = 45;

/// Whether readers would find an encoded word in it.
pub(super) fn looks_encoded(text: &str) -> bool {
    text.contains(START)
}

/// The text as words with spaces between, which readers leave out again.
pub(super) fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES_MAX));
        words.push(format!("=?utf-8?B?{}?=", BASE64.encode(word)));
        rest = after;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::parsed::ParsedMessage;

    #[test]
    fn what_looks_encoded_is_read_as_it_was_meant() {
        for text in ["=?utf-8?q?Hello?=", "a =?=", "=?utf-8?q?é?= ".repeat(20).trim_end()] {
            assert!(looks_encoded(text));
            let words = encoded_words(text);
            assert!(words.split(' ').all(|word| word.len() <= 75 && word.is_ascii()), "{words}");
            let raw = format!("Subject: {}\r\n\r\n", words.replace(' ', "\r\n "));
            let read = ParsedMessage::parse(raw.as_bytes()).and_then(|message| message.subject);
            assert_eq!(read.as_deref(), Some(text));
        }
        assert!(!looks_encoded("1 = 2?"));
    }

    #[test]
    fn a_word_has_as_much_text_as_fits_and_a_character_more_begins_another() {
        let words = |text: &str| encoded_words(text).split(' ').map(str::len).collect::<Vec<_>>();
        assert_eq!(words(&"x".repeat(WORD_BYTES_MAX)), [72]);
        assert_eq!(words(&"x".repeat(WORD_BYTES_MAX + 1)), [72, 16]);
        assert_eq!(words(&"é".repeat(WORD_BYTES_MAX / 2 + 1)), [72, 16], "no character is cut");
    }
}
