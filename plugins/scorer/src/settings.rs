//! What an operator can change: rules of their own, rules that are off, points, and domains that count as the sender's own.
//!
//! A call passes over what makes no sense, so that a setting never stops mail; [`check`] tells it when it is set.

use crate::own::{FILE_BYTES_MAX, OwnRules};

/// The settings of one call.
///
/// | name | value |
/// | --- | --- |
/// | `rules` | a file of own rules, points and rules that are off |
/// | `rules-off` | ids of rules that are not asked, separated by commas |
/// | `own-domains` | domains that belong to the sender, such as tracking domains, separated by commas |
pub(crate) struct Settings<'s> {
    all: &'s [(String, String)],
    /// Sorted.
    rules_off: Vec<&'s str>,
    pub(crate) own: OwnRules<'s>,
    /// What is wrong with the file, which is then passed over.
    pub(crate) wrong: Option<String>,
}

/// One setting, as the host has it declared.
pub struct Declared {
    /// Lower-case words with hyphens.
    pub name: &'static str,
    /// The most bytes.
    pub bytes_max: usize,
    /// A sentence for the operator.
    pub description: &'static str,
}

/// Every setting. All are texts, and empty when nobody sets them.
pub static DECLARED: [Declared; 3] = [
    Declared {
        name: "rules",
        bytes_max: FILE_BYTES_MAX,
        description: "A TOML file with rules of your own, points of built-in rules, and rules that are off.",
    },
    Declared {
        name: "rules-off",
        bytes_max: FILE_BYTES_MAX,
        description: "Ids of rules that are not asked, separated by commas.",
    },
    Declared {
        name: "own-domains",
        bytes_max: FILE_BYTES_MAX,
        description: "Domains that count as the sender's, such as tracking domains, separated by commas.",
    },
];

/// What is wrong with settings that somebody sets, in a sentence.
pub(crate) fn check(all: &[(String, String)]) -> Result<(), String> {
    for (_, file) in all.iter().filter(|(name, _)| name == "rules") {
        OwnRules::check(file).map_err(|what| format!("rules, {what}"))?;
    }
    if let Some(id) = list(all, "rules-off").find(|id| !crate::rules().any(|rule| rule.id == *id)) {
        return Err(format!("rules-off names {id}, which is no rule"));
    }
    let is_domain =
        |domain: &&str| domain.contains('.') && !domain.contains(|c: char| c.is_whitespace() || c == '/' || c == '@');
    match list(all, "own-domains").find(|domain| !is_domain(domain)) {
        Some(other) => Err(format!("own-domains names {other:?}, which is no domain")),
        None => Ok(()),
    }
}

impl<'s> Settings<'s> {
    pub(crate) fn read(all: &'s [(String, String)]) -> Settings<'s> {
        let mut rules_off: Vec<&str> = list(all, "rules-off").collect();
        rules_off.sort_unstable();
        let file = all.iter().find(|(name, _)| name == "rules").map_or("", |(_, file)| file);
        let (own, wrong) = match OwnRules::read(file) {
            Ok(own) => (own, None),
            Err(what) => (OwnRules::default(), Some(what)),
        };
        Settings { all, rules_off, own, wrong }
    }

    /// Whether anything counts otherwise than the tables say.
    pub(crate) fn changes_rules(&self) -> bool {
        !self.rules_off.is_empty() || self.own.changes_rules()
    }

    /// Whether the rule is to be left out.
    pub(crate) fn leaves_out(&self, rule: &str) -> bool {
        self.rules_off.binary_search(&rule).is_ok() || self.own.leaves_out(rule)
    }

    /// The points that the operator gave to a rule.
    pub(crate) fn points(&self, rule: &str) -> Option<f64> {
        self.own.points(rule)
    }

    /// Domains that belong to the sender.
    pub(crate) fn own_domains(&self) -> impl Iterator<Item = &'s str> {
        list(self.all, "own-domains")
    }
}

fn list<'s>(all: &'s [(String, String)], wanted: &'static str) -> impl Iterator<Item = &'s str> {
    let matching = all.iter().filter(move |(name, _)| name == wanted);
    matching.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|item| !item.is_empty())
}
