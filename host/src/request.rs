//! The life of a request, in order: routed, admitted, read, dispatched, answered, logged.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use tokio::time::timeout;

use crate::api::{
    body, challenges, dashboard, domains, emails, events, health, profile, reference, scoring, sending, smtp,
    sources as source_routes, stats, suppressions, tracking, unsubscribes, webhooks,
};
use crate::app::App;
use crate::auth;
use crate::error::{Error, Result};
use crate::ids::new_id;
use crate::peers::network;
use crate::rate::Standing;
use crate::reply::{Body, Reply};
use crate::router::{KeyedRoute, OpenRoute, Route};
use crate::sources;
use crate::store::{ApiKey, Customer};

/// The longest `X-Request-Id` that is taken over.
const REQUEST_ID_CHARS_MAX: usize = 128;
/// Bytes of a body on routes that take a few settings.
pub(crate) const SMALL_BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a list of addresses.
const LIST_BODY_BYTES_MAX: usize = 5 * 1024 * 1024;
/// Bytes of a body on the webhook routes.
pub(crate) const WEBHOOK_BODY_BYTES_MAX: usize = 5 * 1024 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What handlers see of a request beside its body.
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: IpAddr,
}

/// Who a request was admitted for, and where its rate limit stands.
struct Admitted {
    customer: Customer,
    key: ApiKey,
    standing: Option<Standing>,
}

/// Whether a request costs so little that it may be answered among others that wait: those that readers' programs make.
pub fn is_short(uri: &Uri) -> bool {
    uri.path().starts_with("/track/")
}

/// Serves one request of the API. Whatever happens inside becomes an answer.
pub async fn handle<B>(app: &App, peer: IpAddr, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let request_id = request_id(&parts.headers, app.now());
    let on_tracking_host = app.tracking_hosts.are_asked(&parts.uri, &parts.headers);
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let head = Head { method: parts.method, uri: parts.uri, query, headers: parts.headers, peer };
    let path = head.uri.path();
    let found = Route::find(head.method.as_str(), path);
    let route = found.filter(|route| !on_tracking_host || route.is_for_tracking_hosts());
    let template = route.map_or("-", |route| route.template());

    let mut standing = None;
    // A path that a tracking host does not show is there by no other method either.
    let path = (!on_tracking_host).then_some(path);
    let mut reply = match serve(app, route, path, &head, body, &mut standing).await {
        Ok(reply) => reply,
        Err(error) => {
            if let Error::Internal { public, cause } = &error {
                tracing::error!(request_id, route = template, cause = chain(cause.as_ref()), "{public}");
            }
            refusal(&error, &request_id)
        }
    };
    if let Some(standing) = standing {
        add_standing(&mut reply.headers, standing);
    }
    let status = reply.status.as_u16();
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    app.meters.count_request(template, status, duration_us);
    tracing::info!(target: "access", method = %head.method, route = template, status, duration_us, request_id);

    complete(reply, &head.method, &request_id)
}

/// The answer as it goes out: with the request's id, and to a HEAD without its body.
pub(crate) fn complete(mut reply: Reply, method: &Method, request_id: &str) -> Response<Body> {
    reply.headers.insert(REQUEST_ID, HeaderValue::from_str(request_id).expect("a request id is printable"));
    if method == Method::HEAD {
        if let Some(length) = reply.body.size_hint().exact() {
            reply.headers.insert(CONTENT_LENGTH, length.into());
        }
        reply.body = Body::Whole(None);
    }
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

async fn serve<B>(
    app: &App,
    route: Option<Route<'_>>,
    path: Option<&str>,
    head: &Head,
    body: B,
    standing: &mut Option<Standing>,
) -> Result<Reply>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let Some(route) = route else {
        let methods = path.map(Route::methods).unwrap_or_default();
        return Err(Error::no_route(&methods));
    };
    if !app.cluster.is_joined() {
        return Err(Error::Busy("This node has not joined its cluster yet; try again"));
    }
    let Ok(_place) = app.in_flight.try_acquire() else {
        return Err(Error::Busy("The service has more requests under way than it may; try again"));
    };
    match route {
        // A future is as large as the largest thing in it, and is copied: what readers fetch is not to pay for the rest.
        Route::Keyed(route) => Box::pin(serve_keyed(app, route, head, body, standing)).await,
        Route::Open(route) => serve_open(app, route, head, body).await,
    }
}

async fn serve_keyed<B>(
    app: &App,
    route: KeyedRoute<'_>,
    head: &Head,
    body: B,
    standing: &mut Option<Standing>,
) -> Result<Reply>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let admitted = admit(app, head).await?;
    *standing = admitted.standing;
    if admitted.standing.is_some_and(|standing| !standing.allowed) {
        return Err(rate_limited(admitted.standing, app.now()));
    }
    let body = read(app, &head.headers, body, keyed_body_bytes_max(app, route)).await?;
    dispatch_keyed(app, route, &admitted, head, &body).await
}

/// Checks the key and counts the request, before anything of its body is read.
async fn admit(app: &App, head: &Head) -> Result<Admitted> {
    let now = app.now();
    let failures_max = app.config.failed_auth_per_15_minutes;
    if let Some(until) = app.failed_auth.is_exhausted(&network(head.peer), failures_max, now) {
        return Err(Error::TooMany {
            code: "too_many_failed_keys",
            message: "Too many requests with a missing or wrong API key; try again later",
            retry_after_secs: Some(secs_until(until, now)),
        });
    }
    let (customer, key) = auth::customer(app, &head.headers, now).await.inspect_err(|error| {
        if matches!(error, Error::Unauthorized(_)) {
            app.failed_auth.take(network(head.peer), failures_max, now);
        }
    })?;
    let standing = app.standing(&customer);
    Ok(Admitted { customer, key, standing })
}

pub(crate) fn rate_limited(standing: Option<Standing>, now: i64) -> Error {
    Error::TooMany {
        code: "rate_limit_exceeded",
        message: "Rate limit exceeded; try again when the window ends",
        retry_after_secs: standing.map(|standing| secs_until(standing.resets_at, now)),
    }
}

fn secs_until(at: i64, now: i64) -> u64 {
    u64::try_from((at - now + 999) / 1_000).unwrap_or(0).max(1)
}

fn keyed_body_bytes_max(app: &App, route: KeyedRoute) -> usize {
    match route {
        KeyedRoute::Send | KeyedRoute::Batch | KeyedRoute::BulkSend | KeyedRoute::Analyze => app.config.body_bytes_max,
        KeyedRoute::ChangeProfile
        | KeyedRoute::RotateKey
        | KeyedRoute::AddUnsubscribe
        | KeyedRoute::AddDomain
        | KeyedRoute::ChangeDomain { .. } => SMALL_BODY_BYTES_MAX,
        KeyedRoute::AddSuppression => LIST_BODY_BYTES_MAX,
        KeyedRoute::Emails
        | KeyedRoute::Email { .. }
        | KeyedRoute::CancelEmail { .. }
        | KeyedRoute::EmailEvents { .. }
        | KeyedRoute::Events
        | KeyedRoute::EventStream
        | KeyedRoute::Profile
        | KeyedRoute::SmtpCredentials
        | KeyedRoute::RotateSmtpPassword
        | KeyedRoute::Domains
        | KeyedRoute::Domain { .. }
        | KeyedRoute::DeleteDomain { .. }
        | KeyedRoute::VerifyDomain { .. }
        | KeyedRoute::RotateDkim { .. }
        | KeyedRoute::Usage
        | KeyedRoute::HealthScore
        | KeyedRoute::RefreshHealthScore
        | KeyedRoute::Outbound
        | KeyedRoute::OutboundSeries { .. }
        | KeyedRoute::Unsubscribes
        | KeyedRoute::LiftUnsubscribe { .. }
        | KeyedRoute::Suppressions
        | KeyedRoute::LiftSuppression { .. }
        | KeyedRoute::Rules => 0,
    }
}

/// Reads the body within the route's bound and the time for it. A route that takes none leaves it unread.
pub(crate) async fn read<B>(app: &App, headers: &HeaderMap, body: B, bytes_max: usize) -> Result<Bytes>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    read_within(app.config.body_read_timeout, headers, body, bytes_max).await
}

/// The same within this time.
pub(crate) async fn read_within<B>(time: Duration, headers: &HeaderMap, body: B, bytes_max: usize) -> Result<Bytes>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    if bytes_max == 0 {
        return Ok(Bytes::new());
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|announced| announced > bytes_max as u64) {
        return Err(Error::TooLarge(bytes_max));
    }
    let whole = std::pin::pin!(Limited::new(body, bytes_max).collect());
    match timeout(time, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Error::TooLarge(bytes_max)),
        Ok(Err(_)) => Err(Error::invalid("The body ended before it was complete")),
        Err(_) => Err(Error::TooSlow),
    }
}

async fn dispatch_keyed(
    app: &App,
    route: KeyedRoute<'_>,
    admitted: &Admitted,
    head: &Head,
    body: &Bytes,
) -> Result<Reply> {
    let Admitted { customer, key, .. } = admitted;
    match route {
        KeyedRoute::Send => sending::send(app, customer, key, head, &json(head, body)?, body).await,
        KeyedRoute::Batch => sending::batch::send_batch(app, customer, key, head, json(head, body)?, body).await,
        KeyedRoute::BulkSend => sending::bulk::send_bulk(app, customer, key, head, json(head, body)?, body).await,
        KeyedRoute::Emails => Ok(Reply::ok(&emails::list(app, customer, &head.query).await?)),
        KeyedRoute::Email { email_id } => Ok(Reply::ok(&emails::show(app, customer, email_id).await?)),
        KeyedRoute::CancelEmail { email_id } => Ok(Reply::ok(&emails::cancel(app, customer, email_id).await?)),
        KeyedRoute::EmailEvents { email_id } => Ok(Reply::ok(&events::of_email(app, customer, email_id).await?)),
        KeyedRoute::Events => events::list(app, customer, head).await,
        KeyedRoute::EventStream => events::stream::follow(app, customer, head).await,
        KeyedRoute::Profile => Ok(Reply::ok(&profile::show(app, customer, key).await?)),
        KeyedRoute::ChangeProfile => Ok(Reply::ok(&profile::change(app, customer, key, json(head, body)?).await?)),
        KeyedRoute::RotateKey => {
            Ok(Reply::ok(&profile::rotate_key(app, customer, key, json_or_nothing(head, body)?).await?))
        }
        KeyedRoute::SmtpCredentials => Ok(Reply::ok(&smtp::show(app, customer).await?)),
        KeyedRoute::RotateSmtpPassword => Ok(Reply::ok(&smtp::rotate(app, customer).await?)),
        KeyedRoute::Domains => Ok(Reply::ok(&domains::list(app, customer, &head.query).await?)),
        KeyedRoute::AddDomain => {
            Ok(Reply::json(StatusCode::CREATED, &domains::add(app, customer, json(head, body)?).await?))
        }
        KeyedRoute::Domain { domain_id } => domains::show(app, customer, domain_id, &head.query).await,
        KeyedRoute::ChangeDomain { domain_id } => {
            Ok(Reply::ok(&domains::change(app, customer, domain_id, json(head, body)?).await?))
        }
        KeyedRoute::DeleteDomain { domain_id } => Ok(Reply::ok(&domains::delete(app, customer, domain_id).await?)),
        KeyedRoute::VerifyDomain { domain_id } => Ok(Reply::ok(&domains::verify(app, customer, domain_id).await?)),
        KeyedRoute::RotateDkim { domain_id } => Ok(Reply::ok(&domains::rotate_dkim(app, customer, domain_id).await?)),
        KeyedRoute::Usage => Ok(Reply::ok(&stats::usage(app, customer).await?)),
        KeyedRoute::HealthScore => Ok(Reply::ok(&health::show(app, customer).await?)),
        KeyedRoute::RefreshHealthScore => Ok(Reply::ok(&health::refresh(app, customer).await?)),
        KeyedRoute::Outbound => stats::outbound::overview(app, customer, head).await,
        KeyedRoute::OutboundSeries { report } => stats::outbound::series(app, customer, report, head).await,
        KeyedRoute::Unsubscribes => Ok(Reply::ok(&unsubscribes::list(app, customer, &head.query).await?)),
        KeyedRoute::AddUnsubscribe => {
            Ok(Reply::json(StatusCode::CREATED, &unsubscribes::add(app, customer, json(head, body)?).await?))
        }
        KeyedRoute::LiftUnsubscribe { email } => Ok(Reply::ok(&unsubscribes::lift(app, customer, email).await?)),
        KeyedRoute::Suppressions => suppressions::list(app, customer, head).await,
        KeyedRoute::AddSuppression => match media_type(&head.headers).as_str() {
            "text/csv" => Ok(Reply::ok(&suppressions::import(app, customer, body).await?)),
            "application/json" => {
                Ok(Reply::json(StatusCode::CREATED, &suppressions::add(app, customer, json(head, body)?).await?))
            }
            _ => Err(Error::UnsupportedType("application/json or text/csv")),
        },
        KeyedRoute::LiftSuppression { email } => {
            Ok(Reply::ok(&suppressions::lift(app, customer, email, &head.query).await?))
        }
        KeyedRoute::Analyze => Ok(Reply::ok(&scoring::analyze(app, customer, json(head, body)?).await?)),
        KeyedRoute::Rules => Ok(Reply::ok(&scoring::rules(app, customer))),
    }
}

async fn serve_open<B>(app: &App, route: OpenRoute<'_>, head: &Head, body: B) -> Result<Reply>
where
    B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    match route {
        OpenRoute::TrackOpen { token } => tracking::open(&app.tracking, token, head).await,
        OpenRoute::TrackClick { token } => tracking::click(&app.tracking, token, head).await,
        OpenRoute::ConfirmUnsubscribe { token } => Ok(Box::pin(tracking::confirm_unsubscribe(app, token)).await),
        OpenRoute::AcmeChallenge { token } => Box::pin(challenges::answer(app, token, head)).await,
        OpenRoute::Dashboard => Box::pin(dashboard::show(app, head)).await,
        OpenRoute::DashboardSignIn => {
            Box::pin(async move {
                let body = read(app, &head.headers, body, SMALL_BODY_BYTES_MAX).await?;
                dashboard::sign_in(app, head, &body).await
            })
            .await
        }
        OpenRoute::DashboardStream => Box::pin(dashboard::stream(app, head)).await,
        OpenRoute::OpenApi => Ok(reference::openapi(app)),
        OpenRoute::Reference => Ok(reference::page(app)),
        OpenRoute::Unsubscribe { token } => {
            Box::pin(async move {
                let body = read(app, &head.headers, body, SMALL_BODY_BYTES_MAX).await?;
                tracking::unsubscribe(app, token, head, &body).await
            })
            .await
        }
        OpenRoute::Bounce => {
            Box::pin(async move {
                let body = read(app, &head.headers, body, WEBHOOK_BODY_BYTES_MAX).await?;
                Ok(Reply::ok(&webhooks::bounce(app, head, body).await?))
            })
            .await
        }
        OpenRoute::Complaint => {
            Box::pin(async move {
                let body = read(app, &head.headers, body, WEBHOOK_BODY_BYTES_MAX).await?;
                Ok(Reply::ok(&webhooks::complaint(app, head, body).await?))
            })
            .await
        }
        OpenRoute::Receive { source } => {
            Box::pin(async move {
                let source = sources::find(app, source).await?;
                let received = async {
                    let body = read(app, &head.headers, body, source.body_bytes_max()).await?;
                    source_routes::receive(app, &source, head, body).await
                };
                received.await.map_err(|error| source.told(error))
            })
            .await
        }
        OpenRoute::LookAtSource { source } => {
            Box::pin(async move { Ok(Reply::ok(&source_routes::look(app, source).await?)) }).await
        }
    }
}

/// The content type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads a JSON body into a route's type.
fn json<'body, T: Deserialize<'body>>(head: &Head, body: &'body [u8]) -> Result<T> {
    if media_type(&head.headers) == "application/json" {
        body::json(body)
    } else {
        Err(Error::UnsupportedType("application/json"))
    }
}

/// The same for a body that may be left out.
fn json_or_nothing<'body, T: Deserialize<'body> + Default>(head: &Head, body: &'body [u8]) -> Result<T> {
    if body.is_empty() { Ok(T::default()) } else { json(head, body) }
}

/// The caller's request id, when it is one that may stand in a header and a log, or a new one.
pub(crate) fn request_id(headers: &HeaderMap, now: i64) -> String {
    let given = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let good =
        |id: &&str| !id.is_empty() && id.len() <= REQUEST_ID_CHARS_MAX && id.bytes().all(|b| b.is_ascii_graphic());
    given.filter(good).map_or_else(|| new_id(now).to_string(), str::to_owned)
}

/// An error as programs hear it.
pub(crate) fn refusal(error: &Error, request_id: &str) -> Reply {
    let answer = error.answer(request_id);
    let mut reply = Reply::json(answer.status, &answer.body);
    if let Some(allow) = answer.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
        reply.headers.insert(ALLOW, allow);
    }
    if let Some(seconds) = answer.retry_after_secs {
        reply.headers.insert(RETRY_AFTER, seconds.into());
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        // Amazon SNS shows a password only after it was asked for one.
        let is_basic = matches!(error, Error::Unverified { is_basic: true, .. });
        let challenge = if is_basic { "Basic realm=\"webhooks\"" } else { "Bearer" };
        reply.headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    reply
}

fn add_standing(headers: &mut HeaderMap, standing: Standing) {
    headers.insert("x-ratelimit-limit", standing.limit.into());
    headers.insert("x-ratelimit-remaining", standing.remaining.into());
    // The second in which the window has ended for sure.
    headers.insert("x-ratelimit-reset", ((standing.resets_at + 999) / 1_000).into());
}

/// An error with everything that led to it.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
