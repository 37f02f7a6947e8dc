//! `pillarbox plugin build`

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::super::output::{fields, show};
use super::super::{Failure, Json};
use super::waiting;
use crate::app::plugin_limits;
use crate::config::Config;
use crate::kit::build::build;
use crate::kit::host;
use crate::kit::project::Project;
use crate::plugins::authoring::component_of;

/// Build a project with its language's own tools, and see that the result is a plugin
///
/// Runs the steps of `plugin.toml`, makes a component of what they built and admits it as `plugin install` would. The
/// plugin is then `dist/NAME.wasm`; where something is missing, a tool or a function, it says what.
#[derive(Args)]
pub(in crate::cli) struct Build {
    /// The project
    #[arg(default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    json: Json,
}

impl Build {
    pub(super) async fn run(self, config: Config) -> Result<ExitCode, Failure> {
        let project = Project::open(&self.dir)?;
        let began = Instant::now();
        let bytes_max = plugin_limits(&config).component_bytes_max;
        let built = tokio::task::block_in_place(|| build(&project, bytes_max, &announce))?;
        let component = tokio::task::block_in_place(|| component_of(built, project.world));
        let component = component.map_err(|refusal| refusal.told())?;
        let build_ms = millis(began);
        let plugins = host::start(&config)?;
        let bar = waiting("compiling it for this machine, as the service will once");
        let admitted = host::admit(&plugins, component.clone()).await;
        bar.finish_and_clear();
        let (loaded, ready) = admitted?;
        if loaded.world != project.world {
            let (is, wanted) = (loaded.world, project.world);
            return Err(format!("it is a {is}, and plugin.toml says that it is a {wanted}").into());
        }
        let file = project.plugin();
        write(&file, &component).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        let mut plugin = host::view(&loaded);
        plugin["file"] = file.display().to_string().into();
        let differs = (loaded.id.name != project.name)
            .then(|| format!("it calls itself {}, and plugin.toml calls it {}", loaded.id.name, project.name));
        let warnings: Vec<_> = loaded.warnings.iter().cloned().chain(differs).collect();
        let timings = json!({ "build_ms": build_ms, "ready_ms": u64::try_from(ready.as_millis()).unwrap_or(u64::MAX) });
        let answer = json!({ "plugin": plugin, "warnings": warnings, "timings": timings });
        show(self.json.json, &answer, || {
            let told = warnings.iter().fold(String::new(), |text, warning| format!("{text}Mind: {warning}.\n"));
            let (file, dir) = (file.display(), self.dir.display());
            format!("{}\n{told}{file} is a plugin. `pillarbox plugin test {dir}` runs its fixtures.\n", fields(&plugin))
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// Says which step is run, on standard error like all that the steps print.
fn announce(line: &str) {
    let mut error = std::io::stderr().lock();
    let said =
        if error.is_terminal() { writeln!(error, "\x1b[1m+ {line}\x1b[0m") } else { writeln!(error, "+ {line}") };
    drop(said);
}

/// Written aside and renamed in, so that whoever installs it never reads half of it.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = file.with_extension("wasm.new");
    fs::write(&aside, bytes)?;
    fs::rename(&aside, file)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
