//! The headers that a customer may add to a message.

use std::error::Error;
use std::fmt;

/// Custom headers of one message.
pub const HEADERS_MAX: usize = 100;
/// A header's name. Longer ones leave no room on the line for a value.
pub const HEADER_NAME_BYTES_MAX: usize = 76;
/// A header's value in UTF-8, as one line of a message can carry (RFC 5322 section 2.1.1).
pub const HEADER_VALUE_BYTES_MAX: usize = 998;

/// What this service writes itself, in lower case. A second one would contradict it, or forge it.
const OWNED: &[&str] = &[
    "authentication-results",
    "bcc",
    "cc",
    "date",
    "dkim-signature",
    "domainkey-signature",
    "from",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "message-id",
    "mime-version",
    "received",
    "received-spf",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
];
const OWNED_PREFIXES: &[&str] = &["arc-", "content-", "resent-", "x-pillarbox-"];

/// Headers that were found fit to stand in a message, in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomHeaders(Vec<(String, String)>);

impl CustomHeaders {
    /// Takes names by RFC 5322 section 3.6.8 and values without control characters (a tab is none). Values lose the
    /// spaces around them. The error names the first header that does not fit.
    pub fn check<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, HeaderError> {
        let mut checked = Vec::new();
        for (name, value) in headers {
            if checked.len() == HEADERS_MAX {
                return Err(HeaderError::TooMany);
            }
            check_name(name)?;
            let value = value.trim_matches([' ', '\t']);
            check_value(name, value)?;
            checked.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(checked))
    }

    /// Name and value of each.
    pub fn as_slice(&self) -> &[(String, String)] {
        &self.0
    }
}

/// Whether only the service may write this header.
pub fn is_owned(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OWNED.contains(&name.as_str()) || OWNED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn check_name(name: &str) -> Result<(), HeaderError> {
    let printable = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    if name.is_empty() || name.len() > HEADER_NAME_BYTES_MAX || !name.bytes().all(printable) {
        return Err(HeaderError::Name(shortened(name)));
    }
    if is_owned(name) { Err(HeaderError::Owned(name.to_owned())) } else { Ok(()) }
}

fn check_value(name: &str, value: &str) -> Result<(), HeaderError> {
    if value.len() > HEADER_VALUE_BYTES_MAX {
        return Err(HeaderError::ValueTooLong(name.to_owned()));
    }
    let wrong = value.chars().find(|&character| character.is_control() && character != '\t');
    wrong.map_or(Ok(()), |character| Err(HeaderError::ValueCharacter(name.to_owned(), character)))
}

/// A name that is wrong may be long and full of anything; this much of it says which one is meant.
fn shortened(name: &str) -> String {
    name.chars().take(40).flat_map(char::escape_debug).collect()
}

/// Why a header cannot be added. Each names the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderError {
    /// More than [`HEADERS_MAX`].
    TooMany,
    /// Not a header name, or longer than [`HEADER_NAME_BYTES_MAX`].
    Name(String),
    /// One of those that the service writes itself.
    Owned(String),
    /// Longer than [`HEADER_VALUE_BYTES_MAX`].
    ValueTooLong(String),
    /// A control character in the value, such as a line break.
    ValueCharacter(String, char),
}

impl Error for HeaderError {}

impl fmt::Display for HeaderError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(out, "a message may have at most {HEADERS_MAX} headers of its own"),
            Self::Name(name) => write!(
                out,
                "\"{name}\" is not a header name: 1 to {HEADER_NAME_BYTES_MAX} printable ASCII characters without space or colon"
            ),
            Self::Owned(name) => write!(out, "{name} is written by the service; leave it out and use the field for it"),
            Self::ValueTooLong(name) => {
                write!(out, "the value of {name} is longer than {HEADER_VALUE_BYTES_MAX} bytes")
            }
            Self::ValueCharacter(name, character) => write!(
                out,
                "the value of {name} has the control character U+{:04X}; a header is a single line",
                u32::from(*character)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<CustomHeaders, HeaderError> {
        CustomHeaders::check([(name, value)].into_iter())
    }

    #[track_caller]
    fn takes(name: &str, value: &str) {
        let expected = vec![(name.to_owned(), value.trim().to_owned())];
        assert_eq!(check(name, value).map(|checked| checked.0), Ok(expected), "{name:?}");
    }

    #[track_caller]
    fn refuses(name: &str, value: &str, why: &str) {
        assert_eq!(check(name, value).expect_err(name).to_string(), why);
    }

    #[test]
    fn a_header_of_the_customers_own_is_taken_as_it_is() {
        takes("X-Campaign", "spring 2024");
        takes("References", "<a@example.com>");
        takes("In-Reply-To", " <a@example.com>\t");
        takes("X-Empty", "");
        takes("X-Greeting", "Grüße\taus Köln");
        takes("Fromage", "brie");
        takes("!#weird~", "legal");
    }

    #[test]
    fn what_the_service_writes_cannot_be_written_twice() {
        for name in ["From", "TO", "bcc", "Subject", "message-id", "Content-Type", "DKIM-Signature", "ARC-Seal"] {
            refuses(name, "x", &format!("{name} is written by the service; leave it out and use the field for it"));
        }
        for name in
            ["Sender", "Return-Path", "Received", "MIME-Version", "List-Unsubscribe-Post", "X-Pillarbox-Email-Id"]
        {
            assert!(is_owned(name), "{name}");
        }
    }

    #[test]
    fn a_value_cannot_end_its_line() {
        let why = |code| format!("the value of X-A has the control character U+{code}; a header is a single line");
        refuses("X-A", "a\r\nBcc: eve@example.com", &why("000D"));
        refuses("X-A", "a\nb", &why("000A"));
        refuses("X-A", "a\0b", &why("0000"));
        refuses("X-A", "a\u{85}b", &why("0085"));
        refuses("X-A", "a\x7fb", &why("007F"));
    }

    #[test]
    fn a_name_is_printable_ascii() {
        let why = |shown| {
            format!("\"{shown}\" is not a header name: 1 to 76 printable ASCII characters without space or colon")
        };
        refuses("", "x", &why(""));
        refuses("X A", "x", &why("X A"));
        refuses("X:A", "x", &why("X:A"));
        refuses("X-A\r\nBcc", "x", &why("X-A\\r\\nBcc"));
        refuses("X-Ä", "x", &why("X-Ä"));
        takes(&"n".repeat(HEADER_NAME_BYTES_MAX), "x");
        refuses(&"n".repeat(HEADER_NAME_BYTES_MAX + 1), "x", &why(&"n".repeat(40)));
    }

    #[test]
    fn length_and_number_have_limits() {
        takes("X-A", &"v".repeat(HEADER_VALUE_BYTES_MAX));
        refuses("X-A", &"v".repeat(HEADER_VALUE_BYTES_MAX + 1), "the value of X-A is longer than 998 bytes");
        let many = |number| CustomHeaders::check(std::iter::repeat_n(("X-A", "v"), number));
        assert_eq!(many(HEADERS_MAX).map(|checked| checked.as_slice().len()), Ok(HEADERS_MAX));
        assert_eq!(many(HEADERS_MAX + 1), Err(HeaderError::TooMany));
    }
}
