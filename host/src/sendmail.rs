//! What `pillarbox send` does: takes one message from a script, as `sendmail -t` would, on the way that SMTP submission
//! takes.

use serde_json::json;

use crate::accounts::{failed, find};
use crate::api::sending::RECIPIENTS_MAX;
use crate::api::sending::submission::{Submission, submit};
use crate::app::App;
use crate::control::Outcome;
use crate::error::Error;
use crate::mail::address::EmailAddress;
use crate::mail::submitted::SubmittedMessage;
use crate::request::chain;
use crate::smtp::server::content::{Fault, TEXT_LINE_BYTES_MAX, whole};
use crate::store::Customer;

/// A script on this machine speaks no protocol.
const PROTOCOL: &str = "local";
/// Customers that are named when one has to be chosen.
const NAMED_MAX: usize = 20;

/// Queues a message whose lines end in CRLF. Without a customer it is that of the only one; without recipients it goes
/// to those that the message itself names.
pub(crate) async fn send(app: &App, customer: Option<&str>, to: &[String], message: &[u8]) -> Outcome {
    let customer = match customer {
        Some(email) => find(app, email).await?,
        None => only_customer(app).await?,
    };
    let message = checked(message, app.config.smtp_message_bytes_max())?;
    let recipients = if to.is_empty() { named(&message)? } else { addresses(to)? };
    let count = recipients.len();
    if count > RECIPIENTS_MAX {
        return Err(format!("{count} recipients are more than the {RECIPIENTS_MAX} that an email may have"));
    }
    match submit(app, &customer, Submission { recipients, protocol: PROTOCOL, message }).await {
        Ok(email_id) => Ok(json!({ "email_id": email_id, "recipients": count })),
        Err(error) => Err(refusal(&error)),
    }
}

/// The message by the rules of SMTP, its last line ended.
fn checked(message: &[u8], bytes_max: usize) -> Result<Vec<u8>, String> {
    let checked = whole(message, bytes_max).ok_or("a line of the message has a CR that no LF follows; remove it")?;
    checked.map_err(|fault| match fault {
        Fault::LineTooLong => format!(
            "a line of the message has more than {TEXT_LINE_BYTES_MAX} bytes; encode the part as quoted-printable or base64"
        ),
        Fault::TooLarge | Fault::NoRoom => {
            format!("the message has more than {bytes_max} bytes, the most that smtp_message_bytes_max allows")
        }
    })
}

async fn only_customer(app: &App) -> Result<Customer, String> {
    let mut customers = app.store.customers(i64::try_from(NAMED_MAX + 1).unwrap_or(i64::MAX)).await.map_err(failed)?;
    match customers.len() {
        0 => Err("there is no customer yet; make one with `pillarbox customer create`".into()),
        1 => Ok(customers.remove(0)),
        count => {
            let names: Vec<_> = customers.iter().take(NAMED_MAX).map(|customer| customer.email.as_str()).collect();
            let more = if count > NAMED_MAX { ", and more (`pillarbox customer list`)" } else { "" };
            Err(format!("say whose message this is, with --customer EMAIL: {}{more}", names.join(", ")))
        }
    }
}

/// Whom the message names in To, Cc and Bcc.
fn named(message: &[u8]) -> Result<Vec<EmailAddress>, String> {
    let read = SubmittedMessage::read(message).map_err(|error| error.to_string())?;
    let recipients = addresses(&read.recipients().map_err(|error| error.to_string())?)?;
    if recipients.is_empty() {
        return Err("the message names nobody in To, Cc or Bcc; say whom it is for with --to ADDRESS".into());
    }
    Ok(recipients)
}

/// Each of them once.
fn addresses(texts: &[String]) -> Result<Vec<EmailAddress>, String> {
    let mut recipients: Vec<EmailAddress> = Vec::new();
    for text in texts {
        let address = EmailAddress::parse(text).map_err(|error| format!("the recipient {text:?}: {error}"))?;
        if !recipients.iter().any(|known| known.matches(&address)) {
            recipients.push(address);
        }
    }
    Ok(recipients)
}

fn refusal(error: &Error) -> String {
    if let Error::Internal { public, cause } = error {
        tracing::error!(cause = chain(cause.as_ref()), "{public}");
    }
    error.to_string()
}
