//! Cuts html into tags, text and comments, as forgivingly as a browser and in one pass.
//!
//! It follows the tokenizer of the HTML standard (section 13.2.5) where that matters for mail: what is a tag, where
//! it ends, which elements hold raw text. Every byte is looked at a fixed number of times, whatever the input.

use std::ops::Range;

use super::attributes::{self, Attributes};

/// A piece of the source; `range` covers it whole, with its brackets.
pub(crate) struct Token<'h> {
    pub(crate) kind: Kind<'h>,
    pub(crate) range: Range<usize>,
}

/// What a piece is.
pub(crate) enum Kind<'h> {
    Text,
    /// Content of `script`, `style` and the like, where nothing is a tag.
    Raw,
    Start {
        name: &'h str,
        attributes: Attributes<'h>,
    },
    End {
        name: &'h str,
    },
    Comment,
    Doctype,
}

/// Elements whose content is text up to their own end tag.
const RAW_ELEMENTS: [&str; 8] = ["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"];

/// The pieces of `html`, in order and without gaps, except that a tag which never ends is dropped.
pub(crate) struct Tokens<'h> {
    html: &'h str,
    at: usize,
    raw: Option<&'h str>,
}

impl<'h> Tokens<'h> {
    pub(crate) fn of(html: &'h str) -> Tokens<'h> {
        Tokens { html, at: 0, raw: None }
    }

    fn take(&mut self, kind: Kind<'h>, end: usize) -> Token<'h> {
        let range = self.at..end;
        self.at = end;
        Token { kind, range }
    }

    fn markup(&mut self) -> Option<Token<'h>> {
        let rest = &self.html[self.at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            // `<!-->` and `<!--->` are whole comments.
            let closed = if comment.starts_with('>') || comment.starts_with("->") {
                comment.find('>').map(|end| end + 1)
            } else {
                comment.find("-->").map(|end| end + 3)
            };
            let end = closed.map_or(self.html.len(), |end| self.at + 4 + end);
            return Some(self.take(Kind::Comment, end));
        }
        match rest.as_bytes().get(1) {
            Some(b'!' | b'?') => {
                let is_doctype = rest.get(2..9).is_some_and(|word| word.eq_ignore_ascii_case("doctype"));
                let end = rest.find('>').map_or(self.html.len(), |end| self.at + end + 1);
                Some(self.take(if is_doctype { Kind::Doctype } else { Kind::Comment }, end))
            }
            Some(b'/') if rest.as_bytes().get(2).is_some_and(u8::is_ascii_alphabetic) => {
                let name = tag_name(&rest[2..]);
                let end = attributes::tag_end(self.html, self.at + 2 + name.len())?;
                Some(self.take(Kind::End { name }, end))
            }
            Some(first) if first.is_ascii_alphabetic() => {
                let name = tag_name(&rest[1..]);
                let from = self.at + 1 + name.len();
                let end = attributes::tag_end(self.html, from)?;
                self.raw = RAW_ELEMENTS.into_iter().any(|raw| raw.eq_ignore_ascii_case(name)).then_some(name);
                Some(self.take(Kind::Start { name, attributes: Attributes::of(self.html, from) }, end))
            }
            // A bracket that opens nothing is text.
            _ => {
                let end = rest[1..].find('<').map_or(self.html.len(), |next| self.at + 1 + next);
                Some(self.take(Kind::Text, end))
            }
        }
    }
}

impl<'h> Iterator for Tokens<'h> {
    type Item = Token<'h>;

    fn next(&mut self) -> Option<Token<'h>> {
        if self.at >= self.html.len() {
            return None;
        }
        if let Some(name) = self.raw.take() {
            let end = raw_end(self.html, self.at, name);
            if end > self.at {
                return Some(self.take(Kind::Raw, end));
            }
        }
        if self.html.as_bytes()[self.at] == b'<' {
            return self.markup();
        }
        let end = self.html[self.at..].find('<').map_or(self.html.len(), |next| self.at + next);
        Some(self.take(Kind::Text, end))
    }
}

fn tag_name(rest: &str) -> &str {
    let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(rest.len());
    &rest[..end]
}

fn raw_end(html: &str, from: usize, name: &str) -> usize {
    let mut at = from;
    while let Some(found) = html[at..].find("</") {
        at += found;
        let after = &html.as_bytes()[at + 2..];
        if after.len() >= name.len() && after[..name.len()].eq_ignore_ascii_case(name.as_bytes()) {
            return at;
        }
        at += 2;
    }
    html.len()
}
