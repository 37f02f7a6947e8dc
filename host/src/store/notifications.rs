//! What webhooks told, what it was matched to and what it changed.

use ring::digest::{Context, SHA256};
use serde_json::Value as Json;
use uuid::Uuid;

use super::events::{Happening, Subject, record, subject};
use super::sql::{Connection, SqlError, values};
use super::{Result, Store, StoreError};
use crate::ids::Ids;
use crate::mail::event::{BounceType, EmailStatus, EventType};
use crate::mail::verp::Returned;

/// Most notifications kept that changed nothing. The endpoints are public, so the oldest go first.
pub(crate) const UNMATCHED_MAX: i64 = 10_000;
/// Bytes of all their bodies together, counted when a large one comes.
const UNMATCHED_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// From this size on a body is large. Smaller ones are bounded well enough by their number.
const LARGE_BODY_BYTES: usize = 16 * 1024;

/// A request that came in by a webhook.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Its id.
    pub id: Uuid,
    /// `bounce` or `complaint`.
    pub endpoint: &'static str,
    /// As received.
    pub content_type: String,
    /// The headers that the normalizer was shown.
    pub headers: Vec<(String, String)>,
    /// As received.
    pub body: Vec<u8>,
    /// Now, in milliseconds.
    pub received_at: i64,
    /// `name@version` of the normalizer that read it.
    pub plugin: Option<String>,
    /// What the normalizer made of it, as JSON text.
    pub outcome: String,
    /// True when no normalizer understood it.
    pub unparsed: bool,
}

/// An event of a notification that may concern one of our emails.
#[derive(Clone, Debug)]
pub struct ReportedEvent {
    /// Emails that it may be about, most trusted clue first.
    pub emails: Vec<EmailClue>,
    /// Addresses that it may be about. Empty when it names none.
    pub recipients: Vec<String>,
    /// What happened.
    pub event_type: EventType,
    /// For bounces.
    pub bounce_type: Option<BounceType>,
    /// The remote server's words.
    pub reason: Option<String>,
    /// When it happened, in milliseconds.
    pub occurred_at: Option<i64>,
    /// The source's own id of it.
    pub provider_event_id: Option<String>,
    /// What is stored with the event: a JSON object.
    pub data: Json,
}

/// Something that leads to an email.
#[derive(Clone, Debug)]
pub enum EmailClue {
    /// A bounce address of ours, which names the recipient too.
    Returned(Returned),
    /// Our id.
    Id(Uuid),
    /// The Message-ID, without angle brackets.
    MessageId(String),
}

/// What a notification came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct NotificationOutcome {
    /// Events that were recorded.
    pub accepted: usize,
    /// Events that were known already.
    pub duplicates: usize,
    /// Events that fit no email that was sent.
    pub unmatched: usize,
}

impl NotificationOutcome {
    /// The word under which the notification is kept.
    pub fn state(self, unparsed: bool) -> &'static str {
        match self {
            _ if unparsed => "unparsed",
            Self { accepted: 1.., .. } => "matched",
            Self { unmatched: 1.., .. } => "unmatched",
            // Nothing but repetitions: whoever saw one notification must not fill the disk with copies of it.
            Self { .. } => "ignored",
        }
    }
}

impl Store {
    /// Stores a notification and applies its events: matched to an email and a recipient that it was really sent
    /// to, each at most once.
    pub async fn record_notification(
        &self,
        notification: Notification,
        events: Vec<ReportedEvent>,
        mut ids: Ids,
    ) -> Result<NotificationOutcome> {
        self.write(move |connection| {
            let mut outcome = NotificationOutcome::default();
            insert_notification(connection, &notification)?;
            for event in &events {
                let Some(subject) = matching(connection, event)? else {
                    outcome.unmatched += 1;
                    continue;
                };
                let key = dedupe_key(&subject, event);
                let sql = "INSERT OR IGNORE INTO reported_events VALUES (?1, ?2, ?3)";
                let now = notification.received_at;
                if connection.execute(sql, values![key, notification.id.to_string(), now])? == 0 {
                    outcome.duplicates += 1;
                    continue;
                }
                let happening = Happening {
                    event_type: event.event_type,
                    bounce_type: event.bounce_type,
                    reason: event.reason.as_deref(),
                    // What a sender claims about the future is not believed, nor what was before the email itself.
                    occurred_at: event.occurred_at.unwrap_or(now).max(subject.submitted_at).min(now),
                    data: event.data.clone(),
                    now,
                };
                record(connection, subject, [happening], &mut ids)?;
                outcome.accepted += 1;
            }
            close_notification(connection, &notification, outcome.state(notification.unparsed))?;
            Ok::<_, StoreError>(outcome)
        })
        .await
    }

    /// How many notifications are kept in this state.
    pub async fn count_notifications(&self, state: &'static str) -> Result<i64> {
        self.read(move |connection| {
            let sql = "SELECT COUNT(*) FROM notifications WHERE state = ?1";
            Ok(connection.query_one(sql, values![state], |row| row.integer(0))?.unwrap_or(0))
        })
        .await
    }
}

fn insert_notification(connection: &Connection, new: &Notification) -> Result<(), SqlError> {
    let sql = "INSERT INTO notifications VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'unmatched', ?7, ?8)";
    let headers = serde_json::to_string(&new.headers).unwrap_or_else(|_| "[]".into());
    connection.execute(
        sql,
        values![
            new.id.to_string(),
            new.endpoint,
            new.content_type.as_str(),
            new.body.clone(),
            new.received_at,
            new.plugin.clone(),
            new.outcome.as_str(),
            headers,
        ],
    )?;
    Ok(())
}

fn close_notification(connection: &Connection, new: &Notification, state: &str) -> Result<(), SqlError> {
    let sql = "UPDATE notifications SET state = ?2 WHERE id = ?1";
    connection.execute(sql, values![new.id.to_string(), state])?;
    if state != "matched" {
        let sql = "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE state <> 'matched' \
                   ORDER BY received_at DESC, id DESC LIMIT -1 OFFSET ?1)";
        connection.execute(sql, values![UNMATCHED_MAX])?;
    }
    if state != "matched" && new.body.len() >= LARGE_BODY_BYTES {
        let sql = "DELETE FROM notifications WHERE id IN (SELECT id FROM (SELECT id, SUM(length(body)) OVER \
                   (ORDER BY received_at DESC, id DESC) AS bytes FROM notifications WHERE state <> 'matched') \
                   WHERE bytes > ?1)";
        connection.execute(sql, values![UNMATCHED_BYTES_MAX])?;
    }
    Ok(())
}

/// The email and recipient that an event is about: the first clue that leads to an email of ours decides, and the
/// recipient must be one that it was sent to. A bounce address names the recipient itself, whatever address the mail
/// was forwarded to from there. Otherwise, without a recipient, it is the `to` address.
fn matching(connection: &Connection, event: &ReportedEvent) -> Result<Option<Subject>, SqlError> {
    for clue in &event.emails {
        let (email, recipients) = match clue {
            EmailClue::Returned(returned) => {
                let Some(recipient) = recipient_by_number(connection, *returned)? else { continue };
                (returned.email_id, vec![Some(recipient)])
            }
            EmailClue::Id(id) => (*id, named(event)),
            EmailClue::MessageId(message_id) => {
                let sql = "SELECT id FROM emails WHERE message_id = ?1";
                let id = connection
                    .query_one(sql, values![message_id.as_str()], |row| row.parsed(0, |id| id.parse().ok()))?;
                let Some(id) = id else { continue };
                (id, named(event))
            }
        };
        for recipient in recipients {
            // What still waits for its time, or was taken back before, cannot have come back from anywhere.
            let sent = |subject: &Subject| !matches!(subject.status, EmailStatus::Scheduled | EmailStatus::Canceled);
            if let Some(subject) = subject(connection, email, recipient.as_deref())?.filter(sent) {
                return Ok(Some(subject));
            }
        }
    }
    Ok(None)
}

/// The recipients that a report names, or the `to` address of an email when it names none.
fn named(event: &ReportedEvent) -> Vec<Option<String>> {
    if event.recipients.is_empty() { vec![None] } else { event.recipients.iter().cloned().map(Some).collect() }
}

fn recipient_by_number(connection: &Connection, returned: Returned) -> Result<Option<String>, SqlError> {
    let sql = "SELECT address FROM recipients WHERE email_id = ?1 AND number = ?2";
    let key = values![returned.email_id.to_string(), i64::from(returned.recipient_number)];
    connection.query_one(sql, key, |row| row.text(0))
}

/// Tells repetitions apart: by the source's own id where it gives one, by the content otherwise.
fn dedupe_key(subject: &Subject, event: &ReportedEvent) -> Vec<u8> {
    let mut hash = Context::new(&SHA256);
    let content = match &event.provider_event_id {
        Some(id) => id.clone(),
        None => format!("{:?} {}", event.occurred_at, event.reason.as_deref().unwrap_or_default()),
    };
    let bounce_type = event.bounce_type.map_or("", BounceType::as_str);
    let email = subject.email_id.to_string();
    for part in [email.as_str(), &subject.recipient, event.event_type.as_str(), bounce_type, &content] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::StoreLimits;
    use super::*;
    use crate::ids::new_id;

    /// Stores notifications that match nothing and says how many are kept.
    async fn kept(bodies_bytes: &[usize]) -> i64 {
        let directory = tempfile::tempdir().expect("a directory is made");
        let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("the store opens");
        for (bytes, received_at) in bodies_bytes.iter().zip(1..) {
            let notification = Notification {
                id: new_id(received_at),
                endpoint: "bounce",
                content_type: "message/rfc822".into(),
                headers: Vec::new(),
                body: vec![b'x'; *bytes],
                received_at,
                plugin: None,
                outcome: "{}".into(),
                unparsed: true,
            };
            let stored = store.record_notification(notification, Vec::new(), Box::new(move || new_id(received_at)));
            assert_eq!(stored.await.expect("it is stored"), NotificationOutcome::default());
        }
        store.count_notifications("unparsed").await.expect("they are counted")
    }

    #[tokio::test]
    async fn what_matched_nothing_has_a_bound_in_bytes_and_the_oldest_goes_first() {
        const EIGHTH: usize = 8 * 1024 * 1024;
        assert_eq!(kept(&[EIGHTH; 8]).await, 8, "they fit exactly");
        assert_eq!(kept(&[EIGHTH; 9]).await, 8);
        let small_first: Vec<_> = std::iter::once(1).chain([EIGHTH; 8]).collect();
        assert_eq!(kept(&small_first).await, 8, "one byte too many");
        let small_last: Vec<_> = [EIGHTH; 8].into_iter().chain([1]).collect();
        assert_eq!(kept(&small_last).await, 9, "small ones are bounded by their number");
    }
}
