//! One spelling for names and words.

/// Longest name or word that is compared, in bytes. What is longer is a sentence.
pub(super) const WORD_BYTES_MAX: usize = 80;

/// Letters and digits in lower case and nothing else, so that `bounceType`, `Bounce-Type` and `bounce_type` are one.
/// Empty for what is too long to be a name.
pub(super) fn squash(text: &str) -> String {
    if text.len() > WORD_BYTES_MAX {
        return String::new();
    }
    text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_one_and_sentences_are_none() {
        assert_eq!(squash("Bounce-Type"), "bouncetype");
        assert_eq!(squash("bounceType é"), "bouncetype");
        assert_eq!(squash(&"a".repeat(WORD_BYTES_MAX)).len(), WORD_BYTES_MAX);
        assert_eq!(squash(&"a".repeat(WORD_BYTES_MAX + 1)), "");
    }
}
