//! Quoted-printable (RFC 2045 section 6.7), written so that every byte comes back.

/// A line without its end, the equals sign of a soft line break included.
const LINE_BYTES_MAX: usize = 76;

/// Encodes a text. CRLF stays a line end; a CR or LF that stands alone is encoded, and so is what is not ASCII, a space
/// or tab at the end of a line, and a dot or `From ` at its beginning that some server might take for something else.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len() + text.len() / 8);
    for (number, line) in text.split("\r\n").enumerate() {
        if number > 0 {
            encoded.extend_from_slice(b"\r\n");
        }
        push_line(&mut encoded, line.as_bytes());
    }
    encoded
}

fn push_line(encoded: &mut Vec<u8>, line: &[u8]) {
    let mut column = 0;
    for (at, &byte) in line.iter().enumerate() {
        let is_last = at + 1 == line.len();
        let plain = match byte {
            b' ' | b'\t' => !is_last,
            b'.' | b'F' => column > 0,
            _ => byte.is_ascii_graphic() && byte != b'=',
        };
        let width = if plain { 1 } else { 3 };
        // One column is left for the sign of a soft line break, unless the line ends here.
        if column + width > LINE_BYTES_MAX - usize::from(!is_last) {
            encoded.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain && !(column == 0 && matches!(byte, b'.' | b'F')) {
            encoded.push(byte);
            column += 1;
        } else {
            encoded.extend_from_slice(format!("={byte:02X}").as_bytes());
            column += 3;
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::decoders::quoted_printable::quoted_printable_decode;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&encode(text)), expected, "{text:?}");
    }

    #[test]
    fn what_could_change_on_the_way_is_encoded() {
        check("", "");
        check("a=b", "a=3Db");
        check("é", "=C3=A9");
        check("a \r\nb\t", "a=20\r\nb=09");
        check("a\nb\rc", "a=0Ab=0Dc");
        check(".\r\n.a\r\nFrom me.", "=2E\r\n=2Ea\r\n=46rom me.");
        check(&"x".repeat(76), &"x".repeat(76));
        check(&"x".repeat(77), &format!("{}=\r\nxx", "x".repeat(75)));
        check(&format!("{}é", "x".repeat(74)), &format!("{}=\r\n=C3=A9", "x".repeat(74)));
    }

    proptest! {
        #[test]
        fn every_text_comes_back_in_lines_that_fit(text in "([ -~]{0,90}|[\\PC\r\n\t =.]{0,30}|\r\n){0,6}") {
            let encoded = encode(&text);
            prop_assert_eq!(quoted_printable_decode(&encoded), Some(text.clone().into_bytes()), "{:?}", text);
            let lines = String::from_utf8(encoded).expect("it is ASCII");
            prop_assert!(lines.is_ascii());
            for line in lines.split("\r\n") {
                prop_assert!(line.len() <= LINE_BYTES_MAX && !line.starts_with('.'), "{line:?}");
                prop_assert!(!line.contains(['\r', '\n']));
            }
        }
    }
}
