//! A version that is tried beside the one that serves, and what it may not do.

use serde::{Deserialize, Serialize};

use super::{Denied, Deployment};
use crate::plugins::{PluginId, World};

/// A version that is tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which version of the plugin.
    pub version: String,
    /// How it is tried.
    pub stage: CandidateStage,
    /// When this stage began, in milliseconds since 1970.
    pub since: i64,
    /// What stops it.
    #[serde(default)]
    pub bounds: Bounds,
}

/// How a candidate is tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateStage {
    /// It runs after the answer has left. Nobody sees what it says.
    Shadow,
    /// It answers for a part of the customers, always the same ones.
    Canary {
        /// How many of a hundred, more than 0 and at most 100.
        percent: f64,
    },
}

/// What a candidate may do before it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bounds {
    /// Failed calls: traps, time-outs, nonsense. One more stops it. 2.
    pub failures_max: u64,
    /// How many points a score may differ from the active version's. No bound unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference_max: Option<f64>,
    /// Of a hundred answers, how many may come to another verdict. 5.
    pub flips_percent_max: f64,
    /// Answers that are compared before `flips_percent_max` and `cost_ratio_max` count. 50.
    pub compared_min: u64,
    /// CPU time in the mean, as a multiple of the active version's. 10.
    pub cost_ratio_max: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { failures_max: 2, difference_max: None, flips_percent_max: 5.0, compared_min: 50, cost_ratio_max: 10.0 }
    }
}

impl Bounds {
    /// Numbers that can be crossed.
    pub fn check(&self) -> Result<(), Denied> {
        let is_sound = |number: f64| number.is_finite() && number >= 0.0;
        if !self.difference_max.is_none_or(is_sound) {
            return Err("the largest difference is 0 points or more".into());
        }
        if !is_sound(self.flips_percent_max) || self.flips_percent_max > 100.0 {
            return Err("the share of other verdicts is 0 to 100 percent".into());
        }
        if !is_sound(self.cost_ratio_max) || self.cost_ratio_max == 0.0 {
            return Err("the cost ratio is more than 0".into());
        }
        Ok(())
    }
}

impl CandidateStage {
    /// Whether nobody sees what it says.
    pub fn is_shadow(self) -> bool {
        self == CandidateStage::Shadow
    }

    /// The word that answers use.
    pub fn as_str(self) -> &'static str {
        match self {
            CandidateStage::Shadow => "shadow",
            CandidateStage::Canary { .. } => "canary",
        }
    }
}

impl Deployment {
    /// Tries a version beside the active one of the same name. Gives the version that was tried so far.
    pub fn try_out(&mut self, world: World, id: &PluginId, candidate: Candidate) -> Result<Option<String>, Denied> {
        candidate.bounds.check()?;
        if let CandidateStage::Canary { percent } = candidate.stage
            && !(percent > 0.0 && percent <= 100.0)
        {
            return Err("a canary answers for more than 0 and at most 100 percent of the customers".into());
        }
        self.belongs(world, &id.name)?;
        let Some(active) = self.active(&id.name) else {
            return Err(format!(
                "no version of {} serves, so there is nothing to compare {id} with; `pillarbox plugin activate {id}` \
                 makes it serve",
                id.name
            ));
        };
        if active == *id {
            return Err(format!("{id} serves everybody already"));
        }
        let placement = self.known(&id.name)?;
        Ok(placement.candidate.replace(candidate).map(|before| before.version))
    }

    /// Makes the candidate of a plugin its active version: gives what served and what serves now.
    pub fn promote(&mut self, name: &str, now: i64) -> Result<(PluginId, PluginId), Denied> {
        let tried = self.plugins.get(name).and_then(|placement| placement.candidate.as_ref());
        let Some(candidate) = tried else { return Err(none_is_tried(name)) };
        let (world, version) = (self.plugins[name].world, candidate.version.clone());
        let id = PluginId { name: name.to_owned(), version };
        let before = self.activate(world, &id, now)?.ok_or_else(|| none_is_tried(name))?;
        Ok((before, id))
    }

    /// Ends the trial of a plugin's candidate, and gives it.
    pub fn stop(&mut self, name: &str) -> Result<Candidate, Denied> {
        let tried = self.plugins.get_mut(name).and_then(|placement| placement.candidate.take());
        tried.ok_or_else(|| none_is_tried(name))
    }
}

fn none_is_tried(name: &str) -> Denied {
    format!(
        "no version of {name} is tried; `pillarbox plugin shadow {name}@VERSION` and `pillarbox plugin canary` begin a \
         trial"
    )
}
