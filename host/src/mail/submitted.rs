//! A message as a customer's mail program made it: what it says about itself, and what becomes of it on its way.
//!
//! It stays as it is, byte for byte, but for a few headers: those that speak to this service are read and taken out,
//! and those that a message must have are put in front where they are missing. With tracking, its html parts are written
//! anew in their places, and nothing around them.

use std::ops::Range;

use mail_builder::headers::date::Date;
use serde_json::{Map, Value as Json};

use crate::mail::address::{EmailAddress, Mailbox};
use crate::mail::build::EMAIL_ID_HEADER;
use crate::mail::parsed::{self, ADDRESSES_MAX, HEADER_VALUE_BYTES_MAX};

mod error;
mod fields;
mod html;
mod quoted_printable;

pub use error::SubmittedError;
pub use fields::{HEADER_BYTES_MAX, HEADERS_MAX};

use fields::{Field, fields};

/// Bytes of a Message-ID that is remembered. A longer one stays in the message.
pub const MESSAGE_ID_BYTES_MAX: usize = 250;

/// Headers that a message has once (RFC 5322 section 3.6). Programs that read a second one differ in which they believe.
const ONCE: &[&str] = &[
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "date",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];
/// Servers that a message may have passed. One that passed more goes round in a circle (RFC 5321 section 6.3).
pub const RECEIVED_MAX: usize = 50;
/// Headers that name recipients.
const RECIPIENTS: &[&str] = &["to", "cc", "bcc"];
/// Headers that are read, or of no use behind this service, and do not go out.
const REMOVED: &[&str] = &["bcc", "return-path", "x-tag", "x-track-opens", "x-track-clicks", "x-stream-type"];
/// The beginnings of more of them. What begins with the service's own name can only be a forgery.
const REMOVED_PREFIXES: &[&str] = &[METADATA_PREFIX, "x-pillarbox-"];
/// What broadcasts get of the service, and so not of the customer.
const UNSUBSCRIBE: &[&str] = &["list-unsubscribe", "list-unsubscribe-post"];
const METADATA_PREFIX: &str = "x-metadata-";

/// A message whose header is sound.
#[derive(Debug)]
pub struct SubmittedMessage<'a> {
    raw: &'a [u8],
    fields: Vec<Field<'a>>,
    /// The author.
    pub from: Mailbox,
    /// Decoded; empty when there is none.
    pub subject: String,
    /// Without angle brackets, when it has one of a common form.
    pub message_id: Option<String>,
    /// What its headers ask of the service.
    pub wishes: Wishes,
}

/// What headers ask for that do not go out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wishes {
    /// `X-Tag`.
    pub tag: Option<String>,
    /// `X-Metadata-NAME`, each under its name in lower case.
    pub metadata: Map<String, Json>,
    /// `X-Track-Opens`.
    pub track_opens: Option<bool>,
    /// `X-Track-Clicks`.
    pub track_clicks: Option<bool>,
    /// `X-Stream-Type: broadcast`.
    pub broadcast: bool,
}

/// What the service adds.
#[derive(Clone, Copy, Debug)]
pub struct Added<'a> {
    /// Goes into [`EMAIL_ID_HEADER`].
    pub email_id: &'a str,
    /// The server that took the message.
    pub host: &'a str,
    /// How it came, in a word of RFC 3848.
    pub protocol: &'a str,
    /// For a message without one, without angle brackets.
    pub message_id: &'a str,
    /// When it was taken, in seconds since 1970: also the date of a message without one.
    pub date_unix: i64,
    /// The https URL of one-click unsubscribing (RFC 8058), for broadcasts.
    pub unsubscribe: Option<&'a str>,
}

/// Gives html its tracked links and pixel; `None` leaves it alone.
pub type Track<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// Part of a message that is written anew.
struct Edit {
    place: Range<usize>,
    by: Vec<u8>,
}

impl<'a> SubmittedMessage<'a> {
    /// Reads a message whose lines end in CRLF.
    pub fn read(raw: &'a [u8]) -> Result<Self, SubmittedError> {
        let fields = fields(raw)?;
        for name in ONCE {
            if fields.iter().filter(|field| field.is(name)).count() > 1 {
                return Err(SubmittedError::Twice(name));
            }
        }
        if fields.iter().filter(|field| field.is("received")).count() > RECEIVED_MAX {
            return Err(SubmittedError::Loop);
        }
        let text =
            |name: &str| fields.iter().find(|field| field.is(name)).map(|field| parsed::unstructured(field.value));
        let from = fields.iter().find(|field| field.is("from")).ok_or(SubmittedError::NoFrom)?;
        Ok(Self {
            raw,
            from: author(from.value)?,
            subject: text("subject").unwrap_or_default(),
            message_id: text("message-id").and_then(|value| message_id(&value)),
            wishes: Wishes::read(&fields)?,
            fields,
        })
    }

    /// Whether `To` names this address.
    pub fn is_to(&self, address: &EmailAddress) -> bool {
        self.names("to", address)
    }

    /// Whether `Cc` names this address.
    pub fn is_cc(&self, address: &EmailAddress) -> bool {
        self.names("cc", address)
    }

    /// Everybody whom `To`, `Cc` and `Bcc` name, as they stand there: not all of it need be addresses.
    pub fn recipients(&self) -> Result<Vec<String>, SubmittedError> {
        let mut recipients = Vec::new();
        for name in RECIPIENTS {
            for field in self.fields.iter().filter(|field| field.is(name)) {
                let named = parsed::mailboxes(field.value);
                if field.value.len() > HEADER_VALUE_BYTES_MAX || named.len() >= ADDRESSES_MAX {
                    return Err(SubmittedError::ManyAddresses(name));
                }
                recipients.extend(named.into_iter().map(|(_, address)| address));
            }
        }
        Ok(recipients)
    }

    /// The message as it goes out. `tracked` gives html its tracked links and pixel; `None` leaves it alone, as does a
    /// signature or encryption that nobody may touch.
    pub fn finish(&self, added: &Added<'_>, tracked: Option<&mut Track<'_>>) -> Vec<u8> {
        let mut edits = vec![Edit { place: 0..0, by: self.headers(added) }];
        let removed = self.fields.iter().filter(|field| self.is_removed(field));
        edits.extend(removed.map(|field| Edit { place: field.place.clone(), by: Vec::new() }));
        if let Some(tracked) = tracked {
            edits.extend(html::edits(self.raw, tracked));
        }
        // Stable, so that what goes in front of a place stands before what is done to it.
        edits.sort_by_key(|edit| edit.place.start);
        spliced(self.raw, &edits)
    }

    fn names(&self, header: &str, address: &EmailAddress) -> bool {
        let named =
            self.fields.iter().filter(|field| field.is(header)).flat_map(|field| parsed::mailboxes(field.value));
        named.into_iter().any(|(_, text)| EmailAddress::parse(&text).is_ok_and(|named| named.matches(address)))
    }

    fn is_removed(&self, field: &Field<'_>) -> bool {
        let begins =
            |prefix: &&str| field.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        REMOVED.iter().any(|name| field.is(name))
            || REMOVED_PREFIXES.iter().any(begins)
            || self.wishes.broadcast && UNSUBSCRIBE.iter().any(|name| field.is(name))
    }

    /// The headers that go in front.
    fn headers(&self, added: &Added<'_>) -> Vec<u8> {
        let has = |name: &str| self.fields.iter().any(|field| field.is(name));
        let date = Date::new(added.date_unix).to_rfc822();
        // The client is not named: whoever reads the message need not know where its author sits.
        let received =
            format!("Received: by {} with {} id {};\r\n\t{date}\r\n", added.host, added.protocol, added.email_id);
        let mut headers = vec![received, format!("{EMAIL_ID_HEADER}: {}\r\n", added.email_id)];
        if !has("message-id") {
            headers.push(format!("Message-ID: <{}>\r\n", added.message_id));
        }
        if !has("date") {
            headers.push(format!("Date: {date}\r\n"));
        }
        if let Some(url) = added.unsubscribe.filter(|_| self.wishes.broadcast) {
            // On a line of its own, since a URL cannot be folded.
            headers.push(format!("List-Unsubscribe:\r\n <{url}>\r\n"));
            headers.push("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n".into());
        }
        headers.concat().into_bytes()
    }
}

impl Wishes {
    fn read(fields: &[Field<'_>]) -> Result<Self, SubmittedError> {
        let mut wishes = Self::default();
        for field in fields {
            let value = || parsed::unstructured(field.value).trim().to_owned();
            match field.name.to_ascii_lowercase().as_str() {
                "x-tag" => wishes.tag = Some(value()).filter(|tag| !tag.is_empty()),
                "x-track-opens" => wishes.track_opens = Some(switch("X-Track-Opens", &value())?),
                "x-track-clicks" => wishes.track_clicks = Some(switch("X-Track-Clicks", &value())?),
                "x-stream-type" => wishes.broadcast = is_broadcast(&value())?,
                name => {
                    if let Some(name) = name.strip_prefix(METADATA_PREFIX).filter(|name| !name.is_empty()) {
                        wishes.metadata.insert(name.to_owned(), value().into());
                    }
                }
            }
        }
        Ok(wishes)
    }
}

/// The one author. Comments, groups and lists are refused, because what one program takes for the address another one
/// does not.
fn author(value: &[u8]) -> Result<Mailbox, SubmittedError> {
    let text = std::str::from_utf8(value).map_err(|_| SubmittedError::FromNotText)?;
    let mailbox = Mailbox::parse(&fields::unfolded(text)).map_err(SubmittedError::From)?;
    let name = mailbox.name.map(|name| parsed::unstructured(name.as_bytes()));
    Ok(Mailbox { name, address: mailbox.address })
}

fn message_id(value: &str) -> Option<String> {
    let id = value.trim().strip_prefix('<')?.strip_suffix('>')?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>".contains(&byte);
    ((1..=MESSAGE_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}

fn switch(name: &'static str, value: &str) -> Result<bool, SubmittedError> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(SubmittedError::Wish(name, "true or false")),
    }
}

fn is_broadcast(value: &str) -> Result<bool, SubmittedError> {
    match value.to_ascii_lowercase().as_str() {
        "broadcast" => Ok(true),
        "transactional" => Ok(false),
        _ => Err(SubmittedError::Wish("X-Stream-Type", "transactional or broadcast")),
    }
}

/// The text with what the edits put in the place of its parts.
fn spliced(raw: &[u8], edits: &[Edit]) -> Vec<u8> {
    let added: usize = edits.iter().map(|edit| edit.by.len()).sum();
    let mut written = Vec::with_capacity(raw.len() + added);
    let mut from = 0;
    for edit in edits {
        // Two that overlap would be a fault of this module; the first one stands.
        if edit.place.start < from {
            continue;
        }
        written.extend_from_slice(&raw[from..edit.place.start]);
        written.extend_from_slice(&edit.by);
        from = edit.place.end;
    }
    written.extend_from_slice(&raw[from..]);
    written
}

#[cfg(test)]
mod tests;
