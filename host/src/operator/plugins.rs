//! The pages about plugins, and what their buttons do: the same commands that the command line gives.

use std::collections::BTreeSet;

use http::StatusCode;
use serde::Deserialize;

use super::login::see_other;
use super::question::{answered, ask, ask_again};
use super::{Asked, page, told, visitor};
use crate::app::App;
use crate::control::{Command, execute};
use crate::error::{Error, Result};
use crate::pages::Section;
use crate::pages::confirm::{Field, Question};
use crate::pages::plugins::{self, ListView, LogLine, Plugin, ShowView, Version};
use crate::registry::Note;
use crate::reply::Reply;

/// Plugins on one page.
const PLUGINS_MAX: usize = 100;
/// Characters of a reason that the form takes.
const WHY_CHARS_MAX: usize = 500;
/// Lines of the log on the page of all plugins.
const LOG_LINES: i64 = 20;

/// What a button does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Action {
    Promote,
    Stop,
    RollBack,
    Activate,
}

impl Action {
    fn parse(word: &str) -> Result<Self> {
        match word {
            "promote" => Ok(Self::Promote),
            "stop" => Ok(Self::Stop),
            "rollback" => Ok(Self::RollBack),
            "activate" => Ok(Self::Activate),
            _ => Err(Error::NotFound("Not found")),
        }
    }

    /// The question, what a yes comes to, and the word on the button.
    fn words(self, name: &str, version: &str) -> (String, String, &'static str) {
        match self {
            Self::Promote => (
                format!("Promote the version of {name} that is tried?"),
                "It serves everybody from the next call on. You can roll back at once.".into(),
                "Promote",
            ),
            Self::Stop => (
                format!("Stop the trial of {name}?"),
                "The version that is tried is not asked any more. The active version goes on.".into(),
                "Stop the trial",
            ),
            Self::RollBack => (
                format!("Roll {name} back?"),
                "The version that served before serves everybody from the next call on.".into(),
                "Roll back",
            ),
            Self::Activate => (
                format!("Activate {name} {version}?"),
                "It serves everybody from the next call on. You can roll back at once.".into(),
                "Activate",
            ),
        }
    }

    fn question(self, name: &str, version: &str) -> Question {
        let (words, comes_to, button) = self.words(name, version);
        let version = (self == Self::Activate).then(|| Field::Fixed { name: "version", value: version.to_owned() });
        let why = Field::Text {
            name: "why",
            label: "Why",
            note: "for the log; may be left empty",
            value: String::new(),
            chars_max: WHY_CHARS_MAX,
            required: false,
        };
        let fields = version.into_iter().chain([why]).collect();
        Question { section: Section::Plugins, words, comes_to, button, fields, back: format!("/plugins/{name}") }
    }

    /// What is said once it is done.
    fn done(self) -> &'static str {
        match self {
            Self::Promote => "The version that was tried serves now.",
            Self::Stop => "The trial is over.",
            Self::RollBack => "The version that served before serves again.",
            Self::Activate => "The version serves now.",
        }
    }

    fn command(self, name: &str, version: &str, note: Note) -> Command {
        let name = name.to_owned();
        match self {
            Self::Promote => Command::PluginPromote { name, note },
            Self::Stop => Command::PluginStop { name, note },
            Self::RollBack => Command::PluginRollback { name, note },
            Self::Activate => Command::PluginActivate { name, version: version.to_owned(), unchecked: false, note },
        }
    }
}

#[derive(Deserialize)]
struct Versions {
    plugins: Vec<Version>,
}

#[derive(Deserialize)]
struct Log {
    log: Vec<LogLine>,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    node: String,
    troubles: Vec<String>,
}

/// All plugins.
pub(super) async fn list(app: &App, asked: &Asked) -> Result<Reply> {
    let versions: Versions = told(app, Command::PluginList).await?;
    let names: BTreeSet<_> = versions.plugins.into_iter().map(|version| version.name).collect();
    let mut plugins = Vec::new();
    for name in names.into_iter().take(PLUGINS_MAX) {
        plugins.push(told(app, Command::PluginShow { name }).await?);
    }
    let log: Log = told(app, Command::PluginLog { limit: LOG_LINES }).await?;
    let nodes: Nodes = told(app, Command::PluginNodes).await?;
    let troubles = nodes.nodes.into_iter();
    let troubles = troubles.flat_map(|node| {
        let at = node.node;
        node.troubles.into_iter().map(move |trouble| format!("{at}: {trouble}"))
    });
    let view = ListView { plugins, log: log.log, troubles: troubles.collect(), visitor: visitor(app, asked) };
    Ok(page(StatusCode::OK, plugins::list(&view)))
}

/// One plugin.
pub(super) async fn show(app: &App, asked: &Asked, name: &str) -> Result<Reply> {
    let plugin = known(app, name).await?;
    let done =
        asked.parameter("done").and_then(|word| Action::parse(&word).ok()).map(|action| action.done().to_owned());
    Ok(page(StatusCode::OK, plugins::show(&ShowView { plugin, done, visitor: visitor(app, asked) })))
}

/// The question before a change.
pub(super) async fn question(app: &App, asked: &Asked, name: &str, action: &str) -> Result<Reply> {
    let action = Action::parse(action)?;
    known(app, name).await?;
    let version = asked.parameter("version").unwrap_or_default();
    Ok(ask(app, asked, action.question(name, &version)))
}

/// The change itself. The browser gets the plugin's page next; a refusal is told where the question was.
pub(super) async fn act(app: &App, asked: &Asked, name: &str, word: &str) -> Result<Reply> {
    let action = Action::parse(word)?;
    let session = answered(app, asked)?;
    let version = asked.field("version").unwrap_or_default();
    let why = asked.field("why").map(|why| why.trim().to_owned()).filter(|why| !why.is_empty());
    let note = Note { by: session.name().to_owned(), why };
    match execute(app, action.command(name, &version, note)).await {
        Ok(_) => Ok(see_other(&format!("/plugins/{name}?done={word}"))),
        Err(wrong) => Ok(ask_again(app, &session, asked, action.question(name, &version), wrong)),
    }
}

async fn known(app: &App, name: &str) -> Result<Plugin> {
    let shown = told(app, Command::PluginShow { name: name.to_owned() }).await;
    shown.map_err(|error| match error {
        Error::Refused { .. } => Error::NotFound("No plugin has this name"),
        other => other,
    })
}
