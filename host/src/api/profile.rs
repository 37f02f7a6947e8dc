//! The account itself and its key.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::domains::view::WarningView;
use super::domains::warnings;
use super::time::rfc3339;
use crate::app::App;
use crate::error::{Error, Result};
use crate::secrets::new_api_key;
use crate::store::{ApiKey, Customer, CustomerChange, CustomerStatus, Rotation};

/// The longest time that an old key may live on, in seconds: 7 days.
const GRACE_SECS_MAX: i64 = 7 * 24 * 60 * 60;
/// The longest name of an account, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 200;
/// The longest notification address, in bytes.
const WEBHOOK_URL_BYTES_MAX: usize = 2_048;

/// An account.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileReply {
    customer: Profile,
}

#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the switches are fields of the reference")]
struct Profile {
    id: Uuid,
    #[schema(example = "Acme Corp")]
    name: String,
    #[schema(example = "api@acme.com")]
    email: String,
    status: CustomerStatus,
    monthly_email_limit: i64,
    max_domains: i64,
    current_domains: i64,
    emails_sent_this_month: i64,
    remaining_emails: i64,
    webhook_url: Option<String>,
    /// The switch above the next two.
    tracking_enabled: bool,
    click_tracking_enabled: bool,
    open_tracking_enabled: bool,
    enable_event_tracking: bool,
    enable_event_api: bool,
    /// `full`, `masked` or `minimal`.
    #[schema(value_type = String, example = "full")]
    privacy_level: crate::mail::event::PrivacyLevel,
    /// The key of this request, masked.
    #[schema(example = "ml_live_0123…cdef")]
    api_key: String,
    created_at: String,
    /// Domains that need their owner's attention.
    warnings: Vec<WarningView>,
}

/// What an account may change of itself. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
pub(crate) struct ProfileChange {
    name: Option<String>,
    /// An https URL, or null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    webhook_url: Option<Option<String>>,
    tracking_enabled: Option<bool>,
    click_tracking_enabled: Option<bool>,
    open_tracking_enabled: Option<bool>,
}

/// How the old key ends.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct RotateRequest {
    /// Seconds for which it still works; 0 when left out, at most 7 days.
    #[schema(minimum = 0, maximum = 604_800)]
    grace_period_seconds: Option<i64>,
}

/// The new key. It is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RotateReply {
    message: &'static str,
    api_key: String,
    #[schema(example = "ml_live_")]
    key_prefix: &'static str,
    customer: RotatedCustomer,
}

#[derive(Serialize, ToSchema)]
struct RotatedCustomer {
    id: Uuid,
    name: String,
    email: String,
}

/// Tells null from left out.
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// The account behind the key.
#[utoipa::path(get, path = "/api/customer/profile", tag = "Profile", responses((status = 200, body = ProfileReply)))]
pub(crate) async fn show(app: &App, customer: &Customer, key: &ApiKey) -> Result<ProfileReply> {
    let sent = app.store.usage(customer.id, app.now()).await?.sent;
    Ok(ProfileReply {
        customer: Profile {
            id: customer.id,
            name: customer.name.clone(),
            email: customer.email.clone(),
            status: customer.status,
            monthly_email_limit: customer.monthly_email_limit,
            max_domains: customer.max_domains,
            current_domains: app.store.count_domains(customer.id).await?,
            emails_sent_this_month: sent,
            remaining_emails: (customer.monthly_email_limit - sent).max(0),
            webhook_url: customer.webhook_url.clone(),
            tracking_enabled: customer.tracking_enabled,
            click_tracking_enabled: customer.click_tracking_enabled,
            open_tracking_enabled: customer.open_tracking_enabled,
            enable_event_tracking: customer.enable_event_tracking,
            enable_event_api: customer.enable_event_api,
            privacy_level: customer.privacy_level,
            api_key: key.masked.clone(),
            created_at: rfc3339(customer.created_at),
            warnings: warnings(app, customer).await?,
        },
    })
}

/// Changes the account's name, notification address and tracking switches.
#[utoipa::path(patch, path = "/api/customer/profile", tag = "Profile", request_body = ProfileChange,
    responses((status = 200, body = ProfileReply)))]
pub(crate) async fn change(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    change: ProfileChange,
) -> Result<ProfileReply> {
    let name = change.name.map(|name| check_name(&name)).transpose()?;
    if let Some(Some(url)) = &change.webhook_url {
        check_webhook_url(url)?;
    }
    let change = CustomerChange {
        name,
        webhook_url: change.webhook_url,
        tracking_enabled: change.tracking_enabled,
        open_tracking_enabled: change.open_tracking_enabled,
        click_tracking_enabled: change.click_tracking_enabled,
        ..CustomerChange::default()
    };
    let changed = app.store.change_customer(customer.id, change).await?;
    show(app, changed.as_ref().unwrap_or(customer), key).await
}

/// Replaces the key that the request came with. The old one ends at once, or after the grace period.
#[utoipa::path(post, path = "/api/customer/rotate-key", tag = "Profile", request_body = Option<RotateRequest>,
    responses((status = 200, body = RotateReply)))]
pub(crate) async fn rotate_key(
    app: &App,
    customer: &Customer,
    key: &ApiKey,
    request: RotateRequest,
) -> Result<RotateReply> {
    let grace_secs = request.grace_period_seconds.unwrap_or(0);
    if !(0..=GRACE_SECS_MAX).contains(&grace_secs) {
        let message = format!("grace_period_seconds must be from 0 to {GRACE_SECS_MAX} (7 days)");
        return Err(Error::invalid_at("/grace_period_seconds", message));
    }
    let now = app.now();
    let (api_key, new) = new_api_key(key.sandbox)
        .map_err(|error| Error::Internal { public: "Failed to rotate API key", cause: error.into() })?;
    let rotation = Rotation { at: now, old_keys_until: now + grace_secs * 1_000 };
    app.store.rotate_key(customer.id, new, rotation).await?;
    tracing::info!(customer = %customer.id, grace_secs, "API key rotated");
    Ok(RotateReply {
        message: "API key rotated successfully. Update your applications with the new key immediately.",
        api_key,
        key_prefix: if key.sandbox { "ml_test_" } else { "ml_live_" },
        customer: RotatedCustomer { id: customer.id, name: customer.name.clone(), email: customer.email.clone() },
    })
}

/// A name that may stand in a list: not empty, not long, one line.
pub(crate) fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let message = format!("name must be one line of 1 to {NAME_CHARS_MAX} characters");
        return Err(Error::invalid_at("/name", message));
    }
    Ok(name.to_owned())
}

fn check_webhook_url(url: &str) -> Result<()> {
    let host = url.strip_prefix("https://").unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || host.contains('@') || !plain || url.len() > WEBHOOK_URL_BYTES_MAX {
        let message = format!("webhook_url must be an https URL of at most {WEBHOOK_URL_BYTES_MAX} bytes");
        return Err(Error::invalid_at("/webhook_url", message));
    }
    Ok(())
}
