//! The queue in the admin API: what `pillarbox queue …` does.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::{fields, number};
use crate::control::Command;
use crate::error::{Error, Result};
use crate::operator::Asked;

/// Copies that are listed when nobody says how many, and at most.
const COPIES: i64 = 100;
const COPIES_MAX: i64 = 1_000;

/// Where a request under `/admin/queue` goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Route<'a> {
    List,
    Show(&'a str),
    Retry,
    Cancel,
    Pause,
    Resume,
}

/// Exactly one of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    email_id: Option<Uuid>,
    destination: Option<String>,
    #[serde(default)]
    all: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    email_id: Uuid,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    destination: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    destination: String,
}

impl<'a> Route<'a> {
    pub(super) fn find(method: &Method, path: &[&'a str]) -> Option<Self> {
        let route = match (method.as_str(), path) {
            ("GET", []) => Self::List,
            ("POST", ["retry"]) => Self::Retry,
            ("POST", ["cancel"]) => Self::Cancel,
            ("POST", ["pause"]) => Self::Pause,
            ("POST", ["resume"]) => Self::Resume,
            ("GET", ["retry" | "cancel" | "pause" | "resume"]) => return None,
            ("GET", [email_id]) => Self::Show(email_id),
            _ => return None,
        };
        Some(route)
    }

    /// The command, with the fields of the body in it.
    pub(super) fn command(self, asked: &Asked, body: Map<String, Json>) -> Result<Command> {
        Ok(match self {
            Self::List => Command::QueueList {
                destination: asked.parameter("destination"),
                offset: number(asked, "offset", 0, 0..=i64::MAX)?,
                limit: number(asked, "limit", COPIES, 1..=COPIES_MAX)?,
            },
            Self::Show(email_id) => {
                Command::QueueShow { email_id: email_id.parse().map_err(|_| Error::NotFound("No email has this id"))? }
            }
            Self::Retry => retry(fields(body)?)?,
            Self::Cancel => {
                let Cancel { email_id } = fields(body)?;
                Command::QueueCancel { email_id }
            }
            Self::Pause => {
                let Pause { destination, reason } = fields(body)?;
                Command::QueuePause { destination, reason }
            }
            Self::Resume => {
                let Resume { destination } = fields(body)?;
                Command::QueueResume { destination }
            }
        })
    }
}

/// What is not said is never everything.
fn retry(Retry { email_id, destination, all }: Retry) -> Result<Command> {
    match (&email_id, &destination, all) {
        (Some(_), None, false) | (None, Some(_), false) | (None, None, true) => {
            Ok(Command::QueueRetry { email_id, destination })
        }
        _ => Err(Error::invalid("Say one of email_id, destination and all")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        check("GET /0195", Some(Route::Show("0195")));
        check("POST /retry", Some(Route::Retry));
        check("POST /cancel", Some(Route::Cancel));
        check("POST /pause", Some(Route::Pause));
        check("POST /resume", Some(Route::Resume));
        for nothing in ["GET /retry", "POST /", "POST /0195", "POST /explode", "GET /0195/x", "DELETE /0195"] {
            check(nothing, None);
        }
    }

    #[test]
    fn what_is_tried_is_said() {
        let asked = |body: Json| fields::<Retry>(body.as_object().expect("it is an object").clone()).and_then(retry);
        assert!(matches!(asked(json!({ "all": true })), Ok(Command::QueueRetry { email_id: None, destination: None })));
        let one = asked(json!({ "destination": "a.example" }));
        assert!(matches!(one, Ok(Command::QueueRetry { destination: Some(name), .. }) if name == "a.example"));
        let one = asked(json!({ "email_id": Uuid::nil() }));
        assert!(matches!(one, Ok(Command::QueueRetry { email_id: Some(id), .. }) if id.is_nil()));
        for unclear in [
            json!({}),
            json!({ "all": false }),
            json!({ "all": true, "destination": "a.example" }),
            json!({ "email_id": Uuid::nil(), "destination": "a.example" }),
            json!({ "email_id": "x" }),
            json!({ "destiny": "a.example" }),
        ] {
            assert!(matches!(asked(unclear.clone()), Err(Error::Invalid(..))), "{unclear}");
        }
    }
}
