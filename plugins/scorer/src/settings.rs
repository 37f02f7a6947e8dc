//! What an operator can change: rules that are off, points, and domains that count as the sender's own.
//!
//! Unknown names are ignored, and a value that makes no sense leaves the default.

/// Points that a setting may give to a rule, in either direction.
const POINTS_MAX: f64 = 10.0;

/// The settings of one call.
///
/// | name | value |
/// | --- | --- |
/// | `rules-off` | ids of rules that are not asked, separated by commas |
/// | `points.RULE_ID` | points of that rule, -10 to 10 |
/// | `own-domains` | domains that belong to the sender, such as tracking domains, separated by commas |
pub(crate) struct Settings<'s> {
    all: &'s [(String, String)],
    /// Sorted.
    rules_off: Vec<&'s str>,
}

impl<'s> Settings<'s> {
    pub(crate) fn read(all: &'s [(String, String)]) -> Settings<'s> {
        let mut rules_off: Vec<&str> = list(all, "rules-off").collect();
        rules_off.sort_unstable();
        Settings { all, rules_off }
    }

    /// Whether any rule counts otherwise than the tables say.
    pub(crate) fn changes_rules(&self) -> bool {
        !self.rules_off.is_empty() || self.all.iter().any(|(name, _)| name.starts_with("points."))
    }

    /// Whether the rule is to be left out.
    pub(crate) fn leaves_out(&self, rule: &str) -> bool {
        self.rules_off.binary_search(&rule).is_ok()
    }

    /// The points that the operator gave to a rule.
    pub(crate) fn points(&self, rule: &str) -> Option<f64> {
        let (_, value) = self.all.iter().find(|(name, _)| name.strip_prefix("points.") == Some(rule))?;
        value.trim().parse().ok().filter(|points: &f64| points.abs() <= POINTS_MAX)
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
