//! What it costs to change the plugin that serves.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use wasmparser::Validator;
use wasmtime::component::Component;

use crate::{Figure, Host, bare, each, guests, median, micros};

const SWAPS: usize = 1_000;
const CALLERS: usize = 2;
const ROLLBACKS: usize = 40;

pub fn figures() -> Vec<Figure> {
    vec![swaps(), rollback()]
}

/// Swaps under load, each after at least one call with the version before.
fn swaps() -> Figure {
    let host = Host::start(CALLERS, None);
    let versions =
        ["1.0.0", "1.0.1"].map(|version| host.admit(guests::guest("healthy", "\"1.0.0\"", &format!("{version:?}"))));
    host.plugins.activate(&versions[0]);
    let (has_ended, done, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let counts = Arc::new((has_ended, done, failed));
    for _ in 0..CALLERS {
        let (plugins, counts) = (host.plugins.clone(), counts.clone());
        host.runtime.spawn(async move {
            while !counts.0.load(Ordering::Relaxed) {
                let call = plugins.score(guests::message(None), Vec::new()).await;
                counts.2.fetch_add(usize::from(call.result.is_err()), Ordering::Relaxed);
                counts.1.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
    }
    let times = (1..=SWAPS).map(|swap| {
        let so_far = counts.1.load(Ordering::Relaxed);
        while counts.1.load(Ordering::Relaxed) == so_far {
            std::thread::yield_now();
        }
        let began = Instant::now();
        host.plugins.activate(&versions[swap % 2]);
        micros(began.elapsed())
    });
    let swap = median(times.collect());
    counts.0.store(true, Ordering::Relaxed);
    let (done, failed) = (counts.1.load(Ordering::Relaxed), counts.2.load(Ordering::Relaxed));
    Figure {
        what: "1,000 swaps under 2 callers: failed calls; swap p50",
        measured: format!("{failed} of {done}; {swap:.2} µs"),
        bar: "0; under 5 µs",
        is_met: failed == 0 && swap < 5.0,
    }
}

/// A version that is not in memory serves again: inspected, read from the folder, verified, linked, asked who it is,
/// swapped in.
fn rollback() -> Figure {
    let folder = tempfile::tempdir().expect("a folder is made");
    let host = Host::start(1, Some(folder.path()));
    let component = host.admit(guests::built_in_scorer()).component.clone();
    let engine = bare::engine();
    let code = Component::from_binary(&engine, &component).and_then(|component| component.serialize());
    let path = folder.path().join("bare");
    fs::write(&path, code.expect("it compiles")).expect("the file is written");
    let (mut back, mut bare, mut validated) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROLLBACKS {
        let copy = component.to_vec();
        back.push(once(|| {
            let loaded = host.admit(copy);
            host.plugins.activate(&loaded);
        }));
        bare.push(once(|| {
            let code = fs::read(&path).expect("the file is read");
            // SAFETY: an engine with the same settings has just made these bytes, in a folder of ours.
            #[allow(unsafe_code)]
            let component = unsafe { Component::deserialize(&engine, code) };
            drop(component.expect("it is loaded"));
        }));
        validated.push(once(|| drop(Validator::new().validate_all(&component).expect("it is valid"))));
    }
    let (back, bare, validated) = (median(back), median(bare), median(validated));
    Figure {
        what: "rollback from disk / reading and deserializing the file",
        measured: format!(
            "{:.1} / {:.1} ms = {:.1}; it spares validating, {:.1} ms",
            back / 1e3,
            bare / 1e3,
            back / bare,
            validated / 1e3
        ),
        bar: "under 5",
        is_met: back < 5.0 * bare,
    }
}

/// Microseconds of some work.
fn once(work: impl FnOnce()) -> f64 {
    each(1, work)
}
