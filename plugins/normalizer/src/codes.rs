//! Reply codes (RFC 5321 section 4.2) and enhanced status codes (RFC 3463) inside free text.

use std::fmt;

/// Reply codes that are believed anywhere in a sentence. Others count only where a server's answer begins.
const KNOWN_REPLIES: &[u16] = &[
    421, 422, 431, 432, 450, 451, 452, 454, 455, 458, 459, 471, 500, 501, 502, 503, 504, 510, 511, 512, 513, 515, 517,
    521, 523, 525, 530, 534, 535, 538, 541, 550, 551, 552, 553, 554, 555, 556, 557, 570, 571,
];

/// Words before a server's answer, in lower case.
const ANSWER_MARKS: &[&str] =
    &["said:", "smtp;", "<<< ", "error: ", "response: ", "reply: ", "error was:", "answered:"];

/// An enhanced status code: class, subject and detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Enhanced {
    pub(crate) class: u16,
    pub(crate) subject: u16,
    pub(crate) detail: u16,
}

impl Enhanced {
    /// Reads a code at the very beginning of `text`; what follows must not continue the number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let class = match bytes.first()? {
            digit @ (b'2' | b'4' | b'5') => u16::from(digit - b'0'),
            _ => return None,
        };
        let (subject, after_subject) = number_after_dot(bytes, 1)?;
        let (detail, end) = number_after_dot(bytes, after_subject)?;
        let continues = match bytes.get(end) {
            Some(b'.') => bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
            Some(byte) => byte.is_ascii_digit(),
            None => false,
        };
        (!continues).then_some(Self { class, subject, detail })
    }

    /// `x.0.0` says nothing but success or failure.
    pub(crate) fn is_vague(self) -> bool {
        self.subject == 0 && self.detail == 0
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A dot and one to three digits at `at`: the number and where it ends.
fn number_after_dot(bytes: &[u8], at: usize) -> Option<(u16, usize)> {
    if bytes.get(at) != Some(&b'.') {
        return None;
    }
    let digits = bytes[at + 1..].iter().take(3).take_while(|byte| byte.is_ascii_digit());
    let (number, count) =
        digits.fold((0, 0), |(number, count), digit| (number * 10 + u16::from(digit - b'0'), count + 1));
    (count > 0).then_some((number, at + 1 + count))
}

/// The most telling enhanced code in a text: the first that is not vague, else the first. Parts of IP addresses
/// and version numbers do not count, and neither does success.
pub(crate) fn enhanced_in(text: &str) -> Option<Enhanced> {
    let bytes = text.as_bytes();
    let mut vague = None;
    for (at, _) in text.match_indices(['4', '5']) {
        let stands_alone = at == 0
            || matches!(
                bytes[at - 1],
                b' ' | b'\t'
                    | b'\n'
                    | b'('
                    | b'['
                    | b'#'
                    | b'-'
                    | b':'
                    | b'<'
                    | b';'
                    | b'='
                    | b'"'
                    | b'\''
                    | b'>'
                    | b','
            );
        if !stands_alone {
            continue;
        }
        if let Some(code) = Enhanced::parse(&text[at..]) {
            if !code.is_vague() {
                return Some(code);
            }
            vague = vague.or(Some(code));
        }
    }
    vague
}

/// The reply code of a server's answer: where an answer is announced, at the beginning of the text, or a known
/// code anywhere.
pub(crate) fn reply_in(text: &str) -> Option<u16> {
    let lower = text.to_ascii_lowercase();
    let announced = ANSWER_MARKS.iter().find_map(|mark| {
        let after = &lower[lower.find(mark)? + mark.len()..];
        reply_at(after.trim_start_matches([' ', '\t', '\n', '(', '#', '"', '\'']))
    });
    announced.or_else(|| reply_at(lower.trim_start_matches([' ', '\t', '\n', '(', '#', '"', '\'']))).or_else(|| {
        let bytes = lower.as_bytes();
        lower.match_indices(['4', '5']).find_map(|(at, _)| {
            let stands_alone = at == 0
                || matches!(
                    bytes[at - 1],
                    b' ' | b'\t' | b'\n' | b'(' | b'#' | b':' | b'>' | b';' | b'"' | b'\'' | b'='
                );
            reply_at(&lower[at..]).filter(|code| stands_alone && KNOWN_REPLIES.contains(code))
        })
    })
}

/// Three digits of a failure at the very beginning, and nothing that continues them.
fn reply_at(text: &str) -> Option<u16> {
    let digits = text.get(..3)?;
    let ends = match text.as_bytes().get(3) {
        Some(byte) => !byte.is_ascii_alphanumeric() && *byte != b'.' && *byte != b'_',
        None => true,
    };
    if !ends || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|code| (400..600).contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, reply: Option<u16>, enhanced: Option<&str>) {
        assert_eq!(reply_in(text), reply, "{text}");
        assert_eq!(enhanced_in(text).map(|code| code.to_string()).as_deref(), enhanced, "{text}");
    }

    #[test]
    fn codes_are_found_where_servers_put_them() {
        check("550 5.1.1 <a@b.c>: no such user", Some(550), Some("5.1.1"));
        check("host mx.b.c[192.0.2.1] said: 550-5.1.1 gone (in reply to RCPT TO)", Some(550), Some("5.1.1"));
        check("Remote host said: 452 4.2.2 full", Some(452), Some("4.2.2"));
        check("the server answered (#5.2.2) over quota", None, Some("5.2.2"));
        check("smtp;554 delivery error", Some(554), None);
        check("5.0.0 then 5.7.26", None, Some("5.7.26"));
        check("5.1.351 Remote server returned unknown recipient", None, Some("5.1.351"));
    }

    #[test]
    fn numbers_that_are_no_codes_are_left_alone() {
        check("connect to 5.1.1.2 failed", None, None);
        check("Postfix 3.5.1 on port 587, 512 bytes", Some(512), None);
        check("within 450s or at 10:550", Some(550), None);
        check("5.1.1234", None, None);
        check("é5.1.1", None, None);
        check("", None, None);
    }
}
