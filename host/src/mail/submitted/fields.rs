//! The header of a message, split into its fields, each with its place.

use std::ops::Range;

use super::SubmittedError;

/// Headers of one message.
pub const HEADERS_MAX: usize = 1_000;
/// Bytes of all headers together.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;

/// One header.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    /// Behind the colon, folded as it came.
    pub(super) value: &'a [u8],
    /// From its name to behind its last line end.
    pub(super) place: Range<usize>,
}

impl Field<'_> {
    /// Whether it has this name, in any case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Splits the header. It ends with an empty line, or with the message.
pub(super) fn fields(raw: &[u8]) -> Result<Vec<Field<'_>>, SubmittedError> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut at = 0;
    for number in 1.. {
        let line = line(&raw[at..]);
        if matches!(line, b"" | b"\r\n") {
            break;
        }
        let place = at..at + line.len();
        at = place.end;
        if at > HEADER_BYTES_MAX {
            return Err(SubmittedError::HeaderTooLong);
        }
        match fields.last_mut() {
            Some(field) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                field.place.end = at;
                field.value = &raw[field.place.start + field.name.len() + 1..at];
            }
            _ => {
                let (name, value) = split(line).ok_or(SubmittedError::NotAHeader(number))?;
                fields.push(Field { name, value, place });
            }
        }
        if fields.len() > HEADERS_MAX {
            return Err(SubmittedError::TooManyHeaders);
        }
    }
    Ok(fields)
}

/// A folded value on one line (RFC 5322 section 2.2.3).
pub(super) fn unfolded(value: &str) -> String {
    value.replace("\r\n", "").trim().to_owned()
}

/// Up to and with the line end.
fn line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1);
    &text[..end]
}

/// Name and value. A space before the colon, which the standard once allowed, hides a header from some programs.
fn split(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':').filter(|colon| *colon > 0)?;
    let name = &line[..colon];
    let name = std::str::from_utf8(name).ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))?;
    Some((name, &line[colon + 1..]))
}
