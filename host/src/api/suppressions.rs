//! Addresses that the customer's mail no longer goes to.

mod import;

pub(crate) use import::import;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::query::{LIMIT_MAX, PageParameters, Pagination, Query};
use super::time::rfc3339;
use super::{csv, export};
use crate::app::App;
use crate::error::{Error, Result};
use crate::mail::address::EmailAddress;
use crate::reply::Reply;
use crate::request::Head;
use crate::store::{Cause, Customer, NewSuppression, StreamType, Suppression, SuppressionFilter, UnsubscribeSource};

/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 1_000;
/// The columns of an export. An import knows them by name.
const COLUMNS: [&str; 6] = ["email", "stream_type", "cause", "reason", "source", "created_at"];

/// An address to suppress.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub(crate) struct SuppressRequest {
    #[schema(required, value_type = String, example = "ada@example.com")]
    email: Option<String>,
    /// The stream that is held back. Default: every stream; `broadcast` for an unsubscribe.
    stream_type: Option<StreamType>,
    /// Default: `manual`.
    cause: Option<Cause>,
    /// The same in words, at most 1000 bytes.
    reason: Option<String>,
}

/// One suppressed address.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuppressionReply {
    suppression: SuppressionView,
}

/// Suppressed addresses, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuppressionsReply {
    suppressions: Vec<SuppressionView>,
    pagination: Pagination,
    /// Give it as `cursor` to get the next page. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

#[derive(Serialize, ToSchema)]
struct SuppressionView {
    id: Uuid,
    #[schema(example = "ada@example.com")]
    email: String,
    /// The stream that is held back; null for every stream.
    stream_type: Option<StreamType>,
    cause: Cause,
    /// For unsubscribes: `link`, `one-click`, `api` or `manual`.
    source: Option<UnsubscribeSource>,
    reason: Option<String>,
    created_at: String,
}

/// An address that was taken off the list.
#[derive(Serialize, ToSchema)]
pub(crate) struct LiftedReply {
    #[schema(example = "Suppression removed successfully")]
    message: &'static str,
    email: String,
    /// How many suppressions it had.
    removed: u64,
}

/// Suppressed addresses. An unsubscribe holds back `broadcast` alone, a hard bounce or a complaint every stream.
/// `Accept: text/csv` gives all that match instead of a page; a cell that a spreadsheet would run has an apostrophe
/// before it.
#[utoipa::path(get, path = "/api/customer/suppressions", tag = "Suppressions",
    responses((status = 200, body = SuppressionsReply)),
    params(
        ("address" = Option<String>, Query, description = "Only addresses that contain this"),
        ("cause" = Option<Cause>, Query, description = "Only for this cause"),
        ("stream_type" = Option<StreamType>, Query, description = "Only those that hold back mail of this stream"),
        PageParameters,
    ))]
pub(crate) async fn list(app: &App, customer: &Customer, head: &Head) -> Result<Reply> {
    let query = Query::parse(&head.query);
    let page = query.page()?;
    let filter = SuppressionFilter {
        address: query.text("address").map(str::to_owned),
        cause: query.read("cause", "a cause such as hard_bounce", Cause::parse)?,
        stream: stream(&query)?,
        before: page.cursor,
        offset: page.offset(),
        limit: page.limit_and_one(),
        counted: true,
    };
    if export::is_wanted(&head.headers, "text/csv") {
        return Ok(export_all(app, customer, filter));
    }
    let mut found = app.store.suppressions(customer.id, filter).await?;
    let next_cursor = page.cut(&mut found.suppressions, |suppression| suppression.id);
    let suppressions = found.suppressions.into_iter().map(view).collect();
    Ok(Reply::ok(&SuppressionsReply { suppressions, pagination: page.pagination(found.total), next_cursor }))
}

/// Suppresses an address. A body of `text/csv` suppresses many: its first line names the columns, `email` and, if you
/// like, `stream_type`, `cause` and `reason`; up to 10,000 lines follow, and each line that is wrong is told.
#[utoipa::path(post, path = "/api/customer/suppressions", tag = "Suppressions",
    request_body(content((SuppressRequest = "application/json"), (String = "text/csv"))),
    responses((status = 201, body = SuppressionReply),
        (status = 200, body = import::ImportReply, description = "What became of the lines of a CSV body"),
        (status = 409, body = crate::error::ErrorBody, description = "It is suppressed already, for the same cause")))]
pub(crate) async fn add(app: &App, customer: &Customer, request: SuppressRequest) -> Result<SuppressionReply> {
    let address = address(request.email.as_deref())?;
    let new = Wanted {
        address,
        stream: request.stream_type,
        cause: request.cause.unwrap_or(Cause::Manual),
        reason: reason(request.reason)?,
    };
    let now = app.now();
    let new = new.suppression(customer, app.ids(now)(), now);
    let suppression = Suppression {
        id: new.id,
        address: new.address.clone(),
        stream: new.stream,
        cause: new.cause,
        source: new.source,
        reason: new.reason.clone(),
        created_at: now,
    };
    if app.store.suppress(vec![new]).await? != [true] {
        let message = "The address is suppressed already, in this stream and for this cause".into();
        return Err(Error::Conflict { code: "already_suppressed", message });
    }
    Ok(SuppressionReply { suppression: view(suppression) })
}

/// Takes an address off the list, whatever the cause was. With `stream_type`, what holds back every stream stays.
#[utoipa::path(delete, path = "/api/customer/suppressions/{email}", tag = "Suppressions",
    params(("email" = String, Path), ("stream_type" = Option<StreamType>, Query,
        description = "Only what holds back this stream alone")),
    responses((status = 200, body = LiftedReply)))]
pub(crate) async fn lift(app: &App, customer: &Customer, email: &str, query: &str) -> Result<LiftedReply> {
    let stream = stream(&Query::parse(query))?;
    let email = in_path(email)?;
    match app.store.lift_suppressions(customer.id, email.clone(), stream).await? {
        0 => Err(Error::NotFound("Not found")),
        removed => Ok(LiftedReply { message: "Suppression removed successfully", email, removed }),
    }
}

/// An address to suppress, read.
struct Wanted {
    address: EmailAddress,
    stream: Option<StreamType>,
    cause: Cause,
    reason: Option<String>,
}

impl Wanted {
    fn suppression(self, customer: &Customer, id: Uuid, now: i64) -> NewSuppression {
        // Who unsubscribed from broadcasts still gets a password reset.
        let unsubscribed = self.cause == Cause::Unsubscribe;
        NewSuppression {
            id,
            customer: customer.id,
            address: self.address.key(),
            stream: self.stream.or(unsubscribed.then_some(StreamType::Broadcast)),
            cause: self.cause,
            source: unsubscribed.then_some(UnsubscribeSource::Manual),
            reason: self.reason,
            email: None,
            now,
        }
    }
}

/// The address of a body, in the words of the reference when it is none.
pub(super) fn address(email: Option<&str>) -> Result<EmailAddress> {
    let Some(text) = email else { return Err(Error::invalid_at("/email", "email is required")) };
    EmailAddress::parse(text.trim()).map_err(|error| Error::invalid_as("Invalid email address", "/email", error))
}

/// The address of a path, as lists have it. What is no address is not in one.
pub(super) fn in_path(segment: &str) -> Result<String> {
    let text = percent_encoding::percent_decode_str(segment).decode_utf8().ok();
    let address = text.and_then(|text| EmailAddress::parse(&text).ok());
    address.map(|address| address.key()).ok_or(Error::NotFound("Not found"))
}

pub(super) fn reason(text: Option<String>) -> Result<Option<String>> {
    let text = text.filter(|text| !text.trim().is_empty());
    if text.as_ref().is_some_and(|text| text.len() > REASON_BYTES_MAX) {
        return Err(Error::invalid_at("/reason", format!("reason must be at most {REASON_BYTES_MAX} bytes")));
    }
    Ok(text)
}

fn stream(query: &Query) -> Result<Option<StreamType>> {
    query.read("stream_type", "transactional or broadcast", StreamType::parse)
}

fn view(suppression: Suppression) -> SuppressionView {
    SuppressionView {
        id: suppression.id,
        email: suppression.address,
        stream_type: suppression.stream,
        cause: suppression.cause,
        source: suppression.source,
        reason: suppression.reason,
        created_at: rfc3339(suppression.created_at),
    }
}

/// Streams everything that matches.
fn export_all(app: &App, customer: &Customer, filter: SuppressionFilter) -> Reply {
    let (store, customer) = (app.store.clone(), customer.id);
    let start = SuppressionFilter { before: None, offset: 0, limit: LIMIT_MAX, counted: false, ..filter };
    let head = csv::line(COLUMNS);
    export::stream("text/csv; charset=utf-8; header=present", &head, start, move |mut filter| {
        let store = store.clone();
        async move {
            let page = store.suppressions(customer, filter.clone()).await?.suppressions;
            filter.before = page.last().map(|suppression| suppression.id);
            let full = i64::try_from(page.len()).is_ok_and(|length| length == LIMIT_MAX);
            Ok((page.into_iter().map(|suppression| line(&view(suppression))).collect(), full.then_some(filter)))
        }
    })
}

fn line(view: &SuppressionView) -> String {
    csv::line([
        view.email.as_str(),
        view.stream_type.map_or("", StreamType::as_str),
        view.cause.as_str(),
        view.reason.as_deref().unwrap_or_default(),
        view.source.map_or("", UnsubscribeSource::as_str),
        view.created_at.as_str(),
    ])
}
