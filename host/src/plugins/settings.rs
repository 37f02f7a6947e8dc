//! Settings of an operator for a plugin: what a plugin says that it takes, and whether a value can be so.
//!
//! A plugin declares a setting as an attribute of its description: `setting:max-links` with a JSON object as value,
//! `{"type": "integer", "default": 20, "min": 1, "max": 1000, "description": "Most links in a message."}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Settings;

/// What the name of such an attribute begins with.
pub const ATTRIBUTE_PREFIX: &str = "setting:";
/// The attribute of a scorer's description that says that it checks its settings, and of a message by which it is asked to.
pub const CHECK_ATTRIBUTE: &str = "check-settings";
/// Bytes of one value.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a setting's name.
const NAME_BYTES_MAX: usize = 64;

/// One setting that a plugin takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingRule {
    /// Lower-case words with hyphens.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub said: SettingSaid,
}

/// What a plugin says of a setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingSaid {
    /// What kind of value it takes.
    #[serde(rename = "type")]
    pub kind: SettingKind,
    /// Its value when nobody sets it.
    pub default: Json,
    /// The least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The greatest number; for a text the most bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The values of a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// A sentence for the operator.
    pub description: String,
}

/// What kind of value a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingKind {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Any text.
    Text,
    /// One of some words.
    Choice,
}

/// The settings that a description declares, or what is wrong with one of them.
pub(super) fn declared(attributes: &[(String, String)]) -> Result<Vec<SettingRule>, String> {
    let mut rules: Vec<SettingRule> = Vec::new();
    for (attribute, value) in attributes {
        let Some(name) = attribute.strip_prefix(ATTRIBUTE_PREFIX) else { continue };
        let is_name = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !is_name {
            return Err(format!("the name of the attribute {attribute:?} is not {ATTRIBUTE_PREFIX} and a word"));
        }
        if rules.iter().any(|rule| rule.name == name) {
            return Err(format!("there are two settings {name}"));
        }
        let said = serde_json::from_str(value)
            .map_err(|error| format!("the attribute {attribute} is not a setting as JSON: {error}"))?;
        let rule = SettingRule { name: name.to_owned(), said };
        let default = rule.default_text();
        rule.check(&default).map_err(|why| format!("the default of the setting {name} cannot be: {why}"))?;
        rules.push(rule);
    }
    Ok(rules)
}

impl SettingRule {
    /// Its value when nobody sets it, as a plugin is handed it.
    pub fn default_text(&self) -> String {
        match &self.said.default {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// Whether a value can be so; a sentence if not.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let (name, said) = (&self.name, &self.said);
        if value.len() > VALUE_BYTES_MAX {
            return Err(format!("{name} has {} bytes of at most {VALUE_BYTES_MAX}", value.len()));
        }
        match said.kind {
            SettingKind::Integer => match value.parse::<i64>() {
                #[expect(clippy::cast_precision_loss, reason = "bounds beyond 2^53 are not told apart")]
                Ok(number) => self.within(number as f64, value),
                Err(_) => Err(format!("{name} is {value:?}, not a whole number")),
            },
            SettingKind::Number => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => self.within(number, value),
                _ => Err(format!("{name} is {value:?}, not a number")),
            },
            SettingKind::Boolean if matches!(value, "true" | "false") => Ok(()),
            SettingKind::Boolean => Err(format!("{name} is {value:?}; it can be true or false")),
            SettingKind::Choice if said.choices.iter().any(|choice| choice == value) => Ok(()),
            SettingKind::Choice => Err(format!("{name} is {value:?}; it can be {}", said.choices.join(", "))),
            #[expect(clippy::cast_precision_loss, reason = "at most 64 KiB")]
            SettingKind::Text => match said.max {
                Some(max) if value.len() as f64 > max => {
                    Err(format!("{name} has {} bytes of at most {max}", value.len()))
                }
                _ => Ok(()),
            },
        }
    }

    fn within(&self, number: f64, value: &str) -> Result<(), String> {
        let name = &self.name;
        match (self.said.min, self.said.max) {
            (Some(min), _) if number < min => Err(format!("{name} is {value}; it is at least {min}")),
            (_, Some(max)) if number > max => Err(format!("{name} is {value}; it is at most {max}")),
            _ => Ok(()),
        }
    }
}

/// What a version is handed: each of its settings with the operator's value, or else its default. A value that this
/// version does not take, because another one was set up, is left out.
pub fn effective(rules: &[SettingRule], set: &BTreeMap<String, String>) -> Settings {
    let value = |rule: &SettingRule| {
        let own = set.get(&rule.name).filter(|value| rule.check(value).is_ok()).cloned();
        own.unwrap_or_else(|| rule.default_text())
    };
    rules.iter().map(|rule| (rule.name.clone(), value(rule))).collect()
}

/// Refuses a name that a version does not take, and a value that cannot be so.
pub fn check(rules: &[SettingRule], set: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in set {
        let Some(rule) = rules.iter().find(|rule| rule.name == *name) else {
            let known: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
            return Err(match known.as_slice() {
                [] => format!("it takes no settings, so {name} means nothing to it"),
                known => format!("it takes no setting {name}; it takes {}", known.join(", ")),
            });
        };
        rule.check(value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, json: &str) -> Result<Vec<SettingRule>, String> {
        declared(&[(format!("{ATTRIBUTE_PREFIX}{name}"), json.to_owned())])
    }

    #[track_caller]
    fn checks(json: &str, value: &str, expected: Result<(), &str>) {
        let rules = rule("x", json).expect("it is declared well");
        assert_eq!(rules[0].check(value), expected.map_err(str::to_owned), "{value}");
    }

    #[test]
    fn each_kind_takes_its_values_and_no_others() {
        let integer = r#"{"type":"integer","default":5,"min":1,"max":10,"description":"D."}"#;
        checks(integer, "1", Ok(()));
        checks(integer, "10", Ok(()));
        checks(integer, "0", Err("x is 0; it is at least 1"));
        checks(integer, "11", Err("x is 11; it is at most 10"));
        checks(integer, "1.5", Err("x is \"1.5\", not a whole number"));
        let number = r#"{"type":"number","default":0.5,"max":1,"description":"D."}"#;
        checks(number, "-3.25", Ok(()));
        checks(number, "1.01", Err("x is 1.01; it is at most 1"));
        checks(number, "NaN", Err("x is \"NaN\", not a number"));
        let boolean = r#"{"type":"boolean","default":true,"description":"D."}"#;
        checks(boolean, "false", Ok(()));
        checks(boolean, "yes", Err("x is \"yes\"; it can be true or false"));
        let choice = r#"{"type":"choice","default":"a","choices":["a","b"],"description":"D."}"#;
        checks(choice, "b", Ok(()));
        checks(choice, "c", Err("x is \"c\"; it can be a, b"));
        let text = r#"{"type":"text","default":"","max":3,"description":"D."}"#;
        checks(text, "abc", Ok(()));
        checks(text, "abcd", Err("x has 4 bytes of at most 3"));
        let any = r#"{"type":"text","default":"","description":"D."}"#;
        checks(any, &"x".repeat(VALUE_BYTES_MAX), Ok(()));
        checks(any, &"x".repeat(VALUE_BYTES_MAX + 1), Err("x has 65537 bytes of at most 65536"));
    }

    #[test]
    fn a_declaration_that_cannot_be_is_told() {
        let told = |name: &str, json: &str| rule(name, json).expect_err("it is refused");
        assert!(told("Big", "{}").contains("is not setting: and a word"));
        assert!(told("x", "{").contains("not a setting as JSON"));
        assert!(told("x", r#"{"type":"colour","default":1,"description":"D."}"#).contains("colour"));
        let odd = r#"{"type":"integer","default":"many","description":"D."}"#;
        assert_eq!(told("x", odd), "the default of the setting x cannot be: x is \"many\", not a whole number");
        let one = (format!("{ATTRIBUTE_PREFIX}x"), r#"{"type":"text","default":"","description":"D."}"#.to_owned());
        assert_eq!(declared(&[one.clone(), one]), Err("there are two settings x".into()));
        assert_eq!(declared(&[("other".into(), "anything".into())]), Ok(Vec::new()));
    }

    #[test]
    fn a_version_is_handed_what_it_takes_and_its_defaults() {
        let rules = rule("x", r#"{"type":"integer","default":5,"max":10,"description":"D."}"#).expect("it is fine");
        let set = |value: &str| BTreeMap::from([("x".to_owned(), value.to_owned())]);
        let handed = |value: &str| vec![("x".to_owned(), value.to_owned())];
        assert_eq!(effective(&rules, &BTreeMap::new()), handed("5"));
        assert_eq!(effective(&rules, &set("7")), handed("7"));
        assert_eq!(effective(&rules, &set("70")), handed("5"), "set for another version");
        assert_eq!(effective(&[], &set("7")), Vec::new());
    }

    #[test]
    fn a_name_that_a_version_does_not_take_is_told() {
        let rules = rule("x", r#"{"type":"text","default":"","description":"D."}"#).expect("it is fine");
        let set = BTreeMap::from([("y".to_owned(), "1".to_owned())]);
        assert_eq!(check(&rules, &set), Err("it takes no setting y; it takes x".into()));
        assert_eq!(check(&[], &set), Err("it takes no settings, so y means nothing to it".into()));
    }
}
