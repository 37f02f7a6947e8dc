//! The dashboard of a customer, who signs in with an API key.
//!
//! A session is a cookie with an expiry, the hash of the key and a MAC. The key is looked up again for every request, so
//! that a session ends with its key.

use http::header::{CONTENT_SECURITY_POLICY, COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use ring::hmac;

use super::events;
use super::query::Query;
use crate::app::App;
use crate::dashboard::{self, Whose};
use crate::error::{Error, Result};
use crate::hash::{hex, unhex};
use crate::operator::check_origin;
use crate::pages;
use crate::pages::dashboard::Period;
use crate::reply::Reply;
use crate::request::{Head, rate_limited};
use crate::secrets::{hash_api_key, same_secret};
use crate::store::Customer;

const COOKIE_NAME: &str = "pillarbox_dashboard";
/// How long a session lasts.
const SESSION_SECS: i64 = 12 * 60 * 60;
/// Most of a cookie that is looked at.
const COOKIE_BYTES_MAX: usize = 512;

/// The dashboard of the customer that is signed in, or the form to sign in on. Charts, domains and the latest events, as a page.
#[utoipa::path(get, path = "/dashboard", tag = "Statistics", security(()),
    params(("period" = Option<String>, Query, description = "How far it looks back: 24h, 7d, 30d or 90d; 7d when not given")),
    responses((status = 200, content_type = "text/html", body = String),
        (status = 429, body = crate::error::ErrorBody, description = "The customer asked for too much in this minute")))]
pub(crate) async fn show(app: &App, head: &Head) -> Result<Reply> {
    let Some(customer) = signed_in(app, &head.headers).await? else {
        return Ok(page(StatusCode::OK, pages::dashboard::sign_in(None)));
    };
    let standing = app.standing(&customer);
    if standing.is_some_and(|standing| !standing.allowed) {
        return Err(rate_limited(standing, app.now()));
    }
    let period = period(Query::parse(&head.query).text("period"));
    let view = dashboard::view(app, Whose::Own(&customer), period).await?;
    Ok(page(StatusCode::OK, pages::dashboard::for_customer(&view)))
}

/// Signs a browser in by an API key, or out.
#[utoipa::path(post, path = "/dashboard", tag = "Statistics", security(()),
    request_body(content_type = "application/x-www-form-urlencoded", content = String,
        description = "`key`, an API key; or `sign-out`"),
    responses((status = 303, description = "Leads to the dashboard"),
        (status = 401, content_type = "text/html", body = String, description = "The form again, and what is wrong"),
        (status = 403, body = crate::error::ErrorBody, description = "The form was sent from another site"),
        (status = 429, content_type = "text/html", body = String, description = "Too many wrong keys")))]
pub(crate) async fn sign_in(app: &App, head: &Head, body: &[u8]) -> Result<Reply> {
    check_origin(&head.uri, &head.headers)?;
    let form = Query::parse(&String::from_utf8_lossy(body));
    if form.text("sign-out").is_some() {
        return Ok(back().with(SET_COOKIE, cookie_header(app, "", 0)));
    }
    let (now, failures_max) = (app.now(), app.config.failed_auth_per_15_minutes);
    if app.failed_auth.is_exhausted(&head.peer, failures_max, now).is_some() {
        let told = "Too many wrong API keys came from this address; try again in a quarter of an hour";
        return Ok(page(StatusCode::TOO_MANY_REQUESTS, pages::dashboard::sign_in(Some(told))));
    }
    let hash = form.text("key").and_then(|key| hash_api_key(key.trim()));
    let is_known = match hash {
        Some(hash) => app.store.customer_by_key(hash, now).await?.is_some(),
        None => false,
    };
    let Some(hash) = hash.filter(|_| is_known) else {
        app.failed_auth.take(head.peer, failures_max, now);
        return Ok(page(
            StatusCode::UNAUTHORIZED,
            pages::dashboard::sign_in(Some("This is no API key of an account here")),
        ));
    };
    let content = format!("{}.{}", now + SESSION_SECS * 1_000, hex(&hash));
    let cookie = format!("{content}.{}", mac(app, &content));
    Ok(back().with(SET_COOKIE, cookie_header(app, &cookie, SESSION_SECS)))
}

/// The customer's events as they happen, as items of the page's list.
#[utoipa::path(get, path = "/dashboard/stream", tag = "Statistics", security(()),
    params(("after" = Option<String>, Query, description = "Go on behind this event")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = 401, body = crate::error::ErrorBody, description = "Nobody is signed in"),
        (status = 403, body = crate::error::ErrorBody, description = "The account may not see single events")))]
pub(crate) async fn stream(app: &App, head: &Head) -> Result<Reply> {
    let customer = signed_in(app, &head.headers).await?;
    let customer = customer.ok_or(Error::Unauthorized("Your session has ended; sign in again at /dashboard"))?;
    events::check_switches(&customer)?;
    events::stream::follow_for_page(app, Some(&customer), (&head.headers, &head.query)).await
}

/// The period that is asked for; a week for what is none.
pub(crate) fn period(word: Option<&str>) -> Period {
    word.and_then(Period::parse).unwrap_or(Period::Week)
}

/// A page that may run its one script.
pub(crate) fn page(status: StatusCode, html: String) -> Reply {
    let policy = HeaderValue::from_str(&pages::dashboard::policy()).expect("a policy is of words and base64");
    Reply::html(status, html, "").with(CONTENT_SECURITY_POLICY, policy)
}

/// Whose session a request has, when it still holds.
async fn signed_in(app: &App, headers: &HeaderMap) -> Result<Option<Customer>> {
    let Some(hash) = session(app, headers, app.now()) else { return Ok(None) };
    Ok(app.store.customer_by_key(hash, app.now()).await?.map(|(customer, _)| customer))
}

/// The hash of the key that a session began with.
fn session(app: &App, headers: &HeaderMap, now: i64) -> Option<[u8; 32]> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let (_, cookie) = cookies.find(|(name, _)| *name == COOKIE_NAME)?;
    let (content, given) = cookie.rsplit_once('.').filter(|_| cookie.len() <= COOKIE_BYTES_MAX)?;
    let holds = same_secret(given.as_bytes(), mac(app, content).as_bytes());
    let (expires_at, hash) = content.split_once('.').filter(|_| holds)?;
    let expires_at: i64 = expires_at.parse().ok()?;
    unhex(hash)?.try_into().ok().filter(|_| expires_at > now)
}

fn mac(app: &App, content: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &app.host_key.derive("dashboard sessions"));
    hex(hmac::sign(&key, content.as_bytes()).as_ref())
}

fn cookie_header(app: &App, value: &str, secs: i64) -> HeaderValue {
    let secure =
        if app.config.public_url.as_deref().is_some_and(|url| url.starts_with("https:")) { "; Secure" } else { "" };
    let cookie = format!("{COOKIE_NAME}={value}; Path=/dashboard; Max-Age={secs}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).expect("digits, dots and letters may stand in a header")
}

/// After a post the browser gets the page, so that reloading repeats nothing.
fn back() -> Reply {
    Reply::new(StatusCode::SEE_OTHER, "text/plain", "").with(LOCATION, HeaderValue::from_static("/dashboard"))
}
