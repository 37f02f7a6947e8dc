//! One call of a plugin: a fresh store, its time on the clock, and what came of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use wasmtime::{Engine, Store};

use super::engine::{self, CallState, Meter};
use super::error::{Fault, PluginError, StartError};
use super::limits::{Budget, Limits};
use super::ticker::{CpuTally, Ticker, Ticking};
use super::{PluginId, World};

/// What every call needs of the host.
pub(super) struct Sandbox {
    pub(super) engine: Engine,
    pub(super) meter: Meter,
    pub(super) limits: Arc<Limits>,
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
    /// A sandbox to serve in.
    pub(super) fn new(limits: Limits) -> Result<Sandbox, StartError> {
        Self::with(limits, Meter::Clock)
    }

    pub(super) fn with(limits: Limits, meter: Meter) -> Result<Sandbox, StartError> {
        let sandbox = |error: wasmtime::Error| StartError::Sandbox(format!("{error:#}"));
        let engine = engine::engine(&limits, meter).map_err(sandbox)?;
        let ticker = Ticker::start(&engine).map_err(StartError::Thread)?;
        Ok(Sandbox { engine, meter, limits: Arc::new(limits), ticker })
    }

    /// A call within these limits that counts its CPU time and keeps the clock ticking while it lives.
    pub(super) fn call<T, F>(
        &self,
        limits: &Limits,
        budget: Budget,
        began: Instant,
        guest: impl FnOnce(Store<CallState>) -> F,
    ) -> Metered<F>
    where
        F: Future<Output = (Result<T, Fault>, usize)>,
    {
        let cpu = Arc::new(CpuTally::default());
        let store = engine::store((&self.engine, self.meter), limits, budget, began, cpu.clone());
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
