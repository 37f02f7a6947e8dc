//! `pillarbox score`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::output::{show, table, word};
use super::session::Session;
use super::{Failure, lines, read_input};
use crate::config::Config;
use crate::control::{Bytes, Command};

/// Judges one message from a file or standard input, or many by their paths.
#[derive(Args)]
pub(super) struct Score {
    /// The message (RFC 5322); `-` or nothing is standard input
    file: Option<PathBuf>,
    /// Judge the files whose paths this file (`-`: standard input) names, one a line: one JSON answer a line, in order
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    paths: Option<PathBuf>,
    /// Print JSON, in the shape of the analyze route
    #[arg(long)]
    json: bool,
}

impl Score {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let session = Session::open(config).await?;
        if let Some(paths) = self.paths {
            let read = |path: &str| {
                let message = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
                Ok(Command::Score { message: Bytes(message) })
            };
            lines::each(&session, &paths, read, |error| json!({ "error": error })).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let message = read_input(self.file.as_deref())?;
        let answer = session.run(Command::Score { message: Bytes(message) }).await?;
        show(self.json, &answer, || report(&answer));
        Ok(ExitCode::SUCCESS)
    }
}

fn report(answer: &Value) -> String {
    let (score, points, verdict) = (word(&answer["score"]), word(&answer["spam_score"]), word(&answer["verdict"]));
    let mut text = format!("score {score}/100    {points} points    {verdict}\n");
    if answer["findings"].as_array().is_some_and(|findings| !findings.is_empty()) {
        let columns = [("POINTS", "points"), ("RULE", "rule"), ("FOUND", "message"), ("WHAT TO DO", "suggestion")];
        text = format!("{text}\n{}", table(&answer["findings"], &columns));
    }
    for plugin in answer["plugins"].as_array().into_iter().flatten() {
        let id = json!(format!("{}@{}", word(&plugin["name"]), word(&plugin["version"])));
        let told =
            if plugin["error"].is_null() { format!("{} µs", plugin["duration_us"]) } else { word(&plugin["error"]) };
        text = format!("{text}\njudged by {}: {told}\n", word(&id));
    }
    text
}
