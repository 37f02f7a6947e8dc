//! The clock tick at which running guests look up, and a tally of the CPU time and fuel of one call.
//!
//! A tick only says "look at the clock": whether a call goes on is decided by its CPU time, because ticks are late on a
//! busy machine. Ticks are only made while there are calls, so an idle host stays idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

use super::thread::cpu_time;

/// Time between ticks. A slice lasts from `SLICE_MIN` to `SLICE_MIN` and a tick.
const TICK: Duration = Duration::from_millis(10);
/// CPU time that a slice lasts at least. Without it each tick would send the very calls that it meets to the slow
/// lane, however short they are.
pub(super) const SLICE_MIN: Duration = Duration::from_millis(5);
/// Ticks without a call after which the clock stops until the next one.
const IDLE_TICKS_MAX: u32 = 100;

/// The clock of one engine. It ends with its owner.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    calls: AtomicUsize,
    is_asleep: AtomicBool,
    has_ended: AtomicBool,
}

impl Ticker {
    pub(super) fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let shared = Arc::new(Shared {
            calls: AtomicUsize::new(0),
            is_asleep: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
        });
        let (engine, of_thread) = (engine.weak(), shared.clone());
        let handle = thread::Builder::new().name("plugin-tick".into()).spawn(move || tick(&of_thread, &engine))?;
        Ok(Ticker { shared, thread: handle.thread().clone() })
    }

    /// Ticks come for as long as the answer lives.
    pub(super) fn keep_ticking(&self) -> Ticking {
        self.shared.calls.fetch_add(1, Ordering::SeqCst);
        // The flag is raised before the calls are counted once more, so either we see it or the thread sees us.
        if self.shared.is_asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(self.shared.clone())
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// A call that wants ticks.
pub(super) struct Ticking(Arc<Shared>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut idle_ticks = 0;
    while !shared.has_ended.load(Ordering::SeqCst) {
        thread::sleep(TICK);
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        idle_ticks = if shared.calls.load(Ordering::SeqCst) == 0 { idle_ticks + 1 } else { 0 };
        if idle_ticks >= IDLE_TICKS_MAX {
            shared.is_asleep.store(true, Ordering::SeqCst);
            while shared.calls.load(Ordering::SeqCst) == 0 && !shared.has_ended.load(Ordering::SeqCst) {
                thread::park();
            }
            shared.is_asleep.store(false, Ordering::SeqCst);
            idle_ticks = 0;
        }
    }
}

/// CPU time of one call, summed over its slices: it may run on several threads, one after the other. And its fuel, in
/// an engine that counts it.
#[derive(Debug, Default)]
pub(super) struct CpuTally {
    past_nanos: AtomicU64,
    slice_began_nanos: AtomicU64,
    fuel: AtomicU64,
}

impl CpuTally {
    /// The calling thread begins to work on the call.
    pub(super) fn begin_slice(&self) {
        self.slice_began_nanos.store(nanos(cpu_time()), Ordering::Relaxed);
    }

    /// The calling thread, which began the slice, lets go of the call.
    pub(super) fn end_slice(&self) {
        self.past_nanos.store(nanos(self.past() + self.slice()), Ordering::Relaxed);
    }

    /// The running slice. Asked on the thread that runs it.
    pub(super) fn slice(&self) -> Duration {
        Duration::from_nanos(nanos(cpu_time()).saturating_sub(self.slice_began_nanos.load(Ordering::Relaxed)))
    }

    /// The call has ended and used so much fuel.
    pub(super) fn use_fuel(&self, fuel: u64) {
        self.fuel.store(fuel, Ordering::Relaxed);
    }

    /// The fuel of a call that has ended; 0 where none is counted.
    pub(super) fn fuel(&self) -> u64 {
        self.fuel.load(Ordering::Relaxed)
    }

    /// All slices that have ended.
    pub(super) fn past(&self) -> Duration {
        Duration::from_nanos(self.past_nanos.load(Ordering::Relaxed))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn work(millis: u64) {
        let (began, mut sum) = (cpu_time(), 0_u64);
        while cpu_time().saturating_sub(began) < Duration::from_millis(millis) {
            sum = black_box(sum.wrapping_add(1));
        }
    }

    #[test]
    fn slices_on_several_threads_add_up_and_the_time_between_them_does_not_count() {
        let tally = Arc::new(CpuTally::default());
        for _ in 0..3 {
            let tally = tally.clone();
            let slice = move || {
                // What the thread did before is not the call's.
                work(5);
                tally.begin_slice();
                work(2);
                tally.end_slice();
            };
            thread::spawn(slice).join().unwrap();
        }
        let used = tally.past();
        assert!((Duration::from_millis(6)..Duration::from_millis(15)).contains(&used), "{used:?}");
    }

    #[test]
    fn the_clock_stops_when_nobody_calls_and_starts_with_the_next_call() {
        let engine = Engine::default();
        let ticker = Ticker::start(&engine).unwrap();
        let reaches = |is_asleep: bool| {
            let is_there = || ticker.shared.is_asleep.load(Ordering::SeqCst) == is_asleep;
            (0..2_000).any(|_| is_there() || (thread::sleep(TICK), false).1)
        };
        let ticking = ticker.keep_ticking();
        thread::sleep(TICK * (IDLE_TICKS_MAX + 20));
        assert!(reaches(false));
        drop(ticking);
        assert!(reaches(true));
        let _ticking = ticker.keep_ticking();
        assert!(reaches(false));
    }
}
