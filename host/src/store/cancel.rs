//! Taking an email back before it is sent.

use serde_json::json;
use uuid::Uuid;

use super::events::{Happening, record, subject};
use super::sql::{Connection, SqlError, values};
use super::tally::{Counted, Tally};
use super::usage::{self, Counter};
use super::{Result, Store, StoreError};
use crate::ids::Ids;
use crate::mail::event::{EmailStatus, EventType};

/// What became of the wish to take an email back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Canceled {
    /// Nobody gets it, now or since it was asked before.
    Yes,
    /// An attempt to deliver it has begun.
    TooLate,
    /// The customer has no such email.
    Unknown,
}

impl Store {
    /// Takes an email of this customer (an operator needs no customer) back: its copies leave the queue, each with its
    /// event, and the month gets them back. Once an attempt for one of its copies has begun, nothing changes.
    pub async fn cancel_email(&self, customer: Option<Uuid>, email: Uuid, now: i64, mut ids: Ids) -> Result<Canceled> {
        self.write(move |connection| {
            let (id, of) = (email.to_string(), customer.map(|customer| customer.to_string()));
            let sql = "SELECT status, submitted_at, customer_id, scope_id FROM emails \
                       WHERE id = ?1 AND (?2 IS NULL OR customer_id = ?2)";
            let found = connection.query_one(sql, values![id.as_str(), of], |row| {
                Ok((
                    row.parsed(0, EmailStatus::parse)?,
                    row.integer(1)?,
                    row.parsed(2, |id| id.parse().ok())?,
                    row.integer(3)?,
                ))
            })?;
            let Some((status, submitted_at, customer, scope)) = found else { return Ok(Canceled::Unknown) };
            if status == EmailStatus::Canceled {
                return Ok(Canceled::Yes);
            }
            let sql = "SELECT address FROM recipients WHERE email_id = ?1";
            let addresses = connection.query(sql, values![id.as_str()], |row| row.text(0))?;
            if untried(connection, &id)? != addresses.len() {
                return Ok(Canceled::TooLate);
            }
            for address in &addresses {
                let Some(subject) = subject(connection, email, Some(address))? else { continue };
                let event_type = EventType::Canceled;
                let data = json!({});
                let happening = Happening { event_type, bounce_type: None, reason: None, occurred_at: now, data, now };
                record(connection, subject, [happening], &mut ids)?;
            }
            connection.execute("DELETE FROM queue WHERE email_id = ?1", values![id])?;
            let copies = i64::try_from(addresses.len()).expect("an email has few recipients");
            usage::count(connection, customer, Counter::Sent, -copies, submitted_at)?;
            let mut tally = Tally::default();
            tally.count(scope, submitted_at, Counted::Sent, -copies);
            tally.write(connection)?;
            Ok::<_, StoreError>(Canceled::Yes)
        })
        .await
    }
}

/// Copies that wait for their first attempt.
fn untried(connection: &Connection, email: &str) -> Result<usize, SqlError> {
    let sql = "SELECT COUNT(*) FROM queue WHERE email_id = ?1 AND attempts = 0 AND leased = 0";
    let count = connection.query_one(sql, values![email], |row| row.integer(0))?;
    Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
}
