//! What a plugin says of itself when it is installed, and whether that can be so.

use std::collections::HashSet;

use super::check::{Checker, Result, count, points, word};
use super::limits::Limits;
use super::{normalizer, scorer};

/// The longest name of a plugin.
pub(super) const NAME_BYTES_MAX: usize = 64;
/// The longest version.
const VERSION_BYTES_MAX: usize = 64;
/// The longest rule id, category or name of a format.
pub(super) const WORD_BYTES_MAX: usize = 64;
/// Points of one rule or finding stay within plus and minus this. 5 is spam, so it is far beyond sense.
pub(super) const POINTS_MAX: f64 = 1_000.0;
/// Content types of one format.
const CONTENT_TYPES_MAX: usize = 32;

/// Checks who a plugin says it is.
pub(super) fn description(limits: &Limits, said: &scorer::Description) -> Result {
    let check = Checker(limits);
    if !is_plugin_name(&said.name) {
        return Err(format!(
            "the name {:?} is not 1 to {NAME_BYTES_MAX} lower-case letters, digits and inner hyphens",
            shown(&said.name)
        ));
    }
    if said.version.len() > VERSION_BYTES_MAX || semver::Version::parse(&said.version).is_err() {
        return Err(format!("the version {:?} is not a semantic version such as 1.4.0", shown(&said.version)));
    }
    check.filled_sentence("summary", &said.summary)?;
    check.attributes("the description", &said.attributes)
}

/// Whether a plugin may be called so.
pub fn is_plugin_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Checks the rules of a scorer.
pub(super) fn rules(limits: &Limits, rules: &[scorer::Rule]) -> Result {
    let check = Checker(limits);
    count("rules", rules.len(), limits.rules_max)?;
    let mut ids = HashSet::new();
    for rule in rules {
        let is_id = !rule.id.is_empty()
            && rule.id.len() <= WORD_BYTES_MAX
            && rule.id.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
        if !is_id {
            return Err(format!(
                "the rule id {:?} is not 1 to {WORD_BYTES_MAX} upper-case letters, digits and underscores",
                shown(&rule.id)
            ));
        }
        if !ids.insert(&rule.id) {
            return Err(format!("there are two rules {}", rule.id));
        }
        let of = |what: &str| format!("the {what} of the rule {}", rule.id);
        word(&of("category"), &rule.category)?;
        points(&of("points"), rule.points, POINTS_MAX)?;
        check.filled_sentence(&of("description"), &rule.description)?;
        check.sentence(&of("suggestion"), &rule.suggestion)?;
        check.attributes(&of("record"), &rule.attributes)?;
    }
    Ok(())
}

/// Checks the formats of a normalizer.
pub(super) fn formats(limits: &Limits, formats: &[normalizer::Format]) -> Result {
    let check = Checker(limits);
    count("formats", formats.len(), limits.formats_max)?;
    let mut names = HashSet::new();
    for format in formats {
        word("the name of a format", &format.name)?;
        if !names.insert(&format.name) {
            return Err(format!("there are two formats {}", format.name));
        }
        let of = |what: &str| format!("the {what} of the format {}", format.name);
        check.filled_sentence(&of("description"), &format.description)?;
        count(&of("content types"), format.content_types.len(), CONTENT_TYPES_MAX)?;
        for content_type in &format.content_types {
            check.string(&of("content type"), content_type)?;
        }
        check.attributes(&of("record"), &format.attributes)?;
    }
    Ok(())
}

/// The beginning of a text that came from outside, for a message.
pub(super) fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(WORD_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, version: &str, summary: &str) -> Result {
        let said = scorer::Description {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            attributes: Vec::new(),
        };
        description(&Limits::default(), &said)
    }

    #[track_caller]
    fn wrong(result: &Result, message: &str) {
        assert_eq!(result, &Err(message.to_owned()));
    }

    fn rule(id: &str) -> scorer::Rule {
        scorer::Rule {
            id: id.into(),
            category: "links".into(),
            severity: scorer::Severity::Info,
            points: 0.5,
            description: "Looks.".into(),
            suggestion: String::new(),
            attributes: Vec::new(),
        }
    }

    #[test]
    fn a_name_is_64_lower_case_letters_digits_and_inner_hyphens() {
        assert_eq!(described(&"a".repeat(64), "1.0.0", "Judges."), Ok(()));
        assert_eq!(described("a-1", "1.0.0-rc.1+b", "Judges."), Ok(()));
        for name in ["", "A", "a_b", "-a", "a-", "ä", &"a".repeat(65)] {
            assert!(described(name, "1.0.0", "Judges.").is_err(), "{name}");
        }
        let message = "the name \"Big\" is not 1 to 64 lower-case letters, digits and inner hyphens";
        wrong(&described("Big", "1.0.0", "Judges."), message);
    }

    #[test]
    fn a_version_is_semantic_and_a_summary_is_there() {
        wrong(&described("a", "1.0", "Judges."), "the version \"1.0\" is not a semantic version such as 1.4.0");
        wrong(&described("a", "1.0.0", " "), "summary is empty");
        assert_eq!(described("a", "1.0.0", &"x".repeat(4096)), Ok(()));
        wrong(&described("a", "1.0.0", &"x".repeat(4097)), "summary has 4097 bytes of at most 4096");
    }

    #[test]
    fn rules_have_unique_ids_and_finite_points() {
        let limits = Limits::default();
        assert_eq!(rules(&limits, &[rule("A_1"), rule("A_2")]), Ok(()));
        wrong(&rules(&limits, &[rule("A_1"), rule("A_1")]), "there are two rules A_1");
        let lower = "the rule id \"a\" is not 1 to 64 upper-case letters, digits and underscores";
        wrong(&rules(&limits, &[rule("a")]), lower);
        let with = |points| rules(&limits, &[scorer::Rule { points, ..rule("A") }]);
        assert_eq!(with(1_000.0), Ok(()));
        wrong(&with(1_000.5), "the points of the rule A is 1000.5, outside -1000 to 1000");
        wrong(&with(f64::NAN), "the points of the rule A is NaN, not a finite number");
    }

    #[test]
    fn there_are_at_most_as_many_rules_as_the_contract_says() {
        let limits = Limits { rules_max: 2, ..Limits::default() };
        assert_eq!(rules(&limits, &[rule("A"), rule("B")]), Ok(()));
        wrong(&rules(&limits, &[rule("A"), rule("B"), rule("C")]), "3 rules of at most 2");
    }

    #[test]
    fn there_are_at_most_as_many_formats_as_the_contract_says() {
        let limits = Limits { formats_max: 2, ..Limits::default() };
        let format = |name: &str| normalizer::Format {
            name: name.into(),
            description: "Reads.".into(),
            content_types: Vec::new(),
            attributes: Vec::new(),
        };
        assert_eq!(formats(&limits, &[format("a"), format("b")]), Ok(()));
        wrong(&formats(&limits, &[format("a"), format("b"), format("c")]), "3 formats of at most 2");
        wrong(&formats(&limits, &[format("a"), format("a")]), "there are two formats a");
    }
}
