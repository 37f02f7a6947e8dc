//! Rewrites the links of an html part so that clicks are counted, and adds the pixel that counts opens.
//!
//! The document is read with `lol_html`, but written by hand: only the bytes of a link's address are exchanged, and
//! everything else, down to the spaces inside of tags, stays as its author left it. Plain text is never rewritten.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use lol_html::html_content::Element;
use lol_html::{HtmlRewriter, MemorySettings, Settings, doc_text, element, end_tag};

use crate::mail::{entities, token};

/// The longest html part that is rewritten.
pub const HTML_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Links of one email that are rewritten. Those behind it lead where they did, uncounted.
pub const LINKS_MAX: u32 = 10_000;
/// What the parser may hold: open elements, and a tag or comment that is not closed.
pub const PARSER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Gives each `<a href>` and `<area href>` that leads to the web the address that `tracked` returns for it; `None`
/// leaves it alone. `tracked` sees the destination as a browser does: character references decoded once, spaces
/// around it cut off. Elements with the attribute `data-no-track` and every other kind of address are not asked about.
/// What is added goes before the last `</body>`, or to the end where there is none.
pub fn track(
    html: &str,
    tracked: &mut dyn FnMut(&str) -> Option<String>,
    added: Added<'_>,
) -> Result<String, LinkError> {
    if html.len() > HTML_BYTES_MAX {
        return Err(LinkError::TooLong);
    }
    let found = find(html)?;
    let mut written = String::with_capacity(html.len() + html.len() / 4);
    let mut from = 0;
    for value in found.links {
        let Some(replacement) = tracked(&destination(&html[value.clone()])) else { continue };
        written.push_str(&html[from..value.start]);
        push_value(&mut written, &entities::encode(&replacement));
        from = value.end;
    }
    let added = added.html();
    if !added.is_empty() {
        let at = found.body_end.filter(|at| *at >= from).unwrap_or(html.len());
        written.push_str(&html[from..at]);
        written.push_str(&added);
        from = at;
    }
    written.push_str(&html[from..]);
    Ok(written)
}

/// What [`track`] adds to a document: addresses, each of which may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Added<'a> {
    /// Of the image that counts opens.
    pub pixel: Option<&'a str>,
    /// Of a link that no person sees.
    pub canary: Option<&'a str>,
}

impl Added<'_> {
    fn html(self) -> String {
        let canary = self.canary.map(canary_tag).unwrap_or_default();
        canary + &self.pixel.map(pixel_tag).unwrap_or_default()
    }
}

/// Every address that [`track`] would ask about, in order.
pub fn destinations(html: &str) -> Result<Vec<String>, LinkError> {
    let mut seen = Vec::new();
    let mut note = |url: &str| {
        seen.push(url.to_owned());
        None
    };
    track(html, &mut note, Added::default())?;
    Ok(seen)
}

/// What there is to change.
struct Found {
    /// Where the values of web links stand, without their quotes, in order.
    links: Vec<Range<usize>>,
    /// Where the last end tag of the body begins.
    body_end: Option<usize>,
}

fn find(html: &str) -> Result<Found, LinkError> {
    let links = RefCell::new(Vec::new());
    let body_end = Rc::new(Cell::new(None));
    let on_link = |link: &mut Element| {
        let value = link_value(link).filter(|value| token::after_scheme(&destination(&html[value.clone()])).is_some());
        let mut links = links.borrow_mut();
        if links.len() < LINKS_MAX as usize {
            links.extend(value);
        }
        Ok(())
    };
    let on_body = |body: &mut Element| {
        let body_end = Rc::clone(&body_end);
        body.on_end_tag(end_tag!(move |end| {
            body_end.set(Some(end.source_location().bytes().start));
            Ok(())
        }))
    };
    let settings = Settings::new()
        .append_element_content_handler(element!("a, area", on_link))
        .append_element_content_handler(element!("body", on_body))
        .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(PARSER_BYTES_MAX))
        // Whoever reads text makes the parser read everything in full. Its faster way, which looks for tags only, loses
        // its place in `<script a=><a href="">` (lol_html 3.0.3).
        .append_document_content_handler(doc_text!(|_| Ok(())))
        // A document that browsers disagree about is still sent; refusing it is not this function's business.
        .with_strict(false);
    let mut parser = HtmlRewriter::new(settings, |_: &[u8]| {});
    parser.write(html.as_bytes()).and_then(|()| parser.end()).map_err(|_| LinkError::TooComplex)?;
    Ok(Found { links: links.into_inner(), body_end: body_end.get() })
}

/// Where the link's address stands. Of two, the first counts, as in browsers.
fn link_value(link: &Element) -> Option<Range<usize>> {
    if link.has_attribute("data-no-track") {
        return None;
    }
    let href = link.attributes().iter().find(|attribute| attribute.name() == "href")?;
    href.value_source_location().map(|location| location.bytes())
}

/// An attribute's value as the URL that a browser makes of it.
fn destination(value: &str) -> String {
    entities::decode(value).trim_matches(|character: char| character <= ' ').to_owned()
}

/// Writes a value where another one stood, in its quotes, or in new ones where it had none.
fn push_value(written: &mut String, value: &str) {
    let quoted = written.ends_with(['"', '\'']);
    if !quoted {
        written.push('"');
    }
    written.push_str(value);
    if !quoted {
        written.push('"');
    }
}

/// It is not hidden, because some mail programs do not fetch what nobody can see.
fn pixel_tag(url: &str) -> String {
    format!(
        "<img src=\"{}\" alt=\"\" width=\"1\" height=\"1\" style=\"border:0;width:1px;height:1px\">",
        entities::encode(url)
    )
}

/// It has no text, takes no room and is neither shown, read aloud nor reached by a keyboard, also not by Outlook, which
/// knows `mso-hide` better.
fn canary_tag(url: &str) -> String {
    format!(
        "<a href=\"{}\" data-no-track aria-hidden=\"true\" tabindex=\"-1\" rel=\"nofollow\" \
         style=\"display:none;mso-hide:all\"></a>",
        entities::encode(url)
    )
}

/// Why an html part was not rewritten. It can be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkError {
    /// Longer than [`HTML_BYTES_MAX`].
    TooLong,
    /// Reading it takes more than [`PARSER_BYTES_MAX`].
    TooComplex,
}

impl Error for LinkError {}

impl fmt::Display for LinkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(out, "the html is longer than {HTML_BYTES_MAX} bytes, too long for tracking"),
            Self::TooComplex => out.write_str(
                "the html nests too deeply, or a tag or comment in it has no end; tracking needs it simpler",
            ),
        }
    }
}

#[cfg(test)]
mod tests;
