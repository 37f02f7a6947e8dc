//! The inbox in the admin API: what `pillarbox inbox …` does.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{fields, number};
use crate::api::time;
use crate::control::Command;
use crate::error::{Error, Result};
use crate::inbox::desk::read_state;
use crate::operator::Asked;
use crate::store::InboxState;

/// Rows that are listed when nobody says how many, and at most.
const ROWS: i64 = 100;
const ROWS_MAX: i64 = 1_000;

/// Where a request under `/admin/inbox` goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route<'a> {
    List,
    Show(&'a str),
    Replay,
}

/// Ids, a selection, or all. A longer selection goes on from the answer's `next`, given as `before`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    #[serde(default)]
    ids: Vec<Uuid>,
    state: Option<InboxState>,
    source: Option<String>,
    since: Option<String>,
    before: Option<Uuid>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    dry_run: bool,
}

impl<'a> Route<'a> {
    pub(super) fn find(method: &Method, path: &[&'a str]) -> Option<Self> {
        match (method.as_str(), path) {
            ("GET", []) => Some(Self::List),
            ("POST", ["replay"]) => Some(Self::Replay),
            ("GET", ["replay"]) => None,
            ("GET", [id]) => Some(Self::Show(id)),
            _ => None,
        }
    }

    /// The command, with the fields of the body in it.
    pub(super) fn command(self, asked: &Asked, body: Map<String, Json>) -> Result<Command> {
        Ok(match self {
            Self::List => Command::InboxList {
                state: asked.parameter("state").map(|state| read_state(&state)).transpose().map_err(Error::invalid)?,
                source: asked.parameter("source"),
                since: asked.parameter("since").map(|since| moment(&since)).transpose()?,
                offset: number(asked, "offset", 0, 0..=i64::MAX)?,
                limit: number(asked, "limit", ROWS, 1..=ROWS_MAX)?,
            },
            Self::Show(id) => {
                Command::InboxShow { id: id.parse().map_err(|_| Error::NotFound("Nothing has this id"))? }
            }
            Self::Replay => replay(fields(body)?)?,
        })
    }
}

/// What is not said is never everything.
fn replay(Replay { ids, state, source, since, before, all, dry_run }: Replay) -> Result<Command> {
    let is_selection = state.is_some() || source.is_some() || since.is_some();
    if ids.is_empty() && !is_selection && !all || !ids.is_empty() && (is_selection || all || before.is_some()) {
        return Err(Error::invalid("Say either ids, or a selection by state, source and since, or all"));
    }
    let since = since.map(|since| moment(&since)).transpose()?;
    Ok(Command::InboxReplay { ids, state, source, since, before, dry_run })
}

fn moment(text: &str) -> Result<i64> {
    time::parse(text).ok_or_else(|| Error::invalid("since is a time such as 2026-11-20T08:00:00Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(body: Json) -> Result<Command> {
        let Json::Object(body) = body else { panic!("a body is an object") };
        replay(fields(body)?)
    }

    #[test]
    fn a_replay_says_what_it_is_about() {
        for body in [
            json!({ "ids": [Uuid::nil()] }),
            json!({ "ids": [Uuid::nil()], "dry_run": true }),
            json!({ "state": "unparsed" }),
            json!({ "source": "acme", "since": "2024-03-15T14:30:00Z", "before": Uuid::nil() }),
            json!({ "all": true }),
        ] {
            assert!(asked(body.clone()).is_ok(), "{body}");
        }
        for body in [
            json!({}),
            json!({ "all": false }),
            json!({ "dry_run": true }),
            json!({ "before": Uuid::nil() }),
            json!({ "ids": [Uuid::nil()], "state": "unparsed" }),
            json!({ "ids": [Uuid::nil()], "all": true }),
            json!({ "ids": ["x"] }),
            json!({ "state": "lost" }),
            json!({ "source": "acme", "since": "yesterday" }),
            json!({ "all": true, "everything": true }),
        ] {
            assert!(matches!(asked(body.clone()), Err(Error::Invalid(..))), "{body}");
        }
    }

    #[test]
    fn a_path_is_a_route_by_its_method() {
        let find = |method, path: &[&'static str]| Route::find(&method, path);
        assert_eq!(find(Method::GET, &[]), Some(Route::List));
        assert_eq!(find(Method::GET, &["x"]), Some(Route::Show("x")));
        assert_eq!(find(Method::POST, &["replay"]), Some(Route::Replay));
        assert_eq!(find(Method::GET, &["replay"]), None);
        assert_eq!(find(Method::POST, &["x"]), None);
    }
}
