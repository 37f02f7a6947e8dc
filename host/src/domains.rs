//! Sending domains: what is done for them, and what operators do with them.

pub(crate) mod check;
pub(crate) mod keys;
pub(crate) mod names;
pub(crate) mod new;
pub(crate) mod records;
pub(crate) mod removal;
pub(crate) mod rotation;
mod tend;
pub(crate) mod tracking;
pub(crate) mod work;

use serde_json::{Value as Json, json};
pub use tend::{run, tend_due};

use self::keys::Algorithms;
use self::names::NameRefusal;
use self::new::{NewDomain, NotAdded};
use self::rotation::no_check;
use crate::accounts::{self, failed};
use crate::api::domains::view::{view, warning};
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::delivery::outlet::OutletKind;
use crate::mail::address::DomainName;
use crate::mail::dns::export;
use crate::mail::standing::DomainStatus;
use crate::store::{Customer, OwnedDomain, StoreError};

/// Customers that have the same name, of which a command speaks.
const NAMESAKES_MAX: i64 = 10;

/// Adds a domain to an account, with a key of each kind. A domain of the same account that waits for its verification
/// is taken as verified when that is asked for.
pub(crate) async fn add(
    app: &App,
    name: &str,
    customer: &str,
    assume_verified: bool,
    outlet: Option<OutletKind>,
) -> Outcome {
    check_outlet(app, outlet)?;
    let customer = accounts::find(app, customer).await?;
    let name = names::check_name(name).map_err(NameRefusal::into_message)?;
    if let Some(own) = of_customer(app, &name, &customer).await? {
        return assume(app, own, &customer, assume_verified).await;
    }
    let algorithms = Algorithms::default();
    let new = NewDomain { name, selector: None, algorithms, assume_verified, outlet };
    let domain = new::add(app, &customer, new).await.map_err(|error| not_added(error, &customer))?;
    show(app, &domain.name, Some(customer.email)).await
}

async fn assume(app: &App, own: OwnedDomain, customer: &Customer, assume_verified: bool) -> Outcome {
    let name = own.domain.name;
    if own.domain.status == DomainStatus::Verified || !assume_verified {
        return Err(format!("{} has {name} already; see `pillarbox domain show {name}`", customer.email));
    }
    let now = app.now();
    if !app.store.assume_verified(own.domain.id, now, app.ids(now)).await.map_err(failed)? {
        return Err(taken(&name));
    }
    show(app, &name, Some(customer.email.clone())).await
}

fn not_added(error: NotAdded, customer: &Customer) -> String {
    match error {
        NotAdded::Name(refusal) => refusal.into_message(),
        NotAdded::Selector(message) | NotAdded::Keys(message) => message,
        NotAdded::Exists(name) => taken(&name),
        NotAdded::Limit(max) => format!(
            "{email} may have {max} domains and has them; `pillarbox customer limits --email {email} --max-domains {more}` \
             allows one more",
            email = customer.email,
            more = max + 1,
        ),
        NotAdded::Store(error) => failed(error),
    }
}

fn taken(name: &str) -> String {
    format!("{name} belongs to another customer, who has verified it; see `pillarbox domain show {name}`")
}

/// Mail must not be taken for an outlet that leads nowhere.
fn check_outlet(app: &App, outlet: Option<OutletKind>) -> Result<(), String> {
    if outlet == Some(OutletKind::Relay) && app.config.smarthosts.is_empty() {
        return Err("the outlet `relay` needs a smarthost: set relay_url, and start the service again".into());
    }
    Ok(())
}

/// Domains by name, of one account or of all.
pub(crate) async fn list(app: &App, customer: Option<&str>, rows_max: i64) -> Outcome {
    let customer = match customer {
        Some(email) => Some(accounts::find(app, email).await?.id),
        None => None,
    };
    let domains = app.store.domains(customer, rows_max).await.map_err(failed)?;
    let row = |OwnedDomain { domain, customer }: &OwnedDomain| {
        json!({
            "id": domain.id,
            "domain": domain.name,
            "unicode": names::in_unicode(&domain.name),
            "customer": customer,
            "status": domain.status,
            "verified_by": domain.verified_by,
            "verified_at": domain.verified_at.map(rfc3339),
            "sandbox": domain.sandbox,
            "outlet": domain.outlet,
            "created_at": rfc3339(domain.created_at),
            "warnings": warning(app, domain).into_iter().collect::<Vec<_>>(),
        })
    };
    Ok(json!({ "domains": domains.iter().map(row).collect::<Vec<_>>() }))
}

/// One domain with its records and its history.
pub(crate) async fn show(app: &App, name: &str, customer: Option<String>) -> Outcome {
    let owned = find(app, name, customer).await?;
    Ok(json!({ "domain": shown(app, &owned).await? }))
}

async fn shown(app: &App, owned: &OwnedDomain) -> Result<Json, String> {
    let gone = || format!("{} is gone", owned.domain.name);
    let known = app.store.known_domain(None, owned.domain.id).await.map_err(failed)?.ok_or_else(gone)?;
    let history = app.store.domain_events(owned.domain.id).await.map_err(failed)?;
    let mut shown = serde_json::to_value(view(app, &known, Some(history))).map_err(|error| error.to_string())?;
    shown["customer"] = owned.customer.as_str().into();
    shown["outlet"] = known.domain.outlet.map(OutletKind::as_str).into();
    Ok(shown)
}

/// Looks for a domain's records now.
pub(crate) async fn check(app: &App, name: &str, customer: Option<String>) -> Outcome {
    let owned = find(app, name, customer).await?;
    refuse_sandbox(&owned, "it needs no records")?;
    check::check(app, owned.domain.id, true).await.map_err(|error| no_check(&error))?;
    let domain = shown(app, &owned).await?;
    Ok(json!({ "checks": domain["records"], "domain": domain }))
}

/// A domain's records as lines of a zone file, and as what providers take.
pub(crate) async fn records(app: &App, name: &str, customer: Option<String>) -> Outcome {
    let owned = find(app, name, customer).await?;
    let domain = shown(app, &owned).await?;
    let known = app.store.known_domain(None, owned.domain.id).await.map_err(failed)?;
    let records: Vec<_> =
        known.iter().flat_map(|known| records::wanted(app, known)).map(|wanted| wanted.record).collect();
    let export = export::json(&owned.domain.name, &records);
    let export = serde_json::to_value(export).map_err(|error| error.to_string())?;
    Ok(json!({ "domain": domain, "zone": export::zone(&records), "export": export }))
}

/// Gives a domain new keys.
pub(crate) async fn rotate_dkim(app: &App, name: &str, customer: Option<String>) -> Outcome {
    let owned = find(app, name, customer).await?;
    rotation::rotate(app, &owned.domain).await.map_err(|error| error.message())?;
    Ok(json!({ "domain": shown(app, &owned).await? }))
}

/// Takes a domain away.
pub(crate) async fn remove(app: &App, name: &str, customer: Option<String>) -> Outcome {
    let owned = find(app, name, customer).await?;
    refuse_sandbox(&owned, "every account keeps its own")?;
    let removed = removal::remove(app, &owned.domain).await.map_err(failed)?;
    let copies = removed.ok_or_else(|| format!("{} is gone already", owned.domain.name))?;
    Ok(json!({ "removed": owned.domain.name, "customer": owned.customer, "failed": copies }))
}

/// Directs a domain's mail.
pub(crate) async fn set_outlet(app: &App, name: &str, customer: Option<String>, outlet: Option<OutletKind>) -> Outcome {
    check_outlet(app, outlet)?;
    let owned = find(app, name, customer).await?;
    if owned.domain.sandbox && outlet.is_some_and(|outlet| outlet != OutletKind::Capture) {
        return Err(format!("{} is a sandbox domain: its mail never leaves this machine", owned.domain.name));
    }
    app.store.set_outlet(owned.domain.id, outlet).await.map_err(failed)?;
    Ok(json!({ "domain": shown(app, &owned).await? }))
}

/// Gives a domain a host of its own for tracked links, or takes it away.
pub(crate) async fn set_tracking_host(app: &App, name: &str, customer: Option<String>, host: Option<&str>) -> Outcome {
    let owned = find(app, name, customer).await?;
    tracking::set(app, &owned.domain, host).await.map_err(|refusal| refusal.to_string())?;
    Ok(json!({ "domain": shown(app, &owned).await? }))
}

/// The headers that a message of this domain goes out with.
pub(crate) async fn sign(app: &App, name: &str, customer: Option<String>, message: &[u8]) -> Outcome {
    let OwnedDomain { domain, .. } = find(app, name, customer).await?;
    let headers =
        app.signers.sign(&app.store, domain.id, message, app.now()).await.map_err(|error| error.to_string())?;
    Ok(json!({ "headers": String::from_utf8_lossy(&headers) }))
}

fn refuse_sandbox(owned: &OwnedDomain, why: &str) -> Result<(), String> {
    let OwnedDomain { domain, .. } = owned;
    if domain.sandbox { Err(format!("{} is a sandbox domain: {why}", domain.name)) } else { Ok(()) }
}

/// The domain of this name. Where several customers have it, which one must be said, unless one of them has verified it.
async fn find(app: &App, name: &str, customer: Option<String>) -> Result<OwnedDomain, String> {
    let parsed = DomainName::parse(name).map_err(|error| format!("{name}: {error}"))?;
    let name = parsed.as_str();
    let customer = customer.map(|email| email.to_lowercase());
    let mut found = by_name(app, name, customer.clone()).await.map_err(failed)?;
    if found.len() > 1 && found[0].domain.status != DomainStatus::Verified {
        let customers: Vec<_> = found.iter().map(|owned| owned.customer.as_str()).collect();
        return Err(format!("several customers wait for {name}: {}; say which by --customer", customers.join(", ")));
    }
    if found.is_empty() {
        let of = customer.map(|email| format!(" of {email}")).unwrap_or_default();
        return Err(format!("there is no domain {name}{of}; see `pillarbox domain list`"));
    }
    Ok(found.swap_remove(0))
}

async fn of_customer(app: &App, name: &str, customer: &Customer) -> Result<Option<OwnedDomain>, String> {
    let found = by_name(app, name, Some(customer.email.clone())).await.map_err(failed)?;
    Ok(found.into_iter().next())
}

async fn by_name(app: &App, name: &str, customer: Option<String>) -> Result<Vec<OwnedDomain>, StoreError> {
    app.store.domains_by_name(name.to_owned(), customer, NAMESAKES_MAX).await
}
