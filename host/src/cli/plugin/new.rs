//! `pillarbox plugin new`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::super::output::show;
use super::super::{Failure, Json};
use crate::kit::lang::Lang;
use crate::kit::template::Template;
use crate::plugins::World;

/// Write a project that builds, with rules to change and fixtures that it passes
///
/// The project is a folder of its own and needs nothing of this host: `plugin build` runs its language's own tools.
/// Every language has a template of a scorer; Rust, JavaScript and Python have one of a normalizer too. The one in Go
/// is untested.
#[derive(Args)]
pub(in crate::cli) struct New {
    /// What the plugin is called: lower-case letters, digits and inner hyphens
    name: String,
    #[arg(long, value_parser = lang())]
    lang: Lang,
    /// What it is for: `scorer` judges messages, `normalizer` reads notifications
    #[arg(long, default_value = "scorer", value_parser = world())]
    world: World,
    /// Where the project goes; a folder named like the plugin when left out
    #[arg(long)]
    dir: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

fn lang() -> impl TypedValueParser<Value = Lang> {
    PossibleValuesParser::new(Lang::ALL.map(Lang::as_str))
        .map(|word| Lang::parse(&word).expect("every possible value is a language"))
}

fn world() -> impl TypedValueParser<Value = World> {
    PossibleValuesParser::new(World::ALL.map(World::as_str))
        .map(|word| World::parse(&word).expect("every possible value is a world"))
}

impl New {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Self { name, lang, world, dir, json } = self;
        let dir = dir.unwrap_or_else(|| PathBuf::from(&name));
        let template = Template { name: &name, lang, world };
        template.write(&dir)?;
        let files: Vec<_> = template.files().into_iter().map(|(path, _)| path).collect();
        let folder = dir.display().to_string();
        let answer = json!({ "name": name, "lang": lang.as_str(), "world": world.as_str(), "dir": folder,
            "files": files, "untested": lang.untested() });
        show(json.json, &answer, || {
            let title = lang.title();
            let warning = lang.untested().map(|warning| format!("{warning}\n")).unwrap_or_default();
            let source = dir.join(template.source()).display().to_string();
            format!(
                "{folder} holds a {world} in {title}. Its rules are in {source}. Next:\n{warning}\n  \
                 pillarbox plugin build {folder}\n  \
                 pillarbox plugin test {folder}\n  \
                 pillarbox plugin install {folder}/dist/{name}.wasm --activate\n"
            )
        });
        Ok(ExitCode::SUCCESS)
    }
}
