//! A message as it goes over the wire: line ends, dots, and what it needs of a server.

use std::borrow::Cow;

/// A message that may be sent. Every line of it ends in CRLF, the last one too, and no CR or LF stands elsewhere: what
/// one server takes for the end of a message must not be the middle of it for another.
pub struct Outgoing<'a> {
    text: Cow<'a, [u8]>,
    /// Whether a header is not ASCII, so that servers must know SMTPUTF8 (RFC 6531).
    pub has_utf8_headers: bool,
    /// Whether the body is not ASCII, so that servers must know 8BITMIME (RFC 6152).
    pub has_eight_bits: bool,
}

impl<'a> Outgoing<'a> {
    /// Puts a message into form. One that is in form already is not copied.
    pub fn of(message: &'a [u8]) -> Self {
        let text = with_line_ends(message);
        let end_of_headers = text.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(text.len());
        let (has_utf8_headers, has_eight_bits) =
            (!text[..end_of_headers].is_ascii(), !text[end_of_headers..].is_ascii());
        Self { text, has_utf8_headers, has_eight_bits }
    }

    /// The message as BDAT takes it, which is also what SIZE counts.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The message as DATA takes it, without the final dot: each dot that begins a line is there twice (RFC 5321
    /// section 4.5.2).
    pub fn dotted(&self) -> Cow<'_, [u8]> {
        let begins = |at: usize| at == 0 || self.text[at - 1] == b'\n';
        let dots: Vec<_> = dots(&self.text).filter(|at| begins(*at)).collect();
        if dots.is_empty() {
            return Cow::Borrowed(&self.text);
        }
        let mut dotted = Vec::with_capacity(self.text.len() + dots.len());
        let mut done = 0;
        for at in dots {
            dotted.extend_from_slice(&self.text[done..at]);
            dotted.push(b'.');
            done = at;
        }
        dotted.extend_from_slice(&self.text[done..]);
        Cow::Owned(dotted)
    }
}

fn dots(text: &[u8]) -> impl Iterator<Item = usize> {
    text.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at)
}

/// Makes CRLF of each line end, whichever way it is written, and ends the last line.
fn with_line_ends(message: &[u8]) -> Cow<'_, [u8]> {
    if is_in_form(message) {
        return Cow::Borrowed(message);
    }
    let mut text = Vec::with_capacity(message.len() + message.len() / 32 + 2);
    let mut bytes = message.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&&b'\n');
                text.extend_from_slice(b"\r\n");
            }
            b'\n' => text.extend_from_slice(b"\r\n"),
            byte => text.push(*byte),
        }
    }
    if !text.ends_with(b"\r\n") {
        text.extend_from_slice(b"\r\n");
    }
    Cow::Owned(text)
}

fn is_in_form(message: &[u8]) -> bool {
    let mut before = 0;
    let has_stray = message.iter().any(|byte| {
        let is_stray = (before == b'\r') != (*byte == b'\n');
        before = *byte;
        is_stray
    });
    !has_stray && message.ends_with(b"\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(message: &[u8], text: &[u8], dotted: &[u8]) {
        let outgoing = Outgoing::of(message);
        assert_eq!(outgoing.text(), text);
        assert_eq!(outgoing.dotted().as_ref(), dotted);
    }

    #[test]
    fn line_ends_and_dots_are_put_into_form() {
        check(b"a\r\n", b"a\r\n", b"a\r\n");
        check(b"", b"\r\n", b"\r\n");
        check(b"a", b"a\r\n", b"a\r\n");
        check(b".\r\n", b".\r\n", b"..\r\n");
        check(b"a\n.\nb", b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n");
        check(b"a\r.\rb\r", b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n");
        check(b"a\r\r\nb\r\n", b"a\r\n\r\nb\r\n", b"a\r\n\r\nb\r\n");
        check(b"a\n\r.\r\n", b"a\r\n\r\n.\r\n", b"a\r\n\r\n..\r\n");
        check(b"a.b\r\n..c.\r\n", b"a.b\r\n..c.\r\n", b"a.b\r\n...c.\r\n");
    }

    #[test]
    fn a_message_in_form_is_not_copied() {
        let outgoing = Outgoing::of(b"a\r\n\r\nb\r\n");
        assert!(matches!(outgoing.text, Cow::Borrowed(_)));
        assert!(matches!(outgoing.dotted(), Cow::Borrowed(_)));
    }

    #[test]
    fn what_a_message_needs_is_seen_in_its_headers_and_its_body() {
        let needs = |message: &str| {
            let outgoing = Outgoing::of(message.as_bytes());
            (outgoing.has_utf8_headers, outgoing.has_eight_bits)
        };
        assert_eq!(needs("Subject: a\r\n\r\nb\r\n"), (false, false));
        assert_eq!(needs("Subject: é\r\n\r\nb\r\n"), (true, false));
        assert_eq!(needs("Subject: a\r\n\r\né\r\n"), (false, true));
        assert_eq!(needs("Subject: é"), (true, false));
    }

    proptest! {
        #[test]
        fn no_message_can_end_itself(message in "[a.\r\n]{0,40}") {
            let outgoing = Outgoing::of(message.as_bytes());
            let text = outgoing.text();
            for (at, byte) in text.iter().enumerate() {
                prop_assert_eq!(*byte == b'\n', at > 0 && text[at - 1] == b'\r');
            }
            prop_assert!(text.ends_with(b"\r\n"));
            let dotted = outgoing.dotted();
            let sent = [b"\r\n", dotted.as_ref()].concat();
            prop_assert!(!sent.windows(5).any(|bytes| bytes == b"\r\n.\r\n"));
            let lines = dotted.split(|byte| *byte == b'\n').map(|line| line.strip_prefix(b".").unwrap_or(line));
            prop_assert_eq!(lines.collect::<Vec<_>>().join(&b'\n'), text);
        }
    }
}
