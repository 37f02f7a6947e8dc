//! Opens, clicks and unsubscriptions, as readers' programs make them. Public: what a token does not carry cannot be
//! asked for.

use std::borrow::Cow;

use http::header::{HeaderValue, USER_AGENT};
use http::{Method, StatusCode};
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::app::App;
use crate::config::HitOverflow;
use crate::error::Result;
use crate::heads::Asked;
use crate::hits::{HitRecord, event_data};
use crate::mail::event::{EventType, mask_address};
use crate::mail::token::{self, Claims, Purpose};
use crate::pages;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{Hit, UnsubscribeSource};

/// Records an open and shows a transparent pixel. A token that is not ours shows it too, with 404, and so does an
/// open that cannot be recorded, with 503 unless the settings have it answered as ever: the reader of an email is not to
/// see a broken image.
#[utoipa::path(get, path = "/track/o/{token}", tag = "Tracking", params(("token" = String, Path)), security(()),
    responses((status = 200, content_type = "image/gif", description = "The pixel"),
        (status = 404, content_type = "image/gif", description = "The pixel; nothing is recorded")))]
pub(crate) async fn open(app: &App, token: &str, head: &Head) -> Result<Reply> {
    let Some(claims) = app.tokens.load().open(token, Purpose::Open) else {
        return Ok(Reply::pixel(StatusCode::NOT_FOUND));
    };
    if !is_head(app, &claims, EventType::Opened, head)
        && !app.hits.record(&hit(app, &claims, EventType::Opened, head)).await
        && app.config.hit_overflow == HitOverflow::Refuse
    {
        return Ok(Reply::pixel(StatusCode::SERVICE_UNAVAILABLE));
    }
    Ok(Reply::pixel(StatusCode::OK))
}

/// Records a click and leads to the destination that the token carries. The hidden link that tells scanners leads to a
/// page that says so.
#[utoipa::path(get, path = "/track/c/{token}", tag = "Tracking", params(("token" = String, Path)), security(()),
    responses((status = 302, description = "To the original URL"),
        (status = 200, content_type = "text/html", description = "The hidden link, which only machines follow"),
        (status = 404, content_type = "text/html", description = "Not a link of ours")))]
pub(crate) async fn click(app: &App, token: &str, head: &Head) -> Result<Reply> {
    let Some(claims) = app.tokens.load().open(token, Purpose::Click) else { return Ok(not_ours()) };
    let reply = match location(&claims) {
        Some(to) => Reply::redirect(to),
        None if claims.is_canary() => page(StatusCode::OK, pages::unsubscribe::hidden_link()),
        None => return Ok(not_ours()),
    };
    if !is_head(app, &claims, EventType::Clicked, head) {
        // A person must reach the page even when the click cannot be recorded.
        app.hits.record(&hit(app, &claims, EventType::Clicked, head)).await;
    }
    Ok(reply)
}

/// Asks the reader to confirm. It changes nothing, because scanners follow links.
#[utoipa::path(get, path = "/track/u/{token}", tag = "Tracking", params(("token" = String, Path)), security(()),
    responses((status = 200, content_type = "text/html", description = "A page with a button"),
        (status = 404, content_type = "text/html", description = "Not a link of ours")))]
pub(crate) async fn confirm_unsubscribe(app: &App, token: &str) -> Reply {
    match app.tokens.load().open(token, Purpose::Unsubscribe) {
        Some(claims) => page(StatusCode::OK, pages::unsubscribe::confirm(addressee(app, &claims).await.as_deref())),
        None => not_ours(),
    }
}

/// Unsubscribes at once (RFC 8058), from the stream that the email belongs to. Once more changes nothing.
#[utoipa::path(post, path = "/track/u/{token}", tag = "Tracking", params(("token" = String, Path)), security(()),
    request_body(content((OneClick = "application/x-www-form-urlencoded"), (OneClick = "multipart/form-data")),
        description = "What a mail program posts. The button of the page posts nothing."),
    responses((status = 200, content_type = "text/html", description = "Unsubscribed"),
        (status = 404, content_type = "text/html", description = "Not a link of ours")))]
pub(crate) async fn unsubscribe(app: &App, token: &str, head: &Head, body: &[u8]) -> Result<Reply> {
    let Some(claims) = app.tokens.load().open(token, Purpose::Unsubscribe) else { return Ok(not_ours()) };
    let source = if is_one_click(body) { UnsubscribeSource::OneClick } else { UnsubscribeSource::Link };
    // Past the journal: the very next send is to know of it.
    let hit = hit(app, &claims, EventType::Unsubscribed, head);
    let mut data = event_data(&hit);
    data["source"] = Json::from(source.as_str());
    let hit = Hit { email_id: hit.email_id, event_type: hit.event_type, data, at: hit.at };
    if !app.store.record_hit(hit, app.client_rules.now(), app.ids(app.now())).await? {
        return Ok(not_ours());
    }
    Ok(page(StatusCode::OK, pages::unsubscribe::done(addressee(app, &claims).await.as_deref())))
}

/// The form of RFC 8058.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes a form for the reference, and only its one value is looked for")]
struct OneClick {
    #[schema(rename = "List-Unsubscribe", example = "One-Click")]
    list_unsubscribe: String,
}

/// Whether a mail program posted the form of RFC 8058, in either encoding that it allows.
fn is_one_click(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    ["List-Unsubscribe", "One-Click"].iter().all(|word| body.contains(word))
}

/// Whom the email went to, shown so that its reader knows which address is meant and nobody else learns it. The page
/// is as good without.
async fn addressee(app: &App, claims: &Claims) -> Option<String> {
    let found = app.store.addressee(claims.email_id).await;
    let found = found.inspect_err(|error| tracing::warn!(%error, email_id = %claims.email_id, "addressee not read"));
    found.ok().flatten().map(|address| mask_address(&address))
}

fn not_ours() -> Reply {
    page(StatusCode::NOT_FOUND, pages::unsubscribe::not_ours())
}

fn page(status: StatusCode, html: String) -> Reply {
    Reply::html(status, html, pages::CONTENT_SECURITY_POLICY)
}

fn location(claims: &Claims) -> Option<HeaderValue> {
    HeaderValue::from_str(&token::as_location(claims.destination.as_deref()?)).ok()
}

/// Whether it is a HEAD, which records nothing and is remembered for a while.
fn is_head(app: &App, claims: &Claims, event_type: EventType, head: &Head) -> bool {
    let is_head = head.method == Method::HEAD;
    if is_head {
        app.heads.note(asked(claims, event_type, head), app.now());
    }
    is_head
}

fn asked(claims: &Claims, event_type: EventType, head: &Head) -> Asked {
    (claims.email_id, (event_type == EventType::Clicked).then_some(claims.link), head.peer)
}

fn hit<'a>(app: &App, claims: &'a Claims, event_type: EventType, head: &'a Head) -> HitRecord<'a> {
    let at = app.now();
    HitRecord {
        id: (app.ids(at))(),
        email_id: claims.email_id,
        event_type,
        at,
        head_before: event_type != EventType::Unsubscribed && app.heads.before(&asked(claims, event_type, head), at),
        canary: event_type == EventType::Clicked && claims.is_canary(),
        peer: Some(head.peer),
        user_agent: head.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes())),
        link: claims.link,
        destination: claims.destination.as_deref().map(Cow::Borrowed),
    }
}
