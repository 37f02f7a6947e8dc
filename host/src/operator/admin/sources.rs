//! Sources of notifications in the admin API: what `pillarbox source …` does.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::fields;
use crate::control::Command;
use crate::error::Result;
use crate::sources::desk::{NewSource, Secret};

/// Where a request under `/admin/sources` goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route<'a> {
    List,
    Add,
    Show(&'a str),
    Rotate(&'a str),
    Disable(&'a str),
    Enable(&'a str),
    Remove(&'a str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    secret: Option<Secret>,
    #[serde(default)]
    url: bool,
    #[serde(default)]
    finish: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<'a> Route<'a> {
    pub(super) fn find(method: &Method, path: &[&'a str]) -> Option<Self> {
        let route = match (method.as_str(), path) {
            ("GET", []) => Self::List,
            ("POST", []) => Self::Add,
            ("GET", [name]) => Self::Show(name),
            ("POST", [name, "rotate"]) => Self::Rotate(name),
            ("POST", [name, "disable"]) => Self::Disable(name),
            ("POST", [name, "enable"]) => Self::Enable(name),
            ("POST", [name, "remove"]) => Self::Remove(name),
            _ => return None,
        };
        Some(route)
    }

    /// The command, with the fields of the body in it.
    pub(super) fn command(self, body: Map<String, Json>) -> Result<Command> {
        if let Self::Disable(_) | Self::Enable(_) | Self::Remove(_) = self {
            let Nothing {} = fields(body.clone())?;
        }
        Ok(match self {
            Self::List => Command::SourceList,
            Self::Add => {
                let source: NewSource = fields(body)?;
                Command::SourceAdd { source: Box::new(source) }
            }
            Self::Show(name) => Command::SourceShow { name: name.to_owned() },
            Self::Rotate(name) => {
                let Rotate { secret, url, finish } = fields(body)?;
                Command::SourceRotate { name: name.to_owned(), secret, url, finish }
            }
            Self::Disable(name) => Command::SourceDisable { name: name.to_owned(), disabled: true },
            Self::Enable(name) => Command::SourceDisable { name: name.to_owned(), disabled: false },
            Self::Remove(name) => Command::SourceRemove { name: name.to_owned() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::method_and_path;
    use super::*;

    #[track_caller]
    fn check(request: &str, expected: Option<Route>) {
        let (method, path) = method_and_path(request);
        assert_eq!(Route::find(&method, &path), expected, "{request}");
    }

    #[test]
    fn a_path_is_a_command() {
        check("GET /", Some(Route::List));
        check("POST /", Some(Route::Add));
        check("GET /ses", Some(Route::Show("ses")));
        check("POST /ses/rotate", Some(Route::Rotate("ses")));
        check("POST /ses/disable", Some(Route::Disable("ses")));
        check("POST /ses/enable", Some(Route::Enable("ses")));
        check("POST /ses/remove", Some(Route::Remove("ses")));
        for nothing in ["POST /ses", "GET /ses/rotate", "POST /ses/explode", "DELETE /ses"] {
            check(nothing, None);
        }
    }
}
