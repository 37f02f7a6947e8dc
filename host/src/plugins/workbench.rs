//! A plugin host for trying plugins, apart from any that serves: the same sandbox and bounds, and nothing that stands
//! between a call and its plugin. No breaker rests it, no lane slows it, no memory of poison spares it, and a call runs
//! to its end on the thread that makes it. So what is seen of a plugin here depends on the plugin and its input alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::admission::Admission;
use super::call::Sandbox;
use super::engine::{self, Meter};
use super::error::{Fault, Refusal, StartError};
use super::lane::to_the_end;
use super::limits::Limits;
use super::table::{Version, Way};
use super::thread::{cpu_time, yield_to_others};
use super::ticker::CpuTally;
use super::work::{Normalizing, Scoring, Work};
use super::{Loaded, Settings, normalizer, scorer};

/// A service on the same machine goes first, though somebody waits for this.
const NICE: i32 = 5;

/// A place to try plugins. Its threads end when it is dropped.
pub struct Workbench {
    sandbox: Arc<Sandbox>,
    admission: Admission,
}

/// What came of one call, and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried<T> {
    /// Microseconds from the call to its answer.
    pub duration_us: u64,
    /// Microseconds of CPU time.
    pub cpu_us: u64,
    /// The most linear memory it had.
    pub memory_bytes: usize,
    /// About one unit for each instruction; the same for the same call. Only where it is counted.
    pub fuel: Option<u64>,
    /// The answer.
    pub result: Result<T, Fault>,
}

impl Workbench {
    /// A place where plugins run as they do when they serve. At most `limits.slots` calls may run at once.
    pub fn start(limits: Limits) -> Result<Workbench, StartError> {
        Self::with(limits, Meter::Clock)
    }

    /// A place where calls count their fuel, which is what bounds them in the place of time. Slower than where they
    /// serve, so times that are measured here say little.
    pub fn start_metered(limits: Limits) -> Result<Workbench, StartError> {
        Self::with(limits, Meter::Fuel)
    }

    fn with(mut limits: Limits, meter: Meter) -> Result<Workbench, StartError> {
        limits.compiler_nice = NICE;
        let sandbox = Arc::new(Sandbox::with(limits, meter)?);
        // Nothing is kept: a folder of compiled code belongs to the service that runs beside.
        let admission = Admission::start(sandbox.clone(), None).map_err(StartError::Thread)?;
        Ok(Workbench { sandbox, admission })
    }

    /// Lets the threads of a service go before the calling one, as the rest of a workbench does.
    pub fn step_back() {
        yield_to_others(NICE);
    }

    /// CPU time that the calling thread has used since it began, for whoever measures something else beside a call.
    pub fn cpu_time() -> Duration {
        cpu_time()
    }

    /// Turns a file, component or core module, into a plugin that can be called here, or says why not.
    pub async fn admit(&self, bytes: Vec<u8>) -> Result<Arc<Loaded>, Refusal> {
        self.admission.admit(bytes).await
    }

    /// Has a scorer that was admitted here judge a message. Blocks.
    pub fn score(&self, plugin: &Arc<Loaded>, message: scorer::Message, settings: Settings) -> Tried<scorer::Verdict> {
        self.call::<Scoring>(plugin, message, settings)
    }

    /// Has a normalizer that was admitted here read a request. Blocks.
    pub fn normalize(
        &self,
        plugin: &Arc<Loaded>,
        request: normalizer::Request,
        settings: Settings,
    ) -> Tried<Result<normalizer::Outcome, normalizer::Problem>> {
        self.call::<Normalizing>(plugin, request, settings)
    }

    fn call<W: Work>(&self, plugin: &Arc<Loaded>, input: W::Input, settings: Settings) -> Tried<W::Answer> {
        let Sandbox { engine, meter, limits, ticker } = &*self.sandbox;
        let (bytes, bytes_max) = (W::bytes(&input, &settings), limits.input_bytes_max);
        if bytes > bytes_max {
            let result = Err(Fault::TooLargeInput { bytes, bytes_max });
            return Tried { duration_us: 0, cpu_us: 0, memory_bytes: 0, fuel: None, result };
        }
        let way = Arc::new(Way { settings, limits: limits.clone(), places: None });
        let version = Version { loaded: plugin.clone(), way };
        let (began, cpu, _ticking) = (Instant::now(), Arc::new(CpuTally::default()), ticker.keep_ticking());
        let store = engine::store((engine, *meter), limits, limits.budget(bytes), began, cpu.clone());
        cpu.begin_slice();
        let mut guest = Box::pin(W::run(version, Arc::new(input), store));
        let (result, memory_bytes) = to_the_end(guest.as_mut());
        cpu.end_slice();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Tried {
            duration_us: micros(began.elapsed()),
            cpu_us: micros(cpu.past()),
            memory_bytes,
            fuel: (*meter == Meter::Fuel).then(|| cpu.fuel()),
            result,
        }
    }
}
