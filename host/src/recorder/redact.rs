//! A message without what names a person, of the same shape: letters become `x` or `X`, digits `0`, and nothing moves,
//! so that locations still point where they did.
//!
//! Replaced are display names and the local parts of addresses, the recipients' names where they stand in the texts,
//! runs of four and more digits and longer groups of them (orders, phones, cards), what links carry in their query,
//! long tokens of letters and digits, the names of files, and their content after its first bytes. What stays: domains,
//! paths of links, colours, markup and the wording. A rule that looks at what was replaced may judge otherwise than it
//! did; two versions are compared on the same redacted message.

use std::ops::Range;

use crate::plugins::scorer::{Attachment, Mailbox, Message};

/// So much of a file's beginning tells what it is.
const HEAD_BYTES_KEPT: usize = 16;
/// A run of digits from this length on is replaced.
const DIGITS_MIN: usize = 4;
/// Groups of digits with single spaces or hyphens between them are replaced from so many digits on.
const GROUPED_DIGITS_MIN: usize = 7;
/// A word of letters and digits, with both, is a token from this length on.
const TOKEN_BYTES_MIN: usize = 20;
/// Shorter words of a name stand in too many other places.
const NAME_CHARS_MIN: usize = 3;
/// How `@` is written in texts, html and links.
const AT_SIGNS: [&str; 5] = ["@", "%40", "&#64;", "&#x40;", "&commat;"];
/// Headers that consist of names and addresses.
const ADDRESS_HEADERS: [&str; 11] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "sender",
    "return-path",
    "delivered-to",
    "x-original-to",
    "resent-to",
    "resent-from",
];

/// The message with placeholders of the same length.
pub(super) fn redacted(message: Message) -> Message {
    let mailboxes = message.to.iter().flat_map(|mailbox| mailbox.name.split(|c: char| !c.is_alphanumeric()));
    let mut names: Vec<_> = mailboxes
        .filter(|name| name.chars().count() >= NAME_CHARS_MIN && name.chars().any(char::is_alphabetic))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names.dedup();
    let clean = |content: String| text(&content, &names);
    Message {
        from: message.from.as_ref().map(mailbox),
        reply_to: message.reply_to.as_ref().map(mailbox),
        to: message.to.iter().map(mailbox).collect(),
        subject: message.subject.map(clean),
        html: message.html.map(clean),
        text: message.text.map(clean),
        headers: message.headers.into_iter().map(|(name, value)| header(name, &value, &names)).collect(),
        attachments: message.attachments.into_iter().map(attachment).collect(),
        attributes: message.attributes.into_iter().map(|(name, value)| attribute(name, value, &names)).collect(),
    }
}

fn mailbox(mailbox: &Mailbox) -> Mailbox {
    let local = mailbox.email.rfind('@').unwrap_or(mailbox.email.len());
    Mailbox { name: replaced_until(&mailbox.name, mailbox.name.len()), email: replaced_until(&mailbox.email, local) }
}

fn header(name: String, value: &str, names: &[String]) -> (String, String) {
    let value = if ADDRESS_HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        addresses(value)
    } else {
        text(value, names)
    };
    (name, value)
}

fn attribute(name: String, value: String, names: &[String]) -> (String, String) {
    // The size is the message's own and names nobody.
    let value = if name == "size" { value } else { text(&value, names) };
    (name, value)
}

fn attachment(mut file: Attachment) -> Attachment {
    let stem = file.filename.rfind('.').unwrap_or(file.filename.len());
    file.filename = replaced_until(&file.filename, stem);
    for byte in file.head.iter_mut().skip(HEAD_BYTES_KEPT) {
        *byte = b'x';
    }
    file
}

/// A list of addresses: nothing but the domains stays.
fn addresses(value: &str) -> String {
    let mut places = Vec::new();
    let mut from = 0;
    for (at, _) in value.match_indices('@') {
        places.push(from..at);
        from = at + value[at..].find(|c: char| !(c.is_alphanumeric() || "@.-".contains(c))).unwrap_or(value.len() - at);
    }
    places.push(from..value.len());
    replaced(value, &places)
}

fn text(text: &str, names: &[String]) -> String {
    let mut places = local_parts(text);
    places.extend(digits(text));
    places.extend(queries(text));
    places.extend(tokens(text));
    places.extend(names.iter().flat_map(|name| words(text, name)));
    replaced(text, &places)
}

fn local_parts(text: &str) -> Vec<Range<usize>> {
    let signs = AT_SIGNS.iter().flat_map(|sign| text.match_indices(sign).map(|(at, sign)| (at, at + sign.len())));
    let is_local = |c: char| c.is_alphanumeric() || "._+-'".contains(c);
    let found = signs.filter(|(_, end)| text[*end..].starts_with(char::is_alphanumeric));
    found.map(|(at, _)| text[..at].trim_end_matches(is_local).len()..at).filter(|place| !place.is_empty()).collect()
}

/// Runs of digits, and groups of them. Neither colours nor character references, which begin with `#`.
fn digits(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut places, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let (start, mut end, mut count, mut longest) = (at, at, 0, 0);
        loop {
            let run = bytes[end..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            (end, count, longest) = (end + run, count + run, longest.max(run));
            let is_joined =
                matches!(bytes.get(end), Some(b' ' | b'-')) && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
            if !is_joined {
                break;
            }
            end += 1;
        }
        let is_reference = start > 0 && bytes[start - 1] == b'#';
        if !is_reference && (longest >= DIGITS_MIN || count >= GROUPED_DIGITS_MIN) {
            places.push(start..end);
        }
        at = end;
    }
    places
}

/// The values in the queries of links.
fn queries(text: &str) -> Vec<Range<usize>> {
    let starts = text.match_indices("http").filter(|(at, _)| {
        let rest = &text[*at..];
        rest.starts_with("http://") || rest.starts_with("https://")
    });
    let mut places = Vec::new();
    for (start, _) in starts {
        let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'<>)".contains(c);
        let end = text[start..].find(ends).map_or(text.len(), |length| start + length);
        let Some(query) = text[start..end].find('?').map(|at| start + at + 1) else { continue };
        let mut from = query;
        for part in text[query..end].split('&') {
            let value = part.find('=').map_or(from, |at| from + at + 1);
            places.push(value..from + part.len());
            from += part.len() + 1;
        }
    }
    places
}

fn tokens(text: &str) -> Vec<Range<usize>> {
    let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let bytes = text.as_bytes();
    let (mut places, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| is_inside(**byte)).count();
        let word = &bytes[at..at + length];
        let is_mixed = word.iter().any(u8::is_ascii_digit) && word.iter().any(u8::is_ascii_alphabetic);
        if length >= TOKEN_BYTES_MIN && is_mixed {
            places.push(at..at + length);
        }
        at += length.max(1);
    }
    places
}

/// Where a name stands as a word of its own.
fn words<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let alone = |at: usize| {
        !text[..at].ends_with(char::is_alphanumeric) && !text[at + name.len()..].starts_with(char::is_alphanumeric)
    };
    text.match_indices(name).map(|(at, _)| at).filter(move |at| alone(*at)).map(|at| at..at + name.len())
}

/// The text with its beginning replaced.
fn replaced_until(text: &str, end: usize) -> String {
    let place = 0..end;
    replaced(text, std::slice::from_ref(&place))
}

/// The text with letters and digits replaced in these places, each by as many bytes as it had. A percent escape stays
/// one, of an `x` where it stood for a letter or digit.
fn replaced(text: &str, places: &[Range<usize>]) -> String {
    let mut is_secret = vec![false; text.len()];
    for place in places {
        is_secret[place.clone()].fill(true);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.char_indices();
    while let Some((at, character)) = rest.next() {
        if !is_secret[at] {
            clean.push(character);
        } else if let Some(escaped) = escape(&text[at..]) {
            clean.push_str(if escaped.is_ascii_alphanumeric() { "%78" } else { &text[at..at + 3] });
            rest.nth(1);
        } else {
            let placeholder = match character {
                _ if character.is_numeric() => '0',
                _ if character.is_uppercase() => 'X',
                _ if character.is_alphabetic() => 'x',
                _ => {
                    clean.push(character);
                    continue;
                }
            };
            clean.extend(std::iter::repeat_n(placeholder, character.len_utf8()));
        }
    }
    clean
}

/// The byte that a text begins with in percent encoding.
fn escape(text: &str) -> Option<u8> {
    let hex = text.strip_prefix('%')?.get(..2)?;
    if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(hex, 16).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A message with something to hide in every part.
    pub(in crate::recorder) fn message() -> Message {
        let mailbox = |name: &str, email: &str| Mailbox { name: name.into(), email: email.into() };
        Message {
            from: Some(mailbox("Shop", "orders@shop.example")),
            reply_to: None,
            to: vec![mailbox("Ada Lovelace", "ada.l@example.com")],
            subject: Some("Ada, your order 4711-0815 is ready".into()),
            html: Some("<p style=\"color:#112233\">Call +49 170 1234567</p>".into()),
            text: Some("Größe".into()),
            headers: vec![("To".into(), "Ada Lovelace <ada.l@example.com>".into())],
            attachments: vec![Attachment {
                filename: "Lovelace invoice 7.pdf".into(),
                content_type: "application/pdf".into(),
                size: 9,
                head: b"%PDF-1.7 and so on for Ada Lovelace".to_vec(),
                inline: false,
                attributes: Vec::new(),
            }],
            attributes: vec![("size".into(), "123456".into())],
        }
    }

    #[test]
    fn every_part_keeps_its_shape_and_loses_its_people() {
        let clean = redacted(message());
        let mailbox = |name: &str, email: &str| Mailbox { name: name.into(), email: email.into() };
        let expected = Message {
            from: Some(mailbox("Xxxx", "xxxxxx@shop.example")),
            reply_to: None,
            to: vec![mailbox("Xxx Xxxxxxxx", "xxx.x@example.com")],
            subject: Some("Xxx, your order 0000-0000 is ready".into()),
            html: Some("<p style=\"color:#112233\">Call +00 000 0000000</p>".into()),
            text: Some("Größe".into()),
            headers: vec![("To".into(), "Xxx Xxxxxxxx <xxx.x@example.com>".into())],
            attachments: vec![Attachment {
                filename: "Xxxxxxxx xxxxxxx 0.pdf".into(),
                head: b"%PDF-1.7 and so xxxxxxxxxxxxxxxxxxx".to_vec(),
                ..message().attachments[0].clone()
            }],
            attributes: vec![("size".into(), "123456".into())],
        };
        assert_eq!(clean, expected);
    }

    #[track_caller]
    fn check(given: &str, expected: &str) {
        let clean = text(given, &["Ada".into()]);
        assert_eq!(clean, expected);
        assert_eq!(clean.len(), given.len(), "nothing may move");
    }

    #[test]
    fn what_names_a_person_is_replaced_in_a_text() {
        check("write to ada.l+x@example.com now", "write to xxx.x+x@example.com now");
        check("mailto:ada%40example.com", "mailto:xxx%40example.com");
        check("ada&#64;example.com", "xxx&#64;example.com");
        check("jürgen@example.com", "xxxxxxx@example.com");
        check("Dear Ada, Adana ADA", "Dear Xxx, Adana ADA");
        check("card 4111 1111 1111 1111.", "card 0000 0000 0000 0000.");
        check("https://a.example/p/7?u=ada&t=a%C3%A9%41", "https://a.example/p/7?u=xxx&t=x%C3%A9%78");
        check("https://a.example/?ada", "https://a.example/?xxx");
        check("https://a.example/r/0197a5deAbCd00007000xyz", "https://a.example/r/0000x0xxXxXx00000000xxx");
    }

    #[test]
    fn what_names_nobody_stays() {
        for kept in [
            "http://192.168.100.200/login",
            "#a1b2c3 #112233 &#8203; 100% 999",
            "@ home, 5 @ 3",
            "https://shop.example/autumn/catalogue",
            "international-correspondence",
        ] {
            check(kept, kept);
        }
    }
}
