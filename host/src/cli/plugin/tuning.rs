//! How a plugin is called: its settings, its limits, and what answers in its place.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::super::output::{fields, table, word};
use super::super::{Failure, Json};
use super::{NoteArgs, ask};
use crate::config::Config;
use crate::control::Command;
use crate::plugins::deployment::{self, LimitOverrides};

/// Without values it shows what the plugin takes.
#[derive(Args)]
pub(in crate::cli) struct Settings {
    /// The plugin
    name: String,
    /// New values; what a value may be, the plugin says
    #[arg(value_name = "SETTING=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Give a setting its default again
    #[arg(long, value_name = "SETTING")]
    unset: Vec<String>,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

/// Without values it shows the limits.
#[derive(Args)]
pub(in crate::cli) struct Limits {
    /// The plugin
    name: String,
    /// CPU milliseconds of one call
    #[arg(long, value_name = "MS")]
    cpu_ms: Option<u64>,
    /// Milliseconds from asking to having the answer
    #[arg(long, value_name = "MS")]
    wall_ms: Option<u64>,
    /// Bytes of memory of one call
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<usize>,
    /// Elements of tables of one call
    #[arg(long, value_name = "N")]
    table_elements: Option<usize>,
    /// Bytes handed over to a call
    #[arg(long, value_name = "BYTES")]
    input_bytes: Option<usize>,
    /// Bytes of an answer
    #[arg(long, value_name = "BYTES")]
    output_bytes: Option<usize>,
    /// Calls at once
    #[arg(long, value_name = "N")]
    calls: Option<usize>,
    /// Forget what was set before
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct Fallback {
    /// The plugin
    name: String,
    /// What answers in its place, in order: some of `previous`, `built_in`, `neutral`; or `none`
    #[arg(value_name = "RUNG,...", value_delimiter = ',', required = true, value_parser = rung)]
    rungs: Vec<Option<deployment::Fallback>>,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as SETTING=VALUE, for example max-links=20")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn rung(text: &str) -> Result<Option<deployment::Fallback>, String> {
    match deployment::Fallback::parse(text) {
        None if text == "none" => Ok(None),
        None => Err(format!("`{text}` is not previous, built_in, neutral or none")),
        known => Ok(known),
    }
}

impl Settings {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let note = self.note.note(&config);
        let set: BTreeMap<_, _> = self.set.into_iter().collect();
        let command = Command::PluginSettings { name: self.name, set, unset: self.unset, note };
        ask(config, self.json, command, |answer| {
            let columns = [("SETTING", "name"), ("VALUE", "value"), ("SET", "is_set"), ("ABOUT", "description")];
            match answer["settings"].as_array() {
                Some(rows) if rows.is_empty() => {
                    format!("{}@{} takes no settings.\n", word(&answer["name"]), word(&answer["version"]))
                }
                _ => table(&answer["settings"], &columns),
            }
        })
        .await
    }
}

impl Limits {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let note = self.note.note(&config);
        let limits = LimitOverrides {
            cpu_ms: self.cpu_ms,
            wall_ms: self.wall_ms,
            memory_bytes: self.memory_bytes,
            table_elements: self.table_elements,
            input_bytes: self.input_bytes,
            output_bytes: self.output_bytes,
            calls: self.calls,
        };
        let command = Command::PluginLimits { name: self.name, limits, clear: self.clear, note };
        ask(config, self.json, command, |answer| {
            let own = answer["limits"].as_object().is_some_and(|own| !own.is_empty());
            let own = if own { fields(&answer["limits"]) } else { "It has no limits of its own.\n".into() };
            format!("{own}\nThe host gives any plugin at most\n{}", fields(&answer["host"]))
        })
        .await
    }
}

impl Fallback {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let note = self.note.note(&config);
        let rungs: Vec<_> = self.rungs.into_iter().flatten().collect();
        let command = Command::PluginFallback { name: self.name, rungs, note };
        ask(config, self.json, command, |answer: &Value| {
            let rungs = word(&answer["fallback"]);
            let name = word(&answer["name"]);
            if rungs.is_empty() {
                format!("Nothing answers in the place of {name} when it fails.\n")
            } else {
                format!("When {name} fails, these answer in its place: {rungs}.\n")
            }
        })
        .await
    }
}
