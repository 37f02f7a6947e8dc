//! Reads html once, from the first byte to the last, and fills a `Page`.

use std::borrow::Cow;
use std::ops::Range;

use super::attributes::Attributes;
use super::elements::{NAME_BYTES_MAX, element, ended_by, lower};
use super::entities;
use super::page::{HiddenText, Image, Page, Spot};
use super::stack::{Open, Stack};
use super::style::{Background, colour};
use super::tokens::{Kind, Token, Tokens};
use crate::link::Link;
use crate::verdict::Part;
use crate::words;

/// Links of one page that are looked at.
const LINKS_MAX: usize = 200_000;

/// Images of one page that are looked at.
const IMAGES_MAX: usize = 100_000;

/// Hidden stretches of one page that are looked at.
const HIDDEN_MAX: usize = 10_000;

/// Bytes of a style sheet that the largest mailbox provider keeps; the rest is dropped.
const SHEET_BYTES_KEPT: usize = 8192;

/// Nested elements that mail programs show reliably.
const DEPTH_SAFE_MAX: usize = 256;

/// What `Page::read` does.
pub(super) fn read(html: &str) -> Page<'_> {
    let mut reader = Reader {
        page: Page::empty(html),
        open: Stack::default(),
        anchor: None,
        sheetless: !has_sheet(html),
        shows_text: false,
        heading: 0,
        has_body: false,
        raw: "",
    };
    for token in Tokens::of(html) {
        reader.token(token);
    }
    reader.end();
    reader.page
}

struct Reader<'h> {
    page: Page<'h>,
    open: Stack,
    /// The link that is open.
    anchor: Option<usize>,
    sheetless: bool,
    /// Whether anything was visible so far.
    shows_text: bool,
    /// Level of the last heading.
    heading: u8,
    has_body: bool,
    /// The element whose raw content comes next.
    raw: &'static str,
}

impl<'h> Reader<'h> {
    fn token(&mut self, token: Token<'h>) {
        match token.kind {
            Kind::Text => self.text(token.range),
            Kind::Raw => self.raw(token.range),
            Kind::Start { name, attributes } => {
                let mut buffer = [0; NAME_BYTES_MAX];
                self.start(lower(name, &mut buffer), words::hash(name), &attributes, token.range);
            }
            Kind::End { name } => {
                let mut buffer = [0; NAME_BYTES_MAX];
                self.finish(lower(name, &mut buffer), words::hash(name), token.range.start);
            }
            Kind::Comment => self.comment(token.range),
            Kind::Doctype => {
                self.page.declares.doctype = true;
                self.page.is_document = true;
            }
        }
    }

    fn text(&mut self, range: Range<usize>) {
        let text = &self.page.html[range.clone()];
        let blank = text.trim_ascii().is_empty();
        if !blank && let Some(hiding) = self.open.look().hiding(self.sheetless) {
            let letters = entities::decode(text).chars().filter(|c| c.is_alphanumeric()).count();
            let leads = !self.shows_text;
            let has_room = self.page.hidden.len() < HIDDEN_MAX;
            match self.page.hidden.last_mut() {
                Some(last) if last.hiding == hiding && last.leads == leads => {
                    last.letters += letters;
                }
                _ if letters == 0 || !has_room => {}
                _ => self.page.hidden.push(HiddenText { hiding, range: trimmed(text, range.start), letters, leads }),
            }
            return;
        }
        self.shows_text |= !blank;
        self.page.visible.push_source(self.page.html, range);
    }

    fn raw(&mut self, range: Range<usize>) {
        match self.raw {
            "title" => self.page.declares.title |= !self.page.html[range].trim_ascii().is_empty(),
            "textarea" | "xmp" => self.text(range),
            "style" => self.sheet(range),
            _ => {}
        }
    }

    fn sheet(&mut self, range: Range<usize>) {
        if self.page.html[range.clone()].contains("@import") {
            self.page.mark(Spot::StyleImport, range.clone());
        }
        if range.len() > SHEET_BYTES_KEPT {
            self.page.mark(Spot::LargeSheet, range);
        }
    }

    fn comment(&mut self, range: Range<usize>) {
        let bytes = self.page.html.as_bytes();
        let letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
        // `<!-- -->` is what React writes between two texts.
        let filled = range.len() > "<!-- -->".len();
        if filled && letter(range.start.checked_sub(1)) && letter(Some(range.end)) {
            self.page.mark(Spot::SplitWord, range);
        }
    }

    fn start(&mut self, name: &str, hash: u64, attributes: &Attributes<'h>, tag: Range<usize>) {
        if name == "a" && self.anchor.is_some() {
            self.page.mark(Spot::NestedLink, tag.clone());
        }
        self.imply_ends(name);
        let element = element(name);
        if element.breaks_line {
            self.page.visible.break_line(tag.start);
        }
        let mut look = self.open.look();
        for attribute in attributes.clone() {
            if attribute.is("style") {
                look.apply_style(&attribute.decoded(), |spot| self.page.mark(spot, tag.clone()));
            } else if attribute.is("bgcolor") {
                look.apply_background(&attribute.decoded());
            } else if attribute.is("background") {
                self.page.mark(Spot::BackgroundImage, tag.clone());
                look.background = Background::Unknown;
            } else if attribute.is("hidden") {
                look.removed = true;
            } else if name == "font" && attribute.is("color") {
                look.colour = colour(&attribute.decoded());
            } else if attribute.is("lang") || attribute.is("xml:lang") {
                self.page.declares.language |= !attribute.value.is_empty();
            } else if is_handler(attribute.name) {
                self.page.mark(Spot::EventHandler, tag.clone());
            }
        }
        look.removed |= name == "template";
        self.notice(name, attributes, &tag);
        self.raw = match name {
            "title" => "title",
            "textarea" | "xmp" => "textarea",
            "style" => "style",
            _ => "other",
        };
        if !element.is_void {
            if self.open.depth() == DEPTH_SAFE_MAX {
                self.page.mark(Spot::TooDeep, tag.clone());
            }
            self.open.push(Open { name: hash, tag, look, end_is_optional: element.end_is_optional });
        }
    }

    /// Takes down what an element is by itself.
    fn notice(&mut self, name: &str, attributes: &Attributes<'h>, tag: &Range<usize>) {
        match name {
            "body" => {
                self.page.is_document = true;
                if std::mem::replace(&mut self.has_body, true) {
                    self.page.mark(Spot::SecondBody, tag.clone());
                }
            }
            "html" | "head" => self.page.is_document = true,
            "a" | "area" => self.link(name, attributes, tag),
            "img" => self.image(attributes, tag),
            "script" => self.page.mark(Spot::Script, tag.clone()),
            "form" => self.page.mark(Spot::Form, tag.clone()),
            "input" if says(attributes, "type", "password") => self.page.mark(Spot::PasswordField, tag.clone()),
            "iframe" | "frame" => self.page.mark(Spot::Frame, tag.clone()),
            "object" | "embed" | "applet" => self.page.mark(Spot::PluginContent, tag.clone()),
            "meta" if says(attributes, "http-equiv", "refresh") => self.page.mark(Spot::MetaRefresh, tag.clone()),
            "base" => self.page.mark(Spot::BaseTag, tag.clone()),
            "link" if says(attributes, "rel", "stylesheet") => self.page.mark(Spot::ExternalSheet, tag.clone()),
            "audio" | "video" => self.page.mark(Spot::Media, tag.clone()),
            "svg" | "canvas" => self.page.mark(Spot::Drawing, tag.clone()),
            "select" | "textarea" => self.page.mark(Spot::Field, tag.clone()),
            "input" if !says(attributes, "type", "hidden") => self.page.mark(Spot::Field, tag.clone()),
            "map" => self.page.mark(Spot::ImageMap, tag.clone()),
            "font" | "center" | "big" | "strike" => self.page.mark(Spot::OldLook, tag.clone()),
            "details" | "dialog" => self.page.mark(Spot::Interactive, tag.clone()),
            "blink" | "marquee" => self.page.mark(Spot::Moving, tag.clone()),
            "table" if !attributes.clone().any(|attribute| attribute.is("role")) => {
                self.page.mark(Spot::LayoutTable, tag.clone());
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = name.as_bytes()[1] - b'0';
                if self.heading > 0 && level > self.heading + 1 {
                    self.page.mark(Spot::HeadingSkipped, tag.clone());
                }
                self.heading = level;
            }
            _ => {}
        }
    }

    fn link(&mut self, name: &str, attributes: &Attributes<'h>, tag: &Range<usize>) {
        let Some(href) = attributes.clone().find(|attribute| attribute.is("href")) else { return };
        if self.page.links.len() >= LINKS_MAX {
            return;
        }
        let label_start = self.page.visible.text.len();
        let place = if href.value.is_empty() { tag.clone() } else { href.value.clone() };
        let mut link = Link::new(Part::Html, place, href.decoded());
        link.label = Some(label_start..label_start);
        link.names_itself = attributes.clone().any(|attribute| {
            (attribute.is("aria-label") || attribute.is("title") || attribute.is("alt")) && !attribute.value.is_empty()
        });
        self.page.links.push(link);
        if name == "a" {
            self.anchor = Some(self.page.links.len() - 1);
        }
    }

    fn image(&mut self, attributes: &Attributes<'h>, tag: &Range<usize>) {
        let mut image = Image { range: tag.clone(), source: Cow::Borrowed(""), alt: None, width: None, height: None };
        for attribute in attributes.clone() {
            if attribute.is("src") {
                image.source = attribute.decoded();
            } else if attribute.is("alt") {
                image.alt = Some(attribute.decoded());
            } else if attribute.is("width") {
                image.width = pixels(&attribute.decoded());
            } else if attribute.is("height") {
                image.height = pixels(&attribute.decoded());
            }
        }
        if let Some(link) = self.anchor.and_then(|at| self.page.links.get_mut(at)) {
            link.has_image = true;
            link.names_itself |= image.alt.as_deref().is_some_and(|alt| !alt.trim().is_empty());
        }
        if self.page.images.len() < IMAGES_MAX {
            self.page.images.push(image);
        }
    }

    fn finish(&mut self, name: &str, hash: u64, at: usize) {
        if name == "a" {
            self.end_link();
        }
        if element(name).breaks_line {
            self.page.visible.break_line(at);
        }
        let page = &mut self.page;
        self.open.close(hash, |left| {
            if !left.end_is_optional {
                page.mark(Spot::Misnested, left.tag);
            }
        });
    }

    fn end_link(&mut self) {
        let end = self.page.visible.text.len();
        let link = self.anchor.take().and_then(|at| self.page.links.get_mut(at));
        if let Some(label) = link.and_then(|link| link.label.as_mut()) {
            label.end = end;
        }
    }

    /// Ends what the start of another element ends: a link ends a link, a list item a list item.
    fn imply_ends(&mut self, name: &str) {
        if name == "a" {
            self.end_link();
        }
        for other in ended_by(name) {
            if self.open.innermost() == Some(words::hash(other)) {
                self.open.pop();
            }
        }
    }

    fn end(&mut self) {
        self.end_link();
        let mut unclosed = Vec::new();
        while let Some(open) = self.open.pop() {
            if !open.end_is_optional {
                unclosed.push(open.tag);
            }
        }
        for tag in unclosed.into_iter().rev() {
            self.page.mark(Spot::Unclosed, tag);
        }
    }
}

/// Whether the attribute `name` is `value`.
fn says(attributes: &Attributes<'_>, name: &str, value: &str) -> bool {
    let mut named = attributes.clone().filter(|attribute| attribute.is(name));
    named.next().is_some_and(|attribute| attribute.decoded().trim().eq_ignore_ascii_case(value))
}

fn is_handler(name: &str) -> bool {
    name.len() > 2 && name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("on"))
}

fn has_sheet(html: &str) -> bool {
    html.match_indices('<').any(|(at, _)| {
        let name = &html.as_bytes()[at + 1..];
        let starts = |word: &[u8]| name.len() >= word.len() && name[..word.len()].eq_ignore_ascii_case(word);
        starts(b"style") || starts(b"link")
    })
}

fn trimmed(text: &str, offset: usize) -> Range<usize> {
    let start = offset + (text.len() - text.trim_start().len());
    start..start + text.trim().len()
}

fn pixels(value: &str) -> Option<u32> {
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    value[..digits].parse().ok().filter(|_| !value.ends_with('%'))
}
