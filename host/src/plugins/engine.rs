//! The sandbox: how the engine is set up, and the store that each call gets for itself.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, ResourceLimiter, Store, StoreContextMut, Trap,
    UpdateDeadline, WasmBacktrace, WasmFeatures,
};

use super::error::{Fault, line};
use super::limits::{Budget, Limits};
use super::ticker::{CpuTally, SLICE_MIN};

/// Memory that a slot keeps between calls, so that the next one need not fault its pages in again.
const MEMORY_BYTES_KEPT: usize = 2 * 1024 * 1024;
const TABLE_BYTES_KEPT: usize = 512 * 1024;
/// A component consists of several core instances: its own module and small shims, and for languages that bring a
/// runtime along a few dozen libraries. The pool only counts them.
const CORE_INSTANCES_PER_SLOT: u32 = 64;
const TABLES_PER_SLOT: u32 = 4;
/// One memory for each plugin, so that a limit on memory is a limit on the plugin.
pub(super) const MEMORIES_PER_SLOT: u32 = 1;
/// The admission of a plugin runs it too, and so does the comparison of versions: one thread each.
const SLOTS_FOR_OWN_THREADS: u32 = 2;
/// Enough to name the function that trapped.
const BACKTRACE_FRAMES_MAX: usize = 4;
/// Of a trap's own words.
const TRAP_BYTES_MAX: usize = 512;

/// What a guest may be compiled to. Nothing that shares memory, and nothing whose result depends on the machine.
pub(super) const FEATURES: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Fuel that stands for a millisecond of a call's CPU time, in an engine that counts it. A unit is about one
/// instruction; plugins as they are use 16 million in that time and none can use many more, so whoever stays within
/// the time stays within the fuel, on any machine.
const FUEL_PER_CPU_MS: u64 = 20_000_000;

/// What bounds a call. An engine has one of the two: both together would make some loops half as fast again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meter {
    /// The CPU clock, looked at with each tick. For serving.
    Clock,
    /// The fuel that the CPU time stands for. The same call uses the same fuel, whatever else the machine does.
    Fuel,
}

/// An engine with a slot for every call that may run at once.
pub(super) fn engine(limits: &Limits, meter: Meter) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_features(FEATURES.complement(), false)
        .wasm_features(FEATURES, true)
        // The worlds have no streams and no host functions; without these a small call costs a third.
        .concurrency_support(false)
        .epoch_interruption(meter == Meter::Clock)
        .consume_fuel(meter == Meter::Fuel)
        .max_wasm_stack(limits.stack_bytes_max)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    Engine::new(&config)
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let slots = limits.slots + SLOTS_FOR_OWN_THREADS;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots * CORE_INSTANCES_PER_SLOT)
        .max_core_instances_per_component(CORE_INSTANCES_PER_SLOT)
        .total_tables(slots * TABLES_PER_SLOT)
        .max_tables_per_component(TABLES_PER_SLOT)
        .total_memories(slots * MEMORIES_PER_SLOT)
        .max_memories_per_component(MEMORIES_PER_SLOT)
        .total_stacks(slots)
        .max_memory_size(limits.memory_bytes_max)
        .table_elements(limits.table_elements_max)
        .linear_memory_keep_resident(MEMORY_BYTES_KEPT)
        .table_keep_resident(TABLE_BYTES_KEPT);
    pool
}

/// Links a component, once for all its calls. There is nothing to link it to.
pub(super) fn link(engine: &Engine, component: &Component) -> wasmtime::Result<InstancePre<CallState>> {
    Linker::new(engine).instantiate_pre(component)
}

/// What the host remembers of one call while it runs.
pub(super) struct CallState {
    meter: Meter,
    cpu: Arc<CpuTally>,
    budget: Budget,
    began: Instant,
    memory_bytes_max: usize,
    memory_bytes: usize,
    table_elements_max: usize,
    table_elements: usize,
    was_refused_memory: bool,
    was_refused_table: bool,
    stopped_for: Option<Fault>,
}

/// A store of its own for one call that began then.
pub(super) fn store(
    (engine, meter): (&Engine, Meter),
    limits: &Limits,
    budget: Budget,
    began: Instant,
    cpu: Arc<CpuTally>,
) -> Store<CallState> {
    let mut store = Store::new(
        engine,
        CallState {
            meter,
            cpu,
            budget,
            began,
            memory_bytes_max: limits.memory_bytes_max,
            memory_bytes: 0,
            table_elements_max: limits.table_elements_max,
            table_elements: 0,
            was_refused_memory: false,
            was_refused_table: false,
            stopped_for: None,
        },
    );
    store.limiter(|state| state);
    store.set_hostcall_fuel(limits.output_bytes_max);
    match meter {
        Meter::Clock => {
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(|mut store: StoreContextMut<'_, CallState>| Ok(store.data_mut().look_up()));
        }
        Meter::Fuel => store.set_fuel(fuel(budget)).expect("this engine counts fuel"),
    }
    store
}

/// The fuel for a call with this budget.
fn fuel(budget: Budget) -> u64 {
    millis(budget.cpu).saturating_mul(FUEL_PER_CPU_MS)
}

/// Tells the tally how much fuel a call has used, where it is counted.
pub(super) fn count_fuel(store: &Store<CallState>) {
    let state = store.data();
    // Asking a store that counts none makes an error of it, which takes longer than many a call.
    if state.meter == Meter::Fuel
        && let Ok(left) = store.get_fuel()
    {
        state.cpu.use_fuel(fuel(state.budget).saturating_sub(left));
    }
}

impl CallState {
    /// At each tick: may the guest go on, and here? The CPU clock decides, so neither a slice that began late nor one
    /// that had to wait for the processor costs a guest anything.
    fn look_up(&mut self) -> UpdateDeadline {
        let slice = self.cpu.slice();
        if self.cpu.past() + slice >= self.budget.cpu {
            self.stopped_for = Some(Fault::OutOfCpu { cpu_ms: millis(self.budget.cpu) });
        } else if self.began.elapsed() >= self.budget.wall {
            self.stopped_for = Some(Fault::OutOfTime { wall_ms: millis(self.budget.wall) });
        } else if slice < SLICE_MIN {
            return UpdateDeadline::Continue(1);
        } else {
            return UpdateDeadline::Yield(1);
        }
        UpdateDeadline::Interrupt
    }

    /// The most linear memory that the guest had. Memory never shrinks.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// What an error of the engine means, seen from outside.
    pub(super) fn fault(&self, limits: &Limits, error: &wasmtime::Error) -> Fault {
        if let Some(fault) = &self.stopped_for {
            return fault.clone();
        }
        if error.is::<wasmtime::PoolConcurrencyLimitError>() {
            return Fault::Busy;
        }
        let trap = error.downcast_ref::<Trap>();
        if matches!(trap, Some(Trap::OutOfFuel)) {
            return Fault::OutOfCpu { cpu_ms: millis(self.budget.cpu) };
        }
        if matches!(trap, Some(Trap::StackOverflow)) {
            return Fault::OutOfStack { stack_bytes_max: limits.stack_bytes_max, place: place(error) };
        }
        if self.was_refused_memory && trap.is_some() {
            return Fault::OutOfMemory { memory_bytes_max: limits.memory_bytes_max };
        }
        if self.was_refused_table && trap.is_some() {
            return Fault::OutOfTable { elements_max: limits.table_elements_max };
        }
        if error.is::<std::str::Utf8Error>() || error.is::<std::string::FromUtf8Error>() {
            return Fault::Nonsense("a string that is not UTF-8".into());
        }
        let told = format!("{error:#}");
        if told.contains(HOSTCALL_FUEL) {
            return Fault::TooLargeOutput { bytes_max: limits.output_bytes_max };
        }
        Fault::Trapped(trap_text(error, &told))
    }
}

/// The engine's words for an answer over `output_bytes_max`. Its type is private; a test holds us to the words.
const HOSTCALL_FUEL: &str = "fuel allocated for hostcalls has been exhausted";

/// A trap in a line: what happened, and where if the guest has kept its names.
fn trap_text(error: &wasmtime::Error, told: &str) -> String {
    let text = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => "it gave up (`unreachable`, which is how a panic ends)".into(),
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => told.lines().next().unwrap_or_default().to_owned(),
    };
    line(&format!("{text}{}", place(error)), TRAP_BYTES_MAX)
}

/// ` in ` and the function that trapped, if the guest has kept its names.
fn place(error: &wasmtime::Error) -> String {
    let function = error.downcast_ref::<WasmBacktrace>().and_then(|trace| trace.frames().first()?.func_name());
    function.map_or_else(String::new, |function| line(&format!(" in {function}"), TRAP_BYTES_MAX))
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Counts all memories and all tables of the plugin together.
impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_bytes - current.min(self.memory_bytes) + desired;
        let is_within = total <= self.memory_bytes_max && maximum.is_none_or(|maximum| desired <= maximum);
        if is_within {
            self.memory_bytes = total;
        } else {
            self.was_refused_memory = true;
        }
        Ok(is_within)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table_elements - current.min(self.table_elements) + desired;
        let is_within = total <= self.table_elements_max && maximum.is_none_or(|maximum| desired <= maximum);
        if is_within {
            self.table_elements = total;
        } else {
            self.was_refused_table = true;
        }
        Ok(is_within)
    }
}
