//! The plugin host as its callers see it, and the way of a call through it.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use wasmtime::Store;

use super::admission::Admission;
use super::cache::Cache;
use super::call::{self, Call, Ended, Sandbox};
use super::engine::{CallState, millis};
use super::error::{Fault, Health, PluginError, Refusal, StartError};
use super::lane::{Lane, once};
use super::limits::Limits;
use super::{Loaded, PluginId, Settings, Table, World, check, normalizer, scorer};

/// The whole plugin host. Its threads end when it is dropped.
pub struct Plugins {
    sandbox: Arc<Sandbox>,
    table: ArcSwap<Table>,
    admission: Admission,
    lane: Lane,
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
        let slots = Arc::new(Semaphore::new(sandbox.limits.slots as usize));
        Ok(Plugins { sandbox, table: ArcSwap::default(), admission, lane, slots, waiting: AtomicUsize::new(0) })
    }

    /// The bounds that this host keeps.
    pub fn limits(&self) -> &Limits {
        &self.sandbox.limits
    }

    /// Turns a file, component or core module, into a plugin that can be activated, or says why not.
    pub async fn admit(&self, bytes: Vec<u8>) -> Result<Arc<Loaded>, Refusal> {
        self.admission.admit(bytes).await
    }

    /// Lets a plugin serve its world from the next call on, and names the one that did so far. Calls that are under
    /// way end with the version that they began with.
    pub fn activate(&self, loaded: &Arc<Loaded>) -> Option<PluginId> {
        let before = self.table.rcu(|table| table.with(loaded.clone()));
        let previous = before.active(loaded.world).map(|previous| previous.id.clone());
        tracing::info!(plugin = %loaded.id, world = %loaded.world, digest = loaded.digest, "plugin activated");
        previous
    }

    /// The plugin that serves a world.
    pub fn active(&self, world: World) -> Option<Arc<Loaded>> {
        self.table.load().active(world).cloned()
    }

    /// Which plugins serve now, as one consistent picture.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// Has the active scorer judge a message.
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
        let bytes = check::message_bytes(&message, &settings);
        let (sandbox, running) = (self.sandbox.clone(), plugin.clone());
        self.call(plugin, bytes, |store| call::score(sandbox, running, message, settings, store)).await
    }

    /// Has the active normalizer read a request. The inner error is the plugin's answer for a request that it cannot
    /// read, which is as good an answer as any.
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
        let bytes = check::request_bytes(&request, &settings);
        let (sandbox, running) = (self.sandbox.clone(), plugin.clone());
        self.call(plugin, bytes, |store| call::normalize(sandbox, running, request, settings, store)).await
    }

    async fn call<T, F>(&self, plugin: &Loaded, bytes: usize, guest: impl FnOnce(Store<CallState>) -> F) -> Call<T>
    where
        T: Send + 'static,
        F: Future<Output = (Result<T, Fault>, usize)> + Send + 'static,
    {
        let began = Instant::now();
        let Ended { result, cpu_us, memory_bytes } = self.attempt(plugin, bytes, began, guest).await;
        let named = |fault| PluginError::Failed { plugin: plugin.id.clone(), fault };
        Call {
            plugin: Some(plugin.id.clone()),
            digest: Some(plugin.digest.clone()),
            duration_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            cpu_us,
            memory_bytes,
            result: result.map_err(named),
        }
    }

    /// Asks the breaker, runs the call, and tells the breaker.
    async fn attempt<T, F>(
        &self,
        plugin: &Loaded,
        bytes: usize,
        began: Instant,
        guest: impl FnOnce(Store<CallState>) -> F,
    ) -> Ended<T>
    where
        T: Send + 'static,
        F: Future<Output = (Result<T, Fault>, usize)> + Send + 'static,
    {
        let bytes_max = self.sandbox.limits.input_bytes_max;
        if bytes > bytes_max {
            return Ended::not_run(Fault::TooLargeInput { bytes, bytes_max });
        }
        let leave = match plugin.breaker.admit(began) {
            Ok(leave) => leave,
            Err(rest) => return Ended::not_run(Fault::Resting { for_ms: millis(rest).max(1) }),
        };
        let ended = self.run(bytes, began, guest).await;
        let health = ended.result.as_ref().map_or_else(|fault| fault.health(bytes), |_| Health::Well);
        leave.end(health, Instant::now());
        if let (Err(fault), Health::Failing) = (&ended.result, health) {
            tracing::warn!(plugin = %plugin.id, kind = fault.kind(), "plugin call failed");
        }
        ended
    }

    /// The first slice is run here, which is all that an ordinary call needs. What is slower goes on in the lane.
    async fn run<T, F>(&self, bytes: usize, began: Instant, guest: impl FnOnce(Store<CallState>) -> F) -> Ended<T>
    where
        T: Send + 'static,
        F: Future<Output = (Result<T, Fault>, usize)> + Send + 'static,
    {
        let budget = self.sandbox.limits.budget(bytes);
        let deadline = began + budget.wall;
        let slot = match self.slot(deadline).await {
            Ok(slot) => slot,
            Err(fault) => return Ended::not_run(fault),
        };
        let call = self.sandbox.call(budget, began, guest);
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
