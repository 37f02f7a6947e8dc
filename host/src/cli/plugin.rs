//! `pillarbox plugin`: one file for each kind of subcommand.

mod bench;
mod build;
mod check;
mod corpus;
mod explain;
mod keygen;
mod life;
mod log;
mod new;
mod pipeline;
mod recordings;
mod replay;
mod sign;
mod subject;
mod test;
mod torture;
mod trying;
mod tuning;
mod verify;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::output::{show, table, word};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::{Bytes, Command};
use crate::plugins::limits::Limits;
use crate::registry::Note;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Plugin {
    /// List every installed version, and where each stands in its life
    List(Json),
    /// Show one plugin: its versions, its calls, its trial and its log
    Show(life::Show),
    Check(check::Check),
    /// Install a plugin: a component, or a core module built with wit-bindgen
    Install(life::Install),
    /// Try a version in the shadow of the active one: nobody sees its answers, differences are recorded
    Shadow(life::Shadow),
    /// Let a version answer for a part of the customers, always the same ones
    Canary(life::Canary),
    /// Make the version that is tried serve everybody
    Promote(life::Named),
    /// End the trial of a version
    Stop(life::Named),
    /// Make an installed version serve, at once and without a failed call
    Activate(life::Activate),
    /// Return to the version that served before
    Rollback(life::Named),
    /// Put a version aside, so that nobody activates it by mistake
    Retire(life::Retire),
    /// Say which plugins answer together, in which order and with what weight
    Pipeline(pipeline::Pipeline),
    /// See and change the settings of a plugin
    Settings(tuning::Settings),
    /// Bound the calls of a plugin more tightly than the host does
    Limits(tuning::Limits),
    /// Say what answers when a plugin fails
    Fallback(tuning::Fallback),
    /// Show who changed what serves, when and why
    Log(log::Log),
    /// Read the whole log and say whether it is what was written
    VerifyLog(log::VerifyLog),
    /// Show how far every node has got
    Nodes(Json),
    New(new::New),
    Build(build::Build),
    Test(test::Test),
    Bench(bench::Bench),
    /// Make a pair of keys to sign plugins with
    Keygen(keygen::Keygen),
    /// Sign a plugin, so that installations that trust the key take it
    Sign(sign::Sign),
    /// Say who signed a plugin, or why its signature does not hold
    Verify(verify::Verify),
    /// Let hostile guests loose on a plugin host of their own, and show that each is contained
    Torture(torture::Arguments),
    /// Show how many inputs are recorded for replays, or remove them
    Recordings(recordings::Recordings),
    /// Try a version on recorded or given inputs, before it serves
    Replay(replay::Replay),
    /// Count what a version costs more or less than another, in fuel
    Explain(explain::Explain),
}

/// A version, as `plugin list` shows it.
#[derive(Args)]
struct VersionArg {
    /// Which version, as `plugin list` shows it
    #[arg(value_name = "NAME@VERSION", value_parser = plugin_id)]
    plugin: (String, String),
}

/// What the log keeps of a change besides the change.
#[derive(Args)]
struct NoteArgs {
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Who, for the log; the system's user unless given
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl NoteArgs {
    fn note(self, config: &Config) -> Note {
        Note { by: self.by.unwrap_or_else(|| config.operator.clone()), why: self.why }
    }
}

fn plugin_id(text: &str) -> Result<(String, String), String> {
    let (name, version) = text.split_once('@').ok_or("write it as NAME@VERSION, for example scorer@1.2.0")?;
    Ok((name.to_owned(), version.to_owned()))
}

impl Plugin {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        match self {
            Self::List(json) => ask(config, json, Command::PluginList, list).await,
            Self::Show(show) => show.run(config).await,
            Self::Check(check) => check.run(config).await,
            Self::Install(install) => install.run(config).await,
            Self::Shadow(shadow) => shadow.run(config).await,
            Self::Canary(canary) => canary.run(config).await,
            Self::Promote(named) => named.promote(config).await,
            Self::Stop(named) => named.stop(config).await,
            Self::Activate(activate) => activate.run(config).await,
            Self::Rollback(named) => named.roll_back(config).await,
            Self::Retire(retire) => retire.run(config).await,
            Self::Pipeline(pipeline) => pipeline.run(config).await,
            Self::Settings(settings) => settings.run(config).await,
            Self::Limits(limits) => limits.run(config).await,
            Self::Fallback(fallback) => fallback.run(config).await,
            Self::Log(log) => log.run(config).await,
            Self::VerifyLog(verify) => verify.run(config).await,
            Self::Nodes(json) => ask(config, json, Command::PluginNodes, log::nodes).await,
            Self::New(new) => new.run(),
            Self::Build(build) => build.run(config).await,
            Self::Test(test) => test.run(config).await,
            Self::Bench(bench) => bench.run(config).await,
            Self::Keygen(keygen) => keygen.run(),
            Self::Sign(sign) => sign.run().await,
            Self::Verify(verify) => verify.run(&config).await,
            Self::Torture(torture) => torture.run(config).await,
            Self::Recordings(recordings) => recordings.run(config).await,
            Self::Replay(replay) => replay.run(config).await,
            Self::Explain(explain) => explain.run(config).await,
        }
    }
}

/// Runs a command where the data is and shows its answer.
async fn ask(
    config: Config,
    json: Json,
    command: Command,
    text: impl FnOnce(&Value) -> String,
) -> Result<ExitCode, Failure> {
    let answer = Session::open(config).await?.run(command).await?;
    show(json.json, &answer, || text(&answer));
    Ok(ExitCode::SUCCESS)
}

/// Something is under way, for a person who waits; nothing where nobody looks.
pub(super) fn waiting(what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("the template is well formed");
    let bar = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Reads a file within the bound of a component, which is checked before the file is read.
fn read(path: &Path) -> Result<Bytes, Failure> {
    let explain = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let size = std::fs::metadata(path).map_err(explain)?.len();
    let size_max = Limits::default().component_bytes_max as u64;
    if size > size_max {
        let name = path.display();
        return Err(format!(
            "{name} has {size} bytes, and a plugin has at most {size_max}; strip it of debug information"
        )
        .into());
    }
    Ok(Bytes(std::fs::read(path).map_err(explain)?))
}

fn list(answer: &Value) -> String {
    let columns = [
        ("NAME", "name"),
        ("VERSION", "version"),
        ("WORLD", "world"),
        ("STATE", "state"),
        ("BYTES", "size"),
        ("INSTALLED", "installed_at"),
        ("BY", "installed_by"),
        ("DIGEST", "digest"),
    ];
    let mut plugins = answer["plugins"].clone();
    for plugin in plugins.as_array_mut().into_iter().flatten() {
        // Enough to tell two apart; --json has all of it.
        plugin["digest"] = word(&plugin["digest"]).chars().take("sha256:".len() + 12).collect::<String>().into();
    }
    table(&plugins, &columns)
}
