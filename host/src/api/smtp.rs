//! What a customer's mail programs sign in with.

use serde::Serialize;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::Customer;

/// The ports of submission: with STARTTLS, with TLS from the start, and the one for networks that block both.
const PORTS: [u16; 3] = [587, 465, 2525];
const RECOMMENDED_PORT: u16 = 587;

/// How mail programs reach the submission server.
#[derive(Serialize, ToSchema)]
pub(crate) struct SmtpCredentialsReply {
    success: bool,
    smtp_credentials: SmtpCredentials,
}

/// The same with a new password. It is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct SmtpRotateReply {
    success: bool,
    message: &'static str,
    smtp_credentials: SmtpCredentials,
    warning: &'static str,
}

#[derive(Serialize, ToSchema)]
struct SmtpCredentials {
    #[schema(example = "mail.example.com")]
    host: String,
    #[schema(value_type = Vec<u16>, example = json!([587, 465, 2525]))]
    ports: [u16; 3],
    #[schema(example = 587)]
    recommended_port: u16,
    /// The account's address.
    #[schema(example = "api@acme.com")]
    username: String,
    /// Null, except in the answer that makes it.
    password: Option<String>,
    /// Null while there is none.
    password_set_at: Option<String>,
}

/// The settings for mail programs. The password is kept as a hash and shown on rotation alone.
#[utoipa::path(get, path = "/api/smtp-credentials", tag = "SMTP",
    responses((status = 200, body = SmtpCredentialsReply)))]
pub(crate) async fn show(app: &App, customer: &Customer) -> Result<SmtpCredentialsReply> {
    let set_at = app.store.smtp_password_set_at(customer.id).await?;
    Ok(SmtpCredentialsReply { success: true, smtp_credentials: credentials(app, customer, None, set_at) })
}

/// Makes a new password. The old one, if there was one, ends at once.
#[utoipa::path(post, path = "/api/smtp-credentials/rotate", tag = "SMTP",
    responses((status = 200, body = SmtpRotateReply)))]
pub(crate) async fn rotate(app: &App, customer: &Customer) -> Result<SmtpRotateReply> {
    let (password, now) = set_new_password(app, customer).await?;
    Ok(SmtpRotateReply {
        success: true,
        message: "SMTP password rotated successfully",
        smtp_credentials: credentials(app, customer, Some(password), Some(now)),
        warning: "Update your SMTP clients with the new password. The old password will no longer work.",
    })
}

/// A new password, and when it was set, in milliseconds.
pub(crate) async fn set_new_password(app: &App, customer: &Customer) -> Result<(String, i64)> {
    let made = app.passwords.make().await;
    let failed =
        |error: std::io::Error| Error::Internal { public: "Failed to rotate SMTP password", cause: error.into() };
    let (password, hash) = made.map_err(failed)?;
    let now = app.now();
    app.store.set_smtp_password(customer.id, hash, now).await?;
    tracing::info!(customer = %customer.id, "SMTP password rotated");
    Ok((password, now))
}

fn credentials(app: &App, customer: &Customer, password: Option<String>, set_at: Option<i64>) -> SmtpCredentials {
    SmtpCredentials {
        host: app.config.smtp_host(),
        ports: PORTS,
        recommended_port: RECOMMENDED_PORT,
        username: customer.email.clone(),
        password,
        password_set_at: set_at.map(rfc3339),
    }
}
