//! Rules about what signatures and the checks of earlier servers say, where the message carries them.

use super::{Category, Rule};
use crate::facts::{Facts, header_place, quoted};
use crate::hosts;
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Info, Warning};
use crate::verdict::{Location, Part};

rules![
    Rule {
        id: "AUTHENTICATION_DMARC_FAIL",
        category: Category::Authentication,
        severity: Error,
        points: 1.5,
        description: "Authentication-Results says that DMARC failed (RFC 7489). Receivers refuse or junk such mail.",
        suggestion: "Sign with a DKIM key of the From domain, or send from a server that its SPF record names.",
        check: |facts, hits| failed(facts, hits, "dmarc"),
    },
    Rule {
        id: "AUTHENTICATION_SPF_FAIL",
        category: Category::Authentication,
        severity: Warning,
        points: 0.8,
        description: "Authentication-Results says that SPF failed (RFC 7208): the sending server is not one of the \
                      domain's.",
        suggestion: "Add the server to the domain's SPF record.",
        check: |facts, hits| failed(facts, hits, "spf"),
    },
    Rule {
        id: "AUTHENTICATION_DKIM_FAIL",
        category: Category::Authentication,
        severity: Warning,
        points: 0.8,
        description: "Authentication-Results says that a DKIM signature failed (RFC 6376): something changed the \
                      message, or the key does not fit.",
        suggestion: "Check the published key, and that nothing changes the message after it is signed.",
        check: |facts, hits| failed(facts, hits, "dkim"),
    },
    Rule {
        id: "DKIM_SIGNATURE_INCOMPLETE",
        category: Category::Authentication,
        severity: Error,
        points: 0.4,
        description: "A DKIM signature lacks a tag that it must have (RFC 6376 section 3.5).",
        suggestion: "Have the message signed anew.",
        check: incomplete,
    },
    Rule {
        id: "DKIM_FROM_UNSIGNED",
        category: Category::Authentication,
        severity: Error,
        points: 0.8,
        description: "A DKIM signature does not cover the From header, as it must (RFC 6376 section 5.4).",
        suggestion: "Add From to the signed headers.",
        check: from_unsigned,
    },
    Rule {
        id: "DKIM_BODY_LENGTH",
        category: Category::Authentication,
        severity: Warning,
        points: 0.3,
        description: "A DKIM signature covers only the beginning of the body (l=), so that anybody can append to it.",
        suggestion: "Sign without l=.",
        check: body_length,
    },
    Rule {
        id: "DKIM_SHA1",
        category: Category::Authentication,
        severity: Warning,
        points: 0.4,
        description: "A DKIM signature uses SHA-1, which RFC 8301 forbids.",
        suggestion: "Sign with rsa-sha256 or ed25519-sha256.",
        check: sha1,
    },
    Rule {
        id: "DKIM_OTHER_DOMAIN",
        category: Category::Authentication,
        severity: Info,
        points: 0.0,
        description: "No DKIM signature is by the domain of the From address, so none helps with DMARC.",
        suggestion: "Sign with a key of the From domain too.",
        check: other_domain,
    },
];

/// Reports results of a method (RFC 8601 section 2.2) that are `fail`.
fn failed(facts: &Facts<'_>, hits: &mut Hits, method: &str) {
    for (index, value) in facts.headers("Authentication-Results") {
        let mut start = 0;
        for result in value.split(';') {
            let trimmed = result.trim_ascii();
            let offset = start + (result.len() - result.trim_ascii_start().len());
            start += result.len() + 1;
            let outcome = trimmed.split_once('=').filter(|(name, _)| name.trim_end().eq_ignore_ascii_case(method));
            let word = outcome.map(|(_, rest)| {
                rest.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
            });
            if word.is_some_and(|word| word.eq_ignore_ascii_case("fail") || word.eq_ignore_ascii_case("hardfail")) {
                let place = Location::indexed(Part::Headers, index, offset..offset + trimmed.len());
                hits.at(place, || format!("An earlier server says {}.", quoted(trimmed)));
            }
        }
    }
}

fn incomplete(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("DKIM-Signature") {
        if let Some(missing) = ["v", "a", "b", "bh", "d", "h", "s"].into_iter().find(|name| tag(value, name).is_none())
        {
            hits.at(header_place(index, value), || format!("The signature has no tag {missing}=."));
        }
    }
}

fn from_unsigned(facts: &Facts<'_>, hits: &mut Hits) {
    let covers_from = |headers: &str| headers.split(':').any(|name| name.trim().eq_ignore_ascii_case("from"));
    for (index, value) in facts.headers("DKIM-Signature") {
        if tag(value, "h").is_some_and(|headers| !covers_from(headers)) {
            hits.at(header_place(index, value), || "The signature does not cover From.".to_owned());
        }
    }
}

fn body_length(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("DKIM-Signature") {
        if let Some(length) = tag(value, "l") {
            hits.at(header_place(index, value), || format!("The signature ends after {} bytes.", quoted(length)));
        }
    }
}

fn sha1(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("DKIM-Signature") {
        if tag(value, "a").is_some_and(|algorithm| algorithm.eq_ignore_ascii_case("rsa-sha1")) {
            hits.at(header_place(index, value), || "The signature uses SHA-1.".to_owned());
        }
    }
}

fn other_domain(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(from) = facts.from_domain.as_deref() else { return };
    let Some((index, value)) = facts.header("DKIM-Signature") else { return };
    let mut domains = facts.headers("DKIM-Signature").filter_map(|(_, value)| tag(value, "d"));
    if !domains.any(|domain| hosts::same_owner(domain, from)) {
        hits.at(header_place(index, value), || format!("No signature is by {}.", quoted(from)));
    }
}

/// The value of one tag of a signature (RFC 6376 section 3.2).
fn tag<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    let pairs = value.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim())).find(|(other, _)| *other == name).map(|(_, value)| value)
}
