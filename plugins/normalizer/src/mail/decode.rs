//! Transfer encodings (RFC 2045 section 6) and encoded words (RFC 2047), read as tolerantly as mail programs do.

/// Base64; everything that is no letter of its alphabet is skipped, and reading ends at the padding.
pub(crate) fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().take_while(|&byte| byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(low_byte(bits >> count));
        }
    }
    bytes
}

/// Quoted-printable; an `=` that starts nothing stays.
pub(crate) fn quoted_printable(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = if byte == b'=' { bytes.get(at + 1).copied().zip(bytes.get(at + 2).copied()) } else { None };
        if byte == b'=' && bytes.get(at + 1) == Some(&b'\n') {
            at += 2;
        } else if let Some(value) = escape.and_then(|(high, low)| Some(hex(high)? * 16 + hex(low)?)) {
            decoded.push(value);
            at += 3;
        } else {
            decoded.push(byte);
            at += 1;
        }
    }
    decoded
}

/// Replaces the encoded words of a header value. Charsets are not told apart, see [`super::charset`].
pub(crate) fn encoded_words(value: &str) -> String {
    let mut decoded = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, word)) = rest.split_once("=?") {
        let mut fields = word.splitn(3, '?');
        let (_charset, encoding, tail) =
            (fields.next(), fields.next(), fields.next().and_then(|tail| tail.split_once("?=")));
        let Some((content, after)) = tail else { break };
        if !(decoded.ends_with(|c: char| !c.is_whitespace()) && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        let bytes = match encoding {
            Some("B" | "b") => base64(content),
            _ => quoted_printable(&content.replace('_', " ")),
        };
        decoded.push_str(&super::charset::decode(&bytes));
        rest = after;
    }
    decoded + rest
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(low_byte)
}

fn low_byte(bits: u32) -> u8 {
    bits.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_encodings_give_what_can_be_read() {
        assert_eq!(base64("aGVs\nbG8="), b"hello");
        assert_eq!(base64("aGV*sbG8"), b"hello");
        assert_eq!(quoted_printable("a=3Db=\nc =zz ="), b"a=bc =zz =");
        assert_eq!(encoded_words("=?UTF-8?B?aGVs?= =?utf-8?q?lo_you?= there"), "hello you there");
        assert_eq!(encoded_words("=?broken"), "=?broken");
    }
}
