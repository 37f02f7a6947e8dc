//! From bytes to text, whatever they claim to be.
//!
//! Codes, addresses and the phrases of servers are ASCII in every charset that mail is written in, so knowing
//! UTF-8 and Latin-1 is enough to read them; tables for other charsets would be larger than all rules together.

/// Decodes UTF-8, takes every byte that is none for Latin-1, drops the shift sequences of ISO-2022 and makes
/// every kind of line end `\n`.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|&byte| char::from(byte)));
    }
    if text.contains(['\r', '\x1b', '\u{feff}', '\0']) { plain(&text) } else { text }
}

fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        match next {
            '\r' => {
                while chars.next_if_eq(&'\r').is_some() {}
                chars.next_if_eq(&'\n');
                plain.push('\n');
            }
            '\x1b' if chars.next_if(|c| matches!(c, '$' | '(')).is_some() => {
                chars.next_if(char::is_ascii_alphabetic);
            }
            '\u{feff}' | '\0' => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_is_one() {
        assert_eq!(decode(b"a\r\nb\rc\r\r\nd\n\ne"), "a\nb\nc\nd\n\ne");
    }

    #[test]
    fn no_byte_is_lost_that_may_be_a_letter() {
        assert_eq!(decode(b"Empf\xe4nger \xc3\xa4 \xff"), "Empfänger ä ÿ");
        assert_eq!(decode(b"\x1b$B%f\x1b(B: user unknown"), "%f: user unknown");
    }
}
