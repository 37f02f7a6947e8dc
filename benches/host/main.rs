//! The plugin host beside the bare engine, measured in the same run: what the host adds to a call, what a swap costs, and
//! what hostile plugins cost their neighbours. Each figure is printed with its bar.
//!
//! Configurations that are compared take turns in short rounds, and the medians are compared, so that other work on the
//! machine meets all of them alike.

#![allow(
    clippy::cast_precision_loss,
    clippy::duration_suboptimal_units,
    clippy::needless_for_each,
    clippy::needless_pass_by_value,
    clippy::range_plus_one,
    clippy::similar_names,
    reason = "these are figures for people"
)]

mod bare;
mod guests;
mod hostile;
mod moving;
mod overhead;

use std::time::{Duration, Instant};

use pillarbox::plugins::limits::Limits;
use pillarbox::plugins::{Loaded, Plugins};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// One line of the result.
struct Figure {
    what: &'static str,
    measured: String,
    bar: &'static str,
    is_met: bool,
}

fn main() {
    // `cargo test --benches` and the like only want to know whether it starts.
    if std::env::args().any(|word| word == "--test" || word == "--list") {
        return;
    }
    let figures = [overhead::figures(), moving::figures(), hostile::figures()];
    println!("{:<58} {:<44} {:<22} met", "figure", "measured", "bar");
    for Figure { what, measured, bar, is_met } in figures.into_iter().flatten() {
        println!("{what:<58} {measured:<44} {bar:<22} {}", if is_met { "yes" } else { "NO" });
    }
}

/// A host with its default limits, and a runtime to call it from.
struct Host {
    plugins: Arc<Plugins>,
    runtime: Runtime,
}

impl Host {
    fn start(threads: usize, folder: Option<&std::path::Path>) -> Host {
        let runtime =
            Builder::new_multi_thread().worker_threads(threads).enable_time().build().expect("a runtime starts");
        let plugins = Plugins::start(Limits::default(), folder.map(Into::into), [7; 32]).expect("the sandbox starts");
        Host { plugins: Arc::new(plugins), runtime }
    }

    fn admit(&self, bytes: Vec<u8>) -> Arc<Loaded> {
        self.runtime.block_on(self.plugins.admit(bytes)).expect("the plugin is admitted")
    }
}

/// The middle of some numbers.
fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Microseconds of one of so many turns.
fn each(turns: usize, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    micros(began.elapsed()) / turns as f64
}
