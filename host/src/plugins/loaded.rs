//! A plugin that passed admission, and how it is named.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::admission::Code;
use super::breaker::Breaker;
use super::poison::Poison;
use super::settings::SettingRule;
use super::stats::Stats;
use super::{normalizer, scorer};

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum World {
    /// Judges the content of messages.
    Scorer,
    /// Translates notifications about mail that was sent.
    Normalizer,
}

impl World {
    /// Every world.
    pub const ALL: [World; 2] = [World::Scorer, World::Normalizer];

    /// The word that settings, answers and tables use.
    pub fn as_str(self) -> &'static str {
        match self {
            World::Scorer => "scorer",
            World::Normalizer => "normalizer",
        }
    }

    /// The reverse of `as_str`.
    pub fn parse(word: &str) -> Option<World> {
        World::ALL.into_iter().find(|world| world.as_str() == word)
    }
}

impl fmt::Display for World {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Name and version, which together belong to one component for ever. Shown as `name@version`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PluginId {
    /// Lower-case letters, digits and hyphens, at most 64.
    pub name: String,
    /// A semantic version.
    pub version: String,
}

impl fmt::Display for PluginId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

/// A plugin that was admitted: compiled, linked, and known by its own description.
pub struct Loaded {
    /// Who it says it is.
    pub id: PluginId,
    /// What it is for.
    pub world: World,
    /// The version of the contract that it was built for, for example `1.0.0`.
    pub wit_version: String,
    /// `sha256:` and the hexadecimal digest of the file as it was given.
    pub digest: String,
    /// Bytes of the file as it was given.
    pub size: usize,
    /// The component: the file itself, or what was made of a core module.
    pub component: Arc<[u8]>,
    /// One sentence for the operator.
    pub summary: String,
    /// What else it says of itself.
    pub attributes: Vec<(String, String)>,
    /// A scorer's rules; empty for a normalizer.
    pub rules: Vec<scorer::Rule>,
    /// A normalizer's formats; empty for a scorer.
    pub formats: Vec<normalizer::Format>,
    /// What the operator should know though it works, a sentence each.
    pub warnings: Vec<String>,
    pub(super) rule_ids: HashSet<String>,
    /// The settings that it takes.
    pub settings: Vec<SettingRule>,
    /// What its calls came to since it was loaded here.
    pub stats: Stats,
    pub(super) code: Code,
    pub(super) breaker: Breaker,
    pub(super) poison: Poison,
}

impl Loaded {
    /// How long it rests after repeated failures; `None` when it may be called.
    pub fn rests_for(&self) -> Option<Duration> {
        self.breaker.rests_for(Instant::now())
    }

    /// Forgets its failures, for an author who wants each input tried, however many before it failed.
    pub(crate) fn forgive(&self) {
        self.breaker.forgive();
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({}, {} bytes)", self.world, self.id, self.digest, self.size)
    }
}
