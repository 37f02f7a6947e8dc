//! The life of a version: installed, tried, active, taken back.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::super::output::{fields, table, word};
use super::super::{Failure, Json};
use super::verify::read_signature;
use super::{NoteArgs, VersionArg, ask, read};
use crate::config::Config;
use crate::control::{Bytes, Command};
use crate::plugins::deployment::{Bounds, CandidateStage};

#[derive(Args)]
pub(in crate::cli) struct Show {
    /// The plugin
    name: String,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Install {
    /// The .wasm file
    file: PathBuf,
    /// The signature of `plugin sign` [default: FILE.sig, when it is there]
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Make it serve as soon as it is installed and checked
    #[arg(long)]
    activate: bool,
    #[command(flatten)]
    unchecked: Unchecked,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Activate {
    #[command(flatten)]
    version: VersionArg,
    #[command(flatten)]
    unchecked: Unchecked,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Shadow {
    #[command(flatten)]
    version: VersionArg,
    #[command(flatten)]
    bounds: BoundArgs,
    #[command(flatten)]
    unchecked: Unchecked,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Canary {
    #[command(flatten)]
    version: VersionArg,
    /// How many of a hundred customers it answers for
    #[arg(long, default_value_t = 10.0)]
    percent: f64,
    #[command(flatten)]
    bounds: BoundArgs,
    #[command(flatten)]
    unchecked: Unchecked,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

/// A plugin by its name.
#[derive(Args)]
pub(in crate::cli) struct Named {
    /// The plugin
    name: String,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Retire {
    #[command(flatten)]
    version: VersionArg,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
struct Unchecked {
    /// Also a version that did not pass its check
    #[arg(long)]
    unchecked: bool,
}

/// What stops a candidate by itself.
#[derive(Args)]
struct BoundArgs {
    /// Failed calls (traps, time-outs, nonsense) before it is stopped
    #[arg(long, default_value_t = Bounds::default().failures_max, value_name = "N")]
    failures_max: u64,
    /// Points that one score may differ; no bound unless given
    #[arg(long, value_name = "POINTS")]
    difference_max: Option<f64>,
    /// Answers of a hundred that may come to something else
    #[arg(long, default_value_t = Bounds::default().flips_percent_max, value_name = "PERCENT")]
    flips_percent_max: f64,
    /// Answers that are compared before shares and costs count
    #[arg(long, default_value_t = Bounds::default().compared_min, value_name = "N")]
    compared_min: u64,
    /// CPU time in the mean, as a multiple of the active version's
    #[arg(long, default_value_t = Bounds::default().cost_ratio_max, value_name = "TIMES")]
    cost_ratio_max: f64,
}

impl BoundArgs {
    fn bounds(&self) -> Bounds {
        Bounds {
            failures_max: self.failures_max,
            difference_max: self.difference_max,
            flips_percent_max: self.flips_percent_max,
            compared_min: self.compared_min,
            cost_ratio_max: self.cost_ratio_max,
        }
    }
}

impl Show {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        ask(config, self.json, Command::PluginShow { name: self.name }, shown).await
    }
}

impl Install {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let command = Command::PluginInstall {
            component: read(&self.file)?,
            signature: read_signature(&self.file, self.signature.as_deref())?.map(Bytes),
            activate: self.activate,
            unchecked: self.unchecked.unchecked,
            note: self.note.note(&config),
        };
        ask(config, self.json, command, one).await
    }
}

impl Activate {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let (name, version) = self.version.plugin;
        let note = self.note.note(&config);
        let command = Command::PluginActivate { name, version, unchecked: self.unchecked.unchecked, note };
        ask(config, self.json, command, one).await
    }
}

impl Shadow {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let (name, version) = self.version.plugin;
        let (bounds, note) = (self.bounds.bounds(), self.note.note(&config));
        let unchecked = self.unchecked.unchecked;
        let command = Command::PluginTry { name, version, stage: CandidateStage::Shadow, bounds, unchecked, note };
        ask(config, self.json, command, tried).await
    }
}

impl Canary {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let (name, version) = self.version.plugin;
        let (bounds, note) = (self.bounds.bounds(), self.note.note(&config));
        let (stage, unchecked) = (CandidateStage::Canary { percent: self.percent }, self.unchecked.unchecked);
        let command = Command::PluginTry { name, version, stage, bounds, unchecked, note };
        ask(config, self.json, command, tried).await
    }
}

impl Named {
    pub(super) async fn promote(self, config: Config) -> Result<ExitCode, Failure> {
        let note = self.note.note(&config);
        ask(config, self.json, Command::PluginPromote { name: self.name, note }, one).await
    }

    pub(super) async fn roll_back(self, config: Config) -> Result<ExitCode, Failure> {
        let note = self.note.note(&config);
        ask(config, self.json, Command::PluginRollback { name: self.name, note }, one).await
    }

    pub(super) async fn stop(self, config: Config) -> Result<ExitCode, Failure> {
        let note = self.note.note(&config);
        ask(config, self.json, Command::PluginStop { name: self.name, note }, |answer| {
            format!("{}@{} is not tried any more.\n", word(&answer["name"]), word(&answer["version"]))
        })
        .await
    }
}

impl Retire {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let (name, version) = self.version.plugin;
        ask(config, self.json, Command::PluginRetire { name, version }, |answer| {
            format!("{}@{} is retired.\n", word(&answer["name"]), word(&answer["version"]))
        })
        .await
    }
}

fn id(plugin: &Value) -> String {
    format!("{}@{}", word(&plugin["name"]), word(&plugin["version"]))
}

/// The answer about one version, and what it means.
pub(super) fn one(answer: &Value) -> String {
    let plugin = &answer["plugin"];
    let id = id(plugin);
    let told = match (answer["active"].as_bool(), answer["previous"].as_str(), answer["check_failure"].as_str()) {
        (Some(true), Some(previous), _) if previous == id => format!("{id} serves, as it did before.\n"),
        (Some(true), Some(previous), _) => format!("{id} serves now; before it {previous} did.\n"),
        (Some(true), None, _) => format!("{id} serves now.\n"),
        (Some(false), _, Some(why)) => {
            format!("{id} is installed and did not pass its check: {}.\n", super::super::output::printable(why))
        }
        (Some(false), _, None) => format!(
            "{id} is installed and checked. `pillarbox plugin shadow {id}` tries it where nobody sees it, `pillarbox \
             plugin activate {id}` makes it serve.\n"
        ),
        (None, _, _) => format!("{id} can be installed.\n"),
    };
    fields(plugin) + "\n" + &told
}

fn tried(answer: &Value) -> String {
    let id = id(&answer["plugin"]);
    let name = word(&answer["plugin"]["name"]);
    let how = match answer["stage"].as_str() {
        Some("shadow") => "runs in the shadow of the active version; nobody sees its answers",
        _ => "answers for its part of the customers",
    };
    format!(
        "{id} {how}.\n`pillarbox plugin show {name}` tells how it differs, `pillarbox plugin promote {name}` makes it serve \
         everybody, `pillarbox plugin stop {name}` ends the trial.\n"
    )
}

fn shown(answer: &Value) -> String {
    let columns = [
        ("VERSION", "version"),
        ("STATE", "state"),
        ("INSTALLED", "installed_at"),
        ("BY", "installed_by"),
        ("SERVED", "served_at"),
        ("CHECK", "check_failure"),
    ];
    let mut text = table(&answer["versions"], &columns);
    let serving = &answer["serving"];
    if !serving.is_null() {
        text.push_str("\nCALLS SINCE THE START\n");
        for (role, part) in [("active", &serving["active"]), ("candidate", &serving["candidate"])] {
            if !part.is_null() {
                text.push_str(&calls(role, part));
            }
        }
        text.push_str(&trial(&serving["candidate"]));
    }
    let columns = [("AT", "at"), ("BY", "by"), ("ACTION", "action"), ("FROM", "from"), ("TO", "to"), ("WHY", "why")];
    format!("{text}\nLOG\n{}", table(&answer["log"], &columns))
}

fn calls(role: &str, part: &Value) -> String {
    let tally = &part["calls"];
    let failures = tally["failures"].as_object().into_iter().flatten();
    let failures: Vec<_> = failures.map(|(kind, count)| format!("{kind} {count}")).collect();
    format!(
        "{role:<10} {:<12} {} calls, {} failed{}; half within {} µs, 99 % within {} µs; at most {} bytes of memory\n",
        word(&part["version"]),
        word(&tally["calls"]),
        word(&tally["failed"]),
        if failures.is_empty() { String::new() } else { format!(" ({})", failures.join(", ")) },
        word(&tally["p50_us"]),
        word(&tally["p99_us"]),
        word(&tally["memory_bytes_max"]),
    )
}

fn trial(candidate: &Value) -> String {
    if candidate.is_null() {
        return String::new();
    }
    let seen = &candidate["seen"];
    let mut text = format!(
        "\nTRIAL OF {} ({}{}), since {}\n{} answers compared, {} come to something else, {} failed, {} skipped\n",
        word(&candidate["version"]),
        word(&candidate["stage"]),
        candidate["percent"].as_f64().map_or(String::new(), |percent| format!(", {percent} %")),
        word(&candidate["since"]),
        word(&seen["compared"]),
        word(&seen["flips"]),
        word(&seen["failures"]),
        word(&seen["skipped"]),
    );
    let columns = [("RULE", "rule"), ("GAINED", "gained"), ("LOST", "lost")];
    if seen["rules"].as_array().is_some_and(|rules| !rules.is_empty()) {
        text.push_str(&table(&seen["rules"], &columns));
    }
    let columns =
        [("INPUT", "input"), ("BEFORE", "before"), ("AFTER", "after"), ("GAINED", "gained"), ("LOST", "lost")];
    if seen["examples"].as_array().is_some_and(|examples| !examples.is_empty()) {
        let mut examples = seen["examples"].clone();
        for example in examples.as_array_mut().into_iter().flatten() {
            example["input"] = word(&example["input"]).chars().take(12).collect::<String>().into();
        }
        text.push_str(&table(&examples, &columns));
    }
    text
}
