//! Notifications that a node hands over: each is checked here, where the secrets are, and in the inbox before the node
//! hears so, once by its id.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use http::Method;

use super::Node;
use super::batch::NOTIFICATIONS_BATCH;
use super::intake::{records, rest_ms};
use super::notification::Notification;
use super::wire::{Fate, NotificationsReply, SourceAddress};
use crate::api::webhooks;
use crate::app::App;
use crate::error::{Error, Result};
use crate::hash::{hex, sha256};
use crate::inbox::{self, Accepted, Patience};
use crate::request::Head;
use crate::sources;
use crate::store::DAY_MS;
use crate::verification::Rule;

/// After how long the node hears what became of those that were looked at so far.
const TIME_MAX: Duration = Duration::from_secs(5);
/// How long a notification that cannot be checked is asked for again, in milliseconds since it was received. No provider
/// repeats one for longer.
const LATER_MS_MAX: i64 = 7 * DAY_MS;

/// Takes the notifications of a batch in their order, as many as there is time and room for. An error only when that is
/// none.
pub(super) async fn take(app: &App, node: &Node, body: &[u8]) -> Result<NotificationsReply> {
    let started = Instant::now();
    let records = records(NOTIFICATIONS_BATCH, body)?;
    let decoded = records.iter().enumerate().map(|(number, record)| {
        Notification::decode(record).ok_or_else(|| Error::invalid(format!("record {number} is no notification")))
    });
    let mut fates = Vec::with_capacity(records.len());
    let mut unchecked = HashSet::new();
    for notification in decoded.collect::<Result<Vec<_>>>()? {
        // What could not be checked cannot be for the next one of the same source either, and each try takes its time.
        if unchecked.contains(&notification.address) {
            fates.push(Fate::Later);
            continue;
        }
        if started.elapsed() >= TIME_MAX {
            break;
        }
        let address = notification.address.clone();
        match take_one(app, node, notification).await {
            Ok(fate) => fates.push(fate),
            Err(error) if fates.is_empty() => return Err(error),
            Err(_) => break,
        }
        if fates.last() == Some(&Fate::Later) {
            unchecked.insert(address);
        }
    }
    Ok(NotificationsReply { fates, rest_ms: rest_ms(app, started) })
}

/// An error when there is no room for it or for any other.
async fn take_one(app: &App, node: &Node, notification: Notification) -> Result<Fate> {
    let Notification { id, received_at, peer, address, headers, body } = notification;
    let (name, node_id) = node.label();
    let now = app.now();
    // A clock that is ahead receives nothing tomorrow.
    let received_at = received_at.min(now);
    let source = match sources::find(app, &address).await {
        Ok(source) => source,
        Err(Error::NotFound(_)) => {
            tracing::warn!(node = name, %node_id, notification = %id, "notification of a node refused: its source is gone");
            return Ok(Fate::Refused);
        }
        Err(error) => return Err(error),
    };
    let uri = http::Uri::default();
    let head = Head { method: Method::POST, uri, query: String::new(), headers, peer };
    let taken = async {
        if body.len() > source.body_bytes_max() {
            return Err(Error::TooLarge(source.body_bytes_max()));
        }
        sources::admit(app, &source, &head, &body, received_at).await
    };
    let admitted = match taken.await {
        // A handshake has had its effect, and nobody waits for the words.
        Ok(admitted) if admitted.answered.is_some() => return Ok(Fate::Taken),
        Ok(admitted) => admitted,
        Err(error) => {
            let is_later = may_pass(&error) && now - received_at < LATER_MS_MAX;
            let fate = if is_later { Fate::Later } else { Fate::Refused };
            let why = cause(&error);
            tracing::warn!(node = name, %node_id, notification = %id, ?fate, why, "notification of a node not taken");
            return Ok(fate);
        }
    };
    let arrival = webhooks::of_source(admitted, &head, body, Patience::Kept);
    match inbox::accept(app, inbox::Arrival { by_node: Some((id, received_at)), ..arrival }).await? {
        Accepted::Full => Err(Error::Busy(webhooks::FULL)),
        Accepted::Read { .. } | Accepted::Queued | Accepted::Invalid { .. } => Ok(Fate::Taken),
    }
}

/// Whether the same may be taken in a while.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Busy(_) | Error::TooMany { .. } | Error::Internal { .. })
}

fn cause(error: &Error) -> String {
    match error {
        Error::Internal { public, cause } => format!("{public}: {cause}"),
        other => other.to_string(),
    }
}

/// The addresses of all sources that take something, with a word that changes when they do.
pub(super) async fn addresses_and_revision(app: &App) -> Result<(Vec<SourceAddress>, String)> {
    let rows = app.store.source_addresses().await?;
    let addresses: Vec<_> = rows
        .into_iter()
        .map(|row| SourceAddress {
            hash: hex(&row.address_hash),
            body_bytes_max: usize::try_from(row.body_bytes_max).unwrap_or(0),
            busy_status: u16::try_from(row.busy_status).unwrap_or(503),
            wants_password: serde_json::from_str::<Rule>(&row.rule).is_ok_and(|rule| rule == Rule::Basic),
        })
        .collect();
    let bytes = serde_json::to_vec(&addresses).expect("texts and numbers are JSON");
    Ok((addresses, hex(&sha256(&bytes)[..8])))
}
