//! Sending several emails that have nothing in common.

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::idempotency::{Idempotency, earlier_answer, replayed};
use super::items::Items;
use super::results::{Judged, SendResult, results};
use super::{SendRequest, check_owner, prepare};
use crate::api::body;
use crate::app::App;
use crate::error::{Error, Result};
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{ApiKey, BatchQueued, Customer, NewBatch, NewEmail};

/// Emails of one batch.
const EMAILS_MAX: usize = 500;
/// Emails of a batch that are composed at the same time.
const COMPOSED_AT_ONCE: usize = 8;

/// Emails to send, each with the body of `POST /api/send`.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub(crate) struct BatchRequest<'body> {
    /// The account of the key, if you like to say so.
    #[schema(value_type = Option<uuid::Uuid>)]
    customer_id: Option<String>,
    #[serde(borrow)]
    #[schema(required, value_type = Vec<SendRequest>, min_items = 1, max_items = 500)]
    emails: Option<Items<'body, EMAILS_MAX>>,
}

/// What became of a batch.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchReply {
    total: usize,
    queued: usize,
    failed: usize,
    /// In the order of the request.
    results: Vec<SendResult>,
}

/// Queues up to 500 emails. Each is judged alone, so that one that is wrong holds up no other: it is a result with
/// `error` and `code`. All that are queued are on disk before the caller hears 200.
#[utoipa::path(post, path = "/api/batch", tag = "Email Sending", request_body = BatchRequest,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
        description = "The first answer to a key is kept for 24 hours and given again")),
    responses((status = 200, body = BatchReply),
        (status = 409, body = crate::error::ErrorBody, description = "The key's first request is being worked on"),
        (status = 422, body = crate::error::ErrorBody)))]
pub(crate) async fn send_batch(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    head: &Head,
    request: BatchRequest<'_>,
    body: &[u8],
) -> Result<Reply> {
    check_owner(customer, request.customer_id.as_deref())?;
    let Some(Items(items)) = request.emails else { return Err(Error::invalid_at("/emails", "emails is required")) };
    let now = app.now();
    let idempotency = Idempotency::of(app, customer, head, body)?;
    if let Some(reply) = earlier_answer(app, customer, idempotency.as_ref(), now).await? {
        return Ok(reply);
    }
    let composing: Vec<_> = items.into_iter().map(|item| compose(app, customer, key, item, now)).collect();
    let composed: Vec<_> = stream::iter(composing).buffered(COMPOSED_AT_ONCE).collect().await;
    let (judged, emails): (Vec<_>, Vec<_>) = composed.into_iter().unzip();
    let batch = NewBatch {
        customer: customer.id,
        claim: idempotency.as_ref().map(Idempotency::claim),
        emails: emails.into_iter().flatten().collect(),
        monthly_limit: customer.monthly_email_limit,
        now,
    };
    let answer = |stand: &[bool]| {
        let results = results(0, judged, stand);
        let (total, queued) = (results.len(), results.iter().filter(|result| result.is_queued()).count());
        let reply = BatchReply { total, queued, failed: total - queued, results };
        serde_json::to_string(&reply).expect("a reply has text keys and serializes")
    };
    match app.store.queue_batch(batch, app.ids(now), answer).await? {
        BatchQueued::Stored(reply) => Ok(Reply::new(http::StatusCode::OK, "application/json", reply)),
        BatchQueued::Replayed(reply) => Ok(replayed(reply)),
    }
}

/// One email of a batch, with what is to be stored when it is good.
async fn compose(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    item: &RawValue,
    now: i64,
) -> (Judged, Option<NewEmail>) {
    let request: SendRequest = match body::object(item.get().as_bytes(), "An email") {
        Ok(request) => request,
        Err(error) => return (Judged::refused(None, error), None),
    };
    match prepare(app, customer, key, &request, now).await {
        Ok((email, reply)) => (Judged { to: Some(reply.to), verdict: Ok(email.id) }, Some(email)),
        Err(error) => (Judged::refused(request.to.as_deref(), error), None),
    }
}
