//! From a whole message to the rest of the service, and from what that says to a reply.

use bytes::Bytes;

use super::Server;
use super::reply::Reply;
use crate::api::sending::submission::{self, Submission};
use crate::api::webhooks;
use crate::app::App;
use crate::error::Error;
use crate::mail::address::EmailAddress;
use crate::mail::verp;
use crate::request::chain;
use crate::store::Customer;

/// Rules that a refusal for the content names.
const RULES_MAX: usize = 8;

/// Takes a message: from a customer to anybody, from anybody else to addresses that [`check_returned`] let pass.
pub(super) async fn take(
    server: &Server,
    customer: Option<&Customer>,
    recipients: Vec<EmailAddress>,
    protocol: &'static str,
    message: Vec<u8>,
) -> Reply {
    let app = &server.app;
    let Ok(_place) = app.in_flight.try_acquire() else {
        return Reply::new(451, "4.3.2", "The service has more work under way than it may; try again");
    };
    let taken = match customer {
        Some(customer) => submit(app, customer, Submission { recipients, protocol, message }).await,
        None => take_back(app, recipients, message).await,
    };
    taken.unwrap_or_else(|error| {
        if let Error::Internal { public, cause } = &error {
            tracing::error!(cause = chain(cause.as_ref()), "{public}");
        }
        refusal(&error)
    })
}

/// Whether something may come back to this address. One that only looks like ours is nobody's, and any other is not ours
/// to deliver to.
pub(super) fn check_returned(app: &App, address: &EmailAddress) -> Result<(), Reply> {
    if app.bounce_addresses.open(address.local()).is_some() {
        return Ok(());
    }
    if verp::is_alike(address.local()) {
        return Err(Reply::new(550, "5.1.1", "The address is not one that this service made"));
    }
    Err(Reply::new(550, "5.7.1", "Relaying denied: sign in (AUTH) to send"))
}

async fn submit(app: &App, customer: &Customer, submission: Submission) -> Result<Reply, Error> {
    let email_id = submission::submit(app, customer, submission).await?;
    Ok(Reply::new(250, "2.0.0", format!("Ok: queued as {email_id}")))
}

async fn take_back(app: &App, arrived_at: Vec<EmailAddress>, message: Vec<u8>) -> Result<Reply, Error> {
    let message = Bytes::from(message);
    for address in arrived_at {
        webhooks::returned(app, address.as_str(), message.clone()).await?;
    }
    Ok(Reply::new(250, "2.0.0", "Ok"))
}

/// What SMTP calls a failure. 4xx is worth another try, 5xx is not.
pub(super) fn refusal(error: &Error) -> Reply {
    match error {
        Error::Refused { code: "recipient_suppressed", message, .. } => Reply::new(550, "5.1.1", message.clone()),
        Error::Refused { code: "content_rejected", message, findings } => {
            Reply::new(554, "5.7.1", format!("{message}: {}", rules(findings.as_ref())))
        }
        Error::Refused { message, .. } => Reply::new(550, "5.7.1", message.clone()),
        Error::Forbidden { message, .. } => Reply::new(550, "5.7.1", *message),
        Error::TooMany { code: "monthly_limit_reached", message, .. } => Reply::new(452, "4.2.2", *message),
        Error::TooMany { message, .. } => Reply::new(450, "4.7.1", *message),
        Error::Invalid(message, _) | Error::Malformed { message, .. } => Reply::new(554, "5.6.0", message.clone()),
        Error::Busy(message) => Reply::new(451, "4.3.0", *message),
        Error::NoOutlet(why) => Reply::new(451, "4.4.1", why.clone()),
        Error::Internal { public, .. } => Reply::new(451, "4.3.0", *public),
        Error::Unauthorized(_)
        | Error::NotFound(_)
        | Error::NotFoundYet(_)
        | Error::MethodNotAllowed(_)
        | Error::TooSlow
        | Error::Conflict { .. }
        | Error::TooLarge(_)
        | Error::UnsupportedType(_)
        | Error::Unverified { .. }
        | Error::Misdirected => Reply::new(554, "5.0.0", error.to_string()),
    }
}

fn rules(findings: Option<&serde_json::Value>) -> String {
    let findings = findings.and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<_> = findings.iter().filter_map(|finding| finding["rule"].as_str()).take(RULES_MAX).collect();
    names.join(", ")
}
