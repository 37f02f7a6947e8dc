//! `pillarbox clients`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{print, show, table, word};
use super::session::Session;
use super::{Failure, Json, read_content};
use crate::config::Config;
use crate::control::Command;
use crate::mail::client::rules::Rules;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Clients {
    /// See, check and replace the rules that tell people from scanners
    #[command(subcommand)]
    Rules(RulesCommand),
}

#[derive(Subcommand)]
pub(super) enum RulesCommand {
    /// List the rules in effect: whom each is about, and how sure it is that a machine fetches
    List(Json),
    /// Print the document of the rules in effect, to begin one of your own
    Show,
    Check(Check),
    Load(Load),
    /// Go back to the rules that come with the binary
    Reset(Json),
}

/// Say whether a document is right, and where it is not
#[derive(Args)]
pub(super) struct Check {
    /// A TOML document; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    json: Json,
}

/// Put a document into effect, at once and for the next starts
///
/// It is taken as a whole: when something in it is not right, the rules in effect stay. Without a file, the one of the
/// setting `client_rules`, or the one that was loaded last, is read again. What was recorded before keeps its
/// judgement until `pillarbox reclassify`.
#[derive(Args)]
pub(super) struct Load {
    /// A TOML document; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

impl Clients {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let Self::Rules(command) = self;
        match command {
            RulesCommand::Check(Check { file, json }) => {
                let text = read(&file)?;
                let rules = Rules::parse(&text).map_err(|wrong| format!("{}: {wrong}", file.display()))?;
                let answer = json!({ "rules": rules.rules.len(), "updated": rules.updated });
                show(json.json, &answer, || format!("{} rules of {}\n", rules.rules.len(), rules.updated));
            }
            RulesCommand::List(json) => {
                let answer = Session::open(config).await?.run(Command::ClientRules).await?;
                show(json.json, &answer, || list(&answer));
            }
            RulesCommand::Show => {
                let answer = Session::open(config).await?.run(Command::ClientRules).await?;
                print(answer["text"].as_str().unwrap_or_default());
            }
            RulesCommand::Load(Load { file, json }) => {
                let text = file.as_deref().map(read).transpose()?;
                let answer = Session::open(config).await?.run(Command::ClientRulesLoad { text }).await?;
                show(json.json, &answer, || changed(&answer));
            }
            RulesCommand::Reset(json) => {
                let answer = Session::open(config).await?.run(Command::ClientRulesReset).await?;
                show(json.json, &answer, || changed(&answer));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let bytes = read_content(Some(file))?;
    Ok(String::from_utf8(bytes).map_err(|_| format!("{} is not text in UTF-8", file.display()))?)
}

fn list(answer: &Value) -> String {
    let columns = [("RULE", "name"), ("MACHINE %", "confidence"), ("CLASS", "class"), ("CLIENT", "client")];
    format!("{}\n{}", table(&answer["rules"], &columns), origin(answer))
}

fn changed(answer: &Value) -> String {
    format!("{}`pillarbox reclassify` judges by them what was recorded before\n", origin(answer))
}

fn origin(answer: &Value) -> String {
    let count = answer["rules"].as_array().map_or(0, Vec::len);
    format!("{count} rules of {} are in effect ({})\n", word(&answer["updated"]), word(&answer["origin"]))
}
