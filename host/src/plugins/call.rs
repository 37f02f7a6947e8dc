//! One call of a plugin: a fresh store and instance, the guest's function, and a look at its answer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use wasmtime::{Engine, Store};

use super::admission::Code;
use super::check;
use super::engine::{self, CallState};
use super::error::{Fault, PluginError, StartError};
use super::limits::{Budget, Limits};
use super::normalizer::{Outcome, Problem, Request};
use super::scorer::{Message, Verdict};
use super::ticker::{CpuTally, Ticker, Ticking};
use super::{Loaded, PluginId, Settings, World};

/// What every call needs of the host.
pub(super) struct Sandbox {
    pub(super) engine: Engine,
    pub(super) limits: Limits,
    pub(super) ticker: Ticker,
}

/// What came of one call, and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<T> {
    /// Which version was asked; `None` only when none is active.
    pub plugin: Option<PluginId>,
    /// Its file's digest, as in `Loaded::digest`.
    pub digest: Option<String>,
    /// Microseconds from asking to having the answer, waiting included.
    pub duration_us: u64,
    /// Microseconds of CPU time; 0 when it was not run or was given up.
    pub cpu_us: u64,
    /// The most linear memory it had; 0 when it was not run or was given up.
    pub memory_bytes: usize,
    /// The answer.
    pub result: Result<T, PluginError>,
}

/// The end of a call: its result, and what it used.
pub(super) struct Ended<T> {
    pub(super) result: Result<T, Fault>,
    pub(super) cpu_us: u64,
    pub(super) memory_bytes: usize,
}

impl<T> Call<T> {
    pub(super) fn none_active(world: World) -> Call<T> {
        let result = Err(PluginError::NoneActive(world));
        Call { plugin: None, digest: None, duration_us: 0, cpu_us: 0, memory_bytes: 0, result }
    }
}

impl<T> Ended<T> {
    /// A call that did not come to run, or to an end.
    pub(super) fn not_run(fault: Fault) -> Ended<T> {
        Ended { result: Err(fault), cpu_us: 0, memory_bytes: 0 }
    }
}

impl Sandbox {
    pub(super) fn new(limits: Limits) -> Result<Sandbox, StartError> {
        let sandbox = |error: wasmtime::Error| StartError::Sandbox(format!("{error:#}"));
        let engine = engine::engine(&limits).map_err(sandbox)?;
        let ticker = Ticker::start(&engine).map_err(StartError::Thread)?;
        Ok(Sandbox { engine, limits, ticker })
    }

    /// A call that counts its CPU time and keeps the clock ticking while it lives.
    pub(super) fn call<T, F>(
        &self,
        budget: Budget,
        began: Instant,
        guest: impl FnOnce(Store<CallState>) -> F,
    ) -> Metered<F>
    where
        F: Future<Output = (Result<T, Fault>, usize)>,
    {
        let cpu = Arc::new(CpuTally::default());
        let store = engine::store(&self.engine, &self.limits, budget, began, cpu.clone());
        Metered { guest: Box::pin(guest(store)), cpu, _ticking: self.ticker.keep_ticking() }
    }
}

/// A call in slices, each counted on the clock of the thread that runs it.
pub(super) struct Metered<F> {
    guest: Pin<Box<F>>,
    cpu: Arc<CpuTally>,
    _ticking: Ticking,
}

impl<T, F: Future<Output = (Result<T, Fault>, usize)>> Future for Metered<F> {
    type Output = Ended<T>;

    fn poll(mut self: Pin<&mut Self>, turn: &mut Context<'_>) -> Poll<Ended<T>> {
        self.cpu.begin_slice();
        let answer = self.guest.as_mut().poll(turn);
        self.cpu.end_slice();
        answer.map(|(result, memory_bytes)| Ended {
            result,
            cpu_us: u64::try_from(self.cpu.past().as_micros()).unwrap_or(u64::MAX),
            memory_bytes,
        })
    }
}

/// Runs `score` and looks at the verdict.
pub(super) async fn score(
    sandbox: Arc<Sandbox>,
    plugin: Arc<Loaded>,
    message: Message,
    settings: Settings,
    mut store: Store<CallState>,
) -> (Result<Verdict, Fault>, usize) {
    let limits = &sandbox.limits;
    let Code::Scorer(code) = &plugin.code else { return (Err(Fault::Nonsense("not a scorer".into())), 0) };
    let answer = async {
        let instance = code.instantiate_async(&mut store).await?;
        let guest = instance.pillarbox_plugin_content_scoring();
        guest.call_score(&mut store, &message, &settings).await
    };
    let result = match answer.await {
        Err(error) => Err(store.data().fault(limits, &error)),
        Ok(Err(sentence)) => Err(refused(limits, sentence)),
        Ok(Ok(verdict)) => match check::verdict(limits, &plugin.rule_ids, &message, &verdict) {
            Ok(()) => Ok(verdict),
            Err(what) => Err(Fault::Nonsense(what)),
        },
    };
    (result, store.data().memory_bytes())
}

/// Runs `normalize` and looks at the outcome.
pub(super) async fn normalize(
    sandbox: Arc<Sandbox>,
    plugin: Arc<Loaded>,
    request: Request,
    settings: Settings,
    mut store: Store<CallState>,
) -> (Result<Result<Outcome, Problem>, Fault>, usize) {
    let limits = &sandbox.limits;
    let Code::Normalizer(code) = &plugin.code else { return (Err(Fault::Nonsense("not a normalizer".into())), 0) };
    let answer = async {
        let instance = code.instantiate_async(&mut store).await?;
        let guest = instance.pillarbox_plugin_webhook_normalizing();
        guest.call_normalize(&mut store, &request, &settings).await
    };
    let result = match answer.await {
        Err(error) => Err(store.data().fault(limits, &error)),
        Ok(answer) => {
            let checked = match &answer {
                Ok(outcome) => check::outcome(limits, &request, outcome),
                Err(problem) => check::problem(limits, problem),
            };
            checked.map(|()| answer).map_err(Fault::Nonsense)
        }
    };
    (result, store.data().memory_bytes())
}

/// The plugin's own word that it cannot judge something, cut where a sentence ends being one.
fn refused(limits: &Limits, mut sentence: String) -> Fault {
    sentence.truncate(sentence.floor_char_boundary(limits.sentence_bytes_max));
    Fault::Refused(sentence)
}
