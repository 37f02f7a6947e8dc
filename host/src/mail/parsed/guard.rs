//! Keeps hostile messages from costing more than their size.
//!
//! mail-parser is linear on mail as people send it, but some constructions are not mail: a message inside of an encoded
//! message is copied once for each level, a multipart may look for its delimiter to the end of everything, and a
//! parameter in a million pieces is put together piece by piece. They all need a Content-Type or a similar field to say
//! so, and those fields are found here before parsing, wherever the parser might see one. What lies outside of the
//! bounds is overwritten with bytes of the same length.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memmem};

use super::RAW_BYTES_MAX;

/// Multiparts of one message.
pub(super) const MULTIPARTS_MAX: usize = 64;
/// Multiparts times bytes: each may make the parser look through the whole message once.
pub(super) const SCAN_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Delimiters between parts.
pub(super) const DELIMITERS_MAX: usize = 5_000;
/// Lines of the headers of all parts together.
pub(super) const HEADER_LINES_MAX: usize = 20_000;
/// Places that might be a delimiter, times multiparts.
const COMPARISONS_MAX: usize = 50_000_000;
/// The longest MIME field that is read. A longer one is blanked, as if it said nothing.
pub(super) const FIELD_BYTES_MAX: usize = 4 * 1024;
/// The longest delimiter. RFC 2046 section 5.1.1 allows 70.
pub(super) const BOUNDARY_BYTES_MAX: usize = 200;

/// The fields that the parser acts on, in lower case.
const FIELDS: [&[u8]; 4] = [b"content-type", b"content-disposition", b"content-transfer-encoding", b"content-id"];

/// Takes the place of the type `message` while the parser looks, so that it leaves a message inside of this one whole.
const HIDDEN_MESSAGE: &str = "xessage";

/// The message, of the same length and safe to parse. `None` when it is out of bounds as a whole.
pub(super) fn guarded(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    if raw.len() > RAW_BYTES_MAX {
        return None;
    }
    let mut safe = Cow::Borrowed(raw);
    let mut boundaries = Vec::new();
    for colon in memchr_iter(b':', raw) {
        let Some(name) = FIELDS.into_iter().find(|name| is_named(&raw[..colon], name)) else { continue };
        let start = colon + 1;
        let field = &raw[start..start + field_length(&raw[start..])];
        match check(field, name == FIELDS[0]) {
            Field::Sound { overwrite, boundaries: found } => {
                if let Some((at, bytes)) = overwrite {
                    safe.to_mut()[start + at..start + at + bytes.len()].copy_from_slice(bytes.as_bytes());
                }
                boundaries.extend(found);
            }
            Field::Blank => {
                let value = &mut safe.to_mut()[start..start + field.len()];
                value.iter_mut().filter(|byte| !matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
            }
        }
        if boundaries.len() > MULTIPARTS_MAX || boundaries.len() * raw.len() > SCAN_BYTES_MAX {
            return None;
        }
    }
    are_few(raw, boundaries).then_some(safe)
}

/// The type as the message says it.
pub(super) fn original_type(kind: &str) -> &str {
    if kind == HIDDEN_MESSAGE { "message" } else { kind }
}

/// What is to be done about a field.
enum Field<'a> {
    /// It may be read, perhaps with some bytes exchanged. Its parts stand between lines with one of these texts.
    Sound { overwrite: Option<(usize, &'static str)>, boundaries: Vec<&'a [u8]> },
    /// It says something that no mail program writes.
    Blank,
}

fn check(field: &[u8], is_type: bool) -> Field<'_> {
    if field.len() > FIELD_BYTES_MAX {
        return Field::Blank;
    }
    let mut overwrite = None;
    let mut boundaries = Vec::new();
    if is_type {
        let lower = field.to_ascii_lowercase();
        let kind = lower.split(|byte| *byte == b';').next().unwrap_or_default();
        // In a comment a semicolon ends nothing, so nobody can say what is the type here.
        let hazards: [&[u8]; 3] = [b"message", b"digest", b"multipart"];
        if kind.contains(&b'(') && hazards.iter().any(|hazard| find(&lower, hazard).is_some()) {
            return Field::Blank;
        }
        // The parts of a digest are messages; as a mixed multipart, they are text. Of several words on several
        // lines the parser may take any.
        let replacements: [(&[u8], &str); 2] = [(b"message", HIDDEN_MESSAGE), (b"digest", "mixed ")];
        for (word, replacement) in replacements {
            let Some(at) = find(kind, word) else { continue };
            if overwrite.is_some() || find(&kind[at + word.len()..], word).is_some() {
                return Field::Blank;
            }
            overwrite = Some((at, replacement));
        }
        if find(kind, b"multipart").is_some() {
            match boundaries_of(field, &lower) {
                Some(found) => boundaries = found,
                None => return Field::Blank,
            }
        }
    }
    Field::Sound { overwrite, boundaries }
}

/// Every text that may be the boundary of this field. `None` when one is spelled in a way that hides it.
fn boundaries_of<'a>(field: &'a [u8], lower: &[u8]) -> Option<Vec<&'a [u8]>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&lower[from..], b"boundary") {
        from += at + b"boundary".len();
        let rest = field[from..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let (value, after) = if let Some(quoted) = rest.strip_prefix(b"\"") {
            let end = quoted.iter().position(|byte| *byte == b'"')?;
            (&quoted[..end], &quoted[end + 1..])
        } else {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || b";(\"".contains(byte);
            rest.split_at(rest.iter().position(ends).unwrap_or(rest.len()))
        };
        let ended = matches!(after.trim_ascii_start().first(), None | Some(b';'));
        let encoded = find(value, b"=?").is_some() || value.contains(&b'\\');
        let plain = !encoded && !value.iter().any(u8::is_ascii_control);
        if !ended || !plain || !(1..=BOUNDARY_BYTES_MAX).contains(&value.len()) {
            return None;
        }
        found.push(value);
    }
    Some(found)
}

/// Whether there are few enough parts, with few enough headers.
fn are_few(raw: &[u8], mut boundaries: Vec<&[u8]>) -> bool {
    boundaries.sort_unstable();
    boundaries.dedup();
    let Some(mut lines) = header_lines(raw, HEADER_LINES_MAX) else { return false };
    if boundaries.is_empty() {
        return true;
    }
    let (mut delimiters, mut comparisons) = (0, 0);
    for second in memchr_iter(b'-', raw).filter(|&at| at > 0 && raw[at - 1] == b'-') {
        let at = second + 1;
        comparisons += boundaries.len();
        if boundaries.iter().any(|boundary| raw[at..].starts_with(boundary)) {
            delimiters += 1;
            let Some(of_part) = header_lines(&raw[at..], HEADER_LINES_MAX - lines) else { return false };
            lines += of_part;
        }
        if delimiters > DELIMITERS_MAX || comparisons > COMPARISONS_MAX {
            return false;
        }
    }
    true
}

/// The lines before the first empty one. `None` when there are more than `most`.
fn header_lines(text: &[u8], most: usize) -> Option<usize> {
    // A line of spaces continues the header before it.
    let not_empty = |line: &&[u8]| !matches!(line, [] | [b'\r']);
    let lines = text.split(|byte| *byte == b'\n').take_while(not_empty).take(most + 1).count();
    (lines <= most).then_some(lines)
}

/// Whether `before` ends in this name, in any case and with white space anywhere, as mail-parser reads names.
fn is_named(before: &[u8], name: &[u8]) -> bool {
    let mut letters = before.iter().rev().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\x0c'));
    name.iter().rev().all(|wanted| letters.next().is_some_and(|byte| byte.to_ascii_lowercase() == *wanted))
}

/// Up to the line break that no white space follows.
fn field_length(text: &[u8]) -> usize {
    let mut end = 0;
    while let Some(line) = memchr(b'\n', &text[end..]) {
        end += line + 1;
        if !matches!(text.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
    text.len()
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memmem::find(text, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(raw: &str, expected: &str) {
        let safe = guarded(raw.as_bytes()).expect("inside of the bounds");
        assert_eq!(String::from_utf8_lossy(&safe), expected);
    }

    #[test]
    fn ordinary_fields_are_left_alone() {
        for raw in [
            "Content-Type: text/plain; name=\"message (1) boundary.txt\"\n\nx",
            "Content-Type: multipart/mixed; boundary=\"=_abc\"\n\n--=_abc\n\nx\n--=_abc--",
            "Content-Type: multipart/report; boundary=b;\n report-type=delivery-status\n\nx",
            "Content-Disposition: attachment; filename=\"message/digest\"\n\nx",
        ] {
            becomes(raw, raw);
        }
    }

    #[test]
    fn messages_inside_stay_whole() {
        becomes("Content-Type: Message/RFC822\n\nx", "Content-Type: xessage/RFC822\n\nx");
        becomes("c o n t e n t-TYPE\t:\n message/global; a=b", "c o n t e n t-TYPE\t:\n xessage/global; a=b");
        becomes("--bContent-Type:message/rfc822", "--bContent-Type:xessage/rfc822");
        becomes("Content-Type: multipart/Digest; boundary=b", "Content-Type: multipart/mixed ; boundary=b");
        assert_eq!(original_type("xessage"), "message");
        assert_eq!(original_type("text"), "text");
    }

    #[test]
    fn fields_that_hide_what_they_say_are_blanked() {
        for value in [
            " multipart/(;)digest; boundary=b",
            " message/digest",
            " message\t/message",
            " multipart/mixed; boundary=\"=?utf-8?Q?b?=\"",
            " multipart/mixed; boundary*=us-ascii''b",
            " multipart/mixed; boundary*0=a; boundary*1=b",
            " multipart/mixed; boundary=\"a\\\"b\"",
            " multipart/mixed; boundary=a b",
            " multipart/mixed; boundary=a(c)b",
            " multipart/mixed; boundary=\"\"",
            " multipart/mixed; boundary=\"a",
        ] {
            becomes(&format!("Content-Type:{value}\n\nx"), &format!("Content-Type:{}\n\nx", " ".repeat(value.len())));
        }
    }

    #[test]
    fn every_bound_has_two_sides() {
        let field = |bytes: usize| format!("Content-Disposition:{}\n", "a".repeat(bytes - 1));
        becomes(&field(FIELD_BYTES_MAX), &field(FIELD_BYTES_MAX));
        becomes(&field(FIELD_BYTES_MAX + 1), &field(FIELD_BYTES_MAX + 1).replace('a', " "));

        let boundary = |bytes: usize| format!("Content-Type: multipart/x; boundary={}\n", "b".repeat(bytes));
        becomes(&boundary(BOUNDARY_BYTES_MAX), &boundary(BOUNDARY_BYTES_MAX));
        assert!(!String::from_utf8_lossy(&guarded(boundary(BOUNDARY_BYTES_MAX + 1).as_bytes()).unwrap()).contains('b'));

        let multiparts = |number: usize| boundary(1).repeat(number);
        assert!(guarded(multiparts(MULTIPARTS_MAX).as_bytes()).is_some());
        assert!(guarded(multiparts(MULTIPARTS_MAX + 1).as_bytes()).is_none());

        let parts = |number: usize| boundary(1) + &"--b\n\n".repeat(number);
        assert!(guarded(parts(DELIMITERS_MAX).as_bytes()).is_some());
        assert!(guarded(parts(DELIMITERS_MAX + 1).as_bytes()).is_none());

        let lines = |number: usize| "a:b\n".repeat(number) + "\n";
        assert!(guarded(lines(HEADER_LINES_MAX).as_bytes()).is_some());
        assert!(guarded(lines(HEADER_LINES_MAX + 1).as_bytes()).is_none());
        assert!(guarded("a:b\r\n \r\n".repeat(HEADER_LINES_MAX / 2 + 1).as_bytes()).is_none());
        let of_part = |number: usize| boundary(1) + "\n--b\n" + &lines(number - 2);
        assert!(guarded(of_part(HEADER_LINES_MAX).as_bytes()).is_some());
        assert!(guarded(of_part(HEADER_LINES_MAX + 1).as_bytes()).is_none());

        let large = |bytes: usize| format!("{}{}", boundary(1).repeat(16), "x".repeat(bytes - 16 * boundary(1).len()));
        assert!(guarded(large(SCAN_BYTES_MAX / 16).as_bytes()).is_some());
        assert!(guarded(large(SCAN_BYTES_MAX / 16 + 1).as_bytes()).is_none());

        assert!(guarded(&vec![b'x'; RAW_BYTES_MAX]).is_some());
        assert!(guarded(&vec![b'x'; RAW_BYTES_MAX + 1]).is_none());
    }
}
