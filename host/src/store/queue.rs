//! The queue between accepting an email and handing it over.

use serde_json::json;
use uuid::Uuid;

use super::events::{Happening, record, subject};
use super::sql::{Connection, SqlError, values};
use super::{Result, Store, StoreError};
use crate::ids::Ids;
use crate::mail::event::EventType;

/// Most emails handed over in one unit of work.
const BATCH_MAX: i64 = 64;
/// The host name in the attempt record of captured mail.
const CAPTURE_HOST: &str = "capture";

/// What one round of the capture outlet did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Round {
    /// Emails that were captured.
    pub(crate) captured: usize,
    /// When the next email is due, in milliseconds; it may be in the past when more is due already.
    pub(crate) next_due_at: Option<i64>,
}

impl Store {
    /// Hands what is due to the capture mailbox: message, events, counters and queue row change together, so an
    /// email is captured exactly once.
    pub(crate) async fn capture_due(&self, now: i64, mut ids: Ids) -> Result<Round> {
        self.write(move |connection| {
            let sql = "SELECT email_id FROM queue WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";
            let due: Vec<Uuid> =
                connection.query(sql, values![now, BATCH_MAX], |row| row.parsed(0, |id| id.parse().ok()))?;
            for email in &due {
                capture(connection, *email, now, &mut ids)?;
            }
            let sql = "SELECT due_at FROM queue ORDER BY due_at LIMIT 1";
            let next_due_at = connection.query_one(sql, &[], |row| row.integer(0))?;
            Ok::<_, StoreError>(Round { captured: due.len(), next_due_at })
        })
        .await
    }
}

fn capture(connection: &Connection, email: Uuid, now: i64, ids: &mut Ids) -> Result<(), SqlError> {
    let id = email.to_string();
    connection.execute("INSERT INTO captured VALUES (?1, ?2)", values![id.as_str(), now])?;
    let response = "250 2.0.0 kept in the capture mailbox";
    let sql = "INSERT INTO attempts VALUES (?1, ?2, ?3, 250, ?4)";
    connection.execute(sql, values![id.as_str(), now, CAPTURE_HOST, response])?;
    let sql = "SELECT address FROM recipients WHERE email_id = ?1";
    for address in connection.query(sql, values![id.as_str()], |row| row.text(0))? {
        for event_type in [EventType::Sent, EventType::Delivered] {
            // Read again for each event, because the one before moved the status.
            let Some(subject) = subject(connection, email, Some(&address))? else { continue };
            let data = match event_type {
                EventType::Delivered => json!({ "host": CAPTURE_HOST, "response": response }),
                _ => json!({}),
            };
            let happening = Happening { event_type, bounce_type: None, reason: None, occurred_at: now, data, now };
            record(connection, &subject, happening, ids)?;
        }
    }
    connection.execute("DELETE FROM queue WHERE email_id = ?1", values![id]).map(drop)
}
