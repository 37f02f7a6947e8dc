//! Who fetched a pixel or followed a link: a person, perhaps a machine, or a machine.
//!
//! The judgement stands beside the raw event and never instead of it, so it can be made again with other [`Rules`].
//! Every rule that holds is a reason, and the strongest one decides: so a judgement can always be explained by one
//! sentence and a source.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use self::rules::Rules;

mod document;
pub mod rules;
mod user_agent;

/// Reasons that are kept of one judgement, the strongest first.
pub const REASONS_MAX: usize = 5;

/// What was fetched.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The pixel.
    Open,
    /// A link.
    Click,
}

/// When something was fetched, beside the first delivery of a copy of its email.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Delivery {
    /// Nobody knows.
    #[default]
    Unknown,
    /// No server had taken the email yet.
    Ahead,
    /// So many milliseconds after a server took it.
    Since(i64),
}

/// Another fetch of the same email from the same address.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Neighbour {
    /// How far away it is, in milliseconds, in either direction.
    pub away_ms: i64,
    /// Which link it followed; `None` for the pixel.
    pub link: Option<u32>,
    /// Whether that was the canary, which no person sees.
    pub canary: bool,
}

/// What is known of a fetch.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    /// What was fetched.
    pub kind: Kind,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// How long after the delivery.
    pub delivery: Delivery,
    /// Whether the same address had asked for the same with HEAD just before.
    pub head_before: bool,
    /// Which link was followed; `None` for the pixel.
    pub link: Option<u32>,
    /// Whether that was the canary.
    pub canary: bool,
    /// What else the address fetched of the same email around that time.
    pub around: &'a [Neighbour],
}

impl<'a> Fetch<'a> {
    /// A fetch of which nothing is known but this.
    pub fn of(kind: Kind, user_agent: Option<&'a str>) -> Self {
        Self {
            kind,
            user_agent,
            address: None,
            delivery: Delivery::Unknown,
            head_before: false,
            link: None,
            canary: false,
            around: &[],
        }
    }

    /// Different links of the email that the address followed within this time, this one included.
    fn links_within(&self, window_ms: i64) -> usize {
        let near = self.around.iter().filter(|other| other.away_ms.abs() <= window_ms);
        let mut links: Vec<_> = near.filter_map(|other| other.link).chain(self.link).collect();
        links.sort_unstable();
        links.dedup();
        links.len()
    }

    /// Whether the address followed the canary within this time, now included.
    fn canary_within(&self, window_ms: i64) -> bool {
        self.canary || self.around.iter().any(|other| other.canary && other.away_ms.abs() <= window_ms)
    }
}

/// What made a fetch.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A person.
    Human,
    /// A person or a machine.
    Suspicious,
    /// A machine.
    Scanner,
}

impl Class {
    /// The class of a confidence.
    pub fn of(confidence: u8) -> Self {
        match confidence {
            80.. => Self::Scanner,
            50.. => Self::Suspicious,
            _ => Self::Human,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Suspicious => "suspicious",
            Self::Scanner => "scanner",
        }
    }
}

/// Who made a fetch, and why that is believed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Client {
    /// Percent: how sure it is that a machine did.
    pub confidence: u8,
    /// What that comes to.
    pub class: Class,
    /// Why, in a sentence.
    pub reason: String,
    /// The names of the rules that say so, the strongest first. Empty when none knows the client.
    pub rules: Vec<String>,
}

/// What names the canary among the rules of a [`Client`], whichever rules are in effect.
pub const CANARY: &str = "canary";

/// Judges a fetch. Who follows the canary is a machine, whatever the rules say.
pub fn classify(rules: &Rules, fetch: &Fetch<'_>) -> Client {
    if fetch.canary {
        let reason = "it followed a link that no person can see".to_owned();
        return Client { confidence: 100, class: Class::Scanner, reason, rules: vec![CANARY.to_owned()] };
    }
    let mut found = rules.holding(fetch);
    // Of two that are equally sure, the one that stands first in the document.
    found.sort_by_key(|rule| std::cmp::Reverse(rule.confidence));
    let Some(strongest) = found.first() else {
        let (confidence, reason) = rules.of_the_unknown();
        return Client { confidence, class: Class::of(confidence), reason: reason.to_owned(), rules: Vec::new() };
    };
    let class = Class::of(strongest.confidence);
    // What speaks for a person is no reason where something speaks for a machine.
    let reasons = found.iter().filter(|rule| class == Class::Human || Class::of(rule.confidence) > Class::Human);
    let names = reasons.take(REASONS_MAX).map(|rule| rule.name.clone()).collect();
    Client { confidence: strongest.confidence, class, reason: strongest.reason.clone(), rules: names }
}

#[cfg(test)]
mod tests;
