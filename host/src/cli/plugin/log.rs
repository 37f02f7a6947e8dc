//! What happened to the plugins, and whether that can be trusted.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::super::output::{table, word};
use super::super::{Failure, Json};
use super::ask;
use crate::config::Config;
use crate::control::Command;

#[derive(Args)]
pub(in crate::cli) struct Log {
    /// Lines to show, the newest first
    #[arg(long, default_value_t = 50)]
    limit: i64,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(in crate::cli) struct VerifyLog {
    /// A hash that an earlier `verify-log` printed; it must still be in the log, or its end was cut off
    #[arg(long, value_name = "HASH")]
    noted: Option<String>,
    #[command(flatten)]
    json: Json,
}

impl Log {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        ask(config, self.json, Command::PluginLog { limit: self.limit }, |answer| {
            let columns = [
                ("#", "sequence"),
                ("AT", "at"),
                ("BY", "by"),
                ("ACTION", "action"),
                ("PLUGIN", "name"),
                ("FROM", "from"),
                ("TO", "to"),
                ("WHY", "why"),
            ];
            table(&answer["log"], &columns)
        })
        .await
    }
}

impl VerifyLog {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        ask(config, self.json, Command::PluginVerifyLog { noted: self.noted }, |answer| {
            format!(
                "The log is as it was written: {} lines. Note down the hash of the last one; `pillarbox plugin verify-log \
                 --noted HASH` then shows that nothing was cut off since:\n{}\n",
                word(&answer["lines"]),
                word(&answer["head"])
            )
        })
        .await
    }
}

pub(super) fn nodes(answer: &Value) -> String {
    let columns = [
        ("NODE", "node"),
        ("GENERATION", "generation"),
        ("BEHIND", "behind"),
        ("SINCE", "since"),
        ("TROUBLES", "troubles"),
    ];
    table(&answer["nodes"], &columns)
}
