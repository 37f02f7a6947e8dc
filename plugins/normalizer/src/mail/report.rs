//! A mail seen as a report: what its writer says, and what it quotes of the mail it is about.

use std::borrow::Cow;

use super::header::Headers;
use super::markup::without_markup;
use super::mime::{Mail, Part};
use super::quote::{quoted_header, split_quote};
use crate::text::prefix;
use crate::time;

/// Text that is looked at, in bytes. Reports are short; what is longer is a quoted mail.
const SAID_BYTES_MAX: usize = 256 * 1024;

/// Media types of a returned mail, or of its header alone.
#[rustfmt::skip]
const MEDIA: &[&str] = &[
    "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers",
    "text/rfc822",
];

/// A report and what it is about.
pub(crate) struct Report<'a> {
    /// The report itself, or the one inside when somebody forwarded it.
    pub(crate) mail: Mail<'a>,
    /// The writer's own words, without markup and without what is quoted.
    pub(crate) said: String,
    /// The header of the mail it is about, when it is quoted.
    pub(crate) returned: Headers,
}

impl<'a> Report<'a> {
    /// Tells what is said from what is quoted.
    pub(crate) fn open(mail: Mail<'a>) -> Self {
        let mut said = String::new();
        let mut returned = embedded_header(&mail);
        for part in mail.parts.iter().filter(|part| is_text(part)) {
            let text = match part.media.as_str() {
                // The same words again.
                "text/html" if !said.trim().is_empty() => continue,
                "text/html" => Cow::Owned(without_markup(&part.text)),
                _ => Cow::Borrowed(&*part.text),
            };
            let room = SAID_BYTES_MAX.saturating_sub(said.len());
            let (own, quoted) = split_quote(prefix(&text, room));
            said.push_str(own);
            said.push('\n');
            if returned.is_empty() {
                returned = quoted_header(quoted);
            }
        }
        Self { mail, said, returned }
    }

    /// When the report was written.
    pub(crate) fn date(&self) -> Option<i64> {
        self.mail.headers.get("date").and_then(time::rfc5322)
    }

    /// The report's subject, decoded and in lower case.
    pub(crate) fn subject(&self) -> String {
        self.mail.headers.decoded("subject").unwrap_or_default().to_lowercase()
    }

    /// The report's own id, without angle brackets.
    pub(crate) fn id(&self) -> Option<String> {
        self.mail.headers.get("message-id").map(message_id).filter(|id| !id.is_empty())
    }
}

/// A Message-ID without its angle brackets.
pub(crate) fn message_id(value: &str) -> String {
    value.trim().trim_start_matches('<').split('>').next().unwrap_or_default().trim().to_owned()
}

fn is_text(part: &Part) -> bool {
    part.media.starts_with("text/") && part.media != "text/rfc822-headers"
        || part.media.starts_with("multipart/")
        || part.media.is_empty()
}

fn embedded_header(mail: &Mail) -> Headers {
    let part = mail.parts.iter().find(|part| MEDIA.contains(&part.media.as_str()));
    part.map(|part| Headers::parse(&part.text).0).unwrap_or_default()
}
