//! The page about the queue, and what its buttons do: the same commands that the command line gives.

use http::StatusCode;
use uuid::Uuid;

use super::login::see_other;
use super::question::{answered, ask, ask_again};
use super::{Asked, page, page_number, pages, told, visitor};
use crate::app::App;
use crate::control::{Command, execute};
use crate::delivery::desk::{REASON_CHARS_MAX, read_destination};
use crate::error::{Error, Result};
use crate::mail::address::DOMAIN_BYTES_MAX;
use crate::pages::Section;
use crate::pages::confirm::{Field, Question};
use crate::pages::queue::{self, ListView, Waiting, path};
use crate::reply::Reply;

/// Copies on one page.
const COPIES: i64 = 50;
/// Destinations on one page.
const DESTINATIONS_MAX: usize = 100;
/// Why nothing was tried.
const NOTHING: &str = "Nothing of it waits: it has ended, or is under way already";

/// What a button does.
#[derive(Debug, Eq, PartialEq)]
enum Change {
    Pause { destination: String, reason: String },
    Resume { destination: String },
    RetryAll,
    RetryDestination { destination: String },
    RetryEmail { email_id: Uuid },
    Cancel { email_id: Uuid },
}

impl Change {
    /// As the query of a question or the fields of its form say it.
    fn read(action: &str, value: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let text = |name: &str| value(name).map(|text| text.trim().to_owned()).unwrap_or_default();
        let destination = || known_destination(text("destination"));
        match action {
            "pause" => Ok(Self::Pause { destination: text("destination"), reason: text("reason") }),
            "resume" => Ok(Self::Resume { destination: destination()? }),
            "retry" if value("email_id").is_some() => Ok(Self::RetryEmail { email_id: email_id(&text("email_id"))? }),
            "retry" if value("destination").is_some() => Ok(Self::RetryDestination { destination: destination()? }),
            "retry" if text("all") == "true" => Ok(Self::RetryAll),
            "cancel" => Ok(Self::Cancel { email_id: email_id(&text("email_id"))? }),
            _ => Err(Error::NotFound("Not found")),
        }
    }

    fn question(&self) -> Question {
        let (words, comes_to, button) = self.words();
        let back = path(self.destination());
        Question { section: Section::Queue, words, comes_to: comes_to.into(), button, fields: self.fields(), back }
    }

    /// The question, what a yes comes to, and the words on the button.
    fn words(&self) -> (String, &'static str, &'static str) {
        let soon =
            "What waits is due at once, and is tried as fast as its destination allows. What is paused stays so.";
        match self {
            Self::Pause { .. } => (
                "Pause a destination?".into(),
                "Its mail is accepted and kept, and no server is asked to take it until you resume. What is under way ends.",
                "Pause",
            ),
            Self::Resume { destination } => {
                (format!("Resume {destination}?"), "What is due is tried at once.", "Resume")
            }
            Self::RetryAll => ("Try everything now?".into(), soon, "Try now"),
            Self::RetryDestination { destination } => (format!("Try {destination} now?"), soon, "Try now"),
            Self::RetryEmail { email_id } => (format!("Try the email {email_id} now?"), soon, "Try now"),
            Self::Cancel { email_id } => (
                format!("Take the email {email_id} back?"),
                "None of its recipients gets it. That cannot be undone, and is possible only before its first attempt.",
                "Take back",
            ),
        }
    }

    fn fields(&self) -> Vec<Field> {
        let fixed = |name, value: &str| vec![Field::Fixed { name, value: value.to_owned() }];
        match self {
            Self::Pause { destination, reason } => vec![
                Field::Text {
                    name: "destination",
                    label: "Destination",
                    note: "the domain, or sandbox for mail that never leaves this machine",
                    value: destination.clone(),
                    chars_max: DOMAIN_BYTES_MAX,
                    required: true,
                },
                Field::Text {
                    name: "reason",
                    label: "Why",
                    note: "for whoever wonders later; may be left empty",
                    value: reason.clone(),
                    chars_max: REASON_CHARS_MAX,
                    required: false,
                },
            ],
            Self::Resume { destination } | Self::RetryDestination { destination } => fixed("destination", destination),
            Self::RetryAll => fixed("all", "true"),
            Self::RetryEmail { email_id } | Self::Cancel { email_id } => fixed("email_id", &email_id.to_string()),
        }
    }

    /// Where a no leads back to.
    fn destination(&self) -> Option<&str> {
        match self {
            Self::Resume { destination } | Self::RetryDestination { destination } => Some(destination),
            Self::Pause { .. } | Self::RetryAll | Self::RetryEmail { .. } | Self::Cancel { .. } => None,
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Pause { destination, reason } => {
                Command::QueuePause { destination, reason: Some(reason).filter(|reason| !reason.is_empty()) }
            }
            Self::Resume { destination } => Command::QueueResume { destination },
            Self::RetryAll => Command::QueueRetry { email_id: None, destination: None },
            Self::RetryDestination { destination } => {
                Command::QueueRetry { email_id: None, destination: Some(destination) }
            }
            Self::RetryEmail { email_id } => Command::QueueRetry { email_id: Some(email_id), destination: None },
            Self::Cancel { email_id } => Command::QueueCancel { email_id },
        }
    }
}

/// A page of the queue.
pub(super) async fn list(app: &App, asked: &Asked) -> Result<Reply> {
    let destination = asked.parameter("destination").map(|text| text.trim().to_owned());
    let destination = destination.filter(|text| !text.is_empty()).map(known_destination).transpose()?;
    let number = page_number(asked.uri.query().unwrap_or_default());
    let offset = (number - 1).saturating_mul(COPIES);
    let command = Command::QueueList { destination: destination.clone(), offset, limit: COPIES };
    let mut waiting: Waiting = told(app, command).await?;
    let has_more_destinations = waiting.destinations.len() > DESTINATIONS_MAX;
    waiting.destinations.truncate(DESTINATIONS_MAX);
    let view = ListView {
        page: u64::try_from(number).unwrap_or(1),
        pages: pages(i64::try_from(waiting.total).unwrap_or(i64::MAX), COPIES),
        waiting,
        destination,
        has_more_destinations,
        done: asked.parameter("done").and_then(|action| done(&action)),
        visitor: visitor(app, asked),
    };
    Ok(page(StatusCode::OK, queue::list(&view)))
}

/// The question before a change.
pub(super) fn question(app: &App, asked: &Asked, action: &str) -> Result<Reply> {
    let change = Change::read(action, |name| asked.parameter(name))?;
    Ok(ask(app, asked, change.question()))
}

/// The change itself. The browser gets the queue next; a refusal is told where the question was.
pub(super) async fn act(app: &App, asked: &Asked, action: &str) -> Result<Reply> {
    let session = answered(app, asked)?;
    let change = Change::read(action, |name| asked.field(name))?;
    let question = change.question();
    let outcome = execute(app, change.command()).await;
    let outcome = outcome.and_then(|answer| if answer["retried"] == 0 { Err(NOTHING.into()) } else { Ok(()) });
    match outcome {
        Ok(()) => Ok(see_other(&format!("/queue?done={action}"))),
        Err(wrong) => Ok(ask_again(app, &session, asked, question, wrong)),
    }
}

/// What is said once it is done.
fn done(action: &str) -> Option<&'static str> {
    match action {
        "pause" => Some("The destination is paused until you resume it."),
        "resume" => Some("The destination's mail goes on."),
        "retry" => Some("What waited there is due now, and tried as fast as its destination allows."),
        "cancel" => Some("The email is taken back."),
        _ => None,
    }
}

fn known_destination(text: String) -> Result<String> {
    read_destination(&text).map(|_| text).map_err(Error::invalid)
}

fn email_id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| Error::NotFound("No email has this id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &str) -> Result<Change> {
        let (action, query) = request.split_once('?').unwrap_or((request, ""));
        Change::read(action, |name| super::super::value(query.as_bytes(), name))
    }

    #[test]
    fn a_request_is_a_change_and_what_is_not_said_is_never_everything() {
        let email_id = Uuid::nil();
        let destination = || "a.example".to_owned();
        for (request, change) in [
            ("retry?all=true".to_owned(), Change::RetryAll),
            ("retry?destination=a.example".to_owned(), Change::RetryDestination { destination: destination() }),
            (format!("retry?email_id={email_id}"), Change::RetryEmail { email_id }),
            (format!("cancel?email_id={email_id}"), Change::Cancel { email_id }),
            ("resume?destination=+a.example".to_owned(), Change::Resume { destination: destination() }),
            ("pause".to_owned(), Change::Pause { destination: String::new(), reason: String::new() }),
        ] {
            assert_eq!(read(&request).expect("it is a change"), change, "{request}");
        }
        for request in ["retry", "retry?all=", "retry?email_id=", "retry?email_id=x&all=true", "cancel", "explode"] {
            assert!(matches!(read(request), Err(Error::NotFound(_))), "{request}");
        }
        for request in ["retry?destination=", "retry?destination=&all=true", "resume", "resume?destination=a..b"] {
            assert!(matches!(read(request), Err(Error::Invalid(..))), "{request}");
        }
    }

    #[test]
    fn a_form_says_what_its_question_said() {
        let email_id = Uuid::nil();
        let destination = || "a.example".to_owned();
        for change in [
            Change::RetryAll,
            Change::RetryDestination { destination: destination() },
            Change::RetryEmail { email_id },
            Change::Cancel { email_id },
            Change::Resume { destination: destination() },
            Change::Pause { destination: destination(), reason: "they move".into() },
        ] {
            let fields: Vec<_> = change
                .fields()
                .into_iter()
                .map(|field| match field {
                    Field::Fixed { name, value } | Field::Text { name, value, .. } => (name, value),
                })
                .collect();
            let value = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            let action = match change.words().2 {
                "Try now" => "retry",
                "Take back" => "cancel",
                "Resume" => "resume",
                _ => "pause",
            };
            assert_eq!(Change::read(action, value).expect("it is a change"), change);
            assert!(done(action).is_some());
        }
        assert!(done("explode").is_none());
    }
}
