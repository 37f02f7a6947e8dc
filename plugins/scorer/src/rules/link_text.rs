//! Rules about links whose text is an address: what the reader sees against where it leads.

use std::borrow::Cow;

use super::{Category, Rule};
use crate::facts::{Facts, quoted};
use crate::hosts;
use crate::link::Link;
use crate::tally::Hits;
use crate::url::{self, Url};
use crate::verdict::Severity::{Error, Info, Warning};

/// Bytes of a label that can be an address to the eye.
const LABEL_BYTES_MAX: usize = 300;

rules![
    Rule {
        id: "LINK_TEXT_MISMATCH",
        category: Category::Links,
        severity: Error,
        points: 2.0,
        description: "The text of a link is an address of one domain and the link leads to another. Filters and \
                      readers take it for phishing.",
        suggestion: "Show the address that the link leads to, or words instead of an address.",
        check: text_mismatch,
    },
    Rule {
        id: "LINK_TEXT_TRACKED",
        category: Category::Links,
        severity: Warning,
        points: 0.3,
        description: "The text of a link is an address, and the link passes through a click counter. Filters that \
                      compare the two call it phishing.",
        suggestion: "Write words instead of the address, or leave this link uncounted.",
        check: text_tracked,
    },
    Rule {
        id: "LINK_TEXT_OTHER_NAME",
        category: Category::Links,
        severity: Info,
        points: 0.2,
        description: "The text of a link is a bare domain name and the link leads to another domain.",
        suggestion: "Use words for the link, or link to the domain that is named.",
        check: text_other_name,
    },
];

fn text_mismatch(facts: &Facts<'_>, hits: &mut Hits) {
    for (link, label, shown) in addresses_as_labels(facts) {
        if is_explicit(label) && leads_elsewhere(&shown, link) && !is_counted(facts, &shown, link) {
            hits.at(link.place(), || {
                format!("The link says {} and leads to {}.", quoted(label), quoted(&link.url.host))
            });
        }
    }
}

fn text_tracked(facts: &Facts<'_>, hits: &mut Hits) {
    for (link, label, shown) in addresses_as_labels(facts) {
        if is_explicit(label) && leads_elsewhere(&shown, link) && is_counted(facts, &shown, link) {
            hits.at(link.place(), || {
                format!("The link says {} and passes through {}.", quoted(label), quoted(&link.url.host))
            });
        }
    }
}

fn text_other_name(facts: &Facts<'_>, hits: &mut Hits) {
    for (link, label, shown) in addresses_as_labels(facts) {
        if !is_explicit(label) && leads_elsewhere(&shown, link) && !is_counted(facts, &shown, link) {
            hits.at(link.place(), || {
                format!("The link says {} and leads to {}.", quoted(label), quoted(&link.url.host))
            });
        }
    }
}

/// Links to the web whose label is an address to the eye, with the label and the host it names.
fn addresses_as_labels<'f, 'm>(facts: &'f Facts<'m>) -> impl Iterator<Item = (&'f Link<'m>, &'m str, String)> {
    facts.links().filter(|link| link.url.is_web()).filter_map(|link| {
        let label = facts.label(link)?;
        Some((link, label, host_shown(label)?))
    })
}

/// The host that a label names, if a reader would take the label for an address.
fn host_shown(label: &str) -> Option<String> {
    if label.len() > LABEL_BYTES_MAX || !label.contains('.') || label.contains(char::is_whitespace) {
        return None;
    }
    let address = if label.contains("://") { Cow::Borrowed(label) } else { Cow::Owned(format!("http://{label}")) };
    let url = Url::parse(address);
    let is_name = url.host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    let is_address = url.is_web() && !url.has_userinfo && is_name && hosts::has_known_end(&url.host);
    is_address.then_some(url.host)
}

/// Whether a label is written as an address rather than as a name that happens to have a dot.
fn is_explicit(label: &str) -> bool {
    label.contains("://") || label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."))
}

/// A link to another owner. Names with the same owner's word, `example.com` and `example.de`, count as one.
fn leads_elsewhere(shown: &str, link: &Link<'_>) -> bool {
    !hosts::same_owner(shown, &link.url.host) && hosts::owner(shown) != hosts::owner(&link.url.host)
}

/// Whether a link passes through a counter: of a known service, of the sender, or of somebody who passes on the very
/// address that is shown.
fn is_counted(facts: &Facts<'_>, shown: &str, link: &Link<'_>) -> bool {
    let host = &link.url.host;
    let passes_on = || url::unescaped(link.url.tail()).to_lowercase().contains(&format!("://{shown}"));
    hosts::is_tracker(host) || facts.is_own(host) || (hosts::is_named_tracker(host) && passes_on())
}
