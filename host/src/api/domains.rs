//! The domains that a customer sends from.

pub(crate) mod view;

use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use self::view::{DomainView, RecordView, WarningView, view, warning};
use super::query::{Pagination, Query};
use crate::app::App;
use crate::domains::keys::Algorithms;
use crate::domains::names::NameRefusal;
use crate::domains::new::{NewDomain, NotAdded};
use crate::domains::records::wanted;
use crate::domains::rotation::NoRotation;
use crate::domains::work::NoCheck;
use crate::domains::{check, new, removal, rotation, tracking};
use crate::error::{Error, Result};
use crate::mail::dns::{Record, export};
use crate::mail::event::words;
use crate::reply::Reply;
use crate::store::{Customer, Domain, DomainChange, KnownDomain};

/// Domains of which a profile warns.
const WARNINGS_MAX: i64 = 50;

/// A domain to send from.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub(crate) struct DomainRequest {
    /// In any script.
    #[schema(required, value_type = String, example = "mail.acme.example")]
    domain: Option<String>,
    /// How the record of its key is called: letters, digits and hyphens, at most 50. The second of two keys has `-ed25519`
    /// behind it. Default: one made from the day.
    #[schema(example = "mail")]
    dkim_selector: Option<String>,
    /// Which keys sign its mail: `rsa2048`, `ed25519`, or `both`, which is the default.
    dkim_algorithm: Option<Algorithms>,
}

/// What changes of a domain. What is left out stays; null follows the account.
#[derive(Deserialize, ToSchema)]
#[serde(expecting = "an object")]
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
pub(crate) struct DomainChangeRequest {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<bool>)]
    open_tracking_enabled: Option<Option<bool>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<bool>)]
    click_tracking_enabled: Option<Option<bool>>,
    /// The name below the domain that its tracked links begin with; null takes it away. The same once more is looked at now.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "click.acme.example")]
    tracking_host: Option<Option<String>>,
}

/// One domain.
#[derive(Serialize, ToSchema)]
pub(crate) struct DomainReply {
    domain: DomainView,
}

/// Domains, by name.
#[derive(Serialize, ToSchema)]
pub(crate) struct DomainsReply {
    domains: Vec<DomainView>,
    pagination: Pagination,
}

/// A domain after a check, and what was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerifyReply {
    domain: DomainView,
    /// Every record as it was found just now.
    checks: Vec<RecordView>,
}

/// A domain that is gone.
#[derive(Serialize, ToSchema)]
pub(crate) struct DomainDeletedReply {
    #[schema(example = "Domain deleted successfully")]
    message: &'static str,
    /// Copies of emails that waited to be sent from it, and have failed.
    failed: usize,
}

/// Tells null from left out.
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// The account's domains. The records of each say how they were found when it was last checked.
#[utoipa::path(get, path = "/api/customer/domains", tag = "Domains", responses((status = 200, body = DomainsReply)),
    params(
        ("page" = Option<i64>, Query, minimum = 1, maximum = 1_000_000, description = "From 1"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1_000, description = "Items of a page; 50 when not given"),
    ))]
pub(crate) async fn list(app: &App, customer: &Customer, query: &str) -> Result<DomainsReply> {
    let page = Query::parse(query).page()?;
    let found = app.store.known_domains(customer.id, page.limit, page.offset()).await?;
    let total = app.store.count_domains(customer.id).await?;
    let domains = found.iter().map(|known| view(app, known, None)).collect();
    Ok(DomainsReply { domains, pagination: page.pagination(total) })
}

/// One domain, with the records to publish and what happened to it. `format=zone` gives the records as lines of a zone
/// file (BIND), `format=json` as what Route 53 and Cloudflare take.
#[utoipa::path(get, path = "/api/customer/domains/{domain_id}", tag = "Domains",
    params(("domain_id" = Uuid, Path), ("format" = inline(Option<Format>), Query, description = "How to give the records")),
    responses((status = 200, description = "The domain, or its records in the format that was asked for",
        content((DomainAnswer = "application/json"), (String = "text/plain")))))]
pub(crate) async fn show(app: &App, customer: &Customer, domain_id: &str, query: &str) -> Result<Reply> {
    let format = Query::parse(query).word("format", (Format::ALL, Format::as_str), Format::parse)?;
    let known = find(app, customer, domain_id).await?;
    match format {
        None => Ok(Reply::ok(&reply(app, &known).await?)),
        Some(Format::Zone) => {
            let zone = export::zone(&records(app, &known));
            Ok(Reply::new(StatusCode::OK, "text/plain; charset=utf-8", zone))
        }
        Some(Format::Json) => Ok(Reply::ok(&export::json(&known.domain.name, &records(app, &known)))),
    }
}

/// A domain, or its records.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes an answer for the reference, which is made of its parts")]
enum DomainAnswer {
    Domain(Box<DomainReply>),
    Records(RecordsReply),
}

/// The records for the APIs of providers.
#[derive(Serialize, ToSchema)]
struct RecordsReply {
    /// A batch of changes.
    #[schema(value_type = Object)]
    route53: Json,
    /// Records to post.
    #[schema(value_type = Object)]
    cloudflare: Json,
}

words! {
    /// How records are given.
    Format {
        /// As lines of a zone file (BIND).
        Zone = "zone",
        /// As what Route 53 and Cloudflare take.
        Json = "json",
    }
}

/// Adds a domain with keys that sign its mail. It may send once its records are found: publish them, and have it verified,
/// or wait for the service to look.
#[utoipa::path(post, path = "/api/customer/domains", tag = "Domains", request_body = DomainRequest,
    responses((status = 201, body = DomainReply), (status = 409, body = crate::error::ErrorBody,
        description = "The account has it already, or another one has verified it"),
        (status = 422, body = crate::error::ErrorBody,
        description = "The account has as many domains as it may, or the name is nobody's to add")))]
pub(crate) async fn add(app: &App, customer: &Customer, request: DomainRequest) -> Result<DomainReply> {
    let Some(name) = request.domain else { return Err(Error::invalid_at("/domain", "domain is required")) };
    let new = NewDomain {
        name,
        selector: request.dkim_selector,
        algorithms: request.dkim_algorithm.unwrap_or_default(),
        assume_verified: false,
        outlet: None,
    };
    let domain = new::add(app, customer, new).await.map_err(not_added)?;
    let known = app.store.known_domain(Some(customer.id), domain.id).await?.ok_or(NOT_FOUND)?;
    reply(app, &known).await
}

/// Changes how mail of a domain is tracked.
#[utoipa::path(patch, path = "/api/customer/domains/{domain_id}", tag = "Domains", request_body = DomainChangeRequest,
    params(("domain_id" = Uuid, Path)), responses((status = 200, body = DomainReply),
        (status = 409, body = crate::error::ErrorBody, description = "Another domain has this tracking host"),
        (status = 422, body = crate::error::ErrorBody, description = "The service cannot have tracking hosts")))]
pub(crate) async fn change(
    app: &App,
    customer: &Customer,
    domain_id: &str,
    request: DomainChangeRequest,
) -> Result<DomainReply> {
    let known = find(app, customer, domain_id).await?;
    if let Some(host) = request.tracking_host {
        tracking::set(app, &known.domain, host.as_deref()).await?;
    }
    let change = DomainChange {
        open_tracking_enabled: request.open_tracking_enabled,
        click_tracking_enabled: request.click_tracking_enabled,
    };
    let domain = app.store.change_domain(customer.id, known.domain.id, change).await?.ok_or(NOT_FOUND)?;
    let known = app.store.known_domain(Some(customer.id), domain.id).await?.ok_or(NOT_FOUND)?;
    reply(app, &known).await
}

/// Looks for the domain's records now, asking the servers of its zone and the service's resolver. The answer is 200
/// whatever is found. For a domain that was given up, looking begins again.
#[utoipa::path(post, path = "/api/customer/domains/{domain_id}/verify", tag = "Domains",
    params(("domain_id" = Uuid, Path)), responses((status = 200, body = VerifyReply),
        (status = 422, body = crate::error::ErrorBody, description = "A sandbox domain has no records")))]
pub(crate) async fn verify(app: &App, customer: &Customer, domain_id: &str) -> Result<VerifyReply> {
    let known = find(app, customer, domain_id).await?;
    refuse_sandbox(&known.domain, "it needs no records and is verified already")?;
    check::check(app, known.domain.id, true).await.map_err(|error| match error {
        NoCheck::Busy => Error::Busy("Too many domains are being checked; try again"),
        NoCheck::Failed(error) => error.into(),
    })?;
    let known = find(app, customer, domain_id).await?;
    let DomainReply { domain } = reply(app, &known).await?;
    Ok(VerifyReply { checks: domain.records.clone(), domain })
}

/// Makes new keys for the domain's mail. The present ones sign until the records of the new ones are found, and keep their
/// own records for seven days more.
#[utoipa::path(post, path = "/api/customer/domains/{domain_id}/rotate-dkim", tag = "Domains",
    params(("domain_id" = Uuid, Path)), responses((status = 200, body = DomainReply),
        (status = 409, body = crate::error::ErrorBody, description = "New keys wait for their records already"),
        (status = 422, body = crate::error::ErrorBody, description = "A sandbox domain has no keys")))]
pub(crate) async fn rotate_dkim(app: &App, customer: &Customer, domain_id: &str) -> Result<DomainReply> {
    let known = find(app, customer, domain_id).await?;
    rotation::rotate(app, &known.domain).await.map_err(|error| {
        let message = error.message();
        match error {
            NoRotation::Sandbox => Error::Refused { code: "sandbox_domain", message, findings: None },
            NoRotation::UnderWay => Error::Conflict { code: "rotation_under_way", message },
            NoRotation::TooMany => Error::Conflict { code: "too_many_keys", message },
            NoRotation::NoDomain => NOT_FOUND,
            NoRotation::Keys(error) => Error::Internal { public: "Failed to make keys", cause: error.into() },
            NoRotation::Store(error) => error.into(),
        }
    })?;
    reply(app, &find(app, customer, domain_id).await?).await
}

/// Takes a domain away. Mail that waits to be sent from it fails; what was sent keeps its history.
#[utoipa::path(delete, path = "/api/customer/domains/{domain_id}", tag = "Domains",
    params(("domain_id" = Uuid, Path)), responses((status = 200, body = DomainDeletedReply),
        (status = 422, body = crate::error::ErrorBody, description = "The sandbox domain stays")))]
pub(crate) async fn delete(app: &App, customer: &Customer, domain_id: &str) -> Result<DomainDeletedReply> {
    let known = find(app, customer, domain_id).await?;
    refuse_sandbox(&known.domain, "every account keeps its own")?;
    let failed = removal::remove(app, &known.domain).await?.ok_or(NOT_FOUND)?;
    Ok(DomainDeletedReply { message: "Domain deleted successfully", failed })
}

/// What the account's owner should know of its domains, at most [`WARNINGS_MAX`].
pub(crate) async fn warnings(app: &App, customer: &Customer) -> Result<Vec<WarningView>> {
    let troubled = app.store.troubled_domains(customer.id, WARNINGS_MAX).await?;
    Ok(troubled.iter().filter_map(|domain| warning(app, domain)).collect())
}

const NOT_FOUND: Error = Error::NotFound("Domain not found");

fn id(domain_id: &str) -> Result<Uuid> {
    domain_id.parse().map_err(|_| NOT_FOUND)
}

async fn find(app: &App, customer: &Customer, domain_id: &str) -> Result<KnownDomain> {
    app.store.known_domain(Some(customer.id), id(domain_id)?).await?.ok_or(NOT_FOUND)
}

async fn reply(app: &App, known: &KnownDomain) -> Result<DomainReply> {
    let history = app.store.domain_events(known.domain.id).await?;
    Ok(DomainReply { domain: view(app, known, Some(history)) })
}

fn records(app: &App, known: &KnownDomain) -> Vec<Record> {
    wanted(app, known).into_iter().map(|wanted| wanted.record).collect()
}

fn refuse_sandbox(domain: &Domain, why: &str) -> Result<()> {
    if !domain.sandbox {
        return Ok(());
    }
    let message = format!("{} is a sandbox domain: {why}", domain.name);
    Err(Error::Refused { code: "sandbox_domain", message, findings: None })
}

fn not_added(error: NotAdded) -> Error {
    let refused = |code, message| Error::Refused { code, message, findings: None };
    match error {
        NotAdded::Name(NameRefusal::Malformed(message)) => Error::invalid_at("/domain", message),
        NotAdded::Name(NameRefusal::Refused { code, message }) => refused(code, message),
        NotAdded::Selector(message) => Error::invalid_at("/dkim_selector", message),
        NotAdded::Exists(name) => Error::Conflict {
            code: "domain_exists",
            message: format!("{name} is a domain of this account already, or another account has verified it"),
        },
        NotAdded::Limit(max) => {
            refused("domain_limit_reached", format!("The account may have {max} domains and has them"))
        }
        NotAdded::Keys(error) => Error::Internal { public: "Failed to make keys", cause: error.into() },
        NotAdded::Store(error) => error.into(),
    }
}
