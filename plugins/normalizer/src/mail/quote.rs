//! The mail that a report quotes as text: where it begins, and its header.

use super::header::{Headers, field};
use crate::text::prefix;

/// So much of a line is compared with [`MARKS`].
const MARK_BYTES_MAX: usize = 60;
/// So many lines of an indented quote are read as its header.
const INDENTED_LINES_MAX: usize = 200;

/// Beginnings of lines, in lower case and without leading dashes and blanks, behind which the returned mail
/// stands in reports that quote it as text.
#[rustfmt::skip]
const MARKS: &[&str] = &[
    "below this line is a copy of the message", "this is a copy of", "a copy of the message",
    "original message follows", "original message headers", "original message header", "original message",
    "original mail", "the original message", "your original message", "message header follows",
    "message headers follow", "message headers", "message header", "message text follows", "message contents follow",
    "unsent message", "unsent mail", "returned message", "returned mail follows", "returned content",
    "the headers of the original", "the header of the original", "the following is a copy", "here is a copy",
    "copy of the original", "copy of your message", "copy of message", "start of returned", "begin returned",
    "start of original", "forwarded message", "headers of the original", "headers of message",
    "header of the original", "your message follows", "your message reads", "return-path: ", "received: from ",
    "received: by ", "message-id: ", "received: (", "undelivered message", "failed message", "rejected message",
    "original message:", "content of original", "included is a copy", "begin message", "message begins",
    "first part of the message", "the message that was not delivered",
];

/// Fields by which the header of a mail usually begins.
#[rustfmt::skip]
const FIRST_FIELDS: &[&str] = &[
    "return-path", "received", "from", "to", "subject", "date", "message-id", "delivered-to", "dkim-signature",
    "mime-version", "x-mailer", "reply-to", "sender", "x-pillarbox-email-id",
];

/// Cuts before the first line that announces or begins a quoted mail. The first line never does.
pub(super) fn split_quote(text: &str) -> (&str, &str) {
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let bare = line
            .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '=' | '*' | '>' | '|' | '+' | '#'));
        let start = prefix(bare, MARK_BYTES_MAX).to_ascii_lowercase();
        if number > 0 && !start.is_empty() && MARKS.iter().any(|mark| start.starts_with(mark)) {
            return text.split_at(at);
        }
        at += line.len();
    }
    (text, "")
}

/// The header in a quoted text: from the first line that is a usual field of a mail on.
pub(super) fn quoted_header(quoted: &str) -> Headers {
    let mut at = 0;
    for line in quoted.split_inclusive('\n') {
        let begins = field(line).is_some_and(|(name, _)| FIRST_FIELDS.contains(&name.to_ascii_lowercase().as_str()));
        if begins {
            return Headers::parse(&quoted[at..]).0;
        }
        // Some quote with a common indent; then every line is trimmed.
        let indented = line.trim_start();
        if field(indented).is_some_and(|(name, _)| FIRST_FIELDS.contains(&name.to_ascii_lowercase().as_str())) {
            let lines: Vec<&str> = quoted[at..]
                .lines()
                .take(INDENTED_LINES_MAX)
                .map(|line| line.trim_start_matches([' ', '\t', '>', '|']))
                .collect();
            return Headers::parse(&lines.join("\n")).0;
        }
        at += line.len();
    }
    Headers::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_begins_where_it_is_announced() {
        let text = "It failed.\n\n------ This is a copy of the message ------\n\nReturn-path: <a@b.c>\nTo: d@e.f\n\nHi";
        let (own, quoted) = split_quote(text);
        assert_eq!(own, "It failed.\n\n");
        assert_eq!(quoted_header(quoted).get("to"), Some("d@e.f"));
        assert_eq!(split_quote("Original message\nis what I am"), ("Original message\nis what I am", ""));
    }

    #[test]
    fn an_indented_quote_is_read_too() {
        let quoted = "--- Original message ---\n\n    Subject: x\n    To: d@e.f\n";
        assert_eq!(quoted_header(quoted).get("to"), Some("d@e.f"));
        assert!(quoted_header("nothing\n").is_empty());
    }
}
