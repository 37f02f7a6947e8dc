//! The text as it grows: words, and what is due before the next one.

use crate::mail::entities;

/// Lists and quotes in each other that are shown by indenting.
pub(super) const LEVELS_MAX: usize = 8;
/// What stands for `<hr>`.
pub(super) const RULE: &str = "----";

/// What surrounds a place in the document, to come back to when an element ends. An end tag also ends what was left
/// open inside of it, and so restores rather than counts.
#[derive(Clone, Copy)]
pub(super) struct Nesting {
    hidden: bool,
    pre: bool,
    quotes: usize,
    lists: usize,
}

/// A page that is being written.
#[derive(Default)]
pub(super) struct Page {
    pub(super) out: String,
    pub(super) hidden: bool,
    pub(super) pre: bool,
    pub(super) quotes: usize,
    /// The next number of each open list, `None` where it has bullets.
    pub(super) lists: Vec<Option<u32>>,
    /// What stands before the first word of a list item.
    marker: Option<String>,
    /// Line breaks and a space that are due before the next word.
    due: usize,
    pub(super) space: bool,
    link: Option<Link>,
}

struct Link {
    url: String,
    /// Where its text begins.
    start: Option<usize>,
    has_image: bool,
}

impl Page {
    pub(super) fn nesting(&self) -> Nesting {
        Nesting { hidden: self.hidden, pre: self.pre, quotes: self.quotes, lists: self.lists.len() }
    }

    pub(super) fn restore(&mut self, before: Nesting) {
        self.hidden = before.hidden;
        self.pre = before.pre;
        self.quotes = before.quotes;
        if self.lists.len() > before.lists {
            self.lists.truncate(before.lists);
            self.marker = None;
        }
    }

    pub(super) fn breaks(&mut self, lines: usize) {
        self.due = self.due.max(lines);
    }

    /// Two in a row leave an empty line; more do not make it emptier.
    pub(super) fn line_break(&mut self) {
        self.due = (self.due + 1).min(2);
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.hidden {
            return;
        }
        if self.pre {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.line_break();
                }
                self.word(line.trim_end());
            }
            return;
        }
        self.space |= text.starts_with(char::is_whitespace);
        for (at, word) in text.split_whitespace().enumerate() {
            self.space |= at > 0;
            self.word(word);
        }
        self.space |= text.ends_with(char::is_whitespace);
    }

    /// Writes a word, and before it what is due.
    pub(super) fn word(&mut self, word: &str) {
        if word.chars().all(|character| character.is_whitespace() || is_invisible(character)) {
            return;
        }
        if self.due > 0 || self.out.is_empty() {
            if !self.out.is_empty() {
                (0..self.due).for_each(|_| self.out.push('\n'));
            }
            self.begin_line();
        } else if self.space {
            self.out.push(' ');
        }
        (self.due, self.space) = (0, false);
        if let Some(link) = &mut self.link {
            link.start.get_or_insert(self.out.len());
        }
        self.out.extend(word.chars().filter(|character| !matches!(character, '\u{200b}' | '\u{feff}' | '\u{ad}')));
    }

    fn begin_line(&mut self) {
        self.out.push_str(&"> ".repeat(self.quotes.min(LEVELS_MAX)));
        self.out.push_str(&"  ".repeat(self.lists.len().saturating_sub(1).min(LEVELS_MAX)));
        match self.marker.take() {
            Some(marker) => self.out.push_str(&marker),
            None if !self.lists.is_empty() => self.out.push_str("  "),
            None => {}
        }
    }

    pub(super) fn begin_item(&mut self) {
        self.marker = Some(match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "- ".to_owned(),
        });
    }

    pub(super) fn image(&mut self, alt: Option<&str>) {
        if let Some(link) = &mut self.link {
            link.has_image = true;
        }
        self.text(&entities::decode(alt.unwrap_or_default()));
    }

    pub(super) fn begin_link(&mut self, href: Option<&str>) {
        self.end_link();
        let shown = href.and_then(|href| shown_url(&entities::decode(href)));
        self.link = shown.map(|url| Link { url, start: None, has_image: false });
    }

    /// Writes where a link leads, unless its text says so already.
    pub(super) fn end_link(&mut self) {
        let Some(link) = self.link.take() else { return };
        match link.start {
            Some(start) if same_place(&self.out[start..], &link.url) => {}
            Some(_) => {
                self.out.push_str(" (");
                self.out.push_str(&link.url);
                self.out.push(')');
            }
            None if link.has_image => self.word(&link.url),
            None => {}
        }
    }
}

/// The address of a link as a reader can use it; `None` for places inside of the document and for scripts.
fn shown_url(href: &str) -> Option<String> {
    let url: String = href.trim().chars().filter(|character| !character.is_control()).collect();
    let (scheme, rest) = url.split_once(':')?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => Some(url),
        "mailto" | "tel" | "sms" => rest.split('?').next().filter(|rest| !rest.is_empty()).map(str::to_owned),
        _ => None,
    }
}

fn same_place(text: &str, url: &str) -> bool {
    fn bare(url: &str) -> &str {
        let url = url.trim();
        let url = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
        url.strip_suffix('/').unwrap_or(url)
    }
    bare(text) == bare(url)
}

/// Characters that newsletters stuff between the preview line and the text.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}
