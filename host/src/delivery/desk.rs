//! The queue, as operators see it and act on it.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::accounts::failed;
use crate::api::time::rfc3339;
use crate::app::App;
use crate::control::Outcome;
use crate::mail::address::DomainName;
use crate::store::{Canceled, Waiting, WaitingDestination, Which};

/// Destinations of a list.
const DESTINATIONS_MAX: i64 = 1_000;
/// Characters of why a destination is paused.
pub(crate) const REASON_CHARS_MAX: usize = 500;
/// What stands for the destination of mail that never leaves the machine.
const SANDBOX: &str = "sandbox";

/// What waits: a line for each destination, and the copies that are due first but for `offset` of them.
pub(crate) async fn list(app: &App, destination: Option<&str>, offset: i64, limit: i64) -> Outcome {
    let destination = destination.map(read_destination).transpose()?;
    let which = destination.clone().map_or(Which::Every, Which::Destination);
    let destinations = app.store.waiting_destinations(destination, DESTINATIONS_MAX).await.map_err(failed)?;
    let (copies, total) = app.store.waiting(which, offset, limit).await.map_err(failed)?;
    Ok(json!({
        "destinations": destinations.iter().map(destination_view).collect::<Vec<_>>(),
        "copies": copies.iter().map(copy_view).collect::<Vec<_>>(),
        "total": total,
    }))
}

/// The copies of one email.
pub(crate) async fn show(app: &App, email_id: Uuid, limit: i64) -> Outcome {
    let (copies, total) = app.store.waiting(Which::Email(email_id), 0, limit).await.map_err(failed)?;
    if total == 0 {
        return Err(format!(
            "no copy of the email {email_id} is in the queue; it has ended, or there is no such email"
        ));
    }
    Ok(json!({ "copies": copies.iter().map(copy_view).collect::<Vec<_>>(), "total": total }))
}

/// Has copies tried now: those of an email, those for a destination, or all.
pub(crate) async fn retry(app: &App, email_id: Option<Uuid>, destination: Option<&str>) -> Outcome {
    let which = match (email_id, destination) {
        (Some(email_id), _) => Which::Email(email_id),
        (None, Some(name)) => Which::Destination(read_destination(name)?),
        (None, None) => Which::Every,
    };
    let count = app.store.retry(which, app.now()).await.map_err(failed)?;
    tracing::info!(count, "an operator has copies tried now");
    Ok(json!({ "retried": count }))
}

/// Takes an email back.
pub(crate) async fn cancel(app: &App, email_id: Uuid) -> Outcome {
    let now = app.now();
    match app.store.cancel_email(None, email_id, now, app.ids(now)).await.map_err(failed)? {
        Canceled::Yes => Ok(json!({ "canceled": email_id })),
        Canceled::TooLate => Err(format!("{email_id} can no longer be taken back: its delivery has begun")),
        Canceled::Unknown => Err(format!("there is no email {email_id}; see `pillarbox queue list`")),
    }
}

/// Holds a destination's mail back.
pub(crate) async fn pause(app: &App, destination: &str, reason: Option<String>) -> Outcome {
    let name = read_destination(destination)?;
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
        return Err(format!("the reason has more than {REASON_CHARS_MAX} characters; say it shorter"));
    }
    app.store.pause(name.clone(), reason, app.now()).await.map_err(failed)?;
    tracing::info!(destination = name, "an operator paused a destination");
    Ok(json!({ "paused": shown(&name) }))
}

/// Lets a destination's mail go on.
pub(crate) async fn resume(app: &App, destination: &str) -> Outcome {
    let name = read_destination(destination)?;
    if !app.store.resume(name.clone()).await.map_err(failed)? {
        return Err(format!("{destination} is not paused; see `pillarbox queue list`"));
    }
    tracing::info!(destination = name, "an operator resumed a destination");
    Ok(json!({ "resumed": shown(&name) }))
}

/// A destination as a person writes it.
pub(crate) fn read_destination(text: &str) -> Result<String, String> {
    if text == SANDBOX {
        return Ok(crate::store::SANDBOX_DESTINATION.into());
    }
    DomainName::parse(text).map(|name| name.to_string()).map_err(|error| format!("{text}: {error}"))
}

fn shown(destination: &str) -> &str {
    if destination.is_empty() { SANDBOX } else { destination }
}

fn destination_view(waiting: &WaitingDestination) -> Json {
    let WaitingDestination { destination, copies, leased, due_at, paused } = waiting;
    json!({
        "destination": shown(destination), "copies": copies, "under_way": leased, "due_at": due_at.map(rfc3339),
        "paused_at": paused.as_ref().map(|(at, _)| rfc3339(*at)), "reason": paused.as_ref().and_then(|(_, why)| why.clone()),
    })
}

fn copy_view(copy: &Waiting) -> Json {
    json!({
        "email_id": copy.email_id, "customer": copy.customer, "from": copy.sender, "recipient": copy.recipient,
        "destination": shown(&copy.destination), "attempts": copy.attempts, "due_at": rfc3339(copy.due_at),
        "state": if copy.is_leased { "under_way" } else { "waiting" }, "response": copy.response,
    })
}
