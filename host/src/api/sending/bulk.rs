//! Mail merge: one letter to many, each with values of their own.
//!
//! Neither memory nor the store's writer is held long: the recipients stay bytes of the body, and are read, filled in
//! and stored part by part. With an `Idempotency-Key` each part is stored with its results, so that a request that is
//! repeated after it was broken off goes on behind the last part: nobody gets the letter twice, and nobody is left out.

mod letter;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};
use tokio::time::sleep;
use utoipa::ToSchema;
use uuid::Uuid;

use self::letter::{Letter, Recipient};
use super::check_owner;
use super::idempotency::{Idempotency, in_flight, replayed};
use super::items::Items;
use super::results::{Judged, SendResult, results};
use crate::app::App;
use crate::error::{Error, Result};
use crate::ids::new_id;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{ApiKey, BulkPart, Customer, NewBatch, NewBulkPart, NewEmail, Replay, StreamType};

/// Recipients of one bulk send.
const RECIPIENTS_MAX: usize = 10_000;
/// Recipients whose emails are stored in one unit of work. Storing so many takes some milliseconds, which is what
/// everybody else's emails may have to wait for.
const PART_RECIPIENTS_MAX: usize = 100;
/// Bytes of messages from which on a part is stored before it is full, so that large letters do not fill the memory.
const PART_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How often a part is offered to a store that is busy.
const BUSY_TRIES_MAX: usize = 20;
/// The pause in between.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// A letter and whom it goes to.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub(crate) struct BulkRequest<'body> {
    /// The account of the key, if you like to say so.
    #[schema(value_type = Option<Uuid>)]
    customer_id: Option<String>,
    /// One line, at most 998 bytes when it is filled in.
    #[schema(required, value_type = String, max_length = 998, example = "Hello {{name}}")]
    subject: Option<String>,
    /// The letter as html.
    #[schema(example = "<p>Hello {{name}}, see <a href=\"https://example.com/news\">what is new</a>.</p>")]
    html: Option<String>,
    /// The letter as text. Made from `html` when it is left out.
    text: Option<String>,
    /// The author. Default: `noreply@` and the domain.
    from: Option<String>,
    /// The verified domain to send from. Default: that of `from`, else the one verified first.
    domain: Option<String>,
    /// Where answers go.
    reply_to: Option<String>,
    /// Default: true.
    track_opens: Option<bool>,
    /// Default: true.
    track_clicks: Option<bool>,
    /// A word to find the emails by, at most 100 characters.
    #[schema(max_length = 100)]
    tag: Option<String>,
    /// `broadcast` adds one-click unsubscribe headers (RFC 8058).
    stream_type: Option<StreamType>,
    #[serde(borrow)]
    #[schema(required, value_type = Vec<BulkRecipient>, min_items = 1, max_items = 10_000)]
    recipients: Option<Items<'body, RECIPIENTS_MAX>>,
}

/// One recipient of a letter.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
struct BulkRecipient {
    /// One address, with or without a name: `Ada <ada@example.com>`.
    #[schema(required, value_type = String, example = "ada@example.com")]
    email: Option<String>,
    /// Values for `{{name}}` in subject, html and text. A name that is missing fails this recipient alone.
    #[schema(value_type = Option<Object>)]
    vars: Option<Map<String, Json>>,
}

/// What became of a letter.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkReply {
    /// What its emails have in common.
    bulk_id: Uuid,
    total: usize,
    queued: usize,
    failed: usize,
    /// In the order of the request.
    #[schema(value_type = Vec<SendResult>)]
    results: Box<RawValue>,
}

/// Sends one letter to up to 10,000 recipients, each of whom gets a copy of their own. Each is judged alone; one that is
/// wrong is a result with `error` and `code`.
///
/// Content scoring judges the letter once, with the values of the first recipient whose copy is good, and what it says
/// counts for all. Copies are stored in parts while the request goes on, so use an `Idempotency-Key`: when the
/// connection or the service breaks off, the same request with the same key goes on where it stopped.
#[utoipa::path(post, path = "/api/bulk-send", tag = "Email Sending", request_body = BulkRequest,
    params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
        description = "The first answer to a key is kept for 24 hours and given again; what was broken off goes on")),
    responses((status = 200, body = BulkReply),
        (status = 409, body = crate::error::ErrorBody, description = "The key's first request is being worked on"),
        (status = 422, body = crate::error::ErrorBody)))]
pub(crate) async fn send_bulk(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    head: &Head,
    mut request: BulkRequest<'_>,
    body: &[u8],
) -> Result<Reply> {
    check_owner(customer, request.customer_id.as_deref())?;
    let recipients = request.recipients.take();
    let recipients = recipients.ok_or_else(|| Error::invalid_at("/recipients", "recipients is required"))?.0;
    let now = app.now();
    let idempotency = Idempotency::of(app, customer, head, body)?;
    let (bulk_id, done) = match &idempotency {
        None => (new_id(now), Vec::new()),
        Some(idempotency) => match idempotency.earlier(app, customer, now).await? {
            Some(Replay::Same(reply)) => return Ok(replayed(reply)),
            Some(Replay::Mismatch) => return Err(super::mismatch()),
            Some(Replay::Unfinished(bulk_id)) => {
                (bulk_id, app.store.bulk_parts(customer.id, idempotency.claim().key).await?)
            }
            None => (new_id(now), Vec::new()),
        },
    };
    let letter = Letter::read(app, customer, key, &request, bulk_id).await?;
    let mut bulk = Bulk { app, customer, letter, idempotency, recipients, done, now };
    bulk.go_on().await?;
    bulk.finish().await
}

/// A bulk send on its way.
struct Bulk<'a> {
    app: &'a App,
    customer: &'a Customer,
    letter: Letter<'a>,
    idempotency: Option<Idempotency>,
    recipients: Vec<&'a RawValue>,
    /// In order from the first recipient on.
    done: Vec<BulkPart>,
    now: i64,
}

impl Bulk<'_> {
    /// Makes and stores one part after the other.
    async fn go_on(&mut self) -> Result<()> {
        loop {
            let first = self.done.iter().map(|part| part.recipients).sum();
            if first == self.recipients.len() {
                return Ok(());
            }
            match self.patiently(first).await {
                Ok(part) => self.done.push(part),
                // The rest goes on when the key comes again.
                Err(error) if self.idempotency.is_some() || first == 0 => return Err(error),
                // Some have it already. To refuse it all would make the caller send it to them again.
                Err(error) => {
                    tracing::error!(bulk_id = %self.letter.bulk_id, %error, first, "a bulk send was broken off");
                    let rest = self.given_up(first);
                    self.done.push(rest);
                }
            }
        }
    }

    /// The next part. Once there is one, a store that is busy is waited for.
    async fn patiently(&mut self, first: usize) -> Result<BulkPart> {
        for _ in 1..BUSY_TRIES_MAX {
            match self.next_part(first).await {
                Err(Error::Busy(_)) if first > 0 => sleep(BUSY_PAUSE).await,
                part => return part,
            }
        }
        self.next_part(first).await
    }

    /// A part of all who are left and get nothing.
    fn given_up(&self, first: usize) -> BulkPart {
        let rest = &self.recipients[first..];
        let judged = rest.iter().map(|item| {
            let left_out = |recipient: Recipient| {
                let message = "The service could not queue this one any more; send it again";
                Judged { to: Some(recipient.to.address.to_string()), verdict: Err(Error::Busy(message)) }
            };
            letter::recipient(item).map_or_else(|refused| *refused, left_out)
        });
        let results = list(first, judged.collect(), &[]);
        BulkPart { recipients: rest.len(), queued: 0, results }
    }

    async fn next_part(&mut self, first: usize) -> Result<BulkPart> {
        let (judged, emails) = self.compose(first).await?;
        let recipients = judged.len();
        let batch = NewBatch {
            customer: self.customer.id,
            claim: self.idempotency.as_ref().map(Idempotency::claim),
            emails,
            monthly_limit: self.customer.monthly_email_limit,
            now: self.now,
        };
        let part = NewBulkPart { bulk_id: self.letter.bulk_id, first, recipients, batch };
        let results = move |stand: &[bool]| list(first, judged, stand);
        let stored = self.app.store.queue_bulk_part(part, self.app.ids(self.now), results).await?;
        // A request with this key whose caller went away had one more part under way.
        stored.ok_or_else(in_flight)
    }

    /// The emails of the next part, with a verdict for each recipient.
    async fn compose(&mut self, first: usize) -> Result<(Vec<Judged>, Vec<NewEmail>)> {
        let end = self.recipients.len().min(first + PART_RECIPIENTS_MAX);
        let read: Vec<_> = self.recipients[first..end].iter().copied().map(letter::recipient).collect();
        let addresses = read.iter().filter_map(|one| Some(one.as_ref().ok()?.to.address.to_string())).collect();
        let stream = self.letter.stream_type;
        let suppressed = self.app.store.suppressed(self.customer.id, addresses, stream).await?;
        let (mut judged, mut emails, mut bytes) = (Vec::with_capacity(read.len()), Vec::new(), 0);
        for (one, index) in read.into_iter().zip(first..) {
            if bytes >= PART_BYTES_MAX {
                break;
            }
            judged.push(match one {
                Ok(recipient) => {
                    let to = Some(recipient.to.address.to_string());
                    let email = self.letter.to(recipient, index, &suppressed, self.now).await;
                    let verdict = email.map(|email| {
                        let id = email.id;
                        bytes += email.raw.len();
                        emails.push(email);
                        id
                    });
                    Judged { to, verdict }
                }
                Err(refused) => *refused,
            });
            // Composing takes only a moment, but many moments are a while for those who wait for this thread.
            tokio::task::yield_now().await;
        }
        Ok((judged, emails))
    }

    /// The answer, kept under the key.
    async fn finish(self) -> Result<Reply> {
        let total = self.recipients.len();
        let queued = self.done.iter().map(|part| part.queued).sum();
        let lists: Vec<_> = self.done.iter().map(|part| part.results.as_str()).collect();
        let results = RawValue::from_string(format!("[{}]", lists.join(","))).expect("each part is a list of results");
        let reply = BulkReply { bulk_id: self.letter.bulk_id, total, queued, failed: total - queued, results };
        let reply = serde_json::to_string(&reply).expect("a reply has text keys and serializes");
        if let Some(idempotency) = &self.idempotency {
            self.app.store.finish_bulk(self.customer.id, idempotency.claim().key, reply.clone()).await?;
        }
        tracing::info!(bulk_id = %self.letter.bulk_id, total, queued, "bulk send queued");
        Ok(Reply::new(http::StatusCode::OK, "application/json", reply))
    }
}

/// Results as a JSON list without its brackets.
fn list(first: usize, judged: Vec<Judged>, stand: &[bool]) -> String {
    let text = serde_json::to_string(&results(first, judged, stand)).expect("results have text keys and serialize");
    text[1..text.len() - 1].to_owned()
}
