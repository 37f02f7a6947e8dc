//! Sending one email.

mod draft;
pub(crate) mod submission;
mod tracking;

use std::collections::BTreeMap;

use http::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use self::draft::Draft;
use self::tracking::Tracking;
use super::scoring::{self, ScoreSummary};
use super::time::rfc3339;
use crate::app::App;
use crate::config::ScoringPolicy;
use crate::error::{Error, Result};
use crate::hash::sha256;
use crate::ids::new_id;
use crate::mail::build::{self, Outgoing};
use crate::mail::text;
use crate::plugins::scorer;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{ApiKey, Claim, Customer, CustomerStatus, NewEmail, Queued, Replay, SendRefusal, StreamType};

/// Recipients of one email: `to`, `cc` and `bcc` together.
pub(crate) const RECIPIENTS_MAX: usize = 50;
/// Bytes of an `Idempotency-Key`.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// One email to send. `to`, `subject` and at least one of `html` and `text` are required.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SendRequest {
    /// One address, with or without a name: `Ada <ada@example.com>`.
    #[schema(required, value_type = String, example = "ada@example.com")]
    to: Option<String>,
    /// One line, at most 998 bytes.
    #[schema(required, value_type = String, max_length = 998, example = "Welcome to our platform!")]
    subject: Option<String>,
    /// The message as html.
    #[schema(example = "<h1>Welcome!</h1><p>Thanks for <a href=\"https://example.com/start\">signing up</a>.</p>")]
    html: Option<String>,
    /// The message as text. Made from `html` when it is left out.
    text: Option<String>,
    /// The verified domain to send from. Default: that of `from`, else the one verified first.
    domain: Option<String>,
    /// The author. Default: `noreply@` and the domain.
    from: Option<String>,
    /// Where answers go.
    reply_to: Option<String>,
    /// Further recipients, 50 in all.
    cc: Option<Vec<String>>,
    /// Recipients that the others do not see.
    bcc: Option<Vec<String>>,
    /// Default: the domain's switch, then the account's.
    track_opens: Option<bool>,
    /// Default: the domain's switch, then the account's.
    track_clicks: Option<bool>,
    /// Headers of your own. Those that the service writes itself are refused.
    headers: Option<BTreeMap<String, String>>,
    /// A word to find it by, at most 100 characters.
    #[schema(max_length = 100)]
    tag: Option<String>,
    /// Kept with the email and its events, never in the message.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Json>>,
    /// Values for `{{name}}` in subject, html and text. An unknown name is refused.
    #[schema(value_type = Option<Object>)]
    vars: Option<Map<String, Json>>,
    /// Files, at most 100.
    attachments: Option<Vec<AttachmentRequest>>,
    /// `broadcast` adds one-click unsubscribe headers (RFC 8058).
    stream_type: Option<StreamType>,
    /// When to send it, at most 30 days ahead.
    send_at: Option<String>,
}

/// A file of an email.
#[derive(Deserialize, ToSchema)]
struct AttachmentRequest {
    #[schema(required, value_type = String, example = "invoice.pdf")]
    filename: Option<String>,
    /// Base64.
    #[schema(required, value_type = String, content_encoding = "base64")]
    content: Option<String>,
    /// Default: `application/octet-stream`.
    content_type: Option<String>,
    /// Makes it an inline image that html refers to as `cid:` and this.
    content_id: Option<String>,
    /// Default: `inline` with a `content_id`, else `attachment`.
    disposition: Option<Disposition>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Disposition {
    Inline,
    Attachment,
}

/// An email that is on disk.
#[derive(Serialize, ToSchema)]
pub(crate) struct SendReply {
    #[schema(example = "ada@example.com")]
    to: String,
    submitted_at: String,
    email_id: Uuid,
    message_id: String,
    /// `queued`, or `scheduled` with a `send_at` in the future.
    #[schema(value_type = String, example = "queued")]
    status: &'static str,
    /// What content scoring says, unless the service has it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ScoreSummary>,
    /// Recipients that were left out because they are suppressed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressed: Vec<Suppressed>,
}

/// A recipient that was left out.
#[derive(Clone, Serialize, ToSchema)]
struct Suppressed {
    address: String,
    /// `hard_bounce`, `soft_bounces`, `complaint` or `unsubscribe`.
    cause: String,
}

/// An idempotency key as the request brought it.
struct Idempotency {
    key: String,
    request_hash: [u8; 32],
}

/// Queues one message. It is on disk, with its `queued` event, before the caller hears 200.
#[utoipa::path(post, path = "/api/send", tag = "Email Sending", request_body = SendRequest,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
        description = "The first answer to a key is kept for 24 hours and given again")),
    responses((status = 200, body = SendReply), (status = 422, body = crate::error::ErrorBody)))]
pub(crate) async fn send(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    head: &Head,
    request: &SendRequest,
    body: &[u8],
) -> Result<Reply> {
    let now = app.now();
    let idempotency = idempotency(head, body)?;
    if let Some(reply) = earlier_answer(app, customer, idempotency.as_ref(), now).await? {
        return Ok(reply);
    }
    check_account(customer)?;
    let draft = Draft::read(app, customer, request, now).await?;
    let tracking = Tracking {
        app,
        customer,
        domain: &draft.domain,
        opens: request.track_opens,
        clicks: request.track_clicks,
        email_id: new_id(now),
        sandbox: key.sandbox || draft.domain.sandbox,
    };
    let (email, reply) = compose(&tracking, &draft, now).await?;

    let claim = idempotency.map(|Idempotency { key, request_hash }| {
        let reply = serde_json::to_string(&reply).expect("a reply has text keys and serializes");
        Claim { key, request_hash, reply }
    });
    tracing::debug!(email_id = %email.id, email.sandbox, "email accepted");
    match store(app, customer, email, claim).await? {
        Queued::Stored => Ok(Reply::ok(&reply)),
        Queued::Replayed(reply) => Ok(replayed(reply)),
    }
}

/// Stores an accepted email.
async fn store(app: &App, customer: &Customer, email: NewEmail, claim: Option<Claim>) -> Result<Queued> {
    let ids = app.ids(email.submitted_at);
    match app.store.queue_email(email, claim, customer.monthly_email_limit, ids).await {
        Ok(queued) => Ok(queued),
        Err(SendRefusal::MonthlyLimit) => Err(Error::TooMany {
            code: "monthly_limit_reached",
            message: "The account's monthly limit of emails is reached",
            retry_after_secs: None,
        }),
        Err(SendRefusal::IdempotencyMismatch) => Err(idempotency_mismatch()),
        Err(SendRefusal::Store(error)) => Err(error.into()),
    }
}

/// Judges and builds what was asked for: the email as it is stored, and what its sender is told.
async fn compose(tracking: &Tracking<'_>, draft: &Draft, now: i64) -> Result<(NewEmail, SendReply)> {
    let Tracking { app, customer, domain, email_id, .. } = *tracking;
    let (id, message_id) = (email_id.to_string(), format!("{email_id}@{}", domain.name));
    let unsubscribe = (draft.stream_type == StreamType::Broadcast).then(|| tracking.unsubscribe_url());
    let text = draft.text.clone().or_else(|| draft.html.as_deref().map(text::from_html));
    let score = score(app, customer.id, draft, text.as_deref(), unsubscribe.as_deref()).await?;
    let html = draft.html.as_deref().map(|html| tracking.html(html)).transpose()?;
    let raw = build::build(&Outgoing {
        message_id: &message_id,
        date_unix: draft.send_at.unwrap_or(now) / 1_000,
        from: &draft.from,
        to: std::slice::from_ref(&draft.recipients.to),
        cc: &draft.recipients.cc,
        reply_to: draft.reply_to.as_ref(),
        subject: &draft.subject,
        text: text.as_deref(),
        html: html.as_deref(),
        attachments: &draft.attachments,
        headers: draft.headers.as_slice(),
        email_id: &id,
        unsubscribe: unsubscribe.as_deref(),
        boundary_seed: &id,
    });
    let email = NewEmail {
        id: email_id,
        customer_id: customer.id,
        domain_id: domain.id,
        message_id: message_id.clone(),
        sender: draft.from.address.to_string(),
        recipients: draft.recipients.envelope(),
        subject: draft.subject.clone(),
        tag: draft.tag.clone(),
        stream_type: draft.stream_type,
        metadata: draft.metadata.clone(),
        score: score.as_ref().map(|score| serde_json::to_string(score).expect("a score serializes")),
        raw,
        submitted_at: now,
        send_at: draft.send_at,
        sandbox: tracking.sandbox,
        bulk_id: None,
    };
    let reply = SendReply {
        to: draft.recipients.to.address.to_string(),
        submitted_at: rfc3339(now),
        email_id,
        message_id,
        status: if draft.send_at.is_some() { "scheduled" } else { "queued" },
        score,
        suppressed: draft.suppressed.clone(),
    };
    Ok((email, reply))
}

/// The answer that this key got before.
async fn earlier_answer(
    app: &App,
    customer: &Customer,
    idempotency: Option<&Idempotency>,
    now: i64,
) -> Result<Option<Reply>> {
    let Some(Idempotency { key, request_hash }) = idempotency else { return Ok(None) };
    match app.store.replay(customer.id, key.clone(), *request_hash, now).await? {
        Some(Replay::Same(reply)) => Ok(Some(replayed(reply))),
        Some(Replay::Mismatch) => Err(idempotency_mismatch()),
        None => Ok(None),
    }
}

fn idempotency(head: &Head, body: &[u8]) -> Result<Option<Idempotency>> {
    let Some(value) = head.headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_BYTES_MAX);
    let Some(key) = key else {
        let message = format!("Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable characters");
        return Err(Error::invalid(message));
    };
    Ok(Some(Idempotency { key: key.to_owned(), request_hash: sha256(body) }))
}

fn replayed(reply: String) -> Reply {
    Reply::new(http::StatusCode::OK, "application/json", reply)
        .with(http::HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"))
}

fn idempotency_mismatch() -> Error {
    Error::Refused {
        code: "idempotency_mismatch",
        message: "This Idempotency-Key was used for another request; use a new key for a new email".into(),
        findings: None,
    }
}

/// Whether the account may send.
pub(crate) fn check_account(customer: &Customer) -> Result<()> {
    let refused = |code, message| Err(Error::Forbidden { error: message, code, message });
    match customer.status {
        CustomerStatus::Active => Ok(()),
        CustomerStatus::Suspended => refused("account_suspended", "The account is suspended and cannot send"),
        CustomerStatus::Pending => refused("account_pending", "The account is not active yet and cannot send"),
    }
}

/// Judges what is sent, except that links lead where their author wants: with the text part that is made from html, and
/// with the headers of a broadcast.
async fn score(
    app: &App,
    customer: Uuid,
    draft: &Draft,
    text: Option<&str>,
    unsubscribe: Option<&str>,
) -> Result<Option<ScoreSummary>> {
    if app.config.scoring_policy == ScoringPolicy::Off {
        return Ok(None);
    }
    let mut headers = draft.headers.as_slice().to_vec();
    if let Some(url) = unsubscribe {
        headers.push(("List-Unsubscribe".into(), format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post".into(), "List-Unsubscribe=One-Click".into()));
    }
    let message = scoring::MessageToJudge {
        from: &draft.from,
        reply_to: draft.reply_to.as_ref(),
        to: &draft.recipients.to,
        subject: &draft.subject,
        html: draft.html.as_deref(),
        text,
        headers,
        attachments: &draft.attachments,
    };
    judged(app, customer, message.into_message()).await
}

/// What the scoring policy makes of a message. It is sent unjudged when no plugin answers.
async fn judged(app: &App, customer: Uuid, message: scorer::Message) -> Result<Option<ScoreSummary>> {
    let Some(judgement) = scoring::judge(app, Some(customer), message).await else { return Ok(None) };
    if app.config.scoring_policy == ScoringPolicy::Enforce && judgement.is_reject() {
        return Err(Error::Refused {
            code: "content_rejected",
            message: "The content is likely to be taken for spam; see the findings".into(),
            findings: Some(judgement.findings_json()),
        });
    }
    Ok(Some(judgement.summary()))
}
