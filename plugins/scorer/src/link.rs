//! One link of a message: where it stands, where it leads and what the reader sees of it.

use std::borrow::Cow;
use std::ops::Range;

use crate::byte_set::ByteSet;
use crate::url::Url;
use crate::verdict::{Location, Part};

/// What stands behind the first word of an address.
static SIGNS: ByteSet = ByteSet::of(b":.");

/// Links of a plain text that are looked at.
const TEXT_LINKS_MAX: usize = 200_000;

/// A link of the html or an address in the text.
pub(crate) struct Link<'m> {
    pub(crate) part: Part,
    /// The address in the part's source; the whole tag when the address is empty.
    pub(crate) range: Range<usize>,
    pub(crate) url: Url<'m>,
    /// What the reader clicks, in bytes of the page's visible text. `None` in plain text.
    pub(crate) label: Option<Range<usize>>,
    pub(crate) has_image: bool,
    /// An image's `alt` or an `aria-label` says what it is, whatever the label.
    pub(crate) names_itself: bool,
}

impl<'m> Link<'m> {
    pub(crate) fn new(part: Part, range: Range<usize>, address: Cow<'m, str>) -> Link<'m> {
        Link { part, range, url: Url::parse(address), label: None, has_image: false, names_itself: false }
    }

    pub(crate) fn place(&self) -> Location {
        Location::within(self.part, self.range.clone())
    }
}

/// The addresses that mail programs make into links when they show plain text.
pub(crate) fn in_text(text: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut from = 0;
    while let Some(start) = next_start(text, from) {
        let rest = &text[start..];
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '|')).unwrap_or(rest.len());
        let address = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'', '*', '_']);
        from = start + end.max(1);
        if links.len() >= TEXT_LINKS_MAX {
            break;
        }
        let readable = if address.as_bytes().first().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'w')) {
            Cow::Owned(format!("http://{address}"))
        } else {
            Cow::Borrowed(address)
        };
        links.push(Link::new(Part::Text, start..start + address.len(), readable));
    }
    links
}

fn next_start(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let ends = |end: usize, word: &[u8]| {
        let start = end.checked_sub(word.len()).filter(|start| *start >= from)?;
        bytes[start..end].eq_ignore_ascii_case(word).then_some(start)
    };
    let is_apart = |start: &usize| *start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
    let mut at = from;
    while let Some(sign) = SIGNS.find(bytes, at) {
        let start = match bytes[sign] {
            b':' if bytes[sign..].starts_with(b"://") => ends(sign, b"http").or_else(|| ends(sign, b"https")),
            b'.' => ends(sign, b"www").filter(is_apart),
            _ => None,
        };
        if start.is_some() {
            return start;
        }
        at = sign + 1;
    }
    None
}
