//! Accounts, as operators make and change them.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::api::smtp;
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::domains::new::ownership_token;
use crate::health;
use crate::ids::new_id;
use crate::mail::address::EmailAddress;
use crate::mail::event::PrivacyLevel;
use crate::mail::standing::DomainStatus;
use crate::secrets::new_api_key;
use crate::store::{Customer, CustomerChange, CustomerStatus, Domain, NewCustomer, Rotation, StoreError, VerifiedBy};

/// Emails a month of a new account.
const MONTHLY_EMAIL_LIMIT: i64 = 100_000;
/// Domains of a new account, the sandbox domain included.
const MAX_DOMAINS: i64 = 5;
/// What every sandbox domain ends in. `.test` is nobody's (RFC 6761).
pub(crate) const SANDBOX_SUFFIX: &str = "sandbox.pillarbox.test";
/// Characters of the customer's name in its sandbox domain.
const SLUG_CHARS_MAX: usize = 40;
/// How often a name is numbered before giving up.
const SLUGS_MAX: usize = 100;

/// Makes an account with its verified sandbox domain and first key, which the answer shows this once.
pub(crate) async fn create(app: &App, name: &str, email: &str, with_events: bool) -> Outcome {
    let name = crate::api::profile::check_name(name).map_err(|error| error.to_string())?;
    let email = EmailAddress::parse(email).map_err(|error| format!("{email}: {error}"))?.to_string();
    if app.store.customer_by_email(&email).await.map_err(failed)?.is_some() {
        return Err(format!("a customer with the address {email} exists already; see `pillarbox customer show`"));
    }
    let now = app.now();
    let (api_key, key) = new_api_key(false).map_err(|error| error.to_string())?;
    let customer = Customer {
        id: new_id(now),
        name,
        email,
        status: CustomerStatus::Active,
        monthly_email_limit: MONTHLY_EMAIL_LIMIT,
        max_domains: MAX_DOMAINS,
        requests_per_minute: None,
        webhook_url: None,
        tracking_enabled: true,
        open_tracking_enabled: true,
        click_tracking_enabled: true,
        enable_event_tracking: with_events,
        enable_event_api: with_events,
        privacy_level: PrivacyLevel::Full,
        created_at: now,
    };
    for number in 1..=SLUGS_MAX {
        let domain = sandbox_domain(&customer, number, ownership_token()?, now);
        let name = domain.name.clone();
        let new = NewCustomer { customer: customer.clone(), domain, key: key.clone() };
        if let Some(customer) = app.store.create_customer(new).await.map_err(failed)? {
            tracing::info!(customer = %customer.id, "customer created");
            return Ok(json!({ "customer": view(&customer), "domain": name, "api_key": api_key }));
        }
    }
    Err(format!("{SLUGS_MAX} customers have a sandbox domain like this one's; choose another name"))
}

fn sandbox_domain(customer: &Customer, number: usize, ownership_token: String, now: i64) -> Domain {
    let slug = slug(&customer.name);
    let label = if number == 1 { slug } else { format!("{slug}-{number}") };
    Domain {
        id: new_id(now),
        customer_id: customer.id,
        name: format!("{label}.{SANDBOX_SUFFIX}"),
        status: DomainStatus::Verified,
        sandbox: true,
        open_tracking_enabled: None,
        click_tracking_enabled: None,
        created_at: now,
        verified_at: Some(now),
        verified_by: Some(VerifiedBy::Service),
        outlet: None,
        ownership_token,
        own_return_path: false,
        checks_began_at: now,
        next_check_at: None,
        failing_since: None,
    }
}

/// A name as a DNS label: lower-case letters and digits, hyphens between them.
fn slug(name: &str) -> String {
    let letters = name.to_lowercase();
    let words = letters.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").chars().take(SLUG_CHARS_MAX).collect();
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "customer".into() } else { slug.into() }
}

/// Every account, oldest first.
pub(crate) async fn list(app: &App, rows_max: i64) -> Outcome {
    let customers = app.store.customers(rows_max).await.map_err(failed)?;
    Ok(json!({ "customers": customers.iter().map(view).collect::<Vec<_>>() }))
}

/// One account with its usage.
pub(crate) async fn show(app: &App, email: &str) -> Outcome {
    let customer = find(app, email).await?;
    let usage = app.store.usage(customer.id, app.now()).await.map_err(failed)?;
    let mut view = view(&customer);
    view["emails_sent_this_month"] = usage.sent.into();
    view["current_domains"] = app.store.count_domains(customer.id).await.map_err(failed)?.into();
    let domain = app.store.verified_domain(customer.id, None).await.map_err(failed)?;
    view["event_retention_days"] = match app.store.own_retention(customer.id).await.map_err(failed)? {
        Some(days) => days.into(),
        None => app.config.event_retention_days.unwrap_or(0).into(),
    };
    view["stopped_for"] = health::stops(app, customer.id).await.map_err(failed)?;
    view["default_domain"] = domain.map(|domain| domain.name).into();
    Ok(json!({ "customer": view }))
}

/// Lets an account send, or stops it.
pub(crate) async fn set_status(app: &App, email: &str, status: CustomerStatus) -> Outcome {
    change(app, email, CustomerChange { status: Some(status), ..CustomerChange::default() }).await
}

/// Gives an account a new key, which the answer shows this once.
pub(crate) async fn rotate_key(app: &App, email: &str, sandbox: bool, grace_secs: i64) -> Outcome {
    let customer = find(app, email).await?;
    let (api_key, key) = new_api_key(sandbox).map_err(|error| error.to_string())?;
    let now = app.now();
    let rotation = Rotation { at: now, old_keys_until: now + grace_secs * 1_000 };
    app.store.rotate_key(customer.id, key, rotation).await.map_err(failed)?;
    Ok(json!({ "customer": view(&customer), "api_key": api_key }))
}

/// Gives an account a new password for SMTP, which the answer shows this once.
pub(crate) async fn rotate_smtp_password(app: &App, email: &str) -> Outcome {
    let customer = find(app, email).await?;
    let (password, _) = smtp::set_new_password(app, &customer).await.map_err(|error| error.to_string())?;
    Ok(json!({ "customer": view(&customer), "smtp_password": password }))
}

/// Changes what an account may use.
pub(crate) async fn set_limits(
    app: &App,
    email: &str,
    requests_per_minute: Option<i64>,
    monthly: Option<i64>,
    max_domains: Option<i64>,
) -> Outcome {
    let limits = CustomerChange {
        requests_per_minute: requests_per_minute.map(Some),
        monthly_email_limit: monthly,
        max_domains,
        ..CustomerChange::default()
    };
    change(app, email, limits).await
}

/// Changes for how many days an account's events are kept on this node: 0 for ever, `None` as those of all others.
pub(crate) async fn set_retention(app: &App, email: &str, event_days: Option<u32>) -> Outcome {
    let customer = find(app, email).await?;
    app.store.set_own_retention(customer.id, event_days.map(i64::from)).await.map_err(failed)?;
    show(app, email).await
}

/// Changes what an account may see.
pub(crate) async fn set_features(
    app: &App,
    email: &str,
    event_tracking: Option<bool>,
    event_api: Option<bool>,
    privacy_level: Option<PrivacyLevel>,
) -> Outcome {
    let features = CustomerChange {
        enable_event_tracking: event_tracking,
        enable_event_api: event_api,
        privacy_level,
        ..CustomerChange::default()
    };
    change(app, email, features).await
}

async fn change(app: &App, email: &str, change: CustomerChange) -> Outcome {
    let customer = find(app, email).await?;
    let changed = app.store.change_customer(customer.id, change).await.map_err(failed)?;
    Ok(json!({ "customer": view(changed.as_ref().unwrap_or(&customer)) }))
}

/// The account with this address.
pub(crate) async fn find(app: &App, email: &str) -> Result<Customer, String> {
    let found = app.store.customer_by_email(email).await.map_err(failed)?;
    found.ok_or_else(|| format!("there is no customer with the address {email}; see `pillarbox customer list`"))
}

/// What the store says, for the person who gave the command.
#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
pub(crate) fn failed(error: StoreError) -> String {
    error.to_string()
}

fn view(customer: &Customer) -> Json {
    let id: Uuid = customer.id;
    json!({
        "id": id,
        "name": customer.name,
        "email": customer.email,
        "status": customer.status,
        "monthly_email_limit": customer.monthly_email_limit,
        "max_domains": customer.max_domains,
        "requests_per_minute": customer.requests_per_minute,
        "event_tracking": customer.enable_event_tracking,
        "event_api": customer.enable_event_api,
        "privacy_level": customer.privacy_level,
        "created_at": rfc3339(customer.created_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_dns_label() {
        assert_eq!(slug("Acme Corp"), "acme-corp");
        assert_eq!(slug("  Ærø & Søn!  "), "r-s-n");
        assert_eq!(slug("日本"), "customer");
        assert_eq!(slug(&"a b".repeat(40)).len(), SLUG_CHARS_MAX);
    }
}
