//! Notifications of bounces and complaints, as our own JSON or as the mail that servers send.

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::time::rfc3339;
use crate::app::App;
use crate::error::{Cause, Detail, Error, OrFail, Result};
use crate::ids::new_id;
use crate::mail::address::EmailAddress;
use crate::mail::event::{BounceType, EventType};
use crate::plugins::error::{Fault, PluginError};
use crate::plugins::{World, normalizer};
use crate::request::{Head, media_type};
use crate::secrets::same_secret;
use crate::store::{EmailClue, Notification, ReportedEvent};

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
/// Those in which a mail server says at which address of ours the mail arrived.
const ENVELOPE_RECIPIENT: &[&str] = &["x-original-to", "x-envelope-to"];

/// The one of them in which a mail server says where the mail arrived.
const ARRIVED_AT: &str = "x-envelope-to";

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
    timestamp: Option<String>,
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
    timestamp: Option<String>,
    #[schema(value_type = Option<Object>)]
    custom_data: Option<Map<String, Json>>,
}

/// The notification is taken. The counts are told for mail formats, which may speak of several recipients.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationReply {
    success: bool,
    #[serde(flatten)]
    counts: Option<Counts>,
}

#[derive(Serialize, ToSchema)]
struct Counts {
    /// Events that were recorded.
    accepted: usize,
    /// Events that were known already.
    duplicates: usize,
    /// Events that fit no email that was sent.
    unmatched: usize,
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

/// Takes a message that came back by SMTP to an address that was made for one recipient's copy of an email.
pub(crate) async fn returned(app: &App, arrived_at: &str, message: Bytes) -> Result<()> {
    let content_type = "message/rfc822".to_owned();
    let headers = [("content-type", content_type.as_str()), (ARRIVED_AT, arrived_at)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let endpoint = Endpoint { name: "bounce", failed: "Failed to process bounce", secret: None };
    record(app, endpoint, Received { content_type, headers, body: message, is_mail: true }).await.map(drop)
}

/// A notification as it came.
struct Received {
    content_type: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    is_mail: bool,
}

async fn take(app: &App, endpoint: Endpoint<'_>, head: &Head, body: Bytes) -> Result<NotificationReply> {
    check_secret(&endpoint, &head.headers)?;
    let is_mail = match media_type(&head.headers).as_str() {
        "application/json" => false,
        mail if MAIL_TYPES.contains(&mail) => true,
        _ => return Err(Error::UnsupportedType(TAKEN)),
    };
    let content_type = header(&head.headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let headers = shown_headers(&head.headers);
    record(app, endpoint, Received { content_type, headers, body, is_mail }).await
}

async fn record(app: &App, endpoint: Endpoint<'_>, received: Received) -> Result<NotificationReply> {
    let Received { content_type, headers, body, is_mail } = received;
    let now = app.now();
    let request = normalizer::Request {
        content_type: content_type.clone(),
        headers: headers.clone(),
        body: body.to_vec(),
        received_at: u64::try_from(now).unwrap_or(0),
        attributes: vec![("endpoint".into(), endpoint.name.into())],
    };
    let read = app.plugins.read(request).await;
    let plugin = read.as_ref().and_then(|read| Some(read.plugin.as_ref()?.id.to_string()));
    let result = read.map_or(Err(PluginError::NoneActive(World::Normalizer)), |read| read.call.result);
    let (events, outcome, unparsed, failure) = match result {
        Ok(Ok(outcome)) => (reported(app, &outcome, &headers), outcome_json(&outcome), false, None),
        // Our own JSON, and wrong: the caller hears where, and nothing is kept.
        Ok(Err(problem)) if problem.code == "invalid" => {
            let details = vec![Detail { pointer: problem.pointer, message: problem.message.clone() }];
            return Err(Error::Invalid(problem.message, details));
        }
        Ok(Err(problem)) => (Vec::new(), json!(problem), true, None),
        Err(error @ PluginError::Failed { fault: Fault::Busy | Fault::Resting { .. }, .. }) => {
            tracing::warn!(%error, "notification refused");
            return Err(Error::Busy("The notification cannot be read right now; try again"));
        }
        Err(error) => (Vec::new(), json!({ "error": error.to_string() }), true, Some(Cause::from(error.to_string()))),
    };
    let notification = Notification {
        id: new_id(now),
        endpoint: endpoint.name,
        content_type,
        headers,
        body: body.to_vec(),
        received_at: now,
        plugin,
        outcome: outcome.to_string(),
        unparsed,
    };
    let id = notification.id;
    let counts = app.store.record_notification(notification, events, app.ids(now)).await.or_fail(endpoint.failed)?;
    app.meters.count_notification(counts.state(unparsed));
    tracing::info!(notification = %id, endpoint = endpoint.name, accepted = counts.accepted,
        duplicates = counts.duplicates, unmatched = counts.unmatched, unparsed, "notification taken");
    match failure {
        // A mail is kept and need not come again; a server would send it for days.
        Some(cause) if is_mail => tracing::error!(%cause, notification = %id, "notification kept unread"),
        Some(cause) => return Err(Error::Internal { public: endpoint.failed, cause }),
        None => {}
    }
    let (accepted, duplicates, unmatched) = (counts.accepted, counts.duplicates, counts.unmatched);
    Ok(NotificationReply { success: true, counts: is_mail.then_some(Counts { accepted, duplicates, unmatched }) })
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

/// The events of an outcome that change an email. Opens and clicks are our own to count.
fn reported(app: &App, outcome: &normalizer::Outcome, headers: &[(String, String)]) -> Vec<ReportedEvent> {
    let recipients = headers.iter().filter(|(name, _)| ENVELOPE_RECIPIENT.contains(&name.as_str()));
    let returned = recipients.filter_map(|(_, address)| app.bounce_addresses.open_address(address));
    let arrived_at: Vec<_> = returned.map(EmailClue::Returned).collect();
    let with_clues = |event: &normalizer::Event| {
        let mut reported = reported_event(event)?;
        let verp = event.clues.iter().filter(|clue| clue.kind == normalizer::ClueKind::Verp);
        let returned = verp.filter_map(|clue| app.bounce_addresses.open_address(&clue.value));
        let strongest = arrived_at.iter().cloned().chain(returned.map(EmailClue::Returned));
        let others = std::mem::take(&mut reported.emails);
        reported.emails = strongest.chain(others).collect();
        Some(reported)
    };
    outcome.events.iter().filter_map(with_clues).collect()
}

fn reported_event(event: &normalizer::Event) -> Option<ReportedEvent> {
    use normalizer::Kind;
    let event_type = match event.kind {
        Kind::Bounce => EventType::Bounced,
        Kind::Complaint => EventType::Complained,
        Kind::Delivered => EventType::Delivered,
        Kind::Deferred => EventType::Deferred,
        Kind::Opened | Kind::Clicked | Kind::Unsubscribed | Kind::Rejected | Kind::Autoreply | Kind::Unknown => {
            return None;
        }
    };
    // What a provider blacked out names nobody; the email that it is about still does.
    let redacted = event.attributes.iter().any(|(name, value)| name == "redacted" && value == "recipient");
    let recipients = event.recipient.iter().chain(&event.recipient_alternatives).filter(|_| !redacted);
    Some(ReportedEvent {
        emails: event.clues.iter().filter_map(email_clue).collect(),
        recipients: recipients.map(|address| address_key(address)).collect(),
        event_type,
        bounce_type: event.bounce_type.map(bounce_type),
        reason: event.reason.clone(),
        occurred_at: event.occurred_at,
        provider_event_id: event.provider_event_id.clone(),
        data: event_data(event),
    })
}

/// An address as recipients are kept: with an international domain or needless quotes it has several spellings.
fn address_key(address: &str) -> String {
    EmailAddress::parse(address).map_or_else(|_| address.to_owned(), |address| address.key())
}

/// Guesses by address alone are not made here: a clue names an email or it names none. Bounce addresses go before them
/// all, in [`reported`].
fn email_clue(clue: &normalizer::Clue) -> Option<EmailClue> {
    use normalizer::ClueKind;
    match clue.kind {
        ClueKind::EmailId | ClueKind::Header | ClueKind::Metadata | ClueKind::EnvelopeId => {
            clue.value.trim().parse().ok().map(EmailClue::Id)
        }
        ClueKind::MessageId => Some(EmailClue::MessageId(clue.value.clone())),
        ClueKind::Verp | ClueKind::ProviderMessageId => None,
    }
}

/// An outcome as commands print it and the store keeps it.
pub(crate) fn outcome_json(outcome: &normalizer::Outcome) -> Json {
    let events: Vec<_> = outcome.events.iter().map(event_json).collect();
    let ignored = |item: &normalizer::Ignored| json!({ "index": item.index, "reason": item.reason });
    json!({ "events": events, "ignored": outcome.ignored.iter().map(ignored).collect::<Vec<_>>() })
}

fn event_json(event: &normalizer::Event) -> Json {
    use normalizer::{ClueKind, Kind};
    let kind = match event.kind {
        Kind::Bounce => "bounce",
        Kind::Complaint => "complaint",
        Kind::Delivered => "delivered",
        Kind::Deferred => "deferred",
        Kind::Opened => "opened",
        Kind::Clicked => "clicked",
        Kind::Unsubscribed => "unsubscribed",
        Kind::Rejected => "rejected",
        Kind::Autoreply => "autoreply",
        Kind::Unknown => "unknown",
    };
    let clue = |clue: &normalizer::Clue| {
        let kind = match clue.kind {
            ClueKind::EmailId => "email_id",
            ClueKind::Header => "header",
            ClueKind::Metadata => "metadata",
            ClueKind::Verp => "verp",
            ClueKind::EnvelopeId => "envelope_id",
            ClueKind::ProviderMessageId => "provider_message_id",
            ClueKind::MessageId => "message_id",
        };
        json!({ "kind": kind, "value": clue.value })
    };
    let evidence = event.attributes.iter().find(|(name, _)| name == "evidence").map(|(_, value)| value);
    json!({
        "kind": kind,
        "bounce_type": event.bounce_type.map(bounce_type).map(BounceType::as_str),
        "recipient": event.recipient,
        "recipient_alternatives": event.recipient_alternatives,
        "timestamp": event.occurred_at.map(rfc3339),
        "reason": event.reason,
        "class": event.class,
        "smtp_code": event.smtp_code,
        "enhanced_code": event.enhanced_code,
        "feedback_type": event.feedback_type.map(feedback_type),
        "complaint_type": event.complaint_type,
        "provider": event.provider,
        "provider_event_id": event.provider_event_id,
        "clues": event.clues.iter().map(clue).collect::<Vec<_>>(),
        "custom_data": event.custom_data.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok()),
        "evidence": evidence,
    })
}

fn bounce_type(bounce_type: normalizer::BounceType) -> BounceType {
    match bounce_type {
        normalizer::BounceType::Hard => BounceType::Hard,
        normalizer::BounceType::Soft => BounceType::Soft,
    }
}

fn feedback_type(feedback_type: normalizer::FeedbackType) -> &'static str {
    use normalizer::FeedbackType;
    match feedback_type {
        FeedbackType::Abuse => "abuse",
        FeedbackType::Fraud => "fraud",
        FeedbackType::Virus => "virus",
        FeedbackType::Other => "other",
    }
}

/// What of a report is stored with the event: all that is known, and nothing that is not.
fn event_data(event: &normalizer::Event) -> Json {
    let shown = [
        "bounce_type",
        "reason",
        "class",
        "smtp_code",
        "enhanced_code",
        "feedback_type",
        "complaint_type",
        "provider",
        "custom_data",
    ];
    let all = event_json(event);
    let known = shown.into_iter().filter(|name| !all[*name].is_null());
    known.map(|name| (name.to_owned(), all[name].clone())).collect::<Map<_, _>>().into()
}
