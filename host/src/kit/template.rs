//! What `plugin new` writes. The files lie in `plugins/templates` and are part of the binary.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::lang::Lang;
use super::project::{MANIFEST, check_name};
use crate::plugins::{WIT, World};

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../plugins/templates/", $path))
    };
}

/// A file of a project: where it goes, and its text.
type File = (&'static str, &'static str);

const SCORER_FIXTURES: [File; 9] = [
    ("fixtures/clean.eml", template!("fixtures/scorer/clean.eml")),
    ("fixtures/clean.expected.json", template!("fixtures/scorer/clean.expected.json")),
    ("fixtures/empty.json", template!("fixtures/scorer/empty.json")),
    ("fixtures/empty.expected.json", template!("fixtures/scorer/empty.expected.json")),
    ("fixtures/phrase.json", template!("fixtures/scorer/phrase.json")),
    ("fixtures/phrase.settings.json", template!("fixtures/scorer/phrase.settings.json")),
    ("fixtures/phrase.expected.json", template!("fixtures/scorer/phrase.expected.json")),
    ("fixtures/shortened.eml", template!("fixtures/scorer/shortened.eml")),
    ("fixtures/shortened.expected.json", template!("fixtures/scorer/shortened.expected.json")),
];

const NORMALIZER_FIXTURES: [File; 6] = [
    ("fixtures/bounce.json", template!("fixtures/normalizer/bounce.json")),
    ("fixtures/bounce.expected.json", template!("fixtures/normalizer/bounce.expected.json")),
    ("fixtures/empty.json", template!("fixtures/normalizer/empty.json")),
    ("fixtures/empty.expected.json", template!("fixtures/normalizer/empty.expected.json")),
    ("fixtures/mixed.json", template!("fixtures/normalizer/mixed.json")),
    ("fixtures/mixed.expected.json", template!("fixtures/normalizer/mixed.expected.json")),
];

const RUST_SCORER: [File; 2] =
    [("src/lib.rs", template!("rust/scorer.rs")), ("Cargo.toml", template!("rust/scorer.Cargo.toml.in"))];
const RUST_NORMALIZER: [File; 2] =
    [("src/lib.rs", template!("rust/normalizer.rs")), ("Cargo.toml", template!("rust/normalizer.Cargo.toml.in"))];
const C: [File; 6] = [
    ("plugin.c", template!("c/plugin.c")),
    ("bindings/scorer.c", template!("c/bindings/scorer.c")),
    ("bindings/scorer.h", template!("c/bindings/scorer.h")),
    ("libc/libc.c", template!("c/libc/libc.c")),
    ("libc/stdlib.h", template!("c/libc/stdlib.h")),
    ("libc/string.h", template!("c/libc/string.h")),
];
const JS_PACKAGE: File = ("package.json", template!("js/package.json"));
const JS_SCORER: [File; 2] = [("plugin.js", template!("js/scorer.js")), JS_PACKAGE];
const JS_NORMALIZER: [File; 2] = [("plugin.js", template!("js/normalizer.js")), JS_PACKAGE];
const PYTHON_REQUIREMENTS: File = ("requirements.txt", template!("python/requirements.txt"));
const PYTHON_SCORER: [File; 2] = [("plugin.py", template!("python/scorer.py")), PYTHON_REQUIREMENTS];
const PYTHON_NORMALIZER: [File; 2] = [("plugin.py", template!("python/normalizer.py")), PYTHON_REQUIREMENTS];
const GO: [File; 2] = [("plugin.go", template!("go/plugin.go")), ("go.mod", template!("go/go.mod.in"))];

/// A project that can be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template<'a> {
    pub(crate) name: &'a str,
    pub(crate) lang: Lang,
    pub(crate) world: World,
}

impl Template<'_> {
    /// The file that its author opens first.
    pub(crate) fn source(&self) -> &'static str {
        self.own_files().first().map_or(MANIFEST, |(path, _)| path)
    }

    /// Every file with its text.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let fixtures: &[File] = match self.world {
            World::Scorer => &SCORER_FIXTURES,
            World::Normalizer => &NORMALIZER_FIXTURES,
        };
        let common = [
            (MANIFEST, self.manifest()),
            ("README.md", template!("README.md.in")),
            (".gitignore", template!("gitignore")),
        ];
        let files = common.iter().chain(self.own_files()).chain(fixtures);
        let filled = files.map(|(path, text)| ((*path).to_owned(), self.fill(text)));
        let wit = WIT.iter().map(|(name, text)| (format!("wit/{name}"), (*text).to_owned()));
        filled.chain(wit).collect()
    }

    /// Writes the project into a folder that is empty or not there.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), String> {
        check_name(self.name)?;
        if !self.lang.worlds().contains(&self.world) {
            let able = Lang::ALL.into_iter().filter(|lang| lang.worlds().contains(&self.world));
            return Err(format!(
                "there is no template of a {} in {}; there is one in {}",
                self.world,
                self.lang.title(),
                able.map(Lang::title).collect::<Vec<_>>().join(", ")
            ));
        }
        let told = |path: &Path, error: &io::Error| format!("cannot write {}: {error}", path.display());
        match fs::read_dir(dir).map(|mut entries| entries.next().is_some()) {
            Ok(true) => {
                let name = dir.display();
                return Err(format!("{name} is not empty, and nothing there is overwritten; name another with --dir"));
            }
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(told(dir, &error)),
        }
        for (path, text) in self.files() {
            let path = dir.join(path);
            write_new(&path, &text).map_err(|error| told(&path, &error))?;
        }
        Ok(())
    }

    fn own_files(&self) -> &'static [File] {
        match (self.lang, self.world) {
            (Lang::Rust, World::Scorer) => &RUST_SCORER,
            (Lang::Rust, World::Normalizer) => &RUST_NORMALIZER,
            (Lang::C, _) => &C,
            (Lang::JavaScript, World::Scorer) => &JS_SCORER,
            (Lang::JavaScript, World::Normalizer) => &JS_NORMALIZER,
            (Lang::Python, World::Scorer) => &PYTHON_SCORER,
            (Lang::Python, World::Normalizer) => &PYTHON_NORMALIZER,
            (Lang::Go, _) => &GO,
        }
    }

    fn manifest(&self) -> &'static str {
        match self.lang {
            Lang::Rust => template!("rust/plugin.toml"),
            Lang::C => template!("c/plugin.toml"),
            Lang::JavaScript => template!("js/plugin.toml"),
            Lang::Python => template!("python/plugin.toml"),
            Lang::Go => template!("go/plugin.toml"),
        }
    }

    fn fill(&self, text: &str) -> String {
        let inputs = match self.world {
            World::Scorer => {
                "`NAME.eml` is a message as it is sent, `NAME.json` its parts as the analyze route takes them, and\n\
                 `NAME.settings.json` what an operator set."
            }
            World::Normalizer => {
                "`NAME.json` is a request, `{\"content_type\", \"headers\"?, \"body\", \"body_encoding\"?: \"base64\"}`, and\n\
                 `NAME.eml` a mail as it came in."
            }
        };
        [
            ("{{name}}", self.name),
            ("{{crate}}", &self.name.replace('-', "_")),
            ("{{world}}", self.world.as_str()),
            ("{{title}}", self.lang.title()),
            ("{{source}}", self.source()),
            ("{{inputs}}", inputs),
        ]
        .iter()
        .fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::project::Project;
    use super::*;

    fn all() -> impl Iterator<Item = Template<'static>> {
        let of = |lang: Lang| lang.worlds().iter().map(move |world| Template { name: "my-own-1", lang, world: *world });
        Lang::ALL.into_iter().flat_map(of)
    }

    /// Every file below a folder, by its path inside it.
    fn below(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn exactly_the_files_of_the_template_are_written_and_nothing_is_left_unfilled() {
        for template in all() {
            let dir = tempfile::tempdir().unwrap();
            let project = dir.path().join("deep/new");
            template.write(&project).unwrap();
            let mut found = Vec::new();
            below(&project, &project, &mut found);
            found.sort();
            let mut expected: Vec<_> = template.files().into_iter().map(|(path, _)| path).collect();
            expected.sort();
            assert_eq!(found, expected, "{template:?}");
            for (path, text) in template.files() {
                let marks = ["{{name}}", "{{crate}}", "{{world}}", "{{title}}", "{{source}}", "{{inputs}}"];
                assert!(!marks.iter().any(|mark| text.contains(mark)), "{template:?}: {path}");
                assert!(path.starts_with("wit/") || !text.is_empty(), "{template:?}: {path}");
            }
        }
    }

    #[test]
    fn a_new_project_is_one_that_can_be_built_and_names_itself() {
        for template in all() {
            let dir = tempfile::tempdir().unwrap();
            template.write(dir.path()).unwrap();
            let project = Project::open(dir.path()).unwrap();
            assert_eq!(
                (project.name.as_str(), project.lang, project.world),
                ("my-own-1", template.lang, template.world)
            );
            assert!(!project.steps.is_empty() && project.plugin().ends_with("dist/my-own-1.wasm"), "{project:?}");
            let source = fs::read_to_string(dir.path().join(template.source())).unwrap();
            assert!(source.contains("my-own-1"), "{template:?}");
        }
    }

    #[test]
    fn the_smallest_project_in_rust_is_these_files() {
        let template = Template { name: "a", lang: Lang::Rust, world: World::Normalizer };
        let paths: Vec<_> = template.files().into_iter().map(|(path, _)| path).collect();
        let expected = [
            "plugin.toml",
            "README.md",
            ".gitignore",
            "src/lib.rs",
            "Cargo.toml",
            "fixtures/bounce.json",
            "fixtures/bounce.expected.json",
            "fixtures/empty.json",
            "fixtures/empty.expected.json",
            "fixtures/mixed.json",
            "fixtures/mixed.expected.json",
            "wit/types.wit",
            "wit/scorer.wit",
            "wit/normalizer.wit",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "ten years").unwrap();
        let template = Template { name: "a", lang: Lang::C, world: World::Scorer };
        let error = template.write(dir.path()).unwrap_err();
        assert!(error.contains("is not empty") && error.contains("--dir"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_or_world_that_cannot_be_is_told_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let write =
            |name: &str, lang, world| Template { name, lang, world }.write(&dir.path().join("new")).unwrap_err();
        for name in ["", "Big", "a_b", "-a", "a-", "../a", &"a".repeat(65)] {
            assert!(write(name, Lang::C, World::Scorer).contains("lower-case letters"), "{name}");
        }
        let error = write("a", Lang::C, World::Normalizer);
        assert_eq!(error, "there is no template of a normalizer in C; there is one in Rust, JavaScript, Python");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
