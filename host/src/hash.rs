//! SHA-256 and how bytes are written, in one place.

use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Bytes in hexadecimal; `None` for what is none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, left) = text.as_bytes().as_chunks();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect::<Option<_>>()?;
    left.is_empty().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_were_written() {
        for bytes in [&[][..], &[0, 0x7f, 0xff]] {
            assert_eq!(unhex(&hex(bytes)).as_deref(), Some(bytes));
        }
        for wrong in ["0", "0g", "+1", "é", "00 "] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
