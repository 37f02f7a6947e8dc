//! `pillarbox score`

mod input;
mod judge;
mod text;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use self::judge::Judge;
use super::output::{print, show};
use super::session::Session;
use super::{Failure, lines};
use crate::config::Config;
use crate::control::{Bytes, Command};

/// Judge messages before they are sent, and say what to change
///
/// A message (RFC 5322) is judged in the sandbox, by the scorer that serves where there is a
/// data directory, else by the built-in one; no service has to run. Every finding says where it
/// stands, with the words that were found, what it costs, and what to change:
///
///   pillarbox score letter.eml
///   pillarbox score --json - < letter.eml | jq .spam_score
///   pillarbox score drafts/ more/*.eml
///
/// Several messages, or the files of a folder, are a table of one line each (with --json, one
/// answer a line, with the file's name).
///
/// Exit codes: 0 pass, 3 review (from 3 points), 4 reject (from 5 points, what mail filters take
/// for spam), 1 when something could not be judged, 2 when the command was not understood. Of
/// several messages the worst counts, and what could not be judged is worse than anything.
#[derive(Args)]
#[expect(clippy::doc_markdown, reason = "the text is shown as it is")]
#[command(verbatim_doc_comment)]
pub(super) struct Score {
    /// Files with a message each, or folders of them; `-` or nothing is standard input
    #[arg(value_name = "FILE|DIR")]
    messages: Vec<PathBuf>,
    /// Judge the files whose paths this file (`-`: standard input) names, one a line: one JSON answer a line, in order.
    /// The scorer that serves judges, and the exit code says only whether the list was read
    #[arg(long, value_name = "FILE", conflicts_with = "messages")]
    paths: Option<PathBuf>,
    /// Judge by the scorer in this file (.wasm)
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    plugin: Option<PathBuf>,
    /// Print JSON, in the shape of the analyze route
    #[arg(long)]
    json: bool,
}

/// What came of the messages, each worse than the one before it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Outcome {
    Pass,
    Review,
    Reject,
    NotJudged,
}

impl Outcome {
    fn of(answer: &Value) -> Self {
        match answer["verdict"].as_str() {
            Some("pass") => Self::Pass,
            Some("review") => Self::Review,
            Some("reject") => Self::Reject,
            _ => Self::NotJudged,
        }
    }

    /// Apart from 1 and 2, which say the same for every command.
    fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Review => 3,
            Self::Reject => 4,
            Self::NotJudged => 1,
        }
    }
}

impl Score {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        if let Some(paths) = self.paths {
            return judge_paths(config, &paths).await;
        }
        let outcome = match self.messages.as_slice() {
            [] => self.judge_one(config, None).await?,
            [one] if !one.is_dir() => self.judge_one(config, Some(one)).await?,
            _ => self.judge_all(config).await?,
        };
        Ok(outcome.exit_code().into())
    }

    async fn judge_one(&self, config: Config, file: Option<&Path>) -> Result<Outcome, Failure> {
        // A wrong name is told at once, before anything is started.
        let message = input::read(file)?;
        let judge = Judge::open(config, self.plugin.as_deref()).await?;
        let answer = judge.judge(&message).await?;
        let is_coloured = std::io::stdout().is_terminal();
        show(self.json, &answer, || text::report(&answer, &message, judge.told(), is_coloured));
        Ok(Outcome::of(&answer))
    }

    /// One line for each message.
    async fn judge_all(&self, config: Config) -> Result<Outcome, Failure> {
        let files = input::files(&self.messages)?;
        let judge = Judge::open(config, self.plugin.as_deref()).await?;
        let mut rows = Vec::with_capacity(files.len());
        let mut worst = Outcome::Pass;
        for file in files {
            let answer = match input::read(Some(&file)) {
                Ok(message) => judge.judge(&message).await,
                Err(wrong) => Err(wrong),
            };
            let answer = answer.unwrap_or_else(|wrong| json!({ "error": wrong.to_string() }));
            worst = worst.max(Outcome::of(&answer));
            let name = file.display().to_string();
            if self.json {
                print(&format!("{}\n", text::named(&name, answer)));
            } else {
                rows.push(text::row(&name, &answer));
            }
        }
        if !self.json {
            print(&text::rows(&rows, judge.told()));
        }
        Ok(worst)
    }
}

async fn judge_paths(config: Config, paths: &Path) -> Result<ExitCode, Failure> {
    let session = Session::open(config).await?;
    let read = |path: &str| {
        let message = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        Ok(Command::Score { message: Bytes(message) })
    };
    lines::each(&session, paths, read, |error| json!({ "error": error })).await?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_an_exit_code_of_its_own_and_the_worst_counts() {
        let of = |verdict: &str| Outcome::of(&json!({ "verdict": verdict }));
        let outcomes = [of("pass"), of("review"), of("reject"), Outcome::of(&json!({ "error": "no" }))];
        assert!(outcomes.is_sorted() && of("another") == Outcome::NotJudged);
        assert_eq!(outcomes.map(Outcome::exit_code), [0, 3, 4, 1]);
    }
}
