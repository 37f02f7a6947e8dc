//! The rules: read from a TOML document, checked as a whole, and asked about each fetch.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use toml::Spanned;

use super::document::{Document, RuleText};
use super::user_agent::{Gathered, Patterns};
use super::{Delivery, Fetch, Kind};

/// The longest document.
pub const RULES_BYTES_MAX: usize = 1024 * 1024;
/// The furthest that a rule may look for other fetches, in milliseconds.
pub const WINDOW_MS_MAX: i64 = 600_000;
/// The version of the format that this binary reads.
const FORMAT: u32 = 1;
/// Rules of a document.
pub(super) const RULES_MAX: usize = 2_000;
/// What all rules together look for in user agents.
pub(super) const PATTERNS_MAX: usize = 20_000;
/// Ranges of addresses of all rules together. Each is compared with each fetch.
pub(super) const RANGES_MAX: usize = 4_096;
/// The longest name, reason, client, source or pattern.
pub(super) const TEXT_CHARS_MAX: usize = 300;
/// The shortest pattern: a shorter one would be in nearly everything.
const PATTERN_CHARS_MIN: usize = 3;

/// The rules that come with the binary.
const BUILT_IN: &str = include_str!("rules.toml");

/// Rules that are in effect together.
#[derive(Debug)]
pub struct Rules {
    /// The day that their facts were last looked at, as the document says.
    pub updated: String,
    /// In the order of the document.
    pub rules: Vec<Rule>,
    unknown: (u8, String),
    patterns: Patterns,
    text: String,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What events call it.
    pub name: String,
    /// Whose behaviour it is about.
    pub client: String,
    /// Percent: how sure it is that a machine made the fetch.
    pub confidence: u8,
    /// Why, in a sentence.
    pub reason: String,
    /// Where that is documented.
    pub source: String,
    on: Option<Kind>,
    user_agent: UserAgent,
    addresses: Vec<IpNet>,
    before_delivery: bool,
    after_delivery_ms_max: Option<i64>,
    links_min: Option<usize>,
    canary: bool,
    head_before: bool,
    within_ms: i64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum UserAgent {
    Any,
    Missing,
    /// As its patterns say.
    Known,
}

impl Rules {
    /// Those that come with the binary.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("a test reads the built-in rules")
    }

    /// Reads a document. It is taken as a whole or not at all.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        if text.len() > RULES_BYTES_MAX {
            return Err(RulesError(format!("the document has more than {RULES_BYTES_MAX} bytes")));
        }
        let document: Document = toml::from_str(text).map_err(|error| RulesError(error.to_string()))?;
        if document.format != FORMAT {
            return Err(RulesError(format!("format is {}, and this version reads format {FORMAT}", document.format)));
        }
        bounded("rules", document.rules.len(), RULES_MAX)?;
        check_confidence(document.unknown.confidence).map_err(|wrong| RulesError(format!("unknown: {wrong}")))?;
        check_text("reason", &document.unknown.reason).map_err(|wrong| RulesError(format!("unknown: {wrong}")))?;
        let mut names = HashSet::new();
        let mut gathered = Gathered::default();
        let (mut rules, mut patterns, mut ranges) = (Vec::new(), 0, 0);
        for (number, rule) in document.rules.iter().enumerate() {
            let read = Rule::read(rule.get_ref()).map_err(|wrong| wrong_at(text, rule, &wrong))?;
            if !names.insert(rule.get_ref().name.clone()) {
                return Err(wrong_at(text, rule, "another rule has this name already"));
            }
            if let Some(user_agent) = &rule.get_ref().user_agent {
                patterns += user_agent.patterns().count();
                gathered.add(number, user_agent);
            }
            ranges += read.addresses.len();
            rules.push(read);
        }
        bounded("patterns of user agents", patterns, PATTERNS_MAX)?;
        bounded("ranges of addresses", ranges, RANGES_MAX)?;
        let patterns = gathered.ready(rules.len()).map_err(|error| RulesError(error.to_string()))?;
        let unknown = (document.unknown.confidence, document.unknown.reason);
        Ok(Self { updated: document.updated, rules, unknown, patterns, text: text.to_owned() })
    }

    /// The document that they were read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The furthest that any of them looks for other fetches, in milliseconds.
    pub fn window_ms(&self) -> i64 {
        self.rules.iter().map(|rule| rule.within_ms).max().unwrap_or(0)
    }

    /// What is said of a client that no rule knows.
    pub(super) fn of_the_unknown(&self) -> (u8, &str) {
        (self.unknown.0, &self.unknown.1)
    }

    /// The rules that hold for a fetch, in their order.
    pub(super) fn holding(&self, fetch: &Fetch<'_>) -> Vec<&Rule> {
        let user_agent = fetch.user_agent.unwrap_or_default().trim();
        let found = self.patterns.found(user_agent);
        let rules = self.rules.iter().zip(found);
        let holding = rules.filter(|(rule, found)| {
            let known = match rule.user_agent {
                UserAgent::Any => true,
                UserAgent::Missing => user_agent.is_empty(),
                UserAgent::Known => *found,
            };
            known && rule.holds(fetch)
        });
        holding.map(|(rule, _)| rule).collect()
    }
}

impl Rule {
    fn read(rule: &RuleText) -> Result<Self, String> {
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_name(&rule.name) {
            return Err("a name has small letters, digits and hyphens".into());
        }
        for (what, text) in
            [("name", &rule.name), ("client", &rule.client), ("reason", &rule.reason), ("source", &rule.source)]
        {
            check_text(what, text)?;
        }
        check_confidence(rule.confidence)?;
        let user_agent = match &rule.user_agent {
            None => UserAgent::Any,
            Some(user_agent) => {
                let patterns = user_agent.patterns().chain(&user_agent.not);
                if let Some(short) = patterns.clone().find(|pattern| pattern.chars().count() < PATTERN_CHARS_MIN) {
                    return Err(format!("the pattern `{short}` has less than {PATTERN_CHARS_MIN} characters"));
                }
                for pattern in patterns {
                    check_text("pattern", pattern)?;
                }
                match (user_agent.missing, user_agent.patterns().next()) {
                    (true, None) => UserAgent::Missing,
                    (false, Some(_)) => UserAgent::Known,
                    (true, Some(_)) => return Err("a user agent that is missing has no patterns".into()),
                    (false, None) => return Err("user_agent needs `missing`, `is`, `begins`, `has` or `words`".into()),
                }
            }
        };
        let addresses = rule.addresses.iter().map(|range| read_range(range)).collect::<Result<Vec<_>, _>>()?;
        let looks_around = rule.links_min.is_some() || rule.canary;
        let within_ms = match rule.within_ms {
            Some(within_ms) if looks_around && (1..=WINDOW_MS_MAX).contains(&within_ms) => within_ms,
            Some(_) if looks_around => return Err(format!("within_ms is from 1 to {WINDOW_MS_MAX}")),
            Some(_) => return Err("within_ms belongs to `links_min` or `canary`".into()),
            None if looks_around => return Err("`links_min` and `canary` need within_ms".into()),
            None => 0,
        };
        if rule.links_min.is_some_and(|least| least < 2) {
            return Err("links_min is 2 or more".into());
        }
        if rule.after_delivery_ms_max.is_some_and(|most| most < 0) {
            return Err("after_delivery_ms_max is 0 or more".into());
        }
        if rule.before_delivery && rule.after_delivery_ms_max.is_some() {
            return Err("nothing is both before and after the delivery".into());
        }
        let conditions = user_agent != UserAgent::Any
            || !addresses.is_empty()
            || rule.before_delivery
            || rule.after_delivery_ms_max.is_some()
            || looks_around
            || rule.head_before;
        if !conditions {
            return Err("it has no condition, so it would hold for everybody".into());
        }
        Ok(Self {
            name: rule.name.clone(),
            client: rule.client.clone(),
            confidence: rule.confidence,
            reason: rule.reason.clone(),
            source: rule.source.clone(),
            on: rule.on,
            user_agent,
            addresses,
            before_delivery: rule.before_delivery,
            after_delivery_ms_max: rule.after_delivery_ms_max,
            links_min: rule.links_min,
            canary: rule.canary,
            head_before: rule.head_before,
            within_ms,
        })
    }

    /// Whether everything but the user agent is as the rule says.
    fn holds(&self, fetch: &Fetch<'_>) -> bool {
        let in_range = |address: IpAddr| self.addresses.iter().any(|range| range.contains(&address.to_canonical()));
        let in_time = |most: i64| matches!(fetch.delivery, Delivery::Since(since) if (0..=most).contains(&since));
        self.on.is_none_or(|kind| kind == fetch.kind)
            && (self.addresses.is_empty() || fetch.address.is_some_and(in_range))
            && (!self.before_delivery || fetch.delivery == Delivery::Ahead)
            && self.after_delivery_ms_max.is_none_or(in_time)
            && (!self.head_before || fetch.head_before)
            && (!self.canary || fetch.canary_within(self.within_ms))
            && self.links_min.is_none_or(|least| fetch.links_within(self.within_ms) >= least)
    }
}

/// A range as it is written: `192.0.2.0/24`, or a single address. Bits behind the prefix are a slip of the pen.
fn read_range(text: &str) -> Result<IpNet, String> {
    let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let range = range.map_err(|_| format!("`{text}` is neither an address nor a range such as 192.0.2.0/24"))?;
    if range.trunc() == range { Ok(range) } else { Err(format!("`{text}` should be `{}`", range.trunc())) }
}

fn check_confidence(confidence: u8) -> Result<(), String> {
    if confidence <= 100 { Ok(()) } else { Err("confidence is from 0 to 100".into()) }
}

fn check_text(what: &str, text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length == 0 || length > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(format!("a {what} has from 1 to {TEXT_CHARS_MAX} characters on one line"));
    }
    Ok(())
}

fn bounded(what: &str, count: usize, most: usize) -> Result<(), RulesError> {
    if count <= most { Ok(()) } else { Err(RulesError(format!("there are {count} {what}, and {most} is the most"))) }
}

fn wrong_at(text: &str, rule: &Spanned<RuleText>, wrong: &str) -> RulesError {
    let line = text[..rule.span().start.min(text.len())].matches('\n').count() + 1;
    RulesError(format!("line {line}, rule `{}`: {wrong}", rule.get_ref().name))
}

/// Why a document is refused: where, and what is wrong there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RulesError(String);

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

impl std::error::Error for RulesError {}
