//! A change behind a question: who has signed in is asked, and the answer comes from a form of their session.

use http::StatusCode;

use super::access::{Session, check_origin};
use super::login::see_other;
use super::{Asked, page, session};
use crate::app::App;
use crate::error::Result;
use crate::pages::confirm::{ConfirmView, Question, confirm};
use crate::reply::Reply;

/// Shows a question. Who has no session signs in first, and comes back to it.
pub(super) fn ask(app: &App, asked: &Asked, question: Question) -> Reply {
    let Ok(session) = session(app, asked) else {
        let path = asked.uri.path_and_query().map_or("/", |path| path.as_str());
        let to: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        return see_other(&format!("/login?to={to}"));
    };
    shown(app, &session, asked, question, None)
}

/// The session of whoever answered with yes, when the answer comes from a form that was shown to them.
pub(super) fn answered(app: &App, asked: &Asked) -> Result<Session> {
    let session = session(app, asked)?;
    check_origin(&asked.uri, &asked.headers)?;
    app.access.check_form(&session, &asked.field("form").unwrap_or_default())?;
    Ok(session)
}

/// Tells what went wrong where the question was.
pub(super) fn ask_again(app: &App, session: &Session, asked: &Asked, question: Question, wrong: String) -> Reply {
    shown(app, session, asked, question, Some(wrong))
}

fn shown(app: &App, session: &Session, asked: &Asked, question: Question, wrong: Option<String>) -> Reply {
    let status = if wrong.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
    let view = ConfirmView {
        question,
        action: asked.uri.path().to_owned(),
        form_token: app.access.form_token(session),
        wrong,
    };
    page(status, confirm(&view))
}
