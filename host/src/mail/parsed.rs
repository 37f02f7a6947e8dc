//! Takes a whole message apart, the way a reader's mail program would: for scoring its content, and for the page that
//! shows captured mail.
//!
//! The message may come from anybody. What is read is bounded by the constants below, and what would make the parser
//! work out of proportion is taken out before it sees it (see `guard`).

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};

mod guard;

/// The longest message that is read.
pub const RAW_BYTES_MAX: usize = 40 * 1024 * 1024;
/// Headers that are kept, in the order of the message.
pub const HEADERS_MAX: usize = 1_000;
/// How much of a header's value is read.
pub const HEADER_VALUE_BYTES_MAX: usize = 64 * 1024;
/// Addresses of one header that are kept.
pub const ADDRESSES_MAX: usize = 1_000;
/// Files that are kept.
pub const ATTACHMENTS_MAX: usize = 1_000;
/// How much of the html, and of the text, is kept.
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// How much of a file is kept with the message, enough to tell what it really is.
pub const HEAD_BYTES_MAX: usize = 256;

/// A message taken apart. Transfer encodings, character sets and encoded words are decoded; what the message does not
/// have is `None`, which differs from empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedMessage {
    /// The first author: display name and address as they stand there, each empty when there is none.
    pub from: Option<(String, String)>,
    /// Where answers go, in the same form.
    pub reply_to: Option<(String, String)>,
    /// The recipients that the message names, in the same form.
    pub to: Vec<(String, String)>,
    /// Unfolded.
    pub subject: Option<String>,
    /// The html part as it was sent; never made from text.
    pub html: Option<String>,
    /// The text part as it was sent; never made from html. Several in a row are joined by line breaks.
    pub text: Option<String>,
    /// Name as written and value, unfolded and decoded.
    pub headers: Vec<(String, String)>,
    /// Everything that is not the message's own text.
    pub attachments: Vec<ParsedAttachment>,
}

/// A file in a message, without most of its content: see [`attachment_content`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedAttachment {
    /// Empty when it has none. Do not use it as a path.
    pub filename: String,
    /// `type/subtype` in lower case.
    pub content_type: String,
    /// Bytes after decoding.
    pub size: usize,
    /// The first bytes after decoding, at most [`HEAD_BYTES_MAX`].
    pub head: Vec<u8>,
    /// Shown inside of the html rather than offered for download.
    pub inline: bool,
    /// Without angle brackets.
    pub content_id: Option<String>,
}

impl ParsedMessage {
    /// Reads a message (RFC 5322, MIME). `None` for what has no headers, is longer than [`RAW_BYTES_MAX`], or is built
    /// to be hard to read. A message inside of the message is a file of it.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let raw = guard::guarded(raw)?;
        let message = read(&raw)?;
        let own = &message.parts.first().filter(|part| !part.headers.is_empty())?.headers;
        let value = |name: &HeaderName| {
            let header = own.iter().rev().find(|header| header.name == *name)?;
            raw.get(header.offset_start as usize..header.offset_end as usize)
        };
        let addresses = |name| value(&name).map(mailboxes).unwrap_or_default();
        let headers = own.iter().take(HEADERS_MAX).map(|header| {
            let value = raw.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
            (header.name.as_str().to_owned(), unstructured(value))
        });
        Some(Self {
            from: addresses(HeaderName::From).into_iter().next(),
            reply_to: addresses(HeaderName::ReplyTo).into_iter().next(),
            to: addresses(HeaderName::To),
            subject: value(&HeaderName::Subject).map(unstructured),
            html: body(&message, &message.html_body, |part| match part {
                PartType::Html(html) => Some(html),
                _ => None,
            }),
            text: body(&message, &message.text_body, |part| match part {
                PartType::Text(text) => Some(text),
                _ => None,
            }),
            headers: headers.collect(),
            attachments: message.attachments().take(ATTACHMENTS_MAX).map(attachment).collect(),
        })
    }
}

/// The whole of one file, by its place in [`ParsedMessage::attachments`].
pub fn attachment_content(raw: &[u8], index: usize) -> Option<Vec<u8>> {
    let raw = guard::guarded(raw)?;
    let message = read(&raw)?;
    message.attachments().take(ATTACHMENTS_MAX).nth(index).map(|part| part.contents().to_vec())
}

/// Shows the parts of a message with their places in it. `None` as for [`ParsedMessage::parse`].
pub(super) fn with_parts<T>(raw: &[u8], look: impl FnOnce(&Message) -> T) -> Option<T> {
    let raw = guard::guarded(raw)?;
    Some(look(&read(&raw)?))
}

/// Finds the parts. Only what that needs is parsed; other headers are read from their bytes, within bounds.
fn read(raw: &[u8]) -> Option<Message<'_>> {
    MessageParser::new()
        .header_content_type(HeaderName::ContentType)
        .header_content_type(HeaderName::ContentDisposition)
        .header_text(HeaderName::ContentTransferEncoding)
        .header_id(HeaderName::ContentId)
        .default_header_ignore()
        .parse(raw)
}

/// The parts of one kind among those that are shown, joined.
fn body<'m>(
    message: &'m Message<'m>,
    shown: &[u32],
    of_kind: impl Fn(&'m PartType<'m>) -> Option<&'m std::borrow::Cow<'m, str>>,
) -> Option<String> {
    let mut joined: Option<String> = None;
    for text in shown.iter().filter_map(|id| of_kind(&message.parts.get(*id as usize)?.body)) {
        let joined = match &mut joined {
            Some(joined) => {
                joined.push('\n');
                joined
            }
            None => joined.insert(String::new()),
        };
        let room = BODY_BYTES_MAX.saturating_sub(joined.len());
        joined.push_str(&text[..text.floor_char_boundary(room)]);
    }
    joined
}

fn attachment(part: &MessagePart) -> ParsedAttachment {
    let content = part.contents();
    let content_type = part.content_type().map_or_else(String::new, |content_type| {
        let kind = guard::original_type(content_type.ctype());
        format!("{kind}/{}", content_type.subtype().unwrap_or_default()).to_ascii_lowercase()
    });
    let disposed = part.content_disposition().map(mail_parser::ContentType::is_inline);
    let content_id = part.content_id().map(str::to_owned);
    ParsedAttachment {
        filename: part.attachment_name().unwrap_or_default().to_owned(),
        content_type,
        size: content.len(),
        head: content[..content.len().min(HEAD_BYTES_MAX)].to_vec(),
        inline: disposed.unwrap_or(content_id.is_some()),
        content_id,
    }
}

fn bounded(value: &[u8]) -> &[u8] {
    &value[..value.len().min(HEADER_VALUE_BYTES_MAX)]
}

/// A value unfolded, with its encoded words decoded (RFC 2047).
pub(super) fn unstructured(value: &[u8]) -> String {
    let value = bounded(value);
    let mut line = Vec::with_capacity(value.len() + 1);
    line.extend_from_slice(value);
    if !line.ends_with(b"\n") {
        line.push(b'\n');
    }
    match MessageStream::new(&line).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}

/// Names and addresses of a header, fit to send to or not.
pub(super) fn mailboxes(value: &[u8]) -> Vec<(String, String)> {
    let mut line = bounded(value).to_vec();
    line.push(b'\n');
    let value = MessageStream::new(&line).parse_address();
    let HeaderValue::Address(address) = value else { return Vec::new() };
    let found: Vec<_> = match address {
        Address::List(list) => list,
        Address::Group(groups) => groups.into_iter().flat_map(|group| group.addresses).collect(),
    };
    let as_pair = |one: mail_parser::Addr| {
        (one.name.unwrap_or_default().into_owned(), one.address.unwrap_or_default().into_owned())
    };
    found.into_iter().take(ADDRESSES_MAX).map(as_pair).collect()
}

#[cfg(test)]
mod tests;
