//! Rules about how links are written and how many there are.

use super::links::each;
use super::{Category, Rule};
use crate::facts::{Facts, domain_of, quoted};
use crate::hosts;
use crate::link::Link;
use crate::tally::Hits;
use crate::url::{self, Scheme};
use crate::verdict::Severity::{Info, Warning};

/// Digits of a host from which on it looks made by a machine.
const HOST_DIGITS_MIN: usize = 6;

/// Hyphens of one name in a host from which on it looks made for one campaign.
const HOST_HYPHENS_MIN: usize = 4;

/// Links that a reader may be given.
const LINKS_MAX: usize = 120;

/// Bytes of words that one link may cover.
const LABEL_BYTES_MAX: usize = 300;

/// Escapes of letters and digits in an address that hide it.
const ESCAPES_MIN: usize = 5;

/// Links from which on all of them being somebody else's counters says something.
const TRACKED_MIN: usize = 3;

/// Recipients whose address is looked for.
const RECIPIENTS_MAX: usize = 20;

rules![
    Rule {
        id: "LINK_HOST_DIGITS",
        category: Category::Links,
        severity: Info,
        points: 0.3,
        description: "The name of a host has many digits, as names have that machines make up by the thousand.",
        suggestion: "Link to a host with a name that readers know.",
        check: host_digits,
    },
    Rule {
        id: "LINK_HOST_HYPHENS",
        category: Category::Links,
        severity: Info,
        points: 0.4,
        description: "The name of a host is strung together with hyphens, as in secure-login-your-bank.",
        suggestion: "Link to your own domain.",
        check: host_hyphens,
    },
    Rule {
        id: "LINKS_MANY",
        category: Category::Links,
        severity: Info,
        points: 0.2,
        description: "The message has more links than anybody follows.",
        suggestion: "Keep those that matter.",
        check: many,
    },
    Rule {
        id: "LINK_TEXT_LONG",
        category: Category::Links,
        severity: Info,
        points: 0.1,
        description: "One link covers hundreds of letters, so that any click anywhere follows it.",
        suggestion: "Make a few words the link.",
        check: text_long,
    },
    Rule {
        id: "LINK_MAILTO_FREE_MAIL",
        category: Category::Links,
        severity: Info,
        points: 0.2,
        description: "A link writes to a free-mail address though the sender has a domain of their own.",
        suggestion: "Give an address under your domain.",
        check: mailto_free_mail,
    },
    Rule {
        id: "LINK_ESCAPES",
        category: Category::Links,
        severity: Warning,
        points: 0.8,
        description: "An address writes plain letters as per cent escapes, which only hides them.",
        suggestion: "Write letters as letters.",
        check: escapes,
    },
    Rule {
        id: "LINK_TRACKERS_ONLY",
        category: Category::Links,
        severity: Info,
        points: 0.0,
        description: "Every link goes through a tracking service, so that none shows the reader where it leads.",
        suggestion: "Track under a domain of your own, or leave some links plain.",
        check: trackers_only,
    },
    Rule {
        id: "LINK_RECIPIENT_IN_QUERY",
        category: Category::Links,
        severity: Info,
        points: 0.1,
        description: "A link carries the recipient's address, which then stands in the logs of every server on the way.",
        suggestion: "Carry an opaque token instead.",
        check: recipient_in_query,
    },
    Rule {
        id: "LINK_REDIRECT_CHAIN",
        category: Category::Links,
        severity: Warning,
        points: 1.0,
        description: "An address holds an address that holds another: a chain of redirects hides where the link leads.",
        suggestion: "Link to the page itself.",
        check: redirect_chain,
    },
    Rule {
        id: "LINK_SCHEME_UNKNOWN",
        category: Category::Links,
        severity: Info,
        points: 0.1,
        description: "A link has a scheme that mail programs do not open.",
        suggestion: "Use https, mailto or tel.",
        check: scheme_unknown,
    },
];

fn host_digits(facts: &Facts<'_>, hits: &mut Hits) {
    let has_many = |link: &Link<'_>| {
        let owner = hosts::owner(&link.url.host);
        link.url.is_web()
            && hosts::ip(&link.url.host).is_none()
            && !facts.is_own(&link.url.host)
            && owner.bytes().filter(u8::is_ascii_digit).count() >= HOST_DIGITS_MIN
            && owner.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    each(facts, hits, has_many, |link| format!("{} is mostly digits.", quoted(&link.url.host)));
}

fn host_hyphens(facts: &Facts<'_>, hits: &mut Hits) {
    let has_many = |link: &Link<'_>| {
        let host = &link.url.host;
        let is_strung = |label: &str| !label.starts_with("xn--") && label.matches('-').count() >= HOST_HYPHENS_MIN;
        link.url.is_web() && !facts.is_own(host) && host.split('.').any(is_strung)
    };
    each(facts, hits, has_many, |link| format!("{} is strung together.", quoted(&link.url.host)));
}

fn many(facts: &Facts<'_>, hits: &mut Hits) {
    let count = facts.links().filter(|link| link.url.is_web()).count();
    if count > LINKS_MAX {
        hits.note(|| format!("The message has {count} links."));
    }
}

fn text_long(facts: &Facts<'_>, hits: &mut Hits) {
    let is_long = |link: &Link<'_>| facts.label(link).is_some_and(|label| label.len() > LABEL_BYTES_MAX);
    each(facts, hits, is_long, |link| {
        format!("{} letters are one link.", facts.label(link).unwrap_or_default().chars().count())
    });
}

fn mailto_free_mail(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(own) = facts.from_domain.as_deref().filter(|own| !hosts::is_free_mail(own)) else { return };
    let is_free = |link: &Link<'_>| {
        let address = link.url.tail().split('?').next().unwrap_or_default();
        link.url.scheme == Scheme::Mailto
            && domain_of(address).is_some_and(|domain| hosts::is_free_mail(&domain.to_ascii_lowercase()))
    };
    each(facts, hits, is_free, |link| {
        format!("The message is from {} and this link writes to {}.", quoted(own), quoted(link.url.tail()))
    });
}

fn escapes(facts: &Facts<'_>, hits: &mut Hits) {
    let hides = |link: &Link<'_>| {
        let tail = link.url.tail().split('?').next().unwrap_or_default();
        let escaped = tail.as_bytes().windows(3).filter(|three| {
            let digit = |at: usize| char::from(three[at]).to_digit(16);
            let byte = digit(1).zip(digit(2)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            three[0] == b'%' && byte.is_some_and(|byte| byte.is_ascii_alphanumeric())
        });
        link.url.is_web() && escaped.count() >= ESCAPES_MIN
    };
    each(facts, hits, hides, |link| format!("{} hides what it says.", quoted(&link.url.text)));
}

fn trackers_only(facts: &Facts<'_>, hits: &mut Hits) {
    let web = || facts.links().filter(|link| link.url.is_web());
    let count = web().count();
    if count >= TRACKED_MIN && web().all(|link| hosts::is_tracker(&link.url.host)) {
        hits.note(|| format!("All {count} links go through a tracking service."));
    }
}

fn recipient_in_query(facts: &Facts<'_>, hits: &mut Hits) {
    let addresses = facts.message.to.iter().take(RECIPIENTS_MAX).map(|to| to.email.to_lowercase());
    let addresses: Vec<String> = addresses.filter(|address| address.contains('@')).collect();
    if addresses.is_empty() {
        return;
    }
    let carries = |link: &Link<'_>| {
        let query = link.url.tail().split('#').next().and_then(|tail| tail.split_once('?'));
        let query = query.map(|(_, query)| url::unescaped(query).to_lowercase());
        link.url.is_web() && query.is_some_and(|query| addresses.iter().any(|address| query.contains(address.as_str())))
    };
    each(facts, hits, carries, |link| {
        format!("The link to {} carries the recipient's address.", quoted(&link.url.host))
    });
}

fn redirect_chain(facts: &Facts<'_>, hits: &mut Hits) {
    let chains = |link: &Link<'_>| {
        let tail = url::unescaped(link.url.tail());
        link.url.is_web() && !facts.is_own(&link.url.host) && tail.matches("://").count() >= 2
    };
    each(facts, hits, chains, |link| format!("{} leads on, twice.", quoted(&link.url.host)));
}

fn scheme_unknown(facts: &Facts<'_>, hits: &mut Hits) {
    let is_unknown = |link: &Link<'_>| link.url.scheme == Scheme::Other;
    each(facts, hits, is_unknown, |link| format!("{} is opened by few programs.", quoted(&link.url.text)));
}
