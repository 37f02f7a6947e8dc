//! A plugin's project: a folder with a `plugin.toml` that says how it is built.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::lang::Lang;
use crate::plugins::World;

/// The file that makes a folder a project.
pub(crate) const MANIFEST: &str = "plugin.toml";
/// The folder of its fixtures.
pub(crate) const FIXTURES: &str = "fixtures";
/// Bytes of a `plugin.toml`.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;
/// Steps of a build.
const STEPS_MAX: usize = 32;

/// A project as its `plugin.toml` describes it.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) dir: PathBuf,
    pub(crate) name: String,
    pub(crate) lang: Lang,
    pub(crate) world: World,
    /// Where the last step leaves what it built, inside `dir`.
    pub(crate) built: PathBuf,
    /// Where the finished plugin goes, inside `dir`.
    pub(crate) output: PathBuf,
    pub(crate) steps: Vec<Step>,
}

/// One program that is run in the project's folder.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The program and its arguments. A program with a slash in it lies in the project.
    pub(crate) run: Vec<String>,
    /// The step is left out when this file is there.
    pub(crate) unless: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    name: String,
    lang: String,
    world: String,
    built: PathBuf,
    output: PathBuf,
    #[serde(default)]
    step: Vec<Step>,
}

impl Project {
    /// Reads the `plugin.toml` of a folder.
    pub(crate) fn open(dir: &Path) -> Result<Project, String> {
        let path = dir.join(MANIFEST);
        let told = |what: String| format!("{}: {what}", path.display());
        let size = fs::metadata(&path).map(|metadata| metadata.len()).map_err(|error| {
            let folder = dir.display();
            format!(
                "{folder} is no plugin's project: cannot read {MANIFEST}: {error}; `pillarbox plugin new` makes one"
            )
        })?;
        if size > MANIFEST_BYTES_MAX {
            return Err(told(format!("it has {size} bytes of at most {MANIFEST_BYTES_MAX}")));
        }
        let text = fs::read_to_string(&path).map_err(|error| told(error.to_string()))?;
        let manifest: Manifest = toml::from_str(&text).map_err(|error| told(error.to_string().trim().to_owned()))?;
        manifest.into_project(dir).map_err(told)
    }

    /// The finished plugin.
    pub(crate) fn plugin(&self) -> PathBuf {
        self.dir.join(&self.output)
    }
}

impl Manifest {
    fn into_project(self, dir: &Path) -> Result<Project, String> {
        check_name(&self.name)?;
        let lang = Lang::parse(&self.lang).ok_or_else(|| {
            format!("lang is {:?}, and is one of {}", self.lang, Lang::ALL.map(Lang::as_str).join(", "))
        })?;
        let world = World::parse(&self.world).ok_or_else(|| {
            format!("world is {:?}, and is one of {}", self.world, World::ALL.map(World::as_str).join(", "))
        })?;
        for (field, path) in [("built", &self.built), ("output", &self.output)] {
            let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            if !is_inside || path.as_os_str().is_empty() {
                return Err(format!("{field} is {}, and must be a file inside the project", path.display()));
            }
        }
        if self.step.len() > STEPS_MAX {
            return Err(format!("it has {} steps of at most {STEPS_MAX}", self.step.len()));
        }
        if self.step.iter().any(|step| step.run.is_empty()) {
            return Err("a step runs nothing: `run` begins with a program".into());
        }
        let Manifest { name, built, output, step: steps, .. } = self;
        Ok(Project { dir: dir.to_owned(), name, lang, world, built, output, steps })
    }
}

/// A plugin's name is 1 to 64 lower-case letters, digits and inner hyphens, as `describe` must say it.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    crate::plugins::is_plugin_name(name).then_some(()).ok_or_else(|| {
        format!("{name:?} is no name for a plugin: it has 1 to 64 lower-case letters, digits and inner hyphens")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = \"a-1\"\nlang = \"c\"\nworld = \"scorer\"\nbuilt = \"build/a.wasm\"\n\
                        output = \"dist/a.wasm\"\n[[step]]\nrun = [\"make\"]\nunless = \"Makefile\"\n";

    fn open(text: &str) -> Result<Project, String> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MANIFEST), text).unwrap();
        Project::open(dir.path())
    }

    #[track_caller]
    fn refused(from: &str, to: &str, part: &str) {
        assert!(GOOD.contains(from), "{from}");
        let error = open(&GOOD.replace(from, to)).expect_err("it is refused");
        assert!(error.contains(MANIFEST) && error.contains(part), "{error}");
    }

    #[test]
    fn a_project_is_what_its_file_says() {
        let project = open(GOOD).unwrap();
        assert_eq!((project.name.as_str(), project.lang, project.world), ("a-1", Lang::C, World::Scorer));
        assert_eq!(project.plugin(), project.dir.join("dist/a.wasm"));
        assert_eq!((project.steps.len(), project.steps[0].run[0].as_str()), (1, "make"));
    }

    #[test]
    fn what_is_wrong_in_the_file_is_told_by_its_field() {
        refused("a-1", "A_1", "lower-case letters");
        refused("\"c\"", "\"cobol\"", "rust, c, js, python, go");
        refused("scorer", "judge", "scorer, normalizer");
        refused("dist/a.wasm", "../a.wasm", "output is ../a.wasm");
        refused("build/a.wasm", "/a.wasm", "built is /a.wasm");
        refused("[\"make\"]", "[]", "a step runs nothing");
        refused("unless", "unles", "unles");
        let many = GOOD.to_owned() + &"[[step]]\nrun = [\"make\"]\n".repeat(STEPS_MAX - 1);
        assert!(open(&many).is_ok());
        let more = many + "[[step]]\nrun = [\"make\"]\n";
        assert!(open(&more).is_err_and(|error| error.contains("33 steps of at most 32")));
    }

    #[test]
    fn a_folder_without_the_file_is_told_how_to_get_one() {
        let dir = tempfile::tempdir().unwrap();
        let error = Project::open(dir.path()).unwrap_err();
        assert!(error.contains("no plugin's project") && error.contains("plugin new"), "{error}");
    }
}
