//! What happened to domains, for their owners to be told.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::sql::{Connection, SqlError, values};
use super::{Domain, Result, Store};
use crate::mail::event::words;

/// Events that are kept of each domain. The oldest make room.
pub(crate) const DOMAIN_EVENTS_MAX: i64 = 100;

words! {
    /// One thing that happened to a domain.
    DomainEventKind {
        /// A customer added it.
        Added = "added",
        /// It may send.
        Verified = "verified",
        /// A required record is not as it should be; it still sends.
        Warning = "warning",
        /// Its records are as they should be again.
        Recovered = "recovered",
        /// It may send no more, or was not verified in time.
        Failed = "failed",
        /// New keys wait for their records.
        RotationBegan = "rotation_began",
        /// A new key signs in the place of another.
        KeyRotated = "key_rotated",
        /// A former key's record is needed no more.
        KeyRetired = "key_retired",
        /// It was taken away.
        Removed = "removed",
    }
}

/// Something that happened to a domain.
#[derive(Clone, Debug)]
pub(crate) struct DomainEvent {
    pub(crate) kind: DomainEventKind,
    /// Milliseconds since 1970.
    pub(crate) occurred_at: i64,
    /// A JSON object.
    pub(crate) detail: Json,
}

impl Store {
    /// What happened to a domain, newest first.
    pub(crate) async fn domain_events(&self, domain: Uuid) -> Result<Vec<DomainEvent>> {
        self.read(move |connection| {
            let sql =
                "SELECT kind, occurred_at, detail FROM domain_events WHERE domain_id = ?1 ORDER BY id DESC LIMIT ?2";
            Ok(connection.query(sql, values![domain.to_string(), DOMAIN_EVENTS_MAX], |row| {
                Ok(DomainEvent {
                    kind: row.parsed(0, DomainEventKind::parse)?,
                    occurred_at: row.integer(1)?,
                    detail: row.parsed(2, |text| serde_json::from_str(text).ok())?,
                })
            })?)
        })
        .await
    }
}

/// Writes down what happened. `detail` is a JSON object.
pub(super) fn insert_event(
    connection: &Connection,
    id: Uuid,
    domain: &Domain,
    kind: DomainEventKind,
    detail: &str,
    now: i64,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO domain_events VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (domain_id, customer) = (domain.id.to_string(), domain.customer_id.to_string());
    connection.execute(sql, values![id.to_string(), domain_id.as_str(), customer, kind.as_str(), now, detail])?;
    let sql = "DELETE FROM domain_events WHERE domain_id = ?1 AND id <= \
               (SELECT id FROM domain_events WHERE domain_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    connection.execute(sql, values![domain_id, DOMAIN_EVENTS_MAX]).map(drop)
}
