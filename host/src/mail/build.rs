//! Builds the message that is sent (RFC 5322, MIME), byte for byte the same for the same input.
//!
//! ```text
//! multipart/mixed                     with files
//!   multipart/related                 with images inside of the html
//!     multipart/alternative           with text and html
//!       text/plain
//!       text/html
//!     image/…
//!   application/…
//! ```
//!
//! A level that would have a single part is left out. Everything is ASCII with lines of at most 998 bytes that end in
//! CRLF, so that no server on the way has a reason to change it and break its signature. The one exception are
//! addresses whose local part is not ASCII (RFC 6532); such a message needs SMTPUTF8.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::headers::url::URL;
use mail_builder::mime::{BodyPart, MimePart};
use ring::digest;

use crate::mail::address::Mailbox;

mod attachment;
mod words;

pub use attachment::{Attachment, AttachmentError, FILENAME_BYTES_MAX};

/// The header in which an email's id travels, so that whatever comes back can be told.
pub const EMAIL_ID_HEADER: &str = "X-Pillarbox-Email-Id";

/// Words of a header longer than this do not fit on a line with its name, and are written as encoded words.
const WORD_BYTES_MAX: usize = 900;
/// How much of a hash makes a boundary.
const BOUNDARY_HASH_BYTES: usize = 12;
/// Base64 lines (RFC 2045 section 6.8).
const BASE64_LINE_BYTES: usize = 76;

/// A message to be built. There is no field for bcc, so that it cannot end up in one.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// `local@domain`, with or without angle brackets; the same on every attempt.
    pub message_id: &'a str,
    /// When it was accepted, in seconds since 1970-01-01T00:00:00Z.
    pub date_unix: i64,
    /// Its author.
    pub from: &'a Mailbox,
    /// Its recipients.
    pub to: &'a [Mailbox],
    /// More recipients.
    pub cc: &'a [Mailbox],
    /// Where answers go.
    pub reply_to: Option<&'a Mailbox>,
    /// One line, without control characters. Any length is folded or encoded to fit.
    pub subject: &'a str,
    /// The plain text. Line ends of any kind become CRLF.
    pub text: Option<&'a str>,
    /// The html. Line ends of any kind become CRLF.
    pub html: Option<&'a str>,
    /// Files, and images that the html shows.
    pub attachments: &'a [Attachment],
    /// The customer's own, from [`CustomHeaders`](crate::mail::headers::CustomHeaders).
    pub headers: &'a [(String, String)],
    /// Goes into [`EMAIL_ID_HEADER`].
    pub email_id: &'a str,
    /// The https URL of one-click unsubscribing (RFC 8058).
    pub unsubscribe: Option<&'a str>,
    /// What nobody can guess before the message is built; boundaries follow from it. The same seed and content give
    /// the same bytes.
    pub boundary_seed: &'a str,
}

/// The whole message: headers, an empty line, body.
pub fn build(outgoing: &Outgoing) -> Vec<u8> {
    let mut message = MessageBuilder::new()
        .date(Date::new(outgoing.date_unix))
        .from(address(outgoing.from))
        .to(recipients(outgoing.to));
    if !outgoing.cc.is_empty() {
        message = message.cc(recipients(outgoing.cc));
    }
    if let Some(reply_to) = outgoing.reply_to {
        message = message.reply_to(address(reply_to));
    }
    let message_id = outgoing.message_id.trim_start_matches('<').trim_end_matches('>');
    message = message
        .header("Subject", subject(outgoing.subject))
        .header("Message-ID", MessageId::new(message_id))
        .header(EMAIL_ID_HEADER, Raw::new(outgoing.email_id));
    if let Some(url) = outgoing.unsubscribe {
        message = message
            .header("List-Unsubscribe", URL::new(url))
            .header("List-Unsubscribe-Post", Raw::new("List-Unsubscribe=One-Click"));
    }
    for (name, value) in outgoing.headers {
        message = message.header(name.as_str(), unstructured(value));
    }
    let mut bytes = Vec::new();
    message.header("MIME-Version", Raw::new("1.0")).body(body(outgoing)).serialize(&mut bytes);
    // SMTP would end the last line as well; so what is kept is what travels.
    if !bytes.ends_with(b"\r\n") {
        bytes.extend(b"\r\n");
    }
    bytes
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    Address::new_address(mailbox.name.as_deref(), mailbox.address.as_str())
}

/// An empty list is still a header, since some filters count a missing one against the message.
fn recipients(mailboxes: &[Mailbox]) -> Address<'_> {
    if mailboxes.is_empty() {
        return Address::new_group(Some("undisclosed-recipients"), vec![]);
    }
    Address::new_list(mailboxes.iter().map(address).collect())
}

/// A subject is nothing but text; a header of the customer's may bring encoded words that are meant to be some.
fn subject(text: &str) -> HeaderType<'_> {
    if words::looks_encoded(text) { Raw::new(words::encoded_words(text)).into() } else { unstructured(text) }
}

/// A value without syntax of its own. ASCII is folded at its spaces and otherwise left alone, so that headers which
/// do have a syntax, such as References, keep it; everything else becomes encoded words (RFC 2047).
fn unstructured(value: &str) -> HeaderType<'_> {
    let plain = value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
        && !value.ends_with([' ', '\t'])
        && !value.starts_with([' ', '\t'])
        && value.split([' ', '\t']).all(|word| word.len() <= WORD_BYTES_MAX);
    if plain { Raw::new(value).into() } else { Text::new(value).into() }
}

fn body<'a>(outgoing: &Outgoing<'a>) -> MimePart<'a> {
    let text = outgoing.text.map(|text| text_part("text/plain", text));
    let html = outgoing.html.map(|html| text_part("text/html", html));
    let shown = |file: &&Attachment| file.inline && outgoing.html.is_some();
    let (inline, files): (Vec<_>, Vec<_>) = outgoing.attachments.iter().partition(shown);

    let content = match (text, html) {
        (Some(text), Some(html)) => multipart("alternative", vec![text, html], outgoing.boundary_seed),
        (Some(part), None) | (None, Some(part)) => part,
        (None, None) => text_part("text/plain", ""),
    };
    let content = with_files("related", content, &inline, outgoing.boundary_seed);
    with_files("mixed", content, &files, outgoing.boundary_seed)
}

fn with_files<'a>(kind: &str, content: MimePart<'a>, files: &[&'a Attachment], seed: &str) -> MimePart<'a> {
    if files.is_empty() {
        return content;
    }
    let parts = std::iter::once(content).chain(files.iter().map(|file| file_part(file))).collect();
    multipart(kind, parts, seed)
}

/// `=_` stands neither in base64 nor in quoted-printable (RFC 2045 section 6.7), and what follows cannot be guessed.
fn multipart<'a>(kind: &str, parts: Vec<MimePart<'a>>, seed: &str) -> MimePart<'a> {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(kind.as_bytes());
    hash.update(b"\0");
    hash.update(seed.as_bytes());
    let mut boundary = "=_".to_owned();
    boundary.extend(hash.finish().as_ref()[..BOUNDARY_HASH_BYTES].iter().flat_map(|byte| hex(*byte)));
    let mut content_type = ContentType::new(format!("multipart/{kind}"));
    if kind == "related" {
        // RFC 2387 section 3.1: the type of the part that the others belong to.
        let root = parts.first().and_then(|part| match &part.headers.first()?.1 {
            HeaderType::ContentType(content_type) => Some(content_type.c_type.clone().into_owned()),
            _ => None,
        });
        content_type = content_type.attribute("type", root.unwrap_or_default());
    }
    MimePart::new(content_type.attribute("boundary", boundary), parts)
}

fn hex(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)]))
}

fn text_part<'a>(content_type: &'a str, text: &'a str) -> MimePart<'a> {
    let content_type = ContentType::new(content_type).attribute("charset", "utf-8");
    let text = with_crlf(text);
    let odd = |byte: u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n');
    if text.bytes().any(odd) {
        // 7bit, which would be chosen for ASCII, has no room for them (RFC 2045 section 2.7).
        return base64_part(content_type, text.as_bytes());
    }
    MimePart::new(content_type, BodyPart::Text(text))
}

/// A file's bytes are never touched, not even the line ends of text.
fn file_part(file: &Attachment) -> MimePart<'_> {
    let disposition = if file.inline { "inline" } else { "attachment" };
    let part = base64_part(ContentType::new(file.content_type.as_str()), &file.content)
        .header("Content-Disposition", ContentType::new(disposition).attribute("filename", file.filename.as_str()));
    match &file.content_id {
        Some(id) => part.cid(id.as_str()),
        None => part,
    }
}

fn base64_part<'a>(content_type: ContentType<'a>, content: &[u8]) -> MimePart<'a> {
    let encoded = STANDARD.encode(content);
    let mut lines = Vec::with_capacity(encoded.len() + encoded.len() / BASE64_LINE_BYTES * 2 + 2);
    for line in encoded.as_bytes().chunks(BASE64_LINE_BYTES) {
        lines.extend_from_slice(line);
        lines.extend_from_slice(b"\r\n");
    }
    // Named here, the encoding is taken as done.
    MimePart::new(content_type, BodyPart::Binary(lines.into())).transfer_encoding("base64")
}

/// Every kind of line end as CRLF.
fn with_crlf(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let ends_line = |at: usize| match bytes[at] {
        b'\r' => bytes.get(at + 1) == Some(&b'\n'),
        b'\n' => at > 0 && bytes[at - 1] == b'\r',
        _ => true,
    };
    if (0..bytes.len()).all(ends_line) {
        return Cow::Borrowed(text);
    }
    let mut lines = String::with_capacity(text.len() + text.len() / 32 + 2);
    let mut rest = text;
    while let Some(end) = rest.find(['\r', '\n']) {
        lines.push_str(&rest[..end]);
        lines.push_str("\r\n");
        let used = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + used..];
    }
    lines.push_str(rest);
    Cow::Owned(lines)
}

#[cfg(test)]
mod tests;
