//! Places where a template should have been filled in and was not.

use std::ops::Range;

use crate::byte_set::ByteSet;

/// Bytes of the longest tag that is looked for.
const TAG_BYTES_MAX: usize = 80;

/// How the tags of the usual template languages begin and end.
const FORMS: [(&str, &str); 7] =
    [("{{", "}}"), ("*|", "|*"), ("{%", "%}"), ("<%=", "%>"), ("${", "}"), ("%%", "%%"), ("[[", "]]")];

/// The bytes that these begin with.
pub(crate) const STARTS: &[u8] = b"{*<$%[";
static SIGNS: ByteSet = ByteSet::of(STARTS);

/// The tags in `text`, in order. Each candidate is looked at over a bounded stretch.
pub(crate) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = SIGNS.find(text.as_bytes(), from)?;
            let end = FORMS.iter().find_map(|form| end_of(text, start, *form));
            from = end.unwrap_or(start + 1);
            if let Some(end) = end {
                return Some(start..end);
            }
        }
    })
}

fn end_of(text: &str, start: usize, (open, close): (&str, &str)) -> Option<usize> {
    // In `{{{name}}}` the tag is found from the second bracket on.
    let inside =
        text[start..].strip_prefix(open).filter(|inside| inside.as_bytes().first() != open.as_bytes().first())?;
    let mut limit = inside.len().min(TAG_BYTES_MAX);
    while !inside.is_char_boundary(limit) {
        limit -= 1;
    }
    let length = inside[..limit].find(close)?;
    let name = &inside[..length];
    // Something must be named: `{{ }}`, `%%%%` and `[[1]]` are not tags.
    let names_something = name.bytes().filter(u8::is_ascii_alphabetic).count() >= 2 && !name.contains(['\n', '<']);
    names_something.then_some(start + open.len() + length + close.len())
}
