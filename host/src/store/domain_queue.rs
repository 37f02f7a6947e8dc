//! What waits to be sent from a domain that is gone.

use serde_json::json;
use uuid::Uuid;

use super::events::{Happening, record, subject};
use super::sql::values;
use super::{Result, Store, StoreError};
use crate::ids::Ids;
use crate::mail::event::EventType;

/// A copy in the queue: its email and its address.
pub(crate) type Place = (String, String);

/// What came of one part of the queue.
#[derive(Debug)]
pub(crate) struct FailedPart {
    /// Copies that have failed.
    pub(crate) failed: usize,
    /// Where the part ended; `None` when it was the last.
    pub(crate) last: Option<Place>,
}

impl Store {
    /// Fails what waits to be sent from a domain, in one part of the queue: at most `rows_max` rows behind `after`. A copy
    /// that is being handed over is left alone.
    pub(crate) async fn fail_queue_of_domain(
        &self,
        domain: Uuid,
        after: Option<Place>,
        rows_max: i64,
        reason: &'static str,
        now: i64,
        mut ids: Ids,
    ) -> Result<FailedPart> {
        self.write(move |connection| {
            let (email, address) = after.unwrap_or_default();
            let sql = "SELECT queue.email_id, queue.address, domain_id, leased FROM queue \
                       JOIN emails ON emails.id = queue.email_id WHERE (queue.email_id, queue.address) > (?1, ?2) \
                       ORDER BY queue.email_id, queue.address LIMIT ?3";
            let rows = connection.query(sql, values![email, address, rows_max], |row| {
                Ok(((row.text(0)?, row.text(1)?), row.text(2)?, row.flag(3)?))
            })?;
            let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows == rows_max);
            let last = rows.last().filter(|_| is_full).map(|(place, ..)| place.clone());
            let mut failed = 0;
            let domain = domain.to_string();
            for ((email, address), of_domain, leased) in rows {
                if of_domain != domain || leased {
                    continue;
                }
                let sql = "DELETE FROM queue WHERE email_id = ?1 AND address = ?2";
                connection.execute(sql, values![email.as_str(), address.as_str()])?;
                failed += 1;
                let Ok(email) = email.parse() else { continue };
                let Some(subject) = subject(connection, email, Some(&address))? else { continue };
                let (event_type, data) = (EventType::Failed, json!({ "reason": reason }));
                let happening = Happening { event_type, bounce_type: None, reason: None, occurred_at: now, data, now };
                record(connection, subject, [happening], &mut ids)?;
            }
            Ok::<_, StoreError>(FailedPart { failed, last })
        })
        .await
    }
}
