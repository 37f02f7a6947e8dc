//! What hostile plugins cost their neighbours, and what they leave behind.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pillarbox::plugins::breaker::FAILURES_MAX;
use pillarbox::plugins::limits::Limits;
use pillarbox::plugins::{Loaded, Plugins};

use crate::{Figure, Host, guests, median};

const TRIES: usize = 40;
/// A guest looks up at every tick.
const TICK_MS: f64 = 10.0;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(1_000);
const CALLERS: usize = 2;
const TRAPS: usize = 200;

pub fn figures() -> Vec<Figure> {
    vec![endless_on_a_loaded_machine(), neighbours(), traps()]
}

/// CPU time of endless calls while every processor has something else to do.
fn endless_on_a_loaded_machine() -> Figure {
    let host = Host::start(1, None);
    let has_ended = Arc::new(AtomicBool::new(false));
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let load: Vec<_> = (0..processors)
        .map(|_| {
            let has_ended = has_ended.clone();
            thread::spawn(move || while !black_box(has_ended.load(Ordering::Relaxed)) {})
        })
        .collect();
    let budget = Limits::default().cpu_ms_max as f64;
    // The time on the wall is not asked for here: on a loaded machine it would end calls before their CPU time does.
    let limits = Limits { wall_ms_max: 600_000, ..Limits::default() };
    let plugins = Plugins::start(limits, None, [7; 32]).expect("the sandbox starts");
    let used: Vec<_> = (0..TRIES)
        .map(|_| {
            let endless =
                host.runtime.block_on(plugins.admit(guests::guest("endless", "", ""))).expect("it is admitted");
            let call = host.runtime.block_on(plugins.score_with(&endless, guests::message(None), Vec::new()));
            assert_eq!(call.result.expect_err("it is endless").kind(), "out_of_cpu");
            call.cpu_us as f64 / 1e3
        })
        .collect();
    has_ended.store(true, Ordering::Relaxed);
    load.into_iter().for_each(|thread| drop(thread.join()));
    let within = used.iter().filter(|used| **used <= budget + 1.2 * TICK_MS).count();
    let most = used.iter().copied().fold(0.0, f64::max);
    Figure {
        what: "endless guest stopped within its CPU time and 1.2 ticks",
        measured: format!("{within} of {TRIES}; p50 {:.1}, most {most:.1} of {budget:.0} ms", median(used)),
        bar: "40 of 40",
        is_met: within == TRIES,
    }
}

/// Healthy calls a second, alone and beside callers of endless plugins, by turns.
fn neighbours() -> Figure {
    let host = Host::start(CALLERS, None);
    let healthy = host.admit(guests::built_in_scorer());
    let noise = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..CALLERS {
        let (plugins, healthy, done) = (host.plugins.clone(), healthy.clone(), done.clone());
        host.runtime.spawn(async move {
            loop {
                let message = guests::message(Some(guests::html()));
                plugins.score_with(&healthy, message, Vec::new()).await.result.expect("healthy calls are answered");
                done.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        host.runtime.spawn(endless_caller(host.plugins.clone(), noise.clone()));
    }
    let rate = |is_noisy| {
        noise.store(is_noisy, Ordering::Relaxed);
        // What the round before has begun ends first.
        thread::sleep(ROUND / 2);
        let (before, began) = (done.load(Ordering::Relaxed), Instant::now());
        thread::sleep(ROUND);
        (done.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64()
    };
    let (mut alone, mut beside, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (quiet, noisy) = (rate(false), rate(true));
        alone.push(quiet);
        beside.push(noisy);
        shares.push(100.0 * noisy / quiet);
    }
    let share = median(shares);
    Figure {
        what: "healthy calls a second beside 2 endless callers / alone",
        measured: format!("{:.0} / {:.0}; {share:.0} % in the median round", median(beside), median(alone)),
        bar: "at least 80 %",
        is_met: share >= 80.0,
    }
}

/// Calls an endless plugin without a pause while there is to be noise. A plugin that would rest is replaced by a copy,
/// so the breaker is no help.
async fn endless_caller(plugins: Arc<Plugins>, noise: Arc<AtomicBool>) {
    loop {
        let endless = plugins.admit(guests::guest("endless", "", "")).await.expect("it is admitted");
        for number in 1..FAILURES_MAX {
            while !noise.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // Another message each time, or the host would remember what this one did.
            drop(plugins.score_with(&endless, guests::message(Some(number.to_string())), Vec::new()).await);
        }
    }
}

/// Traps one after the other, with what they leave behind.
fn traps() -> Figure {
    let host = Host::start(1, None);
    let healthy = host.admit(guests::minimal());
    let plugins: Vec<_> =
        (0..TRAPS / FAILURES_MAX as usize + 1).map(|_| host.admit(guests::guest("trapping", "", ""))).collect();
    let (warm_up, measured) = plugins.split_at(1);
    let trap = |guests: &[Arc<Loaded>]| {
        let kinds = guests.iter().flat_map(|guest| {
            (0..FAILURES_MAX).map(|number| {
                let call = host.plugins.score_with(guest, guests::message(Some(number.to_string())), Vec::new());
                host.runtime.block_on(call).result.expect_err("it traps").kind()
            })
        });
        kinds.filter(|kind| *kind == "trapped").count()
    };
    trap(warm_up);
    let before = resident_kib();
    let named = trap(measured);
    let grown = resident_kib() - before;
    let resting = plugins.iter().filter(|guest| guest.rests_for().is_some()).count();
    // As many calls at once as there are slots: each would be busy, or wait, if a trap had kept one.
    let slots = host.plugins.limits().slots as usize;
    let served = host.runtime.block_on(async {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..slots {
            let (plugins, healthy) = (host.plugins.clone(), healthy.clone());
            calls.spawn(
                async move { plugins.score_with(&healthy, guests::message(None), Vec::new()).await.result.is_ok() },
            );
        }
        calls.join_all().await.into_iter().filter(|is_served| *is_served).count()
    });
    // Rests of plugins that trapped first may be over.
    let is_met = named == TRAPS && grown < 1_024 && served == slots && resting > 0;
    Figure {
        what: "200 traps: named; memory; slots free again; resting",
        measured: format!("{named}; {grown:+} KiB; {served} of {slots}; {resting} of {}", plugins.len()),
        bar: "200; flat; all; opened",
        is_met,
    }
}

/// Memory of this process that is not on disk.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
