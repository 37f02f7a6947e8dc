//! The operator's own rules: a file of theirs adds rules, and gives other points to built-in ones or switches them off.
//!
//! The file is read on each call, since a call remembers nothing, so reading it is a matter of microseconds.

mod entries;
mod file;
mod find;
mod pattern;

use std::borrow::Cow;

use crate::rules::{Category, Rule};
use crate::verdict::Severity;
use pattern::Pattern;

/// Bytes of a file.
pub const FILE_BYTES_MAX: usize = 32 * 1024;
/// Rules in a file.
pub const RULES_MAX: usize = 100;
/// Rules of a file that have a pattern; each looks at every character of what it is to look at.
pub const PATTERNS_MAX: usize = 32;
/// Characters of a pattern.
pub const PATTERN_CHARACTERS_MAX: usize = 60;
/// Wordings of all rules of a file together.
pub const WORDINGS_MAX: usize = 400;
/// Words of a wording.
pub const WORDS_PER_WORDING_MAX: usize = 8;
/// Bytes of a message or a suggestion.
pub const SENTENCE_BYTES_MAX: usize = 500;
/// Bytes of an id.
pub const ID_BYTES_MAX: usize = 64;
/// Headers that one rule looks at.
pub const HEADERS_MAX: usize = 8;
/// Points that an operator may give to a rule, in either direction.
pub const POINTS_MAX: f64 = 10.0;

/// The rule under which findings of own rules go to the host, which knows no others; their attribute `own-rule` has the id.
pub(crate) static RULE: Rule = Rule {
    id: "OWN_RULE",
    category: Category::Own,
    severity: Severity::Warning,
    points: 0.0,
    description: "A rule that the operator of this service has added in the setting `rules`. Its finding goes by the rule's \
                  own id, points and words.",
    suggestion: "Do what the rule says.",
};

/// What a file says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct OwnRules<'t> {
    rules: Vec<OwnRule<'t>>,
    /// Points of built-in rules.
    points: Vec<(Cow<'t, str>, f64)>,
    /// Sorted ids of built-in rules that are not asked.
    off: Vec<Cow<'t, str>>,
}

/// A rule of the operator.
#[derive(Debug, PartialEq)]
struct OwnRule<'t> {
    id: Cow<'t, str>,
    places: Vec<Place<'t>>,
    /// Hashes of the words, one after the other.
    wordings: Vec<Vec<u64>>,
    pattern: Option<Pattern>,
    points: f64,
    severity: Severity,
    message: Cow<'t, str>,
    suggestion: Cow<'t, str>,
}

/// Where a rule looks.
#[derive(Debug, PartialEq)]
enum Place<'t> {
    Subject,
    Text,
    Html,
    Link,
    From,
    Header(Cow<'t, str>),
}

impl<'t> OwnRules<'t> {
    /// The sentence says what is wrong, with the line.
    pub(crate) fn read(text: &'t str) -> Result<OwnRules<'t>, String> {
        if text.is_empty() { Ok(OwnRules::default()) } else { file::read(text) }
    }

    /// The same, and that every built-in rule that it names is one. Costs more, and is for when it is set.
    pub(crate) fn check(text: &'t str) -> Result<(), String> {
        let own = OwnRules::read(text)?;
        let stranger = |id: &str| !crate::rules().any(|rule| rule.id == id);
        let named = own.points.iter().map(|(id, _)| id).chain(&own.off);
        match named.into_iter().find(|id| stranger(id)) {
            Some(id) => Err(format!("{id} is no built-in rule")),
            None => Ok(()),
        }
    }

    /// Whether built-in rules count otherwise than the tables say.
    pub(crate) fn changes_rules(&self) -> bool {
        !(self.rules.is_empty() && self.points.is_empty() && self.off.is_empty())
    }

    pub(crate) fn leaves_out(&self, rule: &str) -> bool {
        self.off.binary_search_by(|off| (**off).cmp(rule)).is_ok()
    }

    pub(crate) fn points(&self, rule: &str) -> Option<f64> {
        self.points.iter().find(|(id, _)| id == rule).map(|(_, points)| *points)
    }
}
