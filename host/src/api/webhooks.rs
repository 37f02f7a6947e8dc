//! Notifications of bounces and complaints, as our own JSON or as the mail that servers send.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use uuid::Uuid;

use crate::app::App;
use crate::error::{Detail, Error, OrFail, Result};
use crate::inbox::{Accepted, Arrival, Patience, accept};
use crate::request::{Head, media_type};
use crate::secrets::same_secret;
use crate::sources::Admitted;
use crate::store::{InboxCounts, InboxState};

/// Mail formats that the two routes take beside JSON.
const MAIL_TYPES: &[&str] = &[
    "message/rfc822",
    "message/global",
    "message/delivery-status",
    "message/global-delivery-status",
    "message/feedback-report",
    "multipart/report",
];
/// What 415 tells.
const TAKEN: &str =
    "application/json, message/rfc822, multipart/report, message/delivery-status or message/feedback-report";
/// Headers of the request that a normalizer gets to see. Never credentials.
const SHOWN_HEADERS: &[&str] = &["content-type", "user-agent", "x-original-to", "x-envelope-to"];
/// The one of them in which a mail server says where the mail arrived.
const ARRIVED_AT: &str = "x-envelope-to";

/// What the sender of a format that nobody knows is told.
const NOT_UNDERSTOOD: &str =
    "No normalizer understands this notification. It is kept, and can be read again by another one";
/// What is told while too much waits to be read.
pub(crate) const FULL: &str = "More notifications wait to be read than may; try again";

/// A bounce in our own words.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "the normalizer plugin reads the body; this type documents it")]
pub(crate) struct BounceNotification {
    email_id: Uuid,
    /// `hard` or `soft`.
    bounce_type: Option<String>,
    #[schema(example = "550 5.1.1 User unknown")]
    reason: Option<String>,
    recipient_email: Option<String>,
    #[schema(schema_with = moment)]
    timestamp: Option<Json>,
    #[schema(value_type = Option<Object>)]
    custom_data: Option<Map<String, Json>>,
}

/// A complaint in our own words.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "the normalizer plugin reads the body; this type documents it")]
pub(crate) struct ComplaintNotification {
    email_id: Uuid,
    recipient_email: Option<String>,
    complaint_type: Option<String>,
    /// `abuse`, `fraud`, `virus` or `other`.
    feedback_type: Option<String>,
    #[schema(schema_with = moment)]
    timestamp: Option<Json>,
    #[schema(value_type = Option<Object>)]
    custom_data: Option<Map<String, Json>>,
}

fn moment() -> Schema {
    let types = SchemaType::from_iter([Type::String, Type::Number, Type::Null]);
    ObjectBuilder::new().schema_type(types).description(Some("RFC 3339, or seconds or milliseconds since 1970")).into()
}

/// The notification is taken: it is on disk. The counts are told for mail formats, which may speak of several recipients.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct NotificationReply {
    success: bool,
    /// True for a mail format that could not be read at once. It is read as soon as possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<bool>,
    /// Events that were recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<usize>,
    /// Events that were known already.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<usize>,
    /// Events that fit no email that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmatched: Option<usize>,
}

/// One of the two routes.
struct Endpoint<'a> {
    name: &'static str,
    failed: &'static str,
    secret: Option<&'a str>,
}

/// Takes a bounce: our JSON, or a delivery status notification (RFC 3464) as a server sent it.
#[utoipa::path(post, path = "/webhooks/bounce", tag = "Webhooks", request_body = BounceNotification, security(()),
    responses((status = 200, body = NotificationReply)))]
pub(crate) async fn bounce(app: &App, head: &Head, body: Bytes) -> Result<NotificationReply> {
    let secret = app.config.webhook_bounce_secret.as_deref();
    take(app, Endpoint { name: "bounce", failed: "Failed to process bounce", secret }, head, body).await
}

/// Takes a complaint: our JSON, or a feedback report (RFC 5965) as a provider sent it.
#[utoipa::path(post, path = "/webhooks/complaint", tag = "Webhooks", request_body = ComplaintNotification,
    security(()), responses((status = 200, body = NotificationReply)))]
pub(crate) async fn complaint(app: &App, head: &Head, body: Bytes) -> Result<NotificationReply> {
    let secret = app.config.webhook_complaint_secret.as_deref();
    take(app, Endpoint { name: "complaint", failed: "Failed to process complaint", secret }, head, body).await
}

/// Takes a message that came back by SMTP to an address that was made for one recipient's copy of an email. It is on
/// disk when this returns, and read in a moment.
pub(crate) async fn returned(app: &App, arrived_at: &str, message: Bytes) -> Result<()> {
    let content_type = "message/rfc822".to_owned();
    let headers = [("content-type", content_type.as_str()), (ARRIVED_AT, arrived_at)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let arrival = arrival("bounce", content_type, headers, message, Patience::Kept);
    counted(accept(app, arrival).await.or_fail("Failed to process bounce")?).map(drop)
}

/// Takes what a source let in.
pub(crate) async fn from_source(app: &App, admitted: Admitted, head: &Head, body: Bytes) -> Result<NotificationReply> {
    let arrival = of_source(admitted, head, body, Patience::Read);
    match accept(app, arrival).await.or_fail("Failed to process notification")? {
        Accepted::Read { state: InboxState::Unparsed, .. } => {
            Err(Error::Refused { code: "not_understood", message: NOT_UNDERSTOOD.to_owned(), findings: None })
        }
        accepted => counted(accepted),
    }
}

/// The same on its way into the inbox.
pub(crate) fn of_source(admitted: Admitted, head: &Head, body: Bytes, patience: Patience) -> Arrival {
    let content_type = header(&head.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    Arrival {
        source_id: Some(admitted.source_id.to_string()),
        provider: admitted.provider,
        source_key: admitted.dedupe,
        customer: admitted.customer,
        verified: admitted.verified,
        settings: admitted.attributes,
        ..arrival(&admitted.name, content_type, shown_headers(&head.headers), body, patience)
    }
}

async fn take(app: &App, endpoint: Endpoint<'_>, head: &Head, body: Bytes) -> Result<NotificationReply> {
    check_secret(&endpoint, &head.headers)?;
    let is_mail = match media_type(&head.headers).as_str() {
        "application/json" => false,
        mail if MAIL_TYPES.contains(&mail) => true,
        _ => return Err(Error::UnsupportedType(TAKEN)),
    };
    let content_type = header(&head.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let patience = if is_mail { Patience::Read } else { Patience::Told };
    let arrival = arrival(endpoint.name, content_type, shown_headers(&head.headers), body, patience);
    // Whoever knows the secret is no stranger.
    let arrival = Arrival { verified: endpoint.secret.is_some(), ..arrival };
    match accept(app, arrival).await.or_fail(endpoint.failed)? {
        // A mail is kept and need not come again; a server would send it for days.
        accepted if is_mail => counted(accepted),
        Accepted::Read { state: InboxState::Refused, failed, .. } => {
            Err(Error::Internal { public: endpoint.failed, cause: failed.unwrap_or_default().into() })
        }
        accepted => counted(accepted).map(|_| NotificationReply { success: true, ..NotificationReply::default() }),
    }
}

/// What whoever brought something is told about it, as far as it was read.
fn counted(accepted: Accepted) -> Result<NotificationReply> {
    match accepted {
        Accepted::Read { counts, .. } => {
            let InboxCounts { accepted, duplicates, unmatched, .. } = counts;
            let (accepted, duplicates, unmatched) = (Some(accepted), Some(duplicates), Some(unmatched));
            Ok(NotificationReply { success: true, accepted, duplicates, unmatched, queued: None })
        }
        Accepted::Queued => Ok(NotificationReply { success: true, queued: Some(true), ..NotificationReply::default() }),
        // Our own JSON, and wrong: the caller hears where, and nothing is kept.
        Accepted::Invalid { pointer, message } => {
            let details = vec![Detail { pointer, message: message.clone() }];
            Err(Error::Invalid(message, details))
        }
        Accepted::Full => Err(Error::Busy(FULL)),
    }
}

/// What comes from nobody in particular.
fn arrival(
    source: &str,
    content_type: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    patience: Patience,
) -> Arrival {
    Arrival {
        source: source.to_owned(),
        source_id: None,
        provider: None,
        source_key: None,
        customer: None,
        verified: false,
        settings: Vec::new(),
        content_type,
        headers,
        body,
        patience,
        by_node: None,
    }
}

fn check_secret(endpoint: &Endpoint<'_>, headers: &HeaderMap) -> Result<()> {
    let Some(wanted) = endpoint.secret else { return Ok(()) };
    let given = headers.get("x-webhook-secret").map(http::HeaderValue::as_bytes).unwrap_or_default();
    if same_secret(given, wanted.as_bytes()) { Ok(()) } else { Err(Error::Unauthorized("Invalid webhook secret")) }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn shown_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = SHOWN_HEADERS.iter().filter_map(|name| Some(((*name).to_owned(), header(headers, name)?)));
    shown.collect()
}
