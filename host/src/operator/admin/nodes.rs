//! Edge nodes in the admin API: what `pillarbox node …` does.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::fields;
use crate::control::Command;
use crate::error::Result;

/// How long a token holds when nobody says how long.
const MINUTES: i64 = 60;

/// Where a request under `/admin/nodes` goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route<'a> {
    List,
    Invite,
    Revoke(&'a str),
    Rename(&'a str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    name: String,
    address: Option<String>,
    minutes: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    to: String,
}

impl<'a> Route<'a> {
    pub(super) fn find(method: &Method, path: &[&'a str]) -> Option<Self> {
        let route = match (method.as_str(), path) {
            ("GET", []) => Self::List,
            ("POST", ["invite"]) => Self::Invite,
            ("POST", [name, "revoke"]) => Self::Revoke(name),
            ("POST", [name, "rename"]) => Self::Rename(name),
            _ => return None,
        };
        Some(route)
    }

    /// The command, with the fields of the body in it.
    pub(super) fn command(self, body: Map<String, Json>) -> Result<Command> {
        Ok(match self {
            Self::List => Command::Nodes,
            Self::Invite => {
                let Invite { name, address, minutes } = fields(body)?;
                Command::NodeInvite { name, address, minutes: minutes.unwrap_or(MINUTES) }
            }
            Self::Revoke(name) => {
                let Revoke {} = fields(body)?;
                Command::NodeRevoke { name: name.to_owned() }
            }
            Self::Rename(name) => {
                let Rename { to } = fields(body)?;
                Command::NodeRename { name: name.to_owned(), to }
            }
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
        check("POST /invite", Some(Route::Invite));
        check("POST /fra-1/revoke", Some(Route::Revoke("fra-1")));
        check("POST /fra-1/rename", Some(Route::Rename("fra-1")));
        for nothing in ["POST /", "GET /fra-1", "GET /fra-1/revoke", "POST /fra-1/explode", "DELETE /fra-1"] {
            check(nothing, None);
        }
    }
}
