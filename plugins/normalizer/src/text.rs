//! Small text helpers that several formats share.

use crate::types::REASON_BYTES_MAX;

/// A remote server's words as the outcome carries them: unfolded, runs of blanks made one, control characters
/// left out, cut at [`REASON_BYTES_MAX`] bytes. `None` when nothing is left.
pub(crate) fn reason_of(text: &str) -> Option<String> {
    let mut reason = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let gap = usize::from(!reason.is_empty());
        let room = REASON_BYTES_MAX.saturating_sub(reason.len() + gap);
        let cut = prefix(word, room);
        if cut.is_empty() {
            break;
        }
        if gap == 1 {
            reason.push(' ');
        }
        reason.push_str(cut);
        if cut.len() < word.len() {
            break;
        }
    }
    (!reason.is_empty()).then_some(reason)
}

/// The longest beginning of `text` that has at most `bytes_max` bytes and ends on a character boundary.
pub(crate) fn prefix(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The longest end of `text` that has at most `bytes_max` bytes and begins on a character boundary.
pub(crate) fn suffix(text: &str, bytes_max: usize) -> &str {
    let mut start = text.len().saturating_sub(bytes_max);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_beginnings_are_cut_on_a_character() {
        assert_eq!((prefix("aé", 2), prefix("aé", 3), prefix("aé", 9)), ("a", "aé", "aé"));
        assert_eq!((suffix("éa", 2), suffix("éa", 3), suffix("éa", 9)), ("a", "éa", "éa"));
    }

    #[test]
    fn a_reason_is_unfolded_and_cut_on_a_character() {
        assert_eq!(reason_of(" 550\r\n\tno \0 such  user "), Some("550 no such user".into()));
        assert_eq!(reason_of(" \r\n "), None);
        let full = "é".repeat(REASON_BYTES_MAX / 2);
        assert_eq!(reason_of(&full), Some(full.clone()));
        assert_eq!(reason_of(&format!("{full}é")), Some(full));
        let odd = format!("a{}", "é".repeat(REASON_BYTES_MAX));
        assert_eq!(reason_of(&odd).map(|reason| reason.len()), Some(REASON_BYTES_MAX - 1));
    }
}
