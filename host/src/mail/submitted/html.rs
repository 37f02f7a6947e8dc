//! The html parts of a message, written anew in their places: decoded, tracked, and encoded as they were.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{HeaderName, Message, MessagePart, MimeHeaders, PartType};

use super::{Edit, Track, quoted_printable};
use crate::mail::parsed;

/// Base64 lines (RFC 2045 section 6.8).
const BASE64_LINE_BYTES: usize = 76;
/// A line of text, without its end (RFC 5322 section 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// How a part travels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Encoding {
    /// 7bit, 8bit or binary: as it is.
    Plain,
    QuotedPrintable,
    Base64,
}

/// What is to be exchanged in `raw`. Parts in other character sets than UTF-8, in signed or encrypted ones, and files
/// stay as they are.
pub(super) fn edits(raw: &[u8], tracked: &mut Track<'_>) -> Vec<Edit> {
    let found = parsed::with_parts(raw, |message| {
        let parts = shown_html(message).into_iter();
        parts.filter_map(|part| edits_of(raw, part, tracked)).flatten().collect()
    });
    found.unwrap_or_default()
}

/// The html parts that a reader sees and that may be touched.
fn shown_html<'m>(message: &'m Message<'m>) -> Vec<&'m MessagePart<'m>> {
    let mut open = vec![0];
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        let Some(part) = message.parts.get(id as usize) else { continue };
        match &part.body {
            PartType::Multipart(children) if !is_sealed(part) => open.extend(children.iter().rev()),
            PartType::Html(_) if message.html_body.contains(&id) => found.push(part),
            _ => {}
        }
    }
    found
}

/// Whether a signature is over it, or it is encrypted.
fn is_sealed(part: &MessagePart<'_>) -> bool {
    let subtype = part.content_type().and_then(|content_type| content_type.subtype()).unwrap_or_default();
    ["signed", "encrypted"].iter().any(|sealed| subtype.eq_ignore_ascii_case(sealed))
}

fn edits_of(raw: &[u8], part: &MessagePart<'_>, tracked: &mut Track<'_>) -> Option<Vec<Edit>> {
    let place = part.offset_body as usize..part.offset_end as usize;
    let encoded = raw.get(place.clone())?;
    let encoding = encoding(raw, part)?;
    if !is_utf8(part) {
        return None;
    }
    let html = match encoding {
        Encoding::Plain => encoded.to_vec(),
        Encoding::QuotedPrintable => quoted_printable_decode(encoded)?,
        Encoding::Base64 => base64_decode(encoded)?,
    };
    let html = String::from_utf8(html).ok()?;
    let written = tracked(&html).filter(|written| *written != html)?;
    Some(match encoding {
        Encoding::Base64 => {
            // The line end behind the last line is none of the content.
            let end = place.start + encoded.trim_ascii_end().len();
            vec![Edit { place: place.start..end, by: base64(&written) }]
        }
        Encoding::QuotedPrintable => vec![Edit { place, by: quoted_printable::encode(&written) }],
        Encoding::Plain if fits(&written) => vec![Edit { place, by: written.into_bytes() }],
        // A tracked link is longer than the link was, and a line has a bound.
        Encoding::Plain => vec![renamed(part)?, Edit { place, by: quoted_printable::encode(&written) }],
    })
}

fn is_utf8(part: &MessagePart<'_>) -> bool {
    let charset = part.content_type().and_then(|content_type| content_type.attribute("charset"));
    charset.is_none_or(|charset| ["utf-8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known)))
}

/// `None` for an encoding that nobody knows.
fn encoding(raw: &[u8], part: &MessagePart<'_>) -> Option<Encoding> {
    let named = part.headers.iter().find(|header| header.name == HeaderName::ContentTransferEncoding);
    let Some(header) = named else { return Some(Encoding::Plain) };
    let value = raw.get(header.offset_start as usize..header.offset_end as usize)?;
    match value.trim_ascii().to_ascii_lowercase().as_slice() {
        b"7bit" | b"8bit" | b"binary" => Some(Encoding::Plain),
        b"quoted-printable" => Some(Encoding::QuotedPrintable),
        b"base64" => Some(Encoding::Base64),
        _ => None,
    }
}

/// Says that the part is quoted-printable: in the place of what it said, or before the header that made it html.
fn renamed(part: &MessagePart<'_>) -> Option<Edit> {
    let at = |name: HeaderName<'static>| part.headers.iter().find(|header| header.name == name);
    let by = b"Content-Transfer-Encoding: quoted-printable\r\n".to_vec();
    if let Some(header) = at(HeaderName::ContentTransferEncoding) {
        return Some(Edit { place: header.offset_field as usize..header.offset_end as usize, by });
    }
    let before = at(HeaderName::ContentType)?.offset_field as usize;
    Some(Edit { place: before..before, by })
}

fn fits(text: &str) -> bool {
    text.split("\r\n").all(|line| line.len() <= LINE_BYTES_MAX)
}

fn base64(text: &str) -> Vec<u8> {
    let encoded = BASE64.encode(text);
    encoded.as_bytes().chunks(BASE64_LINE_BYTES).collect::<Vec<_>>().join(b"\r\n".as_slice())
}
