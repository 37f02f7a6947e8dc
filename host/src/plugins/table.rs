//! The serving table: which versions answer for whom, as one value that is replaced whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::call::{Call, Ended};
use super::deployment::{Candidate, CandidateStage, Deployment, Fallback, Placement, StageSpec};
use super::engine::micros;
use super::error::PluginError;
use super::limits::Limits;
use super::watch::{PROBATION_COMPARED_MIN, Probation, Watch};
use super::{Loaded, PluginId, Settings, World, settings};

/// Which plugins serve. It never changes; a change of the deployment puts another one in its place.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Which state of the deployment it is made from.
    pub generation: u64,
    plugins: BTreeMap<String, Arc<Serving>>,
    scorers: Arc<[Stage]>,
    normalizers: Arc<[Stage]>,
    customers: HashMap<Uuid, Arc<[Stage]>>,
}

/// One plugin of a pipeline.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Which plugin.
    pub serving: Arc<Serving>,
    /// What its points are multiplied with.
    pub weight: f64,
}

/// A plugin that answers, with what stands beside and behind its active version.
#[derive(Debug)]
pub struct Serving {
    /// The version that answers.
    pub active: Version,
    /// The version that is tried.
    pub candidate: Option<Trial>,
    /// What answers when the active version failed, in order.
    pub(super) fallback: Vec<(Rung, Version)>,
    /// Whether a neutral answer comes after all of these.
    pub(super) is_neutral_last: bool,
    /// While the active version is new.
    pub probation: Option<Arc<Probation>>,
}

/// A version as it is called.
#[derive(Debug, Clone)]
pub struct Version {
    /// The plugin.
    pub loaded: Arc<Loaded>,
    pub(super) way: Arc<Way>,
}

/// With what, and within which bounds, a plugin is called.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) settings: Settings,
    pub(super) limits: Arc<Limits>,
    /// Calls of this plugin at once, where it has a bound of its own.
    pub(super) places: Option<Semaphore>,
}

/// A candidate that is tried.
#[derive(Debug)]
pub struct Trial {
    /// Which version.
    pub version: Version,
    /// What was decided about it.
    pub said: Candidate,
    /// What was seen of it.
    pub watch: Arc<Watch>,
}

/// Which of the versions that could answer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// A candidate, for a part of the customers.
    Canary,
    /// The one that serves.
    Active,
    /// The one that served before it.
    Previous,
    /// The one that comes with the binary.
    BuiltIn,
    /// None: all failed, and the answer says nothing either way.
    Neutral,
}

impl Rung {
    /// The word that answers use.
    pub fn as_str(self) -> &'static str {
        match self {
            Rung::Canary => "canary",
            Rung::Active => "active",
            Rung::Previous => Fallback::Previous.as_str(),
            Rung::BuiltIn => Fallback::BuiltIn.as_str(),
            Rung::Neutral => Fallback::Neutral.as_str(),
        }
    }

    /// Whether the answer is less than what was to be had.
    pub fn is_degraded(self) -> bool {
        matches!(self, Rung::Previous | Rung::BuiltIn | Rung::Neutral)
    }
}

/// What a table is made from.
pub struct Plan<'a> {
    /// Which state of the deployment it is.
    pub generation: u64,
    /// The deployment.
    pub deployment: &'a Deployment,
    /// The versions that could be loaded here.
    pub versions: &'a HashMap<PluginId, Arc<Loaded>>,
    /// What comes with the binary, one for each world.
    pub built_in: &'a [Arc<Loaded>],
    /// How long an active version is on probation. None when zero.
    pub probation: Duration,
    /// Now, in milliseconds since 1970 and on the clock of the machine.
    pub now: (i64, Instant),
}

impl Table {
    /// The plugin that serves a world: the first one when there are several.
    pub fn active(&self, world: World) -> Option<&Arc<Loaded>> {
        self.stages(world, None).first().map(|stage| &stage.serving.active.loaded)
    }

    /// The pipeline of a world for a customer.
    pub fn stages(&self, world: World, customer: Option<Uuid>) -> &Arc<[Stage]> {
        match world {
            World::Scorer => customer.and_then(|id| self.customers.get(&id)).unwrap_or(&self.scorers),
            World::Normalizer => &self.normalizers,
        }
    }

    /// Every plugin that has a place, by name.
    pub fn plugins(&self) -> &BTreeMap<String, Arc<Serving>> {
        &self.plugins
    }

    /// The table in which this plugin alone serves its world, with nothing beside or behind it.
    pub(super) fn with(&self, loaded: Arc<Loaded>, limits: &Arc<Limits>) -> Table {
        let mut table = Table { generation: self.generation + 1, ..self.clone() };
        let world = loaded.world;
        let name = loaded.id.name.clone();
        let serving = Arc::new(Serving {
            active: Version::plain(loaded, limits),
            candidate: None,
            fallback: Vec::new(),
            is_neutral_last: false,
            probation: None,
        });
        table.plugins.retain(|_, other| other.active.loaded.world != world);
        table.plugins.insert(name, Arc::clone(&serving));
        let stages: Arc<[Stage]> = Arc::new([Stage { serving, weight: 1.0 }]);
        match world {
            World::Scorer => table.scorers = stages,
            World::Normalizer => table.normalizers = stages,
        }
        table
    }

    /// The table of a deployment. What could not be loaded here stays as it was before, or is left to the built-in
    /// rules. What was seen of a candidate that stays one is kept.
    pub(super) fn of(plan: &Plan<'_>, before: &Table, limits: &Arc<Limits>) -> Table {
        let mut plugins = BTreeMap::new();
        for (name, placement) in &plan.deployment.plugins {
            let earlier = before.plugins.get(name);
            if let Some(serving) = Serving::of(plan, name, placement, earlier.map(Arc::as_ref), limits) {
                plugins.insert(name.clone(), Arc::new(serving));
            }
        }
        let stages = |specs: &[StageSpec]| -> Arc<[Stage]> {
            let stage =
                |spec: &StageSpec| Some(Stage { serving: plugins.get(&spec.name)?.clone(), weight: spec.weight });
            specs.iter().filter_map(stage).collect()
        };
        let customers = plan.deployment.customers.iter().map(|(id, specs)| (*id, stages(specs))).collect();
        Table {
            generation: plan.generation,
            scorers: stages(&plan.deployment.scorers),
            normalizers: stages(&plan.deployment.normalizers),
            customers,
            plugins,
        }
    }
}

impl Serving {
    fn of(
        plan: &Plan<'_>,
        name: &str,
        placement: &Placement,
        before: Option<&Serving>,
        host: &Arc<Limits>,
    ) -> Option<Serving> {
        let id = |version: &str| PluginId { name: name.to_owned(), version: version.to_owned() };
        let of_version = |version: &str| plan.versions.get(&id(version)).cloned();
        let built_in = plan.built_in.iter().find(|loaded| loaded.world == placement.world).cloned();
        let wanted = placement.active.as_deref()?;
        let active = of_version(wanted).or_else(|| before.map(|before| before.active.loaded.clone()));
        let active = active.or_else(|| built_in.clone())?;
        let version = |loaded: Arc<Loaded>| Version::of(loaded, placement, host);

        let mut fallback: Vec<(Rung, Version)> = Vec::new();
        for rung in &placement.fallback {
            let (rung, loaded) = match rung {
                Fallback::Previous => {
                    (Rung::Previous, placement.history.last().and_then(|id| plan.versions.get(id).cloned()))
                }
                Fallback::BuiltIn => (Rung::BuiltIn, built_in.clone()),
                Fallback::Neutral => break,
            };
            let is_new = |loaded: &Arc<Loaded>| {
                loaded.id != active.id && !fallback.iter().any(|(_, other)| other.loaded.id == loaded.id)
            };
            if let Some(loaded) = loaded.filter(is_new) {
                // Another plugin has settings and limits of its own, so it gets the usual ones.
                let as_called = if loaded.id.name == name { version(loaded) } else { Version::plain(loaded, host) };
                fallback.push((rung, as_called));
            }
        }
        let candidate = placement.candidate.as_ref().and_then(|said| {
            let trial = |watch| Some(Trial { version: version(of_version(&said.version)?), said: said.clone(), watch });
            let known = before.and_then(|before| before.candidate.as_ref()).filter(|known| known.said == *said);
            trial(known.map_or_else(|| Arc::new(Watch::new(said.bounds)), |known| known.watch.clone()))
        });
        let probation = Serving::probation(plan, placement, &active, of_version(wanted).is_some());
        // What was counted goes on counting, whatever else is changed meanwhile.
        let known =
            before.filter(|before| before.active.loaded.id == active.id).and_then(|before| before.probation.clone());
        let probation = probation.map(|new| known.filter(|known| known.since == new.since).unwrap_or(Arc::new(new)));
        Some(Serving {
            active: version(active),
            candidate,
            fallback,
            is_neutral_last: placement.fallback.contains(&Fallback::Neutral),
            probation,
        })
    }

    fn probation(plan: &Plan<'_>, placement: &Placement, active: &Loaded, is_wanted: bool) -> Option<Probation> {
        let (now_ms, now) = plan.now;
        let predecessor = placement.history.last()?;
        let age = Duration::from_millis(u64::try_from(now_ms - placement.active_since).unwrap_or(0));
        let left = plan.probation.checked_sub(age).filter(|left| is_wanted && !left.is_zero())?;
        let before = plan.versions.get(predecessor).filter(|before| before.id != active.id)?.stats.tally();
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let mean = (before.calls >= PROBATION_COMPARED_MIN).then(|| before.cpu_us as f64 / before.calls as f64);
        Some(Probation::new(placement.active_since, now + left, mean))
    }

    /// The trial that is under way: not one that was stopped a moment ago.
    pub(super) fn trial(&self) -> Option<&Trial> {
        self.candidate.as_ref().filter(|trial| trial.watch.stopped().is_none())
    }

    /// Who is asked, in order, for a caller whose number is `key`: always the same for the same.
    pub(super) fn rungs(&self, key: u64) -> impl Iterator<Item = (Rung, &Version)> {
        let canary = self.trial().filter(|trial| trial.answers_for(key)).map(|trial| (Rung::Canary, &trial.version));
        let fallback = self.fallback.iter().map(|(rung, version)| (*rung, version));
        canary.into_iter().chain([(Rung::Active, &self.active)]).chain(fallback)
    }
}

impl Trial {
    /// Whether this is one of the callers that a canary answers for.
    fn answers_for(&self, key: u64) -> bool {
        const PARTS: u64 = 10_000;
        #[expect(clippy::cast_precision_loss, reason = "below 10,000")]
        match self.said.stage {
            CandidateStage::Shadow => false,
            CandidateStage::Canary { percent } => ((key % PARTS) as f64) < percent * 100.0,
        }
    }
}

impl Version {
    fn of(loaded: Arc<Loaded>, placement: &Placement, host: &Arc<Limits>) -> Version {
        let limits = if placement.limits.is_empty() { Arc::clone(host) } else { Arc::new(placement.limits.of(host)) };
        let way = Way {
            settings: settings::effective(&loaded.settings, &placement.settings),
            limits,
            places: placement.limits.calls.map(Semaphore::new),
        };
        Version { loaded, way: Arc::new(way) }
    }

    /// A version with its defaults and the limits of the host.
    pub(super) fn plain(loaded: Arc<Loaded>, host: &Arc<Limits>) -> Version {
        let settings = settings::effective(&loaded.settings, &BTreeMap::new());
        Version { loaded, way: Arc::new(Way { settings, limits: Arc::clone(host), places: None }) }
    }

    /// A call of this version that has ended, with its name and counted.
    pub(super) fn counted<T>(&self, ended: Ended<T>, began: Instant) -> Call<T> {
        let Ended { result, cpu_us, memory_bytes } = ended;
        let (plugin, duration_us) = (&self.loaded, micros(began.elapsed()));
        plugin.stats.count(result.as_ref().err(), duration_us, cpu_us, memory_bytes);
        let named = |fault| PluginError::Failed { plugin: plugin.id.clone(), fault };
        Call {
            plugin: Some(plugin.id.clone()),
            digest: Some(plugin.digest.clone()),
            duration_us,
            cpu_us,
            memory_bytes,
            result: result.map_err(named),
        }
    }

    /// A version with settings of the moment.
    pub(super) fn with_settings(loaded: Arc<Loaded>, settings: Settings, host: &Arc<Limits>) -> Version {
        Version { loaded, way: Arc::new(Way { settings, limits: Arc::clone(host), places: None }) }
    }
}
