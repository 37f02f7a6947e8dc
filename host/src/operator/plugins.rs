//! The pages about plugins, and what their buttons do: the same commands that the command line gives.

use std::collections::BTreeSet;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::access::{self, Session};
use super::login::see_other;
use super::{Asked, page, session};
use crate::app::App;
use crate::control::{Command, execute};
use crate::error::{Error, Result};
use crate::pages::plugins::{self, ConfirmView, ListView, LogLine, Plugin, ShowView, Version, Visitor};
use crate::registry::Note;
use crate::reply::Reply;

/// Plugins on one page.
const PLUGINS_MAX: usize = 100;
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

/// The question before a change. Who has no session signs in first, and comes back to it.
pub(super) async fn question(app: &App, asked: &Asked, name: &str, action: &str) -> Result<Reply> {
    let action = Action::parse(action)?;
    known(app, name).await?;
    let Ok(session) = session(app, asked) else {
        let path = asked.uri.path_and_query().map_or("/plugins", |path| path.as_str());
        let to: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        return Ok(see_other(&format!("/login?to={to}")));
    };
    let version = asked.parameter("version").unwrap_or_default();
    Ok(ask(app, &session, asked, (name, &version), action, None))
}

/// The change itself. The browser gets the plugin's page next; a refusal is told where the question was.
pub(super) async fn act(app: &App, asked: &Asked, name: &str, word: &str) -> Result<Reply> {
    let action = Action::parse(word)?;
    let session = session(app, asked)?;
    access::check_origin(&asked.uri, &asked.headers)?;
    app.access.check_form(&session, &asked.field("form").unwrap_or_default())?;
    let version = asked.field("version").unwrap_or_default();
    let why = asked.field("why").map(|why| why.trim().to_owned()).filter(|why| !why.is_empty());
    let note = Note { by: session.name().to_owned(), why };
    match execute(app, action.command(name, &version, note)).await {
        Ok(_) => Ok(see_other(&format!("/plugins/{name}?done={word}"))),
        Err(wrong) => Ok(ask(app, &session, asked, (name, &version), action, Some(wrong))),
    }
}

fn ask(
    app: &App,
    session: &Session,
    asked: &Asked,
    (name, version): (&str, &str),
    action: Action,
    wrong: Option<String>,
) -> Reply {
    let status = if wrong.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let (question, comes_to, button) = action.words(name, version);
    let view = ConfirmView {
        name: name.to_owned(),
        question,
        comes_to,
        button: button.to_owned(),
        action: asked.uri.path().to_owned(),
        version: (action == Action::Activate).then(|| version.to_owned()),
        form_token: app.access.form_token(session),
        wrong,
    };
    page(status, plugins::confirm(&view))
}

async fn known(app: &App, name: &str) -> Result<Plugin> {
    let shown = told(app, Command::PluginShow { name: name.to_owned() }).await;
    shown.map_err(|error| match error {
        Error::Refused { .. } => Error::NotFound("No plugin has this name"),
        other => other,
    })
}

/// What a command answers, as a page needs it.
async fn told<T: DeserializeOwned>(app: &App, command: Command) -> Result<T> {
    let answer = execute(app, command).await;
    let answer = answer.map_err(|message| Error::Refused { code: "refused", message, findings: None })?;
    serde_json::from_value(answer)
        .map_err(|error| Error::Internal { public: "The plugins cannot be shown", cause: error.into() })
}

fn visitor(app: &App, asked: &Asked) -> Visitor {
    let session = app.access.session(&asked.headers, app.now());
    Visitor { form_token: session.map(|session| app.access.form_token(&session)) }
}
