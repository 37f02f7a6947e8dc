//! The pages about the inbox, and what their buttons do: the same commands that the command line gives.

use http::StatusCode;
use uuid::Uuid;

use super::login::see_other;
use super::question::{answered, ask, ask_again};
use super::{Asked, page, page_number, pages, told, visitor};
use crate::app::App;
use crate::control::{Command, execute};
use crate::error::{Error, Result};
use crate::inbox::desk::{REPLAYED_MAX, read_state};
use crate::pages::Section;
use crate::pages::confirm::{Field, Question};
use crate::pages::inbox::{self, Kept, ListView, ShowView, Shown, path};
use crate::reply::Reply;
use crate::store::InboxState;

/// Rows on one page.
const ROWS: i64 = 50;

/// What is read again.
#[derive(Debug, Eq, PartialEq)]
enum Replay {
    One(Uuid),
    Selection { state: Option<InboxState>, source: Option<String> },
}

impl Replay {
    /// As the query of a question or the fields of its form say it. What is not said is never everything.
    fn read(value: impl Fn(&str) -> Option<String>) -> Result<Self> {
        if let Some(id) = value("id") {
            return Ok(Self::One(row_id(&id)?));
        }
        let (state, source) = selection(&value)?;
        match value("all").as_deref() {
            _ if state.is_some() || source.is_some() => Ok(Self::Selection { state, source }),
            Some("true") => Ok(Self::Selection { state, source }),
            _ => Err(Error::NotFound("Not found")),
        }
    }

    fn question(&self) -> Question {
        let once = "What was told before is not told again, so nothing is counted twice.";
        let (words, comes_to, fields, back) = match self {
            Self::One(id) => {
                let fields = vec![Field::Fixed { name: "id", value: id.to_string() }];
                (format!("Read {id} again?"), once.to_owned(), fields, format!("/inbox/{id}"))
            }
            Self::Selection { state, source } => {
                let which = match (state, source) {
                    (None, None) => "everything".to_owned(),
                    (Some(state), None) => format!("what is {}", state.as_str()),
                    (None, Some(source)) => format!("what came from {source}"),
                    (Some(state), Some(source)) => format!("what came from {source} and is {}", state.as_str()),
                };
                let comes_to = format!(
                    "The newest {REPLAYED_MAX} rows at most are read by the normalizers of now; for more, use pillarbox \
                     inbox replay. {once}"
                );
                let state = state.map(|state| Field::Fixed { name: "state", value: state.as_str().into() });
                let source_field = source.clone().map(|value| Field::Fixed { name: "source", value });
                let all = Field::Fixed { name: "all", value: "true".into() };
                let back = path(self.state(), source.as_deref());
                let fields = state.into_iter().chain(source_field).chain([all]).collect();
                (format!("Read {which} again?"), comes_to, fields, back)
            }
        };
        Question { section: Section::Inbox, words, comes_to, button: "Read again", fields, back }
    }

    fn state(&self) -> Option<&'static str> {
        match self {
            Self::Selection { state, .. } => state.map(InboxState::as_str),
            Self::One(_) => None,
        }
    }

    fn command(self) -> Command {
        let (ids, state, source) = match self {
            Self::One(id) => (vec![id], None, None),
            Self::Selection { state, source } => (Vec::new(), state, source),
        };
        Command::InboxReplay { ids, state, source, since: None, before: None, dry_run: false }
    }
}

/// A page of the inbox.
pub(super) async fn list(app: &App, asked: &Asked) -> Result<Reply> {
    let (state, source) = selection(|name: &str| asked.parameter(name))?;
    let number = page_number(asked.uri.query().unwrap_or_default());
    let offset = (number - 1).saturating_mul(ROWS);
    let command = Command::InboxList { state, source: source.clone(), since: None, offset, limit: ROWS };
    let kept: Kept = told(app, command).await?;
    let view = ListView {
        page: u64::try_from(number).unwrap_or(1),
        pages: pages(i64::try_from(kept.total).unwrap_or(i64::MAX), ROWS),
        kept,
        state: state.map(InboxState::as_str),
        source,
        done: done(asked),
        visitor: visitor(app, asked),
    };
    Ok(page(StatusCode::OK, inbox::list(&view)))
}

/// The page of one row, or the question before something is read again.
pub(super) async fn show(app: &App, asked: &Asked, name: &str) -> Result<Reply> {
    if name == "replay" {
        let replay = Replay::read(|name| asked.parameter(name))?;
        return Ok(ask(app, asked, replay.question()));
    }
    let id = row_id(name)?;
    if app.store.inbox_row(id).await?.is_none() {
        return Err(Error::NotFound("Nothing has this id"));
    }
    let shown: Shown = told(app, Command::InboxShow { id }).await?;
    let view = ShowView { shown, done: done(asked), visitor: visitor(app, asked) };
    Ok(page(StatusCode::OK, inbox::show(&view)))
}

/// Reads again. The browser gets the row or the list next; a refusal is told where the question was.
pub(super) async fn act(app: &App, asked: &Asked) -> Result<Reply> {
    let session = answered(app, asked)?;
    let replay = Replay::read(|name| asked.field(name))?;
    let question = replay.question();
    match execute(app, replay.command()).await {
        Ok(answer) => {
            let count = |name: &str| answer[name].as_u64().unwrap_or(0);
            let (read, changed, failed) = (count("read"), count("changed"), count("failed"));
            let and = if question.back.contains('?') { '&' } else { '?' };
            Ok(see_other(&format!("{}{and}read={read}&changed={changed}&failed={failed}", question.back)))
        }
        Err(wrong) => Ok(ask_again(app, &session, asked, question, wrong)),
    }
}

/// What is said once something was read again.
fn done(asked: &Asked) -> Option<String> {
    let count = |name: &str| asked.parameter(name)?.parse::<u32>().ok();
    let read = match count("read")? {
        0 => return Some("Nothing was read again: what waits is read by itself.".into()),
        1 => "1 row was read again".to_owned(),
        read => format!("{read} rows were read again"),
    };
    let changed = match count("changed")? {
        0 => "and came to the same".to_owned(),
        changed => format!("and {changed} came to something else"),
    };
    let failed = match count("failed")? {
        0 => String::new(),
        failed => format!(" {failed} could not be read now."),
    };
    Some(format!("{read}, {changed}.{failed}"))
}

/// The filter; what is empty asks for nothing.
fn selection(value: impl Fn(&str) -> Option<String>) -> Result<(Option<InboxState>, Option<String>)> {
    let text = |name: &str| value(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let state = text("state").map(|state| read_state(&state)).transpose().map_err(Error::invalid)?;
    Ok((state, text("source")))
}

fn row_id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Error::NotFound("Nothing has this id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Replay> {
        Replay::read(|name| super::super::value(query.as_bytes(), name))
    }

    #[test]
    fn a_request_is_a_replay_and_what_is_not_said_is_never_everything() {
        let state = Some(InboxState::Unparsed);
        let source = || Some("acme".to_owned());
        for (query, replay) in [
            (format!("id={}", Uuid::nil()), Replay::One(Uuid::nil())),
            ("state=unparsed".into(), Replay::Selection { state, source: None }),
            ("state=&source=acme".into(), Replay::Selection { state: None, source: source() }),
            ("state=unparsed&source=acme&all=true".into(), Replay::Selection { state, source: source() }),
            ("all=true".into(), Replay::Selection { state: None, source: None }),
        ] {
            assert_eq!(read(&query).expect("it is a replay"), replay, "{query}");
            let question = replay.question();
            let fields: Vec<_> = question
                .fields
                .into_iter()
                .map(|field| match field {
                    Field::Fixed { name, value } | Field::Text { name, value, .. } => (name, value),
                })
                .collect();
            let value = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            assert_eq!(Replay::read(value).expect("it is a replay"), replay, "a form says what its question said");
        }
        for query in ["", "all=", "id=", "id=x&all=true", "state=&source="] {
            assert!(matches!(read(query), Err(Error::NotFound(_))), "{query}");
        }
        assert!(matches!(read("state=lost"), Err(Error::Invalid(..))));
    }
}
