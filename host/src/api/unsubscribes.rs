//! Who wants no more broadcasts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::query::{PageParameters, Pagination, Query};
use super::suppressions::{address, in_path, reason};
use super::time::rfc3339;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{Cause, Customer, NewSuppression, StreamType, Suppression, SuppressionFilter, UnsubscribeSource};

/// An address that wants no more.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub(crate) struct UnsubscribeRequest {
    #[schema(required, value_type = String, example = "ada@example.com")]
    email: Option<String>,
    /// Why, in words, at most 1000 bytes.
    reason: Option<String>,
    /// One of your domains. It is checked; the unsubscribe counts for all of them.
    #[schema(value_type = Option<Uuid>)]
    domain_id: Option<String>,
}

/// An address that was unsubscribed.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnsubscribedReply {
    #[schema(example = "Email unsubscribed successfully")]
    message: &'static str,
    unsubscribe: UnsubscribeView,
}

/// Unsubscribed addresses, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnsubscribesReply {
    unsubscribes: Vec<UnsubscribeView>,
    pagination: Pagination,
    /// Give it as `cursor` to get the next page. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

#[derive(Serialize, ToSchema)]
struct UnsubscribeView {
    id: Uuid,
    #[schema(example = "ada@example.com")]
    email: String,
    /// By which way it came: the page that a link in an email leads to, a mail program's button (RFC 8058), the API, or
    /// a list that was brought along.
    source: UnsubscribeSource,
    reason: Option<String>,
    created_at: String,
}

/// An address that gets broadcasts again.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResubscribedReply {
    #[schema(example = "Email re-subscribed successfully")]
    message: &'static str,
    email: String,
}

/// Unsubscribes an address: emails of the stream `broadcast` no longer go to it, transactional ones still do.
#[utoipa::path(post, path = "/api/customer/unsubscribes", tag = "Suppressions", request_body = UnsubscribeRequest,
    responses((status = 201, body = UnsubscribedReply),
        (status = 409, body = crate::error::ErrorBody, description = "Already unsubscribed")))]
pub(crate) async fn add(app: &App, customer: &Customer, request: UnsubscribeRequest) -> Result<UnsubscribedReply> {
    let address = address(request.email.as_deref())?;
    let reason = reason(request.reason)?;
    check_domain(app, customer, request.domain_id.as_deref()).await?;
    let now = app.now();
    let (id, email) = (app.ids(now)(), address.key());
    let new = NewSuppression {
        id,
        customer: customer.id,
        address: email.clone(),
        stream: Some(StreamType::Broadcast),
        cause: Cause::Unsubscribe,
        source: Some(UnsubscribeSource::Api),
        reason: reason.clone(),
        email: None,
        now,
    };
    if app.store.suppress(vec![new]).await? != [true] {
        return Err(Error::Conflict { code: "already_unsubscribed", message: "Already unsubscribed".into() });
    }
    let unsubscribe = UnsubscribeView { id, email, source: UnsubscribeSource::Api, reason, created_at: rfc3339(now) };
    Ok(UnsubscribedReply { message: "Email unsubscribed successfully", unsubscribe })
}

/// Who unsubscribed, by whichever way.
#[utoipa::path(get, path = "/api/customer/unsubscribes", tag = "Suppressions",
    responses((status = 200, body = UnsubscribesReply)),
    params(
        ("email" = Option<String>, Query, description = "Only addresses that contain this"),
        PageParameters,
    ))]
pub(crate) async fn list(app: &App, customer: &Customer, query: &str) -> Result<UnsubscribesReply> {
    let query = Query::parse(query);
    let page = query.page()?;
    let filter = SuppressionFilter {
        address: query.text("email").map(str::to_owned),
        cause: Some(Cause::Unsubscribe),
        stream: None,
        before: page.cursor,
        offset: page.offset(),
        limit: page.limit_and_one(),
        counted: true,
    };
    let mut found = app.store.suppressions(customer.id, filter).await?;
    let next_cursor = page.cut(&mut found.suppressions, |suppression| suppression.id);
    let unsubscribes = found.suppressions.into_iter().map(view).collect();
    Ok(UnsubscribesReply { unsubscribes, pagination: page.pagination(found.total), next_cursor })
}

/// Takes an unsubscribe back. What suppresses the address for another cause stays.
#[utoipa::path(delete, path = "/api/customer/unsubscribes/{email}", tag = "Suppressions",
    params(("email" = String, Path)), responses((status = 200, body = ResubscribedReply)))]
pub(crate) async fn lift(app: &App, customer: &Customer, email: &str) -> Result<ResubscribedReply> {
    let email = in_path(email)?;
    if !app.store.resubscribe(customer.id, email.clone()).await? {
        return Err(Error::NotFound("Not found"));
    }
    Ok(ResubscribedReply { message: "Email re-subscribed successfully", email })
}

async fn check_domain(app: &App, customer: &Customer, domain_id: Option<&str>) -> Result<()> {
    let Some(text) = domain_id else { return Ok(()) };
    let Ok(id) = text.parse() else { return Err(Error::invalid_at("/domain_id", "domain_id must be a UUID")) };
    if app.store.has_domain(customer.id, id).await? { Ok(()) } else { Err(Error::NotFound("Domain not found")) }
}

fn view(suppression: Suppression) -> UnsubscribeView {
    UnsubscribeView {
        id: suppression.id,
        email: suppression.address,
        source: suppression.source.unwrap_or(UnsubscribeSource::Manual),
        reason: suppression.reason,
        created_at: rfc3339(suppression.created_at),
    }
}
