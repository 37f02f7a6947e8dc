//! Sending domains, as operators add and direct them.

use serde_json::{Value as Json, json};
use tokio::task::spawn_blocking;

use crate::accounts::{self, SANDBOX_SUFFIX, failed};
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::delivery::outlet::OutletKind;
use crate::ids::new_id;
use crate::mail::address::DomainName;
use crate::mail::dkim::{Algorithm, record, strings};
use crate::mail::verp::BOUNCE_DOMAIN_BYTES_MAX;
use crate::store::{Added, DkimKey, Domain, OwnedDomain, VerifiedBy};

/// What selectors begin with; the day on which the key was made follows, so that the next key has another.
const SELECTOR_PREFIX: &str = "pb";

/// Adds a domain to an account, with a key of each kind. A domain of the same account that waits for its verification
/// is taken as verified when that is asked for.
pub(crate) async fn add(
    app: &App,
    name: &str,
    customer: &str,
    assume_verified: bool,
    outlet: Option<OutletKind>,
) -> Outcome {
    let name = check_name(name)?;
    check_outlet(app, outlet)?;
    let customer = accounts::find(app, customer).await?;
    let now = app.now();
    if let Some(OwnedDomain { domain, .. }) = app.store.domain_by_name(name.clone()).await.map_err(failed)? {
        if domain.customer_id != customer.id {
            return Err(format!("{name} belongs to another customer; see `pillarbox domain show {name}`"));
        }
        if domain.verified_at.is_some() || !assume_verified {
            return Err(format!("{} has {name} already; see `pillarbox domain show {name}`", customer.email));
        }
        app.store.assume_verified(domain.id, now).await.map_err(failed)?;
        return show(app, &name).await;
    }
    let domain = Domain {
        id: new_id(now),
        customer_id: customer.id,
        name: name.clone(),
        sandbox: false,
        open_tracking_enabled: None,
        click_tracking_enabled: None,
        created_at: now,
        verified_at: assume_verified.then_some(now),
        verified_by: assume_verified.then_some(VerifiedBy::Operator),
        outlet,
    };
    let keys = make_keys(app, &name, now).await?;
    let id = domain.id;
    match app.store.add_domain(domain, keys, customer.max_domains, app.ids(now)).await.map_err(failed)? {
        Added::Stored => {
            tracing::info!(domain = %id, customer = %customer.id, assumed = assume_verified, "domain added");
            show(app, &name).await
        }
        Added::Exists => Err(format!("{name} was just added by somebody else; see `pillarbox domain show {name}`")),
        Added::Limit => Err(format!(
            "{email} may have {max} domains and has them; `pillarbox customer limits --email {email} --max-domains {more}` \
             allows one more",
            email = customer.email,
            max = customer.max_domains,
            more = customer.max_domains + 1,
        )),
    }
}

/// A name as it is kept: A-labels, short enough for a bounce address, and none of those that the service gives away.
fn check_name(name: &str) -> Result<String, String> {
    let parsed = DomainName::parse(name).map_err(|error| format!("{name}: {error}"))?;
    let name = parsed.as_str();
    if name.len() > BOUNCE_DOMAIN_BYTES_MAX {
        return Err(format!("{name} is too long: its bounce addresses leave {BOUNCE_DOMAIN_BYTES_MAX} bytes for it"));
    }
    if name.ends_with(SANDBOX_SUFFIX) {
        return Err(format!("the service gives away the names in {SANDBOX_SUFFIX} itself, one to each customer"));
    }
    Ok(name.to_owned())
}

/// Mail must not be taken for an outlet that leads nowhere.
fn check_outlet(app: &App, outlet: Option<OutletKind>) -> Result<(), String> {
    if outlet == Some(OutletKind::Relay) && app.config.smarthosts.is_empty() {
        return Err("the outlet `relay` needs a smarthost: set relay_url, and start the service again".into());
    }
    Ok(())
}

/// A key of each kind, made on a thread that may block.
async fn make_keys(app: &App, domain: &str, now: i64) -> Result<Vec<DkimKey>, String> {
    let (sealer, domain) = (app.signers.sealer(), domain.to_owned());
    let day = rfc3339(now).split('T').next().unwrap_or_default().replace('-', "");
    let make = move || {
        let key = |algorithm: Algorithm| {
            let selector = format!("{SELECTOR_PREFIX}{day}-{}", algorithm.as_str());
            sealer.make(&domain, selector, algorithm)
        };
        Algorithm::ALL.iter().copied().map(key).collect()
    };
    spawn_blocking(make).await.map_err(|error| format!("the keys could not be made: {error}"))?
}

/// Domains by name, of one account or of all.
pub(crate) async fn list(app: &App, customer: Option<&str>, rows_max: i64) -> Outcome {
    let customer = match customer {
        Some(email) => Some(accounts::find(app, email).await?.id),
        None => None,
    };
    let domains = app.store.domains(customer, rows_max).await.map_err(failed)?;
    Ok(json!({ "domains": domains.iter().map(view).collect::<Vec<_>>() }))
}

/// One domain with the records that it publishes.
pub(crate) async fn show(app: &App, name: &str) -> Outcome {
    let owned = find(app, name).await?;
    let signing = app.store.signing_domain(owned.domain.id).await.map_err(failed)?;
    let keys = signing.map(|domain| domain.keys).unwrap_or_default();
    let mut view = view(&owned);
    view["records"] = keys.iter().map(|key| record_view(&owned.domain.name, key)).collect();
    Ok(json!({ "domain": view }))
}

/// Directs a domain's mail.
pub(crate) async fn set_outlet(app: &App, name: &str, outlet: Option<OutletKind>) -> Outcome {
    check_outlet(app, outlet)?;
    let OwnedDomain { domain, .. } = find(app, name).await?;
    if domain.sandbox && outlet.is_some_and(|outlet| outlet != OutletKind::Capture) {
        return Err(format!("{} is a sandbox domain: its mail never leaves this machine", domain.name));
    }
    app.store.set_outlet(domain.id, outlet).await.map_err(failed)?;
    show(app, &domain.name).await
}

/// The headers that a message of this domain goes out with.
pub(crate) async fn sign(app: &App, name: &str, message: &[u8]) -> Outcome {
    let OwnedDomain { domain, .. } = find(app, name).await?;
    let headers =
        app.signers.sign(&app.store, domain.id, message, app.now()).await.map_err(|error| error.to_string())?;
    Ok(json!({ "headers": String::from_utf8_lossy(&headers) }))
}

async fn find(app: &App, name: &str) -> Result<OwnedDomain, String> {
    let parsed = DomainName::parse(name).map_err(|error| format!("{name}: {error}"))?;
    let found = app.store.domain_by_name(parsed.as_str().to_owned()).await.map_err(failed)?;
    found.ok_or_else(|| format!("there is no domain {}; see `pillarbox domain list`", parsed.as_str()))
}

fn view(OwnedDomain { domain, customer }: &OwnedDomain) -> Json {
    json!({
        "id": domain.id,
        "domain": domain.name,
        "customer": customer,
        "status": if domain.verified_at.is_some() { "verified" } else { "pending" },
        "verified_by": domain.verified_by,
        "verified_at": domain.verified_at.map(rfc3339),
        "sandbox": domain.sandbox,
        "outlet": domain.outlet,
        "created_at": rfc3339(domain.created_at),
    })
}

fn record_view(domain: &str, key: &DkimKey) -> Json {
    let value = record(key.algorithm, &key.public_key);
    json!({
        "purpose": "dkim",
        "type": "TXT",
        "host": format!("{}._domainkey.{domain}", key.selector),
        "value": value,
        "strings": strings(&value),
    })
}
