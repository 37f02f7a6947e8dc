//! The attributes of a tag, read where they stand.

use std::borrow::Cow;
use std::ops::Range;

use super::entities;
use crate::byte_set::ByteSet;

static DOUBLE_QUOTE: ByteSet = ByteSet::of(b"\"");
static SINGLE_QUOTE: ByteSet = ByteSet::of(b"'");

/// One attribute; `value` is its place in the source, without quotes.
pub(crate) struct Attribute<'h> {
    html: &'h str,
    pub(crate) name: &'h str,
    pub(crate) value: Range<usize>,
}

impl<'h> Attribute<'h> {
    /// The value with character references resolved.
    pub(crate) fn decoded(&self) -> Cow<'h, str> {
        entities::decode(&self.html[self.value.clone()])
    }

    /// Whether this is the attribute `name`, which is in lower case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The attributes of one tag, in order. Doubles are not removed.
#[derive(Clone)]
pub(crate) struct Attributes<'h> {
    html: &'h str,
    at: usize,
}

impl<'h> Attributes<'h> {
    /// `from` is the place behind the tag's name.
    pub(crate) fn of(html: &'h str, from: usize) -> Attributes<'h> {
        Attributes { html, at: from }
    }
}

impl<'h> Iterator for Attributes<'h> {
    type Item = Attribute<'h>;

    fn next(&mut self) -> Option<Attribute<'h>> {
        let (name, value, after) = read(self.html, self.at)?;
        self.at = after;
        Some(Attribute { html: self.html, name: &self.html[name], value })
    }
}

/// Where the tag ends whose name ends at `from`: behind its `>`. `None` when the source ends first.
pub(crate) fn tag_end(html: &str, from: usize) -> Option<usize> {
    let mut at = from;
    while let Some((_, _, after)) = read(html, at) {
        at = after;
    }
    let end = skip(html, at, |byte| byte.is_ascii_whitespace() || byte == b'/');
    (html.as_bytes().get(end) == Some(&b'>')).then_some(end + 1)
}

/// The next attribute's name and value and the place behind it.
fn read(html: &str, from: usize) -> Option<(Range<usize>, Range<usize>, usize)> {
    let bytes = html.as_bytes();
    let start = skip(html, from, |byte| byte.is_ascii_whitespace() || byte == b'/');
    if matches!(bytes.get(start), None | Some(b'>')) {
        return None;
    }
    // A leading `=` belongs to the name, so that every round moves on.
    let end = skip(html, start + 1, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'='));
    let equals = skip(html, end, |byte| byte.is_ascii_whitespace());
    if bytes.get(equals) != Some(&b'=') {
        return Some((start..end, end..end, end));
    }
    let value = skip(html, equals + 1, |byte| byte.is_ascii_whitespace());
    let quote = match bytes.get(value) {
        Some(b'"') => Some(&DOUBLE_QUOTE),
        Some(b'\'') => Some(&SINGLE_QUOTE),
        _ => None,
    };
    if let Some(quote) = quote {
        let close = quote.find(bytes, value + 1).unwrap_or(html.len());
        return Some((start..end, value + 1..close, (close + 1).min(html.len())));
    }
    let close = skip(html, value, |byte| !byte.is_ascii_whitespace() && byte != b'>');
    Some((start..end, value..close, close))
}

/// The first place from `from` on whose byte is not `wanted`. Only ASCII bytes stop it or are skipped one by one,
/// so it ends on a character boundary.
fn skip(html: &str, from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = &html.as_bytes()[from.min(html.len())..];
    from.min(html.len()) + rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len())
}
