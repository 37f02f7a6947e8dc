//! `pillarbox plugin bench`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::super::output::{show, table};
use super::super::{Failure, Json};
use super::subject::Subject;
use super::waiting;
use crate::config::Config;
use crate::kit::bench::{Measured, measure};
use crate::kit::sample;

/// Measure a plugin over its fixtures and an ordinary message of 10 KB, in the sandbox
///
/// Each input is given up to 500 times or for three seconds, one call after the other and each in a fresh instance, as
/// the service does. Times are what a caller waits; CPU is what the call's own budget counts.
#[derive(Args)]
pub(in crate::cli) struct Bench {
    /// The project, or a .wasm file
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    path: PathBuf,
    #[command(flatten)]
    json: Json,
}

impl Bench {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let subject = Subject::open(&config, &self.path, true).await?;
        let fixtures = subject.fixtures.iter();
        let mut inputs: Vec<_> =
            fixtures.map(|fixture| (fixture.name.clone(), fixture.input.clone(), fixture.settings.clone())).collect();
        inputs.push((sample::NAME.to_owned(), sample::input(subject.loaded.world), BTreeMap::new()));
        let bar = waiting("measuring");
        let mut measured = Vec::with_capacity(inputs.len());
        for input in inputs {
            bar.set_message(format!("measuring {}", input.0));
            measured.push(measure(&subject.plugins, &subject.loaded, input).await);
        }
        bar.finish_and_clear();
        let inputs: Value = measured.iter().map(Measured::view).collect();
        let ready_ms = u64::try_from(subject.ready.as_millis()).unwrap_or(u64::MAX);
        let answer = json!({ "plugin": subject.loaded.id.to_string(), "size": subject.loaded.size,
            "ready_ms": ready_ms, "inputs": inputs });
        show(self.json.json, &answer, || report(&answer));
        let failed = measured.iter().any(|measured| measured.failure().is_some());
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn report(answer: &Value) -> String {
    let columns = [
        ("INPUT", "input"),
        ("CALLS", "calls"),
        ("P50 µs", "p50_us"),
        ("P99 µs", "p99_us"),
        ("CPU P50 µs", "cpu_p50_us"),
        ("MEMORY KiB", "memory_kib"),
        ("FAILED", "error"),
    ];
    let (id, size, ready) = (answer["plugin"].as_str().unwrap_or_default(), &answer["size"], &answer["ready_ms"]);
    let mut inputs = answer["inputs"].clone();
    for input in inputs.as_array_mut().into_iter().flatten() {
        input["memory_kib"] = (input["memory_bytes"].as_u64().unwrap_or(0) / 1024).into();
    }
    let table = table(&inputs, &columns);
    format!("{table}\n{id}: {size} bytes, compiled and asked who it is in {ready} ms\n")
}
