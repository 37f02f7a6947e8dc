//! What a client hears: a code, an enhanced code (RFC 3463), and words.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters of the words on one line, so that the line stays within 512 bytes (RFC 5321 section 4.5.3.1.5).
const WORDS_CHARS_MAX: usize = 480;

/// One reply, of one line or several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// Empty where the protocol has none: greetings, 334 and 354 (RFC 2034 section 4).
    enhanced: &'static str,
    /// A line for each line.
    words: Cow<'static, str>,
}

impl Reply {
    pub(super) fn new(code: u16, enhanced: &'static str, words: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced, words: words.into() }
    }

    /// Syntactically wrong: 501 5.5.4, with what is right.
    pub(super) fn wrong(words: impl Into<Cow<'static, str>>) -> Self {
        Self::new(501, "5.5.4", words)
    }

    /// Right, but not now: 503 5.5.1.
    pub(super) fn untimely(words: &'static str) -> Self {
        Self::new(503, "5.5.1", words)
    }

    /// Whether it says that the client did something wrong.
    pub(super) fn is_refusal(&self) -> bool {
        self.code >= 500
    }

    /// As it is sent. What is no printable ASCII becomes a question mark: nobody can make a reply end early, and a
    /// client that does not speak SMTPUTF8 can read it.
    pub(super) fn to_wire(&self) -> String {
        let mut wire = String::new();
        let mut lines = self.words.split('\n').peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { '-' } else { ' ' };
            let _ = write!(wire, "{}{separator}{}", self.code, self.enhanced);
            if !self.enhanced.is_empty() {
                wire.push(' ');
            }
            let plain = |character: char| if matches!(character, ' '..='~') { character } else { '?' };
            wire.extend(line.chars().take(WORDS_CHARS_MAX).map(plain));
            wire.push_str("\r\n");
        }
        wire
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn sends(reply: &Reply, wire: &str) {
        assert_eq!(reply.to_wire(), wire);
    }

    #[test]
    fn every_line_has_the_code_and_all_but_the_last_a_hyphen() {
        sends(&Reply::new(250, "2.0.0", "Ok"), "250 2.0.0 Ok\r\n");
        sends(&Reply::new(354, "", "Go on"), "354 Go on\r\n");
        sends(&Reply::new(334, "", ""), "334 \r\n");
        sends(&Reply::new(214, "2.0.0", "a\nb"), "214-2.0.0 a\r\n214 2.0.0 b\r\n");
        sends(&Reply::new(250, "", "a\nb\nc"), "250-a\r\n250-b\r\n250 c\r\n");
    }

    #[test]
    fn nothing_from_outside_ends_a_line_or_makes_it_long() {
        sends(&Reply::new(550, "5.7.1", "é\u{0}x\u{7f}"), "550 5.7.1 ??x?\r\n");
        sends(&Reply::new(550, "5.7.1", "a\rb"), "550 5.7.1 a?b\r\n");
        let line = |chars: usize| Reply::new(550, "5.7.1", "x".repeat(chars)).to_wire().len();
        assert_eq!(line(WORDS_CHARS_MAX), line(WORDS_CHARS_MAX + 1));
        assert_eq!(line(WORDS_CHARS_MAX - 1) + 1, line(WORDS_CHARS_MAX));
        assert!(line(WORDS_CHARS_MAX) <= 512, "{}", line(WORDS_CHARS_MAX));
    }
}
