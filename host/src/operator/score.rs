//! The report page: a message goes in by a form, or by a program that knows the token, and what filters would make of it
//! comes back. Nothing of it is kept.

use bytes::Bytes;
use http::StatusCode;
use http::header::AUTHORIZATION;

use super::access::{Session, check_origin};
use super::form::{fields, is_multipart};
use super::login::see_other;
use super::{Asked, FORM_BYTES_MAX, page, session};
use crate::app::App;
use crate::control::{self, Command, execute};
use crate::error::{Error, Result};
use crate::mail::parsed::{ParsedMessage, RAW_BYTES_MAX};
use crate::pages::Visitor;
use crate::pages::score::{self, FormView, ReportView};
use crate::reply::Reply;
use crate::request::read;

/// Who wants a message judged.
enum Sender {
    Person(Session),
    Program,
}

/// The form. Who has no session signs in first, and comes back to it.
pub(super) fn form(app: &App, asked: &Asked) -> Reply {
    let Ok(session) = session(app, asked) else { return see_other("/login?to=%2Fscore") };
    let visitor = Visitor { form_token: Some(app.access.form_token(&session)) };
    let view = FormView { visitor, message_bytes_max: message_bytes_max(app), ..FormView::default() };
    page(StatusCode::OK, score::form(&view))
}

/// Judges what is posted. Who may not ask is told so before the message is read.
pub(super) async fn judge<B>(app: &App, asked: &mut Asked, body: B) -> Result<Reply>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let sender = sender(app, asked)?;
    let message_bytes_max = message_bytes_max(app);
    let body = match read(app, &asked.headers, body, message_bytes_max + FORM_BYTES_MAX).await {
        Err(Error::TooLarge(_)) => Err(too_large(message_bytes_max)),
        other => other.map(Ok)?,
    };
    let message = match body {
        Ok(body) => {
            let message = message(app, &sender, asked, &body)?;
            if message.len() > message_bytes_max { Err(too_large(message_bytes_max)) } else { Ok(message) }
        }
        Err(wrong) => Err(wrong),
    };
    let visitor = match &sender {
        Sender::Person(session) => Visitor { form_token: Some(app.access.form_token(session)) },
        Sender::Program => Visitor::default(),
    };
    match message {
        Ok(message) => report(app, visitor, message).await,
        Err(wrong) => Ok(ask_again(app, visitor, &[], StatusCode::PAYLOAD_TOO_LARGE, wrong)),
    }
}

/// Bytes of a message: what the API takes of one, and no more than is parsed.
fn message_bytes_max(app: &App) -> usize {
    app.config.body_bytes_max.min(RAW_BYTES_MAX)
}

fn too_large(message_bytes_max: usize) -> String {
    format!("The message has more than {message_bytes_max} bytes, which is the most that is judged")
}

fn sender(app: &App, asked: &Asked) -> Result<Sender> {
    if asked.headers.contains_key(AUTHORIZATION) {
        app.access.program(asked.peer, &asked.headers, app.now())?;
        return Ok(Sender::Program);
    }
    let session = session(app, asked)?;
    check_origin(&asked.uri, &asked.headers)?;
    Ok(Sender::Person(session))
}

/// What is to be judged: a form's file, or what was pasted into it. A program may give the message itself.
fn message(app: &App, sender: &Sender, asked: &Asked, body: &Bytes) -> Result<Vec<u8>> {
    if matches!(sender, Sender::Program) && !is_multipart(&asked.headers) {
        return Ok(body.to_vec());
    }
    let mut fields = fields(&asked.headers, body)?;
    let mut take = |name: &str| {
        let at = fields.iter().position(|(known, _)| known == name)?;
        Some(fields.swap_remove(at).1)
    };
    if let Sender::Person(session) = sender {
        let token = take("form").unwrap_or_default();
        app.access.check_form(session, &String::from_utf8_lossy(&token))?;
    }
    let file = take("file").filter(|file| !file.is_empty());
    // What is copied from elsewhere often has an empty line before it, which would end the headers.
    Ok(file.unwrap_or_else(|| take("message").unwrap_or_default().trim_ascii_start().to_vec()))
}

async fn report(app: &App, visitor: Visitor, message: Vec<u8>) -> Result<Reply> {
    if message.is_empty() {
        let wrong = "Paste a message, or choose a file".to_owned();
        return Ok(ask_again(app, visitor, &message, StatusCode::BAD_REQUEST, wrong));
    }
    let answer = match execute(app, Command::Score { message: control::Bytes(message.clone()) }).await {
        Ok(answer) => answer,
        Err(wrong) => return Ok(ask_again(app, visitor, &message, StatusCode::UNPROCESSABLE_ENTITY, wrong)),
    };
    let judged = serde_json::from_value(answer)
        .map_err(|error| Error::Internal { public: "The page cannot be shown", cause: error.into() })?;
    let view = ReportView {
        judged,
        message: ParsedMessage::parse(&message).unwrap_or_default(),
        given: message,
        message_bytes_max: message_bytes_max(app),
        visitor,
    };
    Ok(page(StatusCode::OK, score::report(&view)))
}

/// The form again, with what is wrong and what was pasted.
fn ask_again(app: &App, visitor: Visitor, message: &[u8], status: StatusCode, wrong: String) -> Reply {
    let given = std::str::from_utf8(message).ok().filter(|text| text.len() <= score::GIVEN_BYTES_MAX);
    let given = given.unwrap_or_default().to_owned();
    let view = FormView { given, wrong: Some(wrong), message_bytes_max: message_bytes_max(app), visitor };
    page(status, score::form(&view))
}
