//! The parts of a mail (RFC 2046), as flat as a reader of reports needs them.
//!
//! Multiparts are taken apart to their leaves. A message inside a message stays one leaf, so that what it quotes
//! is never mistaken for what the report says.

use std::borrow::Cow;

use super::charset;
use super::decode::{base64, quoted_printable};
use super::header::Headers;

/// How deep multiparts may nest; deeper ones are read as text.
const DEPTH_MAX: usize = 10;
/// Most leaves that are kept.
const PARTS_MAX: usize = 100;

/// A header and the leaves of its body.
#[derive(Debug, Default)]
pub(crate) struct Mail<'a> {
    pub(crate) headers: Headers,
    pub(crate) parts: Vec<Part<'a>>,
}

/// One leaf.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The content type in lower case and without parameters.
    pub(crate) media: String,
    /// The content after transfer decoding.
    pub(crate) text: Cow<'a, str>,
}

impl<'a> Mail<'a> {
    /// Reads a mail from its first header line on.
    pub(crate) fn parse(text: &'a str) -> Self {
        let (headers, body) = Headers::parse(text);
        Self::with_headers(headers, body)
    }

    /// Reads a body whose header came otherwise.
    pub(crate) fn with_headers(headers: Headers, body: &'a str) -> Self {
        let mut parts = Vec::new();
        walk(&headers, body, 0, &mut parts);
        Self { headers, parts }
    }

    /// The first leaf of that type.
    pub(crate) fn part(&self, media: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.media == media)
    }
}

fn walk<'a>(headers: &Headers, body: &'a str, depth: usize, parts: &mut Vec<Part<'a>>) {
    if parts.len() >= PARTS_MAX {
        return;
    }
    let content_type = headers.get("content-type").unwrap_or("text/plain");
    let media = media_of(content_type);
    let boundary = if media.starts_with("multipart/") && depth < DEPTH_MAX { boundary(content_type) } else { None };
    if let Some(boundary) = boundary {
        let sections = sections(body, &boundary);
        if !sections.is_empty() {
            for section in sections {
                // A part may lack a header altogether, which makes it text (RFC 2046 section 5.1).
                let (headers, body) = match section.strip_prefix('\n') {
                    Some(body) => (Headers::default(), body),
                    None => Headers::parse(section),
                };
                walk(&headers, body, depth + 1, parts);
            }
            return;
        }
    }
    let encoding = headers.get("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
    let text = match encoding.trim() {
        "base64" => Cow::Owned(charset::decode(&base64(body))),
        "quoted-printable" => Cow::Owned(charset::decode(&quoted_printable(body))),
        _ => Cow::Borrowed(body),
    };
    parts.push(Part { media, text });
}

/// The sections between the boundary lines. A missing last boundary ends at the end.
pub(super) fn sections<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
    let mut sections = Vec::new();
    let mut open = None;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let delimiter = line.strip_prefix("--").and_then(|line| line.strip_prefix(boundary)).map(str::trim);
        if matches!(delimiter, Some("" | "--")) {
            sections.extend(open.map(|start: usize| &body[start..at]));
            if sections.len() >= PARTS_MAX {
                return sections;
            }
            open = (delimiter == Some("")).then_some(at + line.len());
        }
        at += line.len();
    }
    sections.extend(open.map(|start| &body[start..]));
    sections
}

/// The media type of a Content-Type value, in lower case.
pub(crate) fn media_of(content_type: &str) -> String {
    content_type.split([';', ' ', '\t']).next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The boundary parameter, with or without quotation marks.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    const NAME: &str = "boundary";
    let lower = content_type.to_ascii_lowercase();
    let after = content_type[lower.find(NAME)? + NAME.len()..].trim_start().strip_prefix('=')?.trim_start();
    let value = match after.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => after.split([';', ' ', '\t']).next(),
    };
    value.map(str::trim_end).filter(|value| !value.is_empty()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mail: &str, expected: &[(&str, &str)]) {
        let mail = Mail::parse(mail);
        let parts: Vec<_> = mail.parts.iter().map(|part| (part.media.as_str(), &*part.text)).collect();
        assert_eq!(parts, expected);
    }

    #[test]
    fn leaves_come_in_order_and_decoded() {
        check(
            "Content-Type: multipart/mixed;\n boundary=\"a b\"\n\npreamble\n--a b\n\none\n--a b\nContent-Type: \
             multipart/alternative; boundary=c\n\n--c\nContent-Type: text/html\nContent-Transfer-Encoding: \
             base64\n\naGk=\n--c--\n--a b\nContent-Type: Message/RFC822\n\nSubject: x\n--a b--\nepilogue",
            &[("text/plain", "one\n"), ("text/html", "hi"), ("message/rfc822", "Subject: x\n")],
        );
    }

    #[test]
    fn what_is_cut_off_is_read_to_its_end() {
        check("Content-Type: multipart/mixed; boundary=a\n\n--a\n\none", &[("text/plain", "one")]);
        check("Content-Type: multipart/mixed; boundary=a\n\nnone", &[("multipart/mixed", "none")]);
        check("Content-Type: multipart/mixed\n\nnone", &[("multipart/mixed", "none")]);
        check("Subject: x", &[("text/plain", "")]);
    }

    #[test]
    fn depth_and_number_of_parts_have_an_end() {
        let nest = |levels: usize| {
            let levels =
                (0..levels).map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
            levels.collect::<String>() + "Content-Type: text/x\n\ndeep"
        };
        assert_eq!(Mail::parse(&nest(DEPTH_MAX)).parts[0].media, "text/x");
        assert_eq!(Mail::parse(&nest(DEPTH_MAX + 1)).parts[0].media, "multipart/mixed");
        let wide =
            |parts: usize| format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(parts));
        assert_eq!(Mail::parse(&wide(PARTS_MAX)).parts.len(), PARTS_MAX);
        assert_eq!(Mail::parse(&wide(PARTS_MAX + 1)).parts.len(), PARTS_MAX);
    }
}
