//! Sending one email.

pub(crate) mod batch;
pub(crate) mod bulk;
mod compose;
mod draft;
mod idempotency;
mod items;
mod results;
pub(crate) mod submission;
mod tracking;

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;
use uuid::Uuid;

use self::compose::{Parts, build, judge};
use self::draft::Draft;
use self::idempotency::{Idempotency, earlier_answer, mismatch, replayed};
use self::tracking::Tracking;
use super::scoring::ScoreSummary;
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::new_id;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{ApiKey, Claim, Customer, CustomerStatus, Domain, NewEmail, Queued, SendRefusal, StreamType};

/// Recipients of one email: `to`, `cc` and `bcc` together.
pub(crate) const RECIPIENTS_MAX: usize = 50;

/// One email to send. `to`, `subject` and at least one of `html` and `text` are required.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
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

/// Queues one message. It is on disk, with its `queued` event, before the caller hears 200.
#[utoipa::path(post, path = "/api/send", tag = "Email Sending", request_body = SendRequest,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
        description = "The first answer to a key is kept for 24 hours and given again")),
    responses((status = 200, body = SendReply),
        (status = 409, body = crate::error::ErrorBody, description = "The key's first request is being worked on"),
        (status = 422, body = crate::error::ErrorBody)))]
pub(crate) async fn send(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    head: &Head,
    request: &SendRequest,
    body: &[u8],
) -> Result<Reply> {
    let now = app.now();
    let idempotency = Idempotency::of(app, customer, head, body)?;
    if let Some(reply) = earlier_answer(app, customer, idempotency.as_ref(), now).await? {
        return Ok(reply);
    }
    let (email, reply) = prepare(app, customer, key, request, now).await?;
    let kept = idempotency.as_ref().map(|idempotency| {
        let reply = serde_json::to_string(&reply).expect("a reply has text keys and serializes");
        (idempotency.claim(), reply)
    });
    match store(app, customer, email, kept).await? {
        Queued::Stored => Ok(Reply::ok(&reply)),
        Queued::Replayed(reply) => Ok(replayed(reply)),
    }
}

/// Stores an accepted email, with the answer that its key is to get again.
async fn store(app: &App, customer: &Customer, email: NewEmail, kept: Option<(Claim, String)>) -> Result<Queued> {
    let ids = app.ids(email.submitted_at);
    Ok(app.store.queue_email(email, kept, customer.monthly_email_limit, ids).await?)
}

impl From<SendRefusal> for Error {
    fn from(refusal: SendRefusal) -> Self {
        match refusal {
            SendRefusal::MonthlyLimit => monthly_limit_reached(),
            SendRefusal::IdempotencyMismatch => mismatch(),
            SendRefusal::Store(error) => error.into(),
        }
    }
}

fn monthly_limit_reached() -> Error {
    Error::TooMany {
        code: "monthly_limit_reached",
        message: "The account's monthly limit of emails is reached",
        retry_after_secs: None,
    }
}

/// Checks, judges and builds what was asked for: the email as it is stored, and what its sender is told.
async fn prepare(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    request: &SendRequest,
    now: i64,
) -> Result<(NewEmail, SendReply)> {
    check_account(app, customer)?;
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
    check_outlet(app, &draft.domain, draft.stream_type, tracking.sandbox)?;
    let parts = Parts::of(&draft, &tracking);
    let score = judge(app, customer.id, &draft, &parts).await?;
    let (email, reply) = build(&tracking, &draft, &parts, score, now)?;
    tracing::debug!(email_id = %email.id, email.sandbox, "email accepted");
    Ok((email, reply))
}

/// Whether mail can leave at all, so that nothing is taken that would go nowhere.
fn check_outlet(app: &App, domain: &Domain, stream: StreamType, sandbox: bool) -> Result<()> {
    if sandbox {
        return Ok(());
    }
    let kind = app.config.outlet_of(domain.outlet, stream);
    app.outlets.trouble(kind, Instant::now()).map_or(Ok(()), |why| Err(Error::NoOutlet(why)))
}

/// Whether the account may send.
pub(crate) fn check_account(app: &App, customer: &Customer) -> Result<()> {
    let refused = |code, message| Err(Error::Forbidden { error: message, code, message });
    match customer.status {
        CustomerStatus::Active if app.paused.has(customer.id) => {
            refused("sending_paused", "Sending is paused, because too many emails of this account bounced")
        }
        CustomerStatus::Active => Ok(()),
        CustomerStatus::Suspended => refused("account_suspended", "The account is suspended and cannot send"),
        CustomerStatus::Pending => refused("account_pending", "The account is not active yet and cannot send"),
    }
}

/// The customer that a request names must be the one whose key it brings.
fn check_owner(customer: &Customer, named: Option<&str>) -> Result<()> {
    if named.is_none_or(|named| named.parse() == Ok(customer.id)) {
        return Ok(());
    }
    let message = "customer_id is not the account of this API key; leave it out";
    Err(Error::Forbidden { error: message, code: "wrong_customer", message })
}
