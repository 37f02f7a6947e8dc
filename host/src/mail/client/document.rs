//! Rules as they stand in a file.

use serde::Deserialize;
use toml::Spanned;

use super::Kind;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) format: u32,
    /// The day that the facts were last looked at.
    pub(super) updated: String,
    pub(super) unknown: Unknown,
    #[serde(default, rename = "rule")]
    pub(super) rules: Vec<Spanned<RuleText>>,
}

/// What is said of a client that no rule knows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unknown {
    pub(super) confidence: u8,
    pub(super) reason: String,
}

/// One rule. Every condition that it names must hold.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleText {
    pub(super) name: String,
    pub(super) client: String,
    pub(super) confidence: u8,
    pub(super) reason: String,
    pub(super) source: String,
    pub(super) on: Option<Kind>,
    pub(super) user_agent: Option<UserAgentText>,
    #[serde(default)]
    pub(super) addresses: Vec<String>,
    #[serde(default)]
    pub(super) before_delivery: bool,
    pub(super) after_delivery_ms_max: Option<i64>,
    pub(super) links_min: Option<usize>,
    #[serde(default)]
    pub(super) canary: bool,
    #[serde(default)]
    pub(super) head_before: bool,
    /// How far `links_min` and `canary` look, in either direction.
    pub(super) within_ms: Option<i64>,
}

/// What a user agent must be: any of `is`, `begins`, `has` and `words`, and nothing of `not`. Case does not count.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct UserAgentText {
    pub(super) missing: bool,
    pub(super) is: Vec<String>,
    pub(super) begins: Vec<String>,
    pub(super) has: Vec<String>,
    pub(super) words: Vec<String>,
    pub(super) not: Vec<String>,
}

impl UserAgentText {
    /// What is looked for, wherever it must stand.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &String> + Clone {
        self.is.iter().chain(&self.begins).chain(&self.has).chain(&self.words)
    }
}
