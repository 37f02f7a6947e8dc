//! Several plugins of a world: scorers whose points add up, normalizers that are asked in turn.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Denied, Deployment};
use crate::plugins::{PluginId, World};

/// Plugins of one pipeline.
pub const STAGES_MAX: usize = 10;
/// What a scorer's points may be multiplied with, 0 included: such a scorer advises without counting.
pub const WEIGHT_MAX: f64 = 100.0;
/// Customers with a pipeline of their own.
pub const CUSTOMER_PIPELINES_MAX: usize = 1_000;

/// One plugin of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSpec {
    /// Which plugin; its active version answers.
    pub name: String,
    /// What its points are multiplied with.
    pub weight: f64,
}

impl StageSpec {
    fn plain(name: &str) -> StageSpec {
        StageSpec { name: name.to_owned(), weight: 1.0 }
    }
}

impl Deployment {
    /// The pipeline of a world.
    pub fn stages(&self, world: World) -> &[StageSpec] {
        match world {
            World::Scorer => &self.scorers,
            World::Normalizer => &self.normalizers,
        }
    }

    fn stages_mut(&mut self, world: World) -> &mut Vec<StageSpec> {
        match world {
            World::Scorer => &mut self.scorers,
            World::Normalizer => &mut self.normalizers,
        }
    }

    /// Puts these plugins in this order, for everybody or for one customer.
    pub fn set_pipeline(&mut self, world: World, customer: Option<Uuid>, stages: Vec<StageSpec>) -> Result<(), Denied> {
        self.check_stages(world, &stages)?;
        match customer {
            None => *self.stages_mut(world) = stages,
            Some(_) if world == World::Normalizer => {
                return Err(
                    "a notification belongs to no customer before it is read, so normalizers are the same for \
                            everybody"
                        .into(),
                );
            }
            Some(customer) => {
                if !self.customers.contains_key(&customer) && self.customers.len() >= CUSTOMER_PIPELINES_MAX {
                    return Err(format!(
                        "{CUSTOMER_PIPELINES_MAX} customers have a pipeline of their own, which is the most; give one of \
                         them back first"
                    ));
                }
                self.customers.insert(customer, stages);
            }
        }
        self.end_idle_trials();
        Ok(())
    }

    /// Lets a customer have what everybody has. False when it had nothing of its own.
    pub fn clear_pipeline(&mut self, customer: Uuid) -> bool {
        let had_one = self.customers.remove(&customer).is_some();
        self.end_idle_trials();
        had_one
    }

    /// A candidate beside a plugin that nobody asks any more would be tried for ever.
    fn end_idle_trials(&mut self) {
        let idle: Vec<_> = self
            .plugins
            .iter()
            .filter(|(name, placement)| !self.has_place(placement.world, name))
            .map(|(name, _)| name.clone())
            .collect();
        for name in idle {
            if let Some(placement) = self.plugins.get_mut(&name) {
                placement.candidate = None;
            }
        }
    }

    fn check_stages(&self, world: World, stages: &[StageSpec]) -> Result<(), Denied> {
        if stages.is_empty() || stages.len() > STAGES_MAX {
            return Err(format!("a pipeline has 1 to {STAGES_MAX} plugins, not {}", stages.len()));
        }
        for (at, stage) in stages.iter().enumerate() {
            let name = &stage.name;
            if !(stage.weight >= 0.0 && stage.weight <= WEIGHT_MAX) {
                return Err(format!("the weight of {name} is {}; it can be 0 to {WEIGHT_MAX}", stage.weight));
            }
            if stages[..at].iter().any(|earlier| earlier.name == *name) {
                return Err(format!("{name} stands twice in the pipeline"));
            }
            match self.plugins.get(name) {
                Some(placement) if placement.world == world && placement.active.is_some() => {}
                Some(placement) if placement.world != world => {
                    return Err(format!("{name} is a {}, not a {world}", placement.world));
                }
                _ => {
                    return Err(format!(
                        "no version of {name} was activated; `pillarbox plugin pipeline` takes NAME@VERSION as well"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Names the version of a plugin that serves where it has a place, without giving it one.
    pub fn name_version(&mut self, world: World, id: &PluginId, now: i64) -> Result<(), Denied> {
        self.belongs(world, &id.name)?;
        let before = self.active(&id.name).filter(|before| before != id);
        let placement = self.placed(world, &id.name);
        if let Some(before) = before {
            placement.remember(before);
        }
        if placement.active.as_ref() != Some(&id.version) {
            placement.active = Some(id.version.clone());
            placement.active_since = now;
        }
        Ok(())
    }

    pub(super) fn has_place(&self, world: World, name: &str) -> bool {
        let has = |stages: &[StageSpec]| stages.iter().any(|stage| stage.name == name);
        has(self.stages(world)) || self.customers.values().any(|stages| has(stages))
    }

    /// Gives a plugin the place of the only one of its world, and gives what served there.
    pub(super) fn take_place(&mut self, world: World, name: &str) -> Result<Option<PluginId>, Denied> {
        match self.stages(world) {
            [] => {
                self.stages_mut(world).push(StageSpec::plain(name));
                Ok(None)
            }
            [only] => {
                let before = only.name.clone();
                let served = self.active(&before);
                self.replace_stage(world, &before, name);
                if let Some(leaving) = self.plugins.get_mut(&before) {
                    leaving.candidate = None;
                    if !self.customers.values().any(|stages| stages.iter().any(|stage| stage.name == before)) {
                        leaving.active = None;
                    }
                }
                Ok(served)
            }
            several => Err(format!(
                "{} {world}s serve together, and {name} is none of them; `pillarbox plugin pipeline` says which do",
                several.len()
            )),
        }
    }

    /// Puts another plugin where one stood.
    pub(super) fn replace_stage(&mut self, world: World, name: &str, other: &str) {
        let stages = self.stages_mut(world);
        let is_there = stages.iter().any(|stage| stage.name == other);
        if is_there {
            stages.retain(|stage| stage.name != name);
        }
        for stage in stages {
            if stage.name == name {
                other.clone_into(&mut stage.name);
            }
        }
    }
}
