//! `pillarbox plugin check`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::super::output::{fields, show};
use super::super::{Failure, Json};
use super::subject::Subject;
use super::test::line;
use crate::config::Config;
use crate::kit::host::view;
use crate::kit::sample;
use crate::kit::trial::{self, Outcome, Trial};

/// Say whether a file is a plugin that can be installed, and what is wrong if not
///
/// It is taken apart, compiled, asked who it is, and called with ordinary and odd inputs and with the fixtures beside
/// it, within the limits of the settings. Neither a data directory nor a running service is needed.
#[derive(Args)]
pub(in crate::cli) struct Check {
    /// The .wasm file, or a project that was built
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    #[command(flatten)]
    json: Json,
}

impl Check {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let subject = Subject::open(&config, &self.path, false).await?;
        let (plugins, loaded) = (&subject.plugins, &subject.loaded);
        let first = trial::ask(plugins, loaded, sample::input(loaded.world), &BTreeMap::new()).await;
        if let Some(failure) = &first.failure {
            return Err(format!("{failure}, with an ordinary message of 10 KB ({})", sample::NAME).into());
        }
        // What the service asks of a version before anybody meets it.
        plugins.try_samples(loaded).await.map_err(|failed| format!("{}: {failed}", loaded.id))?;
        let mut outcomes = Vec::with_capacity(subject.fixtures.len());
        for fixture in &subject.fixtures {
            outcomes.push(trial::run(plugins, loaded, fixture).await);
        }
        let mut warnings = loaded.warnings.clone();
        let of_fixtures = outcomes.iter().map(|outcome| (outcome.name.as_str(), &outcome.trial));
        let trials: Vec<_> = [(sample::NAME, &first)].into_iter().chain(of_fixtures).collect();
        warnings.extend(trials.iter().filter_map(|(name, trial)| slow(name, trial, config.plugin_cpu_ms)));
        let failed = outcomes.iter().filter(|outcome| !outcome.has_passed()).count();
        let answer = json!({
            "plugin": view(loaded),
            "warnings": warnings,
            "timings": trials.iter().map(|(name, trial)| timing(name, trial)).collect::<Vec<_>>(),
            "fixtures": outcomes.iter().map(Outcome::view).collect::<Vec<_>>(),
        });
        show(self.json.json, &answer, || {
            let lines: String = outcomes.iter().map(|outcome| line(outcome, false)).collect();
            let told = warnings.iter().fold(String::new(), |text, warning| format!("{text}Mind: {warning}.\n"));
            let (id, file) = (&loaded.id, subject.file.display());
            let cpu = first.cpu_us;
            let end = match failed {
                0 => format!("{id} can be installed: `pillarbox plugin install {file}`.\n"),
                _ => format!("{id} could be installed, but {failed} of its fixtures failed.\n"),
            };
            format!("{}cpu of a 10 KB call     {cpu} µs\n\n{lines}{told}{end}", fields(&answer["plugin"]))
        });
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A call that takes more than half of its budget here will not fit it on a slower machine.
fn slow(name: &str, trial: &Trial, cpu_ms_max: u64) -> Option<String> {
    let used_ms = trial.cpu_us / 1_000;
    (used_ms >= cpu_ms_max.div_ceil(2))
        .then(|| format!("{name} took {used_ms} ms of CPU time; a call may have {cpu_ms_max}, and is stopped beyond"))
}

fn timing(name: &str, trial: &Trial) -> Value {
    json!({ "input": name, "duration_us": trial.duration_us, "cpu_us": trial.cpu_us,
        "memory_bytes": trial.memory_bytes })
}
