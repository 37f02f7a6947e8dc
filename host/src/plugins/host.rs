//! The plugin host as its callers see it, and the way of a call through it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use super::admission::Admission;
use super::cache::Cache;
use super::call::{Call, Ended, Sandbox};
use super::engine::millis;
use super::error::{Fault, Health, PluginError, Refusal, StartError};
use super::lane::{Lane, once};
use super::limits::Limits;
use super::mirror::Mirror;
use super::table::{Plan, Version};
use super::work::{Normalizing, Scoring, Work};
use super::{Loaded, PluginId, Settings, Table, World, normalizer, scorer};
use arc_swap::ArcSwap;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

/// The whole plugin host. Its threads end when it is dropped.
pub struct Plugins {
    pub(super) sandbox: Arc<Sandbox>,
    table: ArcSwap<Table>,
    admission: Admission,
    lane: Lane,
    pub(super) mirror: Mirror,
    pub(super) alarm: Arc<Notify>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Plugins {
    /// Sets the sandbox up and starts its threads: a clock, the slow lane, and the compiler.
    ///
    /// With a folder, compiled code is kept there under a MAC made with `host_key`, which must be secret and stay the
    /// same from start to start.
    pub fn start(limits: Limits, cache_dir: Option<PathBuf>, host_key: [u8; 32]) -> Result<Plugins, StartError> {
        let sandbox = Arc::new(Sandbox::new(limits)?);
        let open = |folder: PathBuf| {
            let path = folder.display().to_string();
            let opened = Cache::open(folder, &host_key, &sandbox.engine);
            opened.map_err(|source| StartError::Cache { path, source })
        };
        let cache = cache_dir.map(open).transpose()?;
        let lane = Lane::start(sandbox.limits.slow_calls_max).map_err(StartError::Thread)?;
        let admission = Admission::start(sandbox.clone(), cache).map_err(StartError::Thread)?;
        let alarm = Arc::new(Notify::new());
        let mirror = Mirror::start(sandbox.clone(), alarm.clone()).map_err(StartError::Thread)?;
        let slots = Arc::new(Semaphore::new(sandbox.limits.slots as usize));
        let (table, waiting) = (ArcSwap::default(), AtomicUsize::new(0));
        Ok(Plugins { sandbox, table, admission, lane, mirror, alarm, slots, waiting })
    }

    /// The bounds that this host keeps.
    pub fn limits(&self) -> &Limits {
        &self.sandbox.limits
    }

    /// Turns a file, component or core module, into a plugin that can be activated, or says why not.
    pub async fn admit(&self, bytes: Vec<u8>) -> Result<Arc<Loaded>, Refusal> {
        self.admission.admit(bytes).await
    }

    /// Lets one plugin alone serve its world from the next call on, and names the one that did so far. Calls that are
    /// under way end with the version that they began with.
    pub fn activate(&self, loaded: &Arc<Loaded>) -> Option<PluginId> {
        let before = self.table.rcu(|table| table.with(loaded.clone(), &self.sandbox.limits));
        let previous = before.active(loaded.world).map(|previous| previous.id.clone());
        tracing::info!(plugin = %loaded.id, world = %loaded.world, digest = loaded.digest, "plugin activated");
        previous
    }

    /// Lets a deployment serve from the next call on. Calls that are under way end as they began.
    pub fn serve(&self, plan: &Plan<'_>) {
        self.table.rcu(|table| Table::of(plan, table, &self.sandbox.limits));
    }

    /// Waits until a version is to be stopped or taken back; `Table::plugins` says which.
    pub async fn alarmed(&self) {
        self.alarm.notified().await;
    }

    /// The plugin that serves a world: the first one when there are several.
    pub fn active(&self, world: World) -> Option<Arc<Loaded>> {
        self.table.load().active(world).cloned()
    }

    /// Which plugins serve now, as one consistent picture.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// Has the active scorer judge a message: one plugin, and nothing in its place when it fails.
    pub async fn score(&self, message: scorer::Message, settings: Settings) -> Call<scorer::Verdict> {
        match self.active(World::Scorer) {
            Some(plugin) => self.score_with(&plugin, message, settings).await,
            None => Call::none_active(World::Scorer),
        }
    }

    /// Has one scorer judge a message, active or not.
    pub async fn score_with(
        &self,
        plugin: &Arc<Loaded>,
        message: scorer::Message,
        settings: Settings,
    ) -> Call<scorer::Verdict> {
        let version = Version::with_settings(plugin.clone(), settings, &self.sandbox.limits);
        self.ask::<Scoring>(&version, &Arc::new(message)).await
    }

    /// Has the active normalizer read a request: one plugin, and nothing in its place when it fails. The inner error is
    /// the plugin's answer for a request that it cannot read, which is as good an answer as any.
    pub async fn normalize(
        &self,
        request: normalizer::Request,
        settings: Settings,
    ) -> Call<Result<normalizer::Outcome, normalizer::Problem>> {
        match self.active(World::Normalizer) {
            Some(plugin) => self.normalize_with(&plugin, request, settings).await,
            None => Call::none_active(World::Normalizer),
        }
    }

    /// Has one normalizer read a request, active or not.
    pub async fn normalize_with(
        &self,
        plugin: &Arc<Loaded>,
        request: normalizer::Request,
        settings: Settings,
    ) -> Call<Result<normalizer::Outcome, normalizer::Problem>> {
        let version = Version::with_settings(plugin.clone(), settings, &self.sandbox.limits);
        self.ask::<Normalizing>(&version, &Arc::new(request)).await
    }

    /// One call of one version, counted.
    pub(super) async fn ask<W: Work>(&self, version: &Version, input: &Arc<W::Input>) -> Call<W::Answer> {
        let began = Instant::now();
        let ended = self.attempt::<W>(version, input, began).await;
        version.counted(ended, began)
    }

    /// The same, but an input that the version failed on twice is not tried again.
    pub(super) async fn ask_again<W: Work>(&self, version: &Version, input: &Arc<W::Input>) -> Call<W::Answer> {
        let (poison, began) = (&version.loaded.poison, Instant::now());
        if !poison.is_empty() && poison.bars(&W::fingerprint(input), began) {
            return version.counted(Ended::not_run(Fault::Poisoned), began);
        }
        let call = self.ask::<W>(version, input).await;
        if let Err(PluginError::Failed { fault, .. }) = &call.result
            && fault.is_the_inputs()
        {
            poison.note(W::fingerprint(input), Instant::now());
        }
        call
    }

    /// Asks whether the call makes sense, runs it, and remembers what came of it.
    async fn attempt<W: Work>(&self, version: &Version, input: &Arc<W::Input>, began: Instant) -> Ended<W::Answer> {
        let Version { loaded: plugin, way } = version;
        let (bytes, bytes_max) = (W::bytes(input, &way.settings), way.limits.input_bytes_max);
        if bytes > bytes_max {
            return Ended::not_run(Fault::TooLargeInput { bytes, bytes_max });
        }
        let _place = match way.places.as_ref().map(Semaphore::try_acquire) {
            Some(Err(_)) => return Ended::not_run(Fault::Busy),
            place => place,
        };
        let leave = match plugin.breaker.admit(began) {
            Ok(leave) => leave,
            Err(rest) => return Ended::not_run(Fault::Resting { for_ms: millis(rest).max(1) }),
        };
        let ended = self.run::<W>(version, input, bytes, began).await;
        let health = ended.result.as_ref().map_or_else(|fault| fault.health(bytes), |_| Health::Well);
        leave.end(health, Instant::now());
        if let (Err(fault), Health::Failing) = (&ended.result, health) {
            tracing::warn!(plugin = %plugin.id, kind = fault.kind(), "plugin call failed");
        }
        ended
    }

    /// The first slice is run here, which is all that an ordinary call needs. What is slower goes on in the lane.
    async fn run<W: Work>(
        &self,
        version: &Version,
        input: &Arc<W::Input>,
        bytes: usize,
        began: Instant,
    ) -> Ended<W::Answer> {
        let limits = &version.way.limits;
        let budget = limits.budget(bytes);
        let deadline = began + budget.wall;
        let slot = match self.slot(deadline).await {
            Ok(slot) => slot,
            Err(fault) => return Ended::not_run(fault),
        };
        let (version, input) = (version.clone(), input.clone());
        let call = self.sandbox.call(limits, budget, began, |store| W::run(version, input, store));
        let mut call = Box::pin(async move {
            let _slot = slot;
            call.await
        });
        if let Poll::Ready(ended) = once(call.as_mut()) {
            return ended;
        }
        let Some(answer) = self.lane.take(call) else { return Ended::not_run(Fault::Busy) };
        match timeout_at(deadline.into(), answer).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Ended::not_run(Fault::Trapped("the host could not go on with it".into())),
            Err(_) => Ended::not_run(Fault::OutOfTime { wall_ms: millis(budget.wall) }),
        }
    }

    /// A slot in the pool of instances, at once or after waiting among a bounded number.
    async fn slot(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Fault> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Ok(slot);
        }
        let waiting = Waiting::enter(&self.waiting, self.sandbox.limits.waiting_max).ok_or(Fault::Busy)?;
        let slot = timeout_at(deadline.into(), self.slots.clone().acquire_owned()).await;
        drop(waiting);
        slot.map_err(|_| Fault::Busy)?.map_err(|_| Fault::Busy)
    }
}

/// A place among those who wait for a slot.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn enter(waiting: &AtomicUsize, waiting_max: usize) -> Option<Waiting<'_>> {
        let place = Waiting(waiting);
        let others = waiting.fetch_add(1, Ordering::Relaxed);
        (others < waiting_max).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn nothing_is_left_running_when_the_host_is_dropped() {
        let plugins = Plugins::start(Limits { slots: 1, ..Limits::default() }, None, [0; 32]).unwrap();
        let engine = plugins.sandbox.engine.weak();
        drop(plugins);
        // The threads hold it until they have noticed.
        let is_gone =
            (0..500).any(|_| engine.upgrade().is_none() || (thread::sleep(Duration::from_millis(10)), false).1);
        assert!(is_gone);
    }

    #[test]
    fn so_many_may_wait_and_no_more() {
        let waiting = AtomicUsize::new(0);
        let places: Vec<_> = (0..3).map_while(|_| Waiting::enter(&waiting, 2)).collect();
        assert_eq!((places.len(), waiting.load(Ordering::Relaxed)), (2, 2));
        drop(places);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }
}
