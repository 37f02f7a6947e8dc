//! Which plugins answer together.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::super::output::word;
use super::super::{Failure, Json};
use super::{NoteArgs, ask};
use crate::config::Config;
use crate::control::Command;
use crate::plugins::World;

/// Without plugins it shows who is asked.
#[derive(Args)]
pub(in crate::cli) struct Pipeline {
    /// Plugins in order, each with the weight of its points: `pillarbox-rules:1 ours:0.5`; `ours@1.2.0:0.5` also makes
    /// that version the active one
    #[arg(value_name = "NAME[@VERSION][:WEIGHT]", value_parser = stage)]
    stages: Vec<(String, Option<String>, f64)>,
    /// Which world's
    #[arg(long, value_enum, default_value_t = WorldArg::Scorer)]
    world: WorldArg,
    /// Only for this customer, by email address
    #[arg(long, value_name = "EMAIL")]
    customer: Option<String>,
    /// Give the customer what everybody has
    #[arg(long, requires = "customer", conflicts_with = "stages")]
    clear: bool,
    #[command(flatten)]
    note: NoteArgs,
    #[command(flatten)]
    json: Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum WorldArg {
    Scorer,
    Normalizer,
}

fn stage(text: &str) -> Result<(String, Option<String>, f64), String> {
    let (id, weight) = text.rsplit_once(':').unwrap_or((text, "1"));
    let weight = weight.parse().map_err(|_| format!("`{weight}` is not a weight, such as 0.5"))?;
    match id.split_once('@') {
        Some((name, version)) => Ok((name.to_owned(), Some(version.to_owned()), weight)),
        None => Ok((id.to_owned(), None, weight)),
    }
}

impl Pipeline {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let note = self.note.note(&config);
        let world = match self.world {
            WorldArg::Scorer => World::Scorer,
            WorldArg::Normalizer => World::Normalizer,
        };
        let command = match (self.customer, self.clear) {
            (Some(customer), true) => Command::PluginPipelineClear { customer, note },
            _ if self.stages.is_empty() => Command::PluginPipelines,
            (customer, _) => Command::PluginPipeline { world, customer, stages: self.stages, note },
        };
        ask(config, self.json, command, shown).await
    }
}

fn shown(answer: &Value) -> String {
    let mut text =
        format!("scorers      {}\nnormalizers  {}\n", line(&answer["scorers"]), line(&answer["normalizers"]));
    for customer in answer["customers"].as_array().into_iter().flatten() {
        text = format!("{text}{}  {}\n", word(&customer["email"]), line(&customer["stages"]));
    }
    text
}

fn line(stages: &Value) -> String {
    let stage =
        |stage: &Value| format!("{}@{} × {}", word(&stage["name"]), word(&stage["version"]), word(&stage["weight"]));
    let stages: Vec<_> = stages.as_array().into_iter().flatten().map(stage).collect();
    if stages.is_empty() { "none".into() } else { stages.join(", then ") }
}
