//! Which versions serve, as one document, and the rules by which one document becomes the next.
//!
//! The registry stores the document, the serving table is made from it, and every change is a pure function here: it
//! gives another document or a sentence that says why not. So a change is atomic wherever it is stored, and going back
//! is a matter of data.

mod candidate;
mod limits;
mod pipeline;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::candidate::{Bounds, Candidate, CandidateStage};
pub use self::limits::LimitOverrides;
pub use self::pipeline::{CUSTOMER_PIPELINES_MAX, STAGES_MAX, StageSpec, WEIGHT_MAX};
use super::{PluginId, World};

/// Versions that a plugin remembers to go back to. The oldest is forgotten first.
pub const HISTORY_MAX: usize = 20;

/// A sentence that says why a change cannot be made.
pub type Denied = String;

/// Everything that decides which plugin answers what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deployment {
    /// Each plugin that serves, did, or is tried, by name.
    pub plugins: BTreeMap<String, Placement>,
    /// The scorers of everybody, in order.
    pub scorers: Vec<StageSpec>,
    /// The normalizers, in the order in which they are asked.
    pub normalizers: Vec<StageSpec>,
    /// Customers with scorers of their own.
    pub customers: BTreeMap<Uuid, Vec<StageSpec>>,
}

/// Where one plugin stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// What it is for.
    pub world: World,
    /// The version that serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    /// What served before, newest last. The last one may be another plugin, whose place this one took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PluginId>,
    /// When `active` began to serve, in milliseconds since 1970: its probation counts from here.
    #[serde(default)]
    pub active_since: i64,
    /// The version that is tried beside the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    /// What an operator set for it, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Where its calls are bounded more tightly than the host bounds all.
    #[serde(default, skip_serializing_if = "LimitOverrides::is_empty")]
    pub limits: LimitOverrides,
    /// What answers in its place when it fails, in order.
    #[serde(default = "Fallback::usual")]
    pub fallback: Vec<Fallback>,
}

/// What answers when a version has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The version that served before it.
    Previous,
    /// The rules that come with the binary.
    BuiltIn,
    /// Nobody: the answer is neutral and marked as degraded.
    Neutral,
}

impl Fallback {
    /// Previous version, then the built-in rules; when both fail the caller hears that nothing answered.
    fn usual() -> Vec<Fallback> {
        vec![Fallback::Previous, Fallback::BuiltIn]
    }

    /// The word that settings and answers use.
    pub fn as_str(self) -> &'static str {
        match self {
            Fallback::Previous => "previous",
            Fallback::BuiltIn => "built_in",
            Fallback::Neutral => "neutral",
        }
    }

    /// The reverse of `as_str`.
    pub fn parse(word: &str) -> Option<Fallback> {
        [Fallback::Previous, Fallback::BuiltIn, Fallback::Neutral].into_iter().find(|rung| rung.as_str() == word)
    }
}

impl Placement {
    fn new(world: World) -> Placement {
        Placement {
            world,
            active: None,
            history: Vec::new(),
            active_since: 0,
            candidate: None,
            settings: BTreeMap::new(),
            limits: LimitOverrides::default(),
            fallback: Fallback::usual(),
        }
    }

    /// The version of this very plugin that served before.
    pub fn previous_version(&self, name: &str) -> Option<&str> {
        self.history.iter().rev().find(|id| id.name == name).map(|id| id.version.as_str())
    }

    fn remember(&mut self, before: PluginId) {
        self.history.push(before);
        let surplus = self.history.len().saturating_sub(HISTORY_MAX);
        self.history.drain(..surplus);
    }
}

impl Deployment {
    /// The version of a plugin that serves.
    pub fn active(&self, name: &str) -> Option<PluginId> {
        let version = self.plugins.get(name)?.active.clone()?;
        Some(PluginId { name: name.to_owned(), version })
    }

    /// What serves a world when it is one plugin alone.
    pub fn sole(&self, world: World) -> Option<PluginId> {
        match self.stages(world) {
            [only] => self.active(&only.name),
            _ => None,
        }
    }

    /// Makes a version serve, and gives the one in whose place it does. A plugin that has no place yet takes that of
    /// the only one of its world.
    pub fn activate(&mut self, world: World, id: &PluginId, now: i64) -> Result<Option<PluginId>, Denied> {
        self.belongs(world, &id.name)?;
        if self.active(&id.name).as_ref() == Some(id) && self.has_place(world, &id.name) {
            return Ok(Some(id.clone()));
        }
        let before =
            if self.has_place(world, &id.name) { self.active(&id.name) } else { self.take_place(world, &id.name)? };
        let placement = self.placed(world, &id.name);
        if let Some(before) = &before {
            placement.remember(before.clone());
        }
        placement.active = Some(id.version.clone());
        placement.active_since = now;
        if placement.candidate.as_ref().is_some_and(|candidate| candidate.version == id.version) {
            placement.candidate = None;
        }
        Ok(before)
    }

    /// Goes back to what served before `name` does now, and never forth again: gives what served and what serves now.
    pub fn roll_back(&mut self, name: &str, now: i64) -> Result<(PluginId, PluginId), Denied> {
        let nothing = || {
            format!(
                "no version served before {name} does now, so there is nothing to roll back to; see `pillarbox plugin \
                 list`"
            )
        };
        let from = self.active(name).ok_or_else(nothing)?;
        let placement = self.plugins.get_mut(name).ok_or_else(nothing)?;
        let to = placement.history.pop().ok_or_else(nothing)?;
        let world = placement.world;
        placement.candidate = None;
        if to.name == name {
            placement.active = Some(to.version.clone());
            placement.active_since = now;
        } else {
            placement.active = None;
            self.replace_stage(world, name, &to.name);
            let returning = self.placed(world, &to.name);
            returning.active = Some(to.version.clone());
            returning.active_since = now;
        }
        Ok((from, to))
    }

    /// Takes what an operator set for a plugin.
    pub fn set_settings(&mut self, name: &str, settings: BTreeMap<String, String>) -> Result<(), Denied> {
        self.known(name)?.settings = settings;
        Ok(())
    }

    /// Bounds the calls of a plugin.
    pub fn set_limits(&mut self, name: &str, limits: LimitOverrides) -> Result<(), Denied> {
        self.known(name)?.limits = limits;
        Ok(())
    }

    /// Says what answers when a plugin fails.
    pub fn set_fallback(&mut self, name: &str, fallback: Vec<Fallback>) -> Result<(), Denied> {
        for (at, rung) in fallback.iter().enumerate() {
            if fallback[..at].contains(rung) {
                return Err(format!("{} stands twice in the ladder", rung.as_str()));
            }
        }
        self.known(name)?.fallback = fallback;
        Ok(())
    }

    fn known(&mut self, name: &str) -> Result<&mut Placement, Denied> {
        self.plugins.get_mut(name).ok_or_else(|| {
            format!(
                "{name} neither serves nor is it tried; activate a version of it first, see `pillarbox plugin list`"
            )
        })
    }

    fn placed(&mut self, world: World, name: &str) -> &mut Placement {
        self.plugins.entry(name.to_owned()).or_insert_with(|| Placement::new(world))
    }

    /// A name stands for one world, whatever its versions are.
    fn belongs(&self, world: World, name: &str) -> Result<(), Denied> {
        match self.plugins.get(name).map(|placement| placement.world) {
            Some(other) if other != world => {
                Err(format!("{name} is a {other} in its other versions; give this {world} a name of its own"))
            }
            _ => Ok(()),
        }
    }
}
