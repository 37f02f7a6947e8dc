//! The listener for operators: probes, metrics, pages about what the service holds, and the admin API.
//!
//! What only reads is open to whoever reaches the listener, so it listens on a loopback address unless the settings say
//! otherwise. What changes something asks who it is: a program by the token, a person by a session.

mod access;
mod admin;
mod dashboard;
mod form;
mod inbox;
mod login;
mod mailbox;
mod nodes;
mod plugins;
mod question;
mod queue;
mod rules;
mod score;

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use serde::de::DeserializeOwned;

pub(crate) use self::access::{Access, check_origin};
use crate::app::App;
use crate::control::{Command, execute};
use crate::error::{Error, Result};
use crate::ids::new_id;
use crate::metrics;
use crate::pages;
use crate::reply::{Body, Reply};
use crate::request::{chain, read, refusal};

/// Bytes of what a form of ours posts.
const FORM_BYTES_MAX: usize = 16 * 1024;
/// Every method that a path of this listener has.
const METHODS: &str = "GET, HEAD, POST";

/// One request of an operator. A HEAD is asked as the GET that it stands for.
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    peer: IpAddr,
    body: Bytes,
}

impl Asked {
    fn parameter(&self, name: &str) -> Option<String> {
        value(self.uri.query().unwrap_or_default().as_bytes(), name)
    }

    /// A field of a posted form.
    fn field(&self, name: &str) -> Option<String> {
        value(&self.body, name)
    }
}

fn value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Serves one request of an operator. Whatever happens inside becomes an answer.
pub async fn handle<B>(app: &App, peer: IpAddr, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let (parts, body) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let method = if is_head { Method::GET } else { parts.method };
    let mut asked = Asked { method, uri: parts.uri, headers: parts.headers, peer, body: Bytes::new() };
    let mut reply = serve(app, &mut asked, body).await.unwrap_or_else(|error| failed(app, &asked, &error));
    if is_head {
        if let Some(length) = reply.body.size_hint().exact() {
            reply.headers.insert(CONTENT_LENGTH, length.into());
        }
        reply.body = Body::Whole(None);
    }
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    // Our own forms tell where they come from; another site learns nothing.
    response.headers_mut().insert("referrer-policy", HeaderValue::from_static("same-origin"));
    response
}

async fn serve<B>(app: &App, asked: &mut Asked, body: B) -> Result<Reply>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let path = asked.uri.path().to_owned();
    let segments: Vec<_> = path.split('/').skip(1).collect();
    if let ["admin", rest @ ..] = segments.as_slice() {
        return admin::serve(app, asked, rest, body).await;
    }
    match asked.method {
        Method::GET => get(app, asked, &segments).await,
        Method::POST => {
            app.access.check_host(&asked.uri, &asked.headers)?;
            // Only a message is larger than a form, and is read once it is known who sends it.
            if segments == ["score"] {
                return Box::pin(score::judge(app, asked, body)).await;
            }
            asked.body = read(app, &asked.headers, body, FORM_BYTES_MAX).await?;
            post(app, asked, &segments).await
        }
        _ => Err(Error::MethodNotAllowed(METHODS.into())),
    }
}

async fn get(app: &App, asked: &Asked, segments: &[&str]) -> Result<Reply> {
    match segments {
        [""] => {
            Ok(Reply::new(StatusCode::SEE_OTHER, "text/plain", "").with(LOCATION, HeaderValue::from_static("/mailbox")))
        }
        ["healthz"] => Ok(Reply::new(StatusCode::OK, "text/plain", "ok\n")),
        ["readyz"] if app.is_ready() => Ok(Reply::new(StatusCode::OK, "text/plain", "ready\n")),
        ["readyz"] => Ok(Reply::new(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "not ready\n")),
        ["metrics"] => metrics::page(app, &asked.headers).await,
        ["mailbox", rest @ ..] => Ok(mailbox::serve(app, rest, asked.uri.query().unwrap_or_default()).await?),
        ["dashboard"] => dashboard::show(app, asked).await,
        ["dashboard", "stream"] => dashboard::stream(app, asked).await,
        ["login"] => Ok(login::form(app, asked)),
        ["plugins"] => plugins::list(app, asked).await,
        ["plugins", name] => plugins::show(app, asked, name).await,
        ["plugins", name, action] => plugins::question(app, asked, name, action).await,
        ["nodes"] => nodes::list(app, asked).await,
        ["nodes", action] => nodes::question(app, asked, action),
        ["inbox"] => inbox::list(app, asked).await,
        ["inbox", name] => inbox::show(app, asked, name).await,
        ["queue"] => queue::list(app, asked).await,
        ["queue", action] => queue::question(app, asked, action),
        ["score"] => Ok(score::form(app, asked)),
        ["rules"] => Ok(rules::list(app, asked)),
        ["rules", id] => rules::show(app, asked, id),
        _ => Ok(mailbox::missing()),
    }
}

async fn post(app: &App, asked: &Asked, segments: &[&str]) -> Result<Reply> {
    match segments {
        ["login"] => login::sign_in(app, asked),
        ["logout"] => {
            let session = session(app, asked)?;
            app.access.check_form(&session, &asked.field("form").unwrap_or_default())?;
            access::check_origin(&asked.uri, &asked.headers)?;
            Ok(login::sign_out(asked))
        }
        ["plugins", name, action] => plugins::act(app, asked, name, action).await,
        ["nodes", action] => nodes::act(app, asked, action).await,
        ["queue", action] => queue::act(app, asked, action).await,
        ["inbox", "replay"] => inbox::act(app, asked).await,
        _ => Ok(mailbox::missing()),
    }
}

fn session(app: &App, asked: &Asked) -> Result<access::Session> {
    let session = app.access.session(&asked.headers, app.now());
    session.ok_or(Error::Unauthorized("Your session has ended; sign in again"))
}

/// What a command answers, as a page needs it.
async fn told<T: DeserializeOwned>(app: &App, command: Command) -> Result<T> {
    let answer = execute(app, command).await;
    let answer = answer.map_err(|message| Error::Refused { code: "refused", message, findings: None })?;
    serde_json::from_value(answer)
        .map_err(|error| Error::Internal { public: "The page cannot be shown", cause: error.into() })
}

fn visitor(app: &App, asked: &Asked) -> pages::Visitor {
    let session = app.access.session(&asked.headers, app.now());
    pages::Visitor { form_token: session.map(|session| app.access.form_token(&session)) }
}

/// The page of a list that is asked for, from 1.
fn page_number(query: &str) -> i64 {
    value(query.as_bytes(), "page").and_then(|number| number.parse().ok()).filter(|number| *number > 0).unwrap_or(1)
}

/// How many pages so many rows fill.
fn pages(total: i64, rows: i64) -> u64 {
    u64::try_from(total.saturating_add(rows - 1) / rows).unwrap_or(1)
}

/// A page of ours, with the policy that keeps it to itself.
fn page(status: StatusCode, html: String) -> Reply {
    Reply::html(status, html, pages::CONTENT_SECURITY_POLICY)
}

/// What went wrong: for programs as the API tells it, for people as a page.
fn failed(app: &App, asked: &Asked, error: &Error) -> Reply {
    if let Error::Internal { public, cause } = error {
        tracing::error!(cause = chain(cause.as_ref()), "a request of an operator failed: {public}");
    }
    let request_id = new_id(app.now()).to_string();
    let told = refusal(error, &request_id);
    if asked.uri.path().starts_with("/admin") {
        return told;
    }
    let html = pages::trouble(told.status, &error.to_string());
    let mut reply = page(told.status, html);
    for name in [ALLOW, HeaderName::from_static("retry-after")] {
        if let Some(value) = told.headers.get(&name) {
            reply.headers.insert(name, value.clone());
        }
    }
    reply
}
