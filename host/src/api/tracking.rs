//! Opens, clicks and unsubscriptions, as readers' programs make them. Public: what a token does not carry cannot be
//! asked for.

mod at_edge;

use http::StatusCode;
use http::header::HeaderValue;
use utoipa::ToSchema;

pub(crate) use self::at_edge::{confirm_unsubscribe_at_edge, unavailable, unsubscribe_at_edge};
use crate::app::App;
use crate::config::HitOverflow;
use crate::error::Result;
use crate::mail::event::{EventType, mask_address};
use crate::mail::token::{self, Claims, Purpose};
use crate::pages;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{JournaledHit, UnsubscribeSource, Unsubscription};
use crate::tracking::Tracking;

/// Records an open and shows a transparent pixel. A token that is not ours shows it too, with 404, and so does an
/// open that cannot be recorded, with 503 unless the settings have it answered as ever: the reader of an email is not to
/// see a broken image.
#[utoipa::path(get, path = "/track/o/{token}", tag = "Tracking", params(("token" = String, Path)), security(()),
    responses((status = 200, content_type = "image/gif", description = "The pixel"),
        (status = 404, content_type = "image/gif", description = "The pixel; nothing is recorded")))]
pub(crate) async fn open(tracking: &Tracking, token: &str, head: &Head) -> Result<Reply> {
    let Some(claims) = tracking.claims(token, Purpose::Open) else { return Ok(Reply::pixel(StatusCode::NOT_FOUND)) };
    if !tracking.is_head(&claims, EventType::Opened, head)
        && !tracking.hits.record(&tracking.hit(&claims, EventType::Opened, head)).await
        && tracking.overflow == HitOverflow::Refuse
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
pub(crate) async fn click(tracking: &Tracking, token: &str, head: &Head) -> Result<Reply> {
    let Some(claims) = tracking.claims(token, Purpose::Click) else { return Ok(not_ours()) };
    let reply = match location(&claims) {
        Some(to) => Reply::redirect(to),
        None if claims.is_canary() => page(StatusCode::OK, pages::unsubscribe::hidden_link()),
        None => return Ok(not_ours()),
    };
    if !tracking.is_head(&claims, EventType::Clicked, head) {
        // A person must reach the page even when the click cannot be recorded.
        tracking.hits.record(&tracking.hit(&claims, EventType::Clicked, head)).await;
    }
    Ok(reply)
}

/// Asks the reader to confirm. It changes nothing, because scanners follow links.
#[utoipa::path(get, path = "/track/u/{token}", tag = "Tracking", params(("token" = String, Path)), security(()),
    responses((status = 200, content_type = "text/html", description = "A page with a button"),
        (status = 404, content_type = "text/html", description = "Not a link of ours")))]
pub(crate) async fn confirm_unsubscribe(app: &App, token: &str) -> Reply {
    match app.tracking.claims(token, Purpose::Unsubscribe) {
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
    let Some(claims) = app.tracking.claims(token, Purpose::Unsubscribe) else { return Ok(not_ours()) };
    // Past the journal: the very next send is to know of it.
    let mut hit = app.tracking.hit(&claims, EventType::Unsubscribed, head);
    hit.source = Some(source(body));
    let JournaledHit { email_id, data, at, .. } = hit.journaled();
    let wanted = Unsubscription { email_id, data, at };
    if !app.store.unsubscribe_reader(wanted, app.client_rules.now(), app.ids(app.now())).await? {
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

/// A mail program posts the form of RFC 8058, in either encoding that it allows; the button of the page posts nothing.
fn source(body: &[u8]) -> UnsubscribeSource {
    let body = String::from_utf8_lossy(body);
    let is_one_click = ["List-Unsubscribe", "One-Click"].iter().all(|word| body.contains(word));
    if is_one_click { UnsubscribeSource::OneClick } else { UnsubscribeSource::Link }
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
