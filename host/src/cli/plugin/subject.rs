//! What a command of the kit is about: a project, or a file with fixtures beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::Failure;
use super::waiting;
use crate::app::plugin_limits;
use crate::config::Config;
use crate::kit::build::read;
use crate::kit::fixture::{Fixture, read_all};
use crate::kit::host;
use crate::kit::project::{FIXTURES, MANIFEST, Project};
use crate::plugins::{Loaded, Plugins};

/// A plugin in a host of its own, with its fixtures.
pub(super) struct Subject {
    pub(super) file: PathBuf,
    pub(super) plugins: Plugins,
    pub(super) loaded: Arc<Loaded>,
    pub(super) fixtures_dir: PathBuf,
    pub(super) fixtures: Vec<Fixture>,
    /// From the file's bytes to a plugin that can be called.
    pub(super) ready: Duration,
}

impl Subject {
    /// Admits the plugin of a project, or a file. `anew` has it compiled even where that was done before.
    pub(super) async fn open(config: &Config, path: &Path, anew: bool) -> Result<Subject, Failure> {
        let (file, fixtures_dir) = places(path)?;
        // A wrong name is told at once, before anything is started.
        let bytes = read(&file, plugin_limits(config).component_bytes_max)?;
        let plugins = if anew { host::start_without_cache(config) } else { host::start(config) }?;
        let bar = waiting("compiling it for this machine");
        let admitted = host::admit(&plugins, bytes).await;
        bar.finish_and_clear();
        let (loaded, ready) = admitted?;
        let fixtures = read_all(&fixtures_dir, loaded.world)?;
        Ok(Subject { file, plugins, loaded, fixtures_dir, fixtures, ready })
    }
}

/// The plugin's file and the folder of its fixtures: a project's, or those beside a file or its folder.
fn places(path: &Path) -> Result<(PathBuf, PathBuf), String> {
    if path.is_dir() {
        let project = Project::open(path)?;
        let file = project.plugin();
        if !file.exists() {
            let (file, dir) = (file.display(), path.display());
            return Err(format!("{file} is not built yet; `pillarbox plugin build {dir}` builds it"));
        }
        return Ok((file, path.join(FIXTURES)));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let project = folder.parent().map_or_else(|| folder.join(".."), Path::to_path_buf);
    let around = [folder.join(FIXTURES), project.join(FIXTURES)];
    let [beside, of_project] = around;
    // The fixtures of another project would say nothing of this file.
    let is_project = project.join(MANIFEST).is_file() && !beside.is_dir();
    Ok((path.to_owned(), if is_project { of_project } else { beside }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn fixtures_are_those_of_the_project_or_beside_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("dist")).unwrap();
        let of = |path: &str| places(&at(path)).unwrap().1;
        assert_eq!(of("dist/a.wasm"), at("dist/fixtures"));
        fs::write(at(MANIFEST), "").unwrap();
        assert_eq!(of("dist/a.wasm"), at("fixtures"));
        fs::create_dir_all(at("dist/fixtures")).unwrap();
        assert_eq!(of("dist/a.wasm"), at("dist/fixtures"));
        assert_eq!(places(Path::new("a.wasm")), Ok(("a.wasm".into(), "fixtures".into())));
    }

    #[test]
    fn a_project_that_is_not_built_yet_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let text = "name = \"a\"\nlang = \"c\"\nworld = \"scorer\"\nbuilt = \"b\"\noutput = \"dist/a.wasm\"\n";
        fs::write(dir.path().join(MANIFEST), text).unwrap();
        let error = places(dir.path()).unwrap_err();
        assert!(error.contains("is not built yet") && error.contains("plugin build"), "{error}");
    }
}
