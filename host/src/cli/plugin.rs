//! `pillarbox plugin`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::{fields, show, table, word};
use super::session::Session;
use super::{Failure, Json};
use crate::config::Config;
use crate::control::{Bytes, Command};
use crate::plugins::limits::Limits;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Plugin {
    /// List every installed version, and which one serves
    List(Json),
    /// Say whether a file is a plugin that can be installed, and what is wrong if not
    Check(File),
    /// Install a plugin: a component, or a core module built with wit-bindgen
    Install(Install),
    /// Make an installed version serve, at once and without a failed call
    Activate(Activate),
    /// Return to the version that served before
    Rollback(Rollback),
}

#[derive(Args)]
pub(super) struct File {
    /// The .wasm file
    file: PathBuf,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Install {
    /// The .wasm file
    file: PathBuf,
    /// Make it serve as soon as it is installed
    #[arg(long)]
    activate: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Activate {
    /// Which version, as `plugin list` shows it
    #[arg(value_name = "NAME@VERSION", value_parser = plugin_id)]
    plugin: (String, String),
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
pub(super) struct Rollback {
    /// The plugin that serves now
    name: String,
    #[command(flatten)]
    json: Json,
}

fn plugin_id(text: &str) -> Result<(String, String), String> {
    let (name, version) = text.split_once('@').ok_or("write it as NAME@VERSION, for example scorer@1.2.0")?;
    Ok((name.to_owned(), version.to_owned()))
}

impl Plugin {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let (json, command) = match self {
            Self::List(json) => {
                let answer = Session::open(config).await?.run(Command::PluginList).await?;
                show(json.json, &answer, || list(&answer));
                return Ok(ExitCode::SUCCESS);
            }
            // Files are read before the data directory is opened: a wrong name is told at once.
            Self::Check(File { file, json }) => (json, Command::PluginCheck { component: read(&file)? }),
            Self::Install(Install { file, activate, json }) => {
                (json, Command::PluginInstall { component: read(&file)?, activate })
            }
            Self::Activate(Activate { plugin: (name, version), json }) => {
                (json, Command::PluginActivate { name, version })
            }
            Self::Rollback(Rollback { name, json }) => (json, Command::PluginRollback { name }),
        };
        let answer = Session::open(config).await?.run(command).await?;
        show(json.json, &answer, || one(&answer));
        Ok(ExitCode::SUCCESS)
    }
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
        ("BUILT IN", "built_in"),
        ("BYTES", "size"),
        ("INSTALLED", "installed_at"),
        ("DIGEST", "digest"),
    ];
    let mut plugins = answer["plugins"].clone();
    for plugin in plugins.as_array_mut().into_iter().flatten() {
        // Enough to tell two apart; --json has all of it.
        plugin["digest"] = word(&plugin["digest"]).chars().take("sha256:".len() + 12).collect::<String>().into();
    }
    table(&plugins, &columns)
}

fn one(answer: &Value) -> String {
    let plugin = &answer["plugin"];
    let id = format!("{}@{}", word(&plugin["name"]), word(&plugin["version"]));
    let told = match (answer["active"].as_bool(), answer["previous"].as_str()) {
        (Some(true), Some(previous)) => format!("{id} serves now; before it {previous} did.\n"),
        (Some(true), None) => format!("{id} serves now.\n"),
        (Some(false), _) => format!("{id} is installed. `pillarbox plugin activate {id}` makes it serve.\n"),
        (None, _) => format!("{id} can be installed.\n"),
    };
    fields(plugin) + "\n" + &told
}
