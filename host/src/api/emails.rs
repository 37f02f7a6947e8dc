//! Stored emails.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::query::{PageParameters, Pagination, Query};
use super::time::rfc3339;
use crate::app::App;
use crate::error::{Error, Result};
use crate::mail::event::EmailStatus;
use crate::store::{AttemptRow, Canceled, Customer, Email, EmailFilter, StreamType};

/// The words of the reference for an email that is not there, or not the caller's.
pub(crate) const NO_SUCH_EMAIL: &str = "Email not found or access denied";

/// One email.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailReply {
    email: EmailView,
}

/// Emails, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailsReply {
    emails: Vec<EmailView>,
    pagination: Pagination,
    /// Give it as `cursor` to get the next page. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

/// A stored email without its body.
#[derive(Serialize, ToSchema)]
struct EmailView {
    id: Uuid,
    message_id: String,
    from: String,
    to: String,
    recipients: Vec<RecipientView>,
    subject: String,
    tag: Option<String>,
    stream_type: StreamType,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
    /// `scheduled`, `queued`, `sent`, `delivered`, `deferred`, `bounced`, `complained`, `failed` or `canceled`.
    #[schema(value_type = String, example = "delivered")]
    status: EmailStatus,
    attempts: Vec<AttemptView>,
    /// What content scoring said when it was sent.
    #[schema(value_type = Option<Object>)]
    score: Option<Box<RawValue>>,
    submitted_at: String,
    send_at: Option<String>,
}

/// One recipient's copy.
#[derive(Serialize, ToSchema)]
struct RecipientView {
    address: String,
    /// `to`, `cc` or `bcc`.
    role: String,
    #[schema(value_type = String, example = "delivered")]
    status: EmailStatus,
}

/// One attempt to hand over a copy.
#[derive(Serialize, ToSchema)]
struct AttemptView {
    at: String,
    /// Whose copy it was.
    recipient: String,
    /// The server that was spoken to, or `capture`.
    host: String,
    /// Its SMTP reply code; 0 when there was no reply.
    code: i64,
    /// Its enhanced status code (RFC 3463).
    enhanced_code: Option<String>,
    response: String,
}

/// A customer's emails.
#[utoipa::path(get, path = "/api/emails", tag = "Email Sending", responses((status = 200, body = EmailsReply)),
    params(
        ("status" = inline(Option<EmailStatus>), Query, description = "Only in this status"),
        ("recipient" = Option<String>, Query, description = "Only to addresses that contain this"),
        ("tag" = Option<String>, Query, description = "Only with this tag"),
        ("from_timestamp" = Option<String>, Query, format = DateTime, description = "Only submitted then or later (RFC 3339)"),
        ("to_timestamp" = Option<String>, Query, format = DateTime, description = "Only submitted then or before (RFC 3339)"),
        PageParameters,
    ))]
pub(crate) async fn list(app: &App, customer: &Customer, query: &str) -> Result<EmailsReply> {
    let query = Query::parse(query);
    let page = query.page()?;
    let filter = EmailFilter {
        status: query.read("status", "a status such as delivered", EmailStatus::parse)?,
        recipient: query.text("recipient").map(str::to_owned),
        tag: query.text("tag").map(str::to_owned),
        from: query.moment("from_timestamp")?,
        to: query.moment("to_timestamp")?,
        before: page.cursor,
        offset: page.offset(),
        limit: page.limit_and_one(),
    };
    let mut found = app.store.emails(customer.id, filter).await?;
    let next_cursor = page.cut(&mut found.emails, |email| email.id);
    let emails = found.emails.into_iter().map(view).collect();
    Ok(EmailsReply { emails, pagination: page.pagination(found.total), next_cursor })
}

/// One of the customer's emails.
#[utoipa::path(get, path = "/api/emails/{email_id}", tag = "Email Sending",
    params(("email_id" = Uuid, Path)), responses((status = 200, body = EmailReply)))]
pub(crate) async fn show(app: &App, customer: &Customer, email_id: &str) -> Result<EmailReply> {
    let Ok(id) = email_id.parse() else { return Err(Error::NotFound(NO_SUCH_EMAIL)) };
    let email = app.store.email(customer.id, id).await?.ok_or(Error::NotFound(NO_SUCH_EMAIL))?;
    Ok(EmailReply { email: view(email) })
}

/// Takes an email back, a scheduled one too: nobody gets it, and the month's limit has it again. Once the first attempt
/// to deliver it has begun, it is 409.
#[utoipa::path(post, path = "/api/emails/{email_id}/cancel", tag = "Email Sending",
    params(("email_id" = Uuid, Path)), responses((status = 200, body = EmailReply),
        (status = 409, body = crate::error::ErrorBody, description = "Its delivery has begun")))]
pub(crate) async fn cancel(app: &App, customer: &Customer, email_id: &str) -> Result<EmailReply> {
    let Ok(id) = email_id.parse() else { return Err(Error::NotFound(NO_SUCH_EMAIL)) };
    let now = app.now();
    match app.store.cancel_email(Some(customer.id), id, now, app.ids(now)).await? {
        Canceled::Yes => show(app, customer, email_id).await,
        Canceled::TooLate => {
            let message = "The email can no longer be canceled: its delivery has begun".into();
            Err(Error::Conflict { code: "delivery_begun", message })
        }
        Canceled::Unknown => Err(Error::NotFound(NO_SUCH_EMAIL)),
    }
}

fn view(email: Email) -> EmailView {
    let recipient = |(address, role, status)| RecipientView { address, role, status };
    let attempt = |AttemptRow { at, recipient, host, code, enhanced_code, response }| AttemptView {
        at: rfc3339(at),
        recipient,
        host,
        code,
        enhanced_code,
        response,
    };
    EmailView {
        id: email.id,
        message_id: email.message_id,
        from: email.sender,
        to: email.recipients.first().map(|(address, ..)| address.clone()).unwrap_or_default(),
        recipients: email.recipients.into_iter().map(recipient).collect(),
        subject: email.subject,
        tag: email.tag,
        stream_type: email.stream_type,
        metadata: email.metadata.and_then(|text| RawValue::from_string(text).ok()),
        status: email.status,
        attempts: email.attempts.into_iter().map(attempt).collect(),
        score: email.score.and_then(|text| RawValue::from_string(text).ok()),
        submitted_at: rfc3339(email.submitted_at),
        send_at: email.send_at.map(rfc3339),
    }
}
