//! Everything that rules ask of a message, found out once and handed to all of them.

use std::ops::Range;

use crate::hosts;
use crate::html::page::Page;
use crate::link::{self, Link};
use crate::message::Message;
use crate::phrases::PhraseHit;
use crate::prose::Prose;
use crate::scripts;
use crate::settings::Settings;
use crate::verdict::{Location, Part};
use crate::wordlist::Topic;

/// Links and images from which on html looks like a campaign rather than a letter.
const CAMPAIGN_LINKS_MIN: usize = 8;
const CAMPAIGN_IMAGES_MIN: usize = 3;

/// A message and what was found out about it.
pub(crate) struct Facts<'m> {
    pub(crate) message: &'m Message,
    pub(crate) subject: Option<Prose<'m>>,
    pub(crate) page: Option<&'m Page<'m>>,
    /// What the page shows.
    pub(crate) shown: Option<Prose<'m>>,
    pub(crate) text: Option<Prose<'m>>,
    text_links: Vec<Link<'m>>,
    /// Domain of the sender's address, in lower case.
    pub(crate) from_domain: Option<String>,
    own_domains: Vec<&'m str>,
    /// Why it looks like mail to many, if it does.
    pub(crate) bulk: Option<&'static str>,
}

impl<'m> Facts<'m> {
    /// `page` is the message's html, read.
    pub(crate) fn of(message: &'m Message, page: Option<&'m Page<'m>>, settings: &Settings<'m>) -> Facts<'m> {
        let text = message.text.as_deref().map(|text| crate::beginning(text, crate::TEXT_BYTES_READ_MAX));
        let from_domain = message.from.as_ref().and_then(|from| domain_of(&from.email));
        let mut facts = Facts {
            message,
            subject: message
                .subject
                .as_deref()
                .map(|subject| Prose::plain(Part::Subject, crate::beginning(subject, crate::TEXT_BYTES_READ_MAX))),
            page,
            shown: page.map(|page| Prose::shown(&page.visible)),
            text: text.map(|text| Prose::plain(Part::Text, text)),
            text_links: text.map(link::in_text).unwrap_or_default(),
            from_domain: from_domain.map(str::to_lowercase),
            own_domains: settings.own_domains().collect(),
            bulk: None,
        };
        facts.bulk = facts.signs_of_bulk();
        facts
    }

    /// Every link, those of the html first.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Link<'m>> {
        self.page.map_or(&[][..], |page| &page.links).iter().chain(&self.text_links)
    }

    /// What the reader clicks on.
    pub(crate) fn label(&self, link: &Link<'_>) -> Option<&'m str> {
        self.page?.visible.text.get(link.label.clone()?).map(str::trim)
    }

    /// Every text for people: subject, page and plain text.
    pub(crate) fn prose(&self) -> impl Iterator<Item = &Prose<'m>> {
        self.subject.iter().chain(&self.shown).chain(&self.text)
    }

    /// The body that a reader sees first: the page if it shows anything, else the plain text.
    pub(crate) fn body(&self) -> Option<&Prose<'m>> {
        self.shown.as_ref().filter(|shown| !shown.is_blank()).or(self.text.as_ref())
    }

    /// Where the message speaks of something. The plain text is only asked when the rest says nothing.
    pub(crate) fn topic(&self, topic: Topic) -> impl Iterator<Item = (&Prose<'m>, &PhraseHit)> {
        let first = self.subject.iter().chain(&self.shown);
        let spare = self.shown.iter().all(|shown| shown.hits(topic).next().is_none());
        let text = self.text.iter().filter(move |_| spare);
        first.chain(text).flat_map(move |prose| prose.hits(topic).map(move |hit| (prose, hit)))
    }

    pub(crate) fn speaks_of(&self, topic: Topic) -> bool {
        self.topic(topic).next().is_some()
    }

    /// The headers of a name, with their index among all headers.
    pub(crate) fn headers(&self, name: &'static str) -> impl Iterator<Item = (usize, &'m str)> {
        let all = self.message.headers.iter().enumerate();
        all.filter(move |(_, (other, _))| other.eq_ignore_ascii_case(name))
            .map(|(index, (_, value))| (index, value.as_str()))
    }

    /// The first header of a name.
    pub(crate) fn header(&self, name: &'static str) -> Option<(usize, &'m str)> {
        self.headers(name).next()
    }

    /// Whether a host is the sender's: under the domain of the From address or one that the operator names.
    pub(crate) fn is_own(&self, host: &str) -> bool {
        self.from_domain.as_deref().is_some_and(|from| hosts::same_owner(from, host))
            || self.own_domains.iter().any(|own| hosts::is_within(host, own))
    }

    fn signs_of_bulk(&self) -> Option<&'static str> {
        let is_list = |name: &str| name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("list-"));
        if self.message.headers.iter().any(|(name, _)| is_list(name)) {
            return Some("it has List- headers");
        }
        let for_many =
            |value: &str| ["bulk", "list", "junk"].iter().any(|word| value.trim().eq_ignore_ascii_case(word));
        if self.header("Precedence").is_some_and(|(_, value)| for_many(value)) {
            return Some("it has a Precedence header for bulk mail");
        }
        if self.speaks_of(Topic::Unsubscribe) {
            return Some("it speaks of unsubscribing");
        }
        if self.speaks_of(Topic::Browser) {
            return Some("it offers a version for the browser or says why it was sent");
        }
        let web_links = self.page.map_or(0, |page| page.links.iter().filter(|link| link.url.is_web()).count());
        let images = self.page.map_or(0, |page| page.pictures().count());
        (web_links >= CAMPAIGN_LINKS_MIN && images >= CAMPAIGN_IMAGES_MIN).then_some("it has many links and images")
    }
}

/// The whole value of a header as a place.
pub(crate) fn header_place(index: usize, value: &str) -> Location {
    Location::indexed(Part::Headers, index, 0..value.len())
}

/// The domain of an address.
pub(crate) fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain.trim_end_matches('>')).filter(|domain| !domain.is_empty())
}

/// A piece of a message for a sentence: on one line, without what turns or breaks it, cut where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let mut quote = String::from("\u{201c}");
    let mut length = 0;
    for character in text.trim().chars().filter(|c| !scripts::turns_direction(*c)) {
        let is_blank = character.is_whitespace() || character.is_control();
        if is_blank && quote.ends_with(' ') {
            continue;
        }
        if length == CHARACTERS_MAX {
            quote.push('\u{2026}');
            break;
        }
        length += 1;
        quote.push(if is_blank { ' ' } else { character });
    }
    quote.push('\u{201d}');
    quote
}

/// A stretch of a text as a sentence shows it.
pub(crate) fn quoted_range(text: &str, range: &Range<usize>) -> String {
    quoted(&text[range.clone()])
}
