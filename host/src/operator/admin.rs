//! The admin API: what `pillarbox plugin …`, `pillarbox queue …`, `pillarbox inbox …`, `pillarbox node …` and
//! `pillarbox source …` do, for programs. A route is a command, and a command means the same here.

mod inbox;
mod nodes;
mod queue;
mod sources;

use std::ops::RangeInclusive;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::Asked;
use crate::app::App;
use crate::control::{self, Command, execute};
use crate::error::{Error, Result};
use crate::registry::Note;
use crate::reply::Reply;
use crate::request::{media_type, read};

/// Bytes of a body that is JSON.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The header that carries the signature of a plugin that is installed: its document in base64.
const SIGNATURE: &str = "x-plugin-signature";
/// Lines of the log when nobody says how many, and at most.
const LOG_LINES: i64 = 100;
const LOG_LINES_MAX: i64 = 1_000;
/// Who the log names where the caller does not say.
const NOBODY: &str = "the admin API";

/// Where a request goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Route<'a> {
    /// Asks only.
    Ask(Question<'a>),
    /// Takes a component.
    Check,
    Install,
    /// Takes JSON: the command, the plugin, and the fields that its body may have.
    Change {
        command: &'static str,
        name: &'a str,
        fields: &'static [&'static str],
    },
    Queue(queue::Route<'a>),
    Inbox(inbox::Route<'a>),
    Nodes(nodes::Route<'a>),
    Sources(sources::Route<'a>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Question<'a> {
    List,
    Show(&'a str),
    Settings(&'a str),
    Pipelines,
    Log,
    VerifyLog,
    Recordings,
    Cluster,
}

impl<'a> Route<'a> {
    fn find(method: &Method, path: &[&'a str]) -> Option<Self> {
        let route = match (method.as_str(), path) {
            (_, ["nodes", rest @ ..]) => Self::Nodes(nodes::Route::find(method, rest)?),
            (_, ["inbox", rest @ ..]) => Self::Inbox(inbox::Route::find(method, rest)?),
            (_, ["sources", rest @ ..]) => Self::Sources(sources::Route::find(method, rest)?),
            (_, ["queue", rest @ ..]) => Self::Queue(queue::Route::find(method, rest)?),
            ("GET", ["plugins"]) => Self::Ask(Question::List),
            ("GET", ["plugins", name]) => Self::Ask(Question::Show(name)),
            ("GET", ["plugins", name, "settings"]) => Self::Ask(Question::Settings(name)),
            ("GET", ["pipelines"]) => Self::Ask(Question::Pipelines),
            ("GET", ["log"]) => Self::Ask(Question::Log),
            ("GET", ["verify-log"]) => Self::Ask(Question::VerifyLog),
            ("GET", ["recordings"]) => Self::Ask(Question::Recordings),
            ("GET", ["cluster"]) => Self::Ask(Question::Cluster),
            ("POST", ["recordings", "clear"]) => Self::Change { command: "recordings_clear", name: "", fields: &[] },
            ("POST", ["plugins"]) => Self::Install,
            ("POST", ["check"]) => Self::Check,
            ("POST", ["pipelines"]) => {
                Self::Change { command: "plugin_pipeline", name: "", fields: &["world", "customer", "stages"] }
            }
            ("POST", ["pipelines", "clear"]) => {
                Self::Change { command: "plugin_pipeline_clear", name: "", fields: &["customer"] }
            }
            ("POST", ["plugins", name, action]) => {
                let (command, fields): (_, &'static [&'static str]) = match *action {
                    "shadow" | "canary" => ("plugin_try", &["version", "percent", "bounds", "unchecked"]),
                    "promote" => ("plugin_promote", &[]),
                    "stop" => ("plugin_stop", &[]),
                    "rollback" => ("plugin_rollback", &[]),
                    "activate" => ("plugin_activate", &["version", "unchecked"]),
                    "retire" => ("plugin_retire", &["version"]),
                    "settings" => ("plugin_settings", &["set", "unset"]),
                    "limits" => ("plugin_limits", &["limits", "clear"]),
                    "fallback" => ("plugin_fallback", &["rungs"]),
                    _ => return None,
                };
                Self::Change { command, name, fields }
            }
            _ => return None,
        };
        Some(route)
    }
}

/// Serves one request under `/admin`, for whoever has the token.
pub(super) async fn serve<B>(app: &App, asked: &Asked, path: &[&str], body: B) -> Result<Reply>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    app.access.check_host(&asked.uri, &asked.headers)?;
    app.access.program(asked.peer, &asked.headers, app.now())?;
    let Some(route) = Route::find(&asked.method, path) else {
        let has = |method: &&Method| Route::find(method, path).is_some();
        let methods: Vec<_> = [&Method::GET, &Method::POST].into_iter().filter(has).map(Method::as_str).collect();
        return Err(Error::no_route(&methods));
    };
    let command = match route {
        Route::Ask(question) => question.command(asked)?,
        Route::Check | Route::Install => {
            let bytes_max = app.plugins.limits().component_bytes_max;
            let component = control::Bytes(read(app, &asked.headers, body, bytes_max).await?.to_vec());
            if route == Route::Check { Command::PluginCheck { component } } else { install(asked, component)? }
        }
        Route::Change { command, name, fields } => {
            let body = object(app, asked, body).await?;
            change(command, name, fields, body, path.last().copied().unwrap_or_default())?
        }
        Route::Nodes(route) => route.command(object(app, asked, body).await?)?,
        Route::Inbox(route) => route.command(asked, object(app, asked, body).await?)?,
        Route::Sources(route) => route.command(object(app, asked, body).await?)?,
        Route::Queue(route) => route.command(asked, object(app, asked, body).await?)?,
    };
    let answer = execute(app, command).await;
    let answer = answer.map_err(|message| Error::Refused { code: "refused", message, findings: None })?;
    Ok(Reply::json(StatusCode::OK, &answer))
}

impl Question<'_> {
    fn command(self, asked: &Asked) -> Result<Command> {
        let note = || note(None, None);
        Ok(match self {
            Self::List => Command::PluginList,
            Self::Show(name) => Command::PluginShow { name: name.to_owned() },
            Self::Settings(name) => Command::PluginSettings {
                name: name.to_owned(),
                set: std::collections::BTreeMap::new(),
                unset: Vec::new(),
                note: note(),
            },
            Self::Pipelines => Command::PluginPipelines,
            Self::Log => Command::PluginLog { limit: number(asked, "limit", LOG_LINES, 1..=LOG_LINES_MAX)? },
            Self::Cluster => Command::ClusterStatus,
            Self::VerifyLog => Command::PluginVerifyLog { noted: asked.parameter("noted") },
            Self::Recordings => Command::RecordingsStatus,
        })
    }
}

fn install(asked: &Asked, component: control::Bytes) -> Result<Command> {
    let signature = asked.headers.get(SIGNATURE).map(|value| {
        let text = value.to_str().unwrap_or_default().to_owned();
        control::Bytes::try_from(text).map_err(|_| Error::invalid(format!("{SIGNATURE} is not base64")))
    });
    Ok(Command::PluginInstall {
        component,
        signature: signature.transpose()?,
        activate: flag(asked, "activate")?,
        unchecked: flag(asked, "unchecked")?,
        note: note(asked.parameter("by"), asked.parameter("why")),
    })
}

/// A number of the query, or its default.
fn number(asked: &Asked, name: &str, default: i64, bounds: RangeInclusive<i64>) -> Result<i64> {
    let Some(text) = asked.parameter(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| Error::invalid(format!("{name} is a number from {} to {}", bounds.start(), bounds.end())))
}

/// The fields of a body.
fn fields<T: DeserializeOwned>(body: Map<String, Json>) -> Result<T> {
    serde_json::from_value(Json::Object(body)).map_err(|error| Error::invalid(error.to_string()))
}

fn flag(asked: &Asked, name: &str) -> Result<bool> {
    match asked.parameter(name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::invalid(format!("{name} is true or false"))),
    }
}

fn note(by: Option<String>, why: Option<String>) -> Note {
    Note { by: by.filter(|by| !by.trim().is_empty()).unwrap_or_else(|| NOBODY.into()), why }
}

/// The body as an object. One that is left out is an empty one.
async fn object<B>(app: &App, asked: &Asked, body: B) -> Result<Map<String, Json>>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let body = read(app, &asked.headers, body, BODY_BYTES_MAX).await?;
    if body.is_empty() {
        return Ok(Map::new());
    }
    if media_type(&asked.headers) != "application/json" {
        return Err(Error::UnsupportedType("application/json"));
    }
    match serde_json::from_slice(&body) {
        Ok(Json::Object(fields)) => Ok(fields),
        Ok(_) => Err(Error::invalid_at("", "The body must be a JSON object")),
        Err(error) => {
            let message = format!("The body is not JSON: {error}");
            Err(Error::Malformed { code: "invalid_json", message, details: Vec::new() })
        }
    }
}

/// The command with the fields of the body in it. What may be left out has the command line's default.
fn change(command: &str, name: &str, fields: &[&str], mut body: Map<String, Json>, action: &str) -> Result<Command> {
    let mut text = |name: &str| match body.remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid_at(format!("/{name}"), format!("{name} is a text"))),
    };
    let note = note(text("by")?, text("why")?);
    if let Some(unknown) = body.keys().find(|field| !fields.contains(&field.as_str())) {
        let taken = fields.iter().chain(&["by", "why"]).copied().collect::<Vec<_>>().join(", ");
        let message = format!("There is no field {unknown}; this route takes {taken}");
        return Err(Error::invalid_at(format!("/{unknown}"), message));
    }
    let mut whole = json!({ "command": command, "name": name, "note": note, "unchecked": false, "bounds": {},
        "set": {}, "unset": [], "limits": {}, "clear": false, "customer": null });
    let percent = body.remove("percent");
    if command == "plugin_try" {
        whole["stage"] = match (action, percent) {
            ("canary", Some(percent)) => json!({ "canary": { "percent": percent } }),
            ("canary", None) => return Err(Error::invalid_at("/percent", "A canary needs a percent of the customers")),
            (_, None) => json!("shadow"),
            (_, Some(_)) => {
                return Err(Error::invalid_at("/percent", "A shadow answers for nobody, so it has no percent"));
            }
        };
    }
    for (field, value) in body {
        whole[field] = value;
    }
    serde_json::from_value(whole).map_err(|error| Error::invalid(error.to_string()))
}

/// A request of a test, such as `GET /ses`.
#[cfg(test)]
#[track_caller]
fn method_and_path(request: &str) -> (Method, Vec<&str>) {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let method = Method::from_bytes(method.as_bytes()).expect("it is a method");
    (method, path.split('/').filter(|part| !part.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(request: &str, expected: Option<&str>) {
        let (method, path) = request.split_once(" /admin/").expect("a method and a path");
        let method = Method::from_bytes(method.as_bytes()).expect("it is a method");
        let path: Vec<_> = path.split('/').collect();
        let found = Route::find(&method, &path).map(|route| match route {
            Route::Change { command, .. } => command.to_owned(),
            other => format!("{other:?}"),
        });
        assert_eq!(found.as_deref(), expected, "{request}");
    }

    #[test]
    fn a_path_is_a_command() {
        check("GET /admin/plugins", Some("Ask(List)"));
        check("GET /admin/plugins/a", Some("Ask(Show(\"a\"))"));
        check("POST /admin/plugins", Some("Install"));
        check("POST /admin/check", Some("Check"));
        check("POST /admin/plugins/a/shadow", Some("plugin_try"));
        check("POST /admin/plugins/a/rollback", Some("plugin_rollback"));
        check("POST /admin/plugins/a/explode", None);
        check("GET /admin/recordings", Some("Ask(Recordings)"));
        check("POST /admin/recordings/clear", Some("recordings_clear"));
        check("GET /admin/plugins/a/rollback", None);
        check("GET /admin/plugins/", Some("Ask(Show(\"\"))"));
        check("GET /admin/x", None);
    }

    fn made(command: &str, fields: &[&str], body: Json, action: &str) -> Result<Command, String> {
        let Json::Object(body) = body else { panic!("it is an object") };
        change(command, "a", fields, body, action).map_err(|error| error.to_string())
    }

    #[test]
    fn a_body_becomes_a_command_with_the_defaults_of_the_command_line() {
        let fields: &[&str] = &["version", "percent", "bounds", "unchecked"];
        let body = json!({ "version": "1.0.0", "percent": 5, "by": "ada", "why": "because" });
        let made_of = |body: Json, action: &str| made("plugin_try", fields, body, action);
        let command = made_of(body, "canary").expect("it is a command");
        let Command::PluginTry { name, version, note, unchecked, .. } = command else { panic!("{command:?}") };
        assert_eq!((name.as_str(), version.as_str(), unchecked), ("a", "1.0.0", false));
        assert_eq!((note.by.as_str(), note.why.as_deref()), ("ada", Some("because")));

        let told = |body: Json, action: &str| made_of(body, action).expect_err("it is refused");
        assert!(told(json!({ "version": "1.0.0" }), "canary").contains("percent"));
        assert!(told(json!({ "version": "1.0.0", "percent": 5 }), "shadow").contains("no percent"));
        assert!(told(json!({ "version": "1.0.0", "verison": 1 }), "shadow").contains("no field verison"));
        assert!(told(json!({ "why": 1 }), "shadow").contains("why is a text"));
        assert!(told(json!({}), "shadow").contains("version"));
    }
}
