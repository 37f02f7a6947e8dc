//! Answers kept for a repeated `Idempotency-Key`.
//!
//! A key is claimed in the unit of work that does what the request asks. So a second request with the same key,
//! however close behind, either finds the first one's answer or comes first itself.

use uuid::Uuid;

use super::sql::{Connection, SqlError, values};
use super::{Result, Store};

/// How long an answer is kept, in milliseconds: 24 hours.
pub(super) const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;
/// Most expired answers removed with each new one, so that removing never becomes a task of its own.
const REMOVED_MAX: i64 = 8;

/// A key and what it stands for.
#[derive(Clone, Debug)]
pub struct Claim {
    /// As the caller sent it.
    pub key: String,
    /// SHA-256 over the request.
    pub request_hash: [u8; 32],
}

/// What a key was used for before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Replay {
    /// The same request: this was its answer.
    Same(String),
    /// The same request, a bulk send with this id that was broken off.
    Unfinished(Uuid),
    /// Another request.
    Mismatch,
}

impl Store {
    /// What this key was used for within the last 24 hours.
    pub async fn replay(
        &self,
        customer: Uuid,
        key: String,
        request_hash: [u8; 32],
        now: i64,
    ) -> Result<Option<Replay>> {
        let claim = Claim { key, request_hash };
        self.read(move |connection| Ok(find(connection, customer, &claim, now)?)).await
    }
}

pub(super) fn find(
    connection: &Connection,
    customer: Uuid,
    claim: &Claim,
    now: i64,
) -> Result<Option<Replay>, SqlError> {
    let sql = "SELECT request_hash, reply, bulk_id FROM idempotency \
               WHERE customer_id = ?1 AND key = ?2 AND created_at > ?3";
    connection.query_one(sql, values![customer.to_string(), claim.key.as_str(), now - KEPT_MS], |row| {
        if row.blob(0)? != claim.request_hash {
            return Ok(Replay::Mismatch);
        }
        let (reply, bulk_id) = (row.text(1)?, row.parsed_or_null(2, |id| id.parse().ok())?);
        Ok(match bulk_id {
            Some(bulk_id) if reply.is_empty() => Replay::Unfinished(bulk_id),
            _ => Replay::Same(reply),
        })
    })
}

/// Keeps an answer under its key.
pub(super) fn insert(
    connection: &Connection,
    customer: Uuid,
    claim: &Claim,
    reply: &str,
    now: i64,
) -> Result<(), SqlError> {
    insert_row(connection, customer, claim, reply, None, now)
}

/// Claims a key for a bulk send whose answer comes later.
pub(super) fn begin_bulk(
    connection: &Connection,
    customer: Uuid,
    claim: &Claim,
    bulk_id: Uuid,
    now: i64,
) -> Result<(), SqlError> {
    insert_row(connection, customer, claim, "", Some(bulk_id), now)
}

fn insert_row(
    connection: &Connection,
    customer: Uuid,
    claim: &Claim,
    reply: &str,
    bulk_id: Option<Uuid>,
    now: i64,
) -> Result<(), SqlError> {
    let expired = "DELETE FROM idempotency WHERE (customer_id, key) IN \
                   (SELECT customer_id, key FROM idempotency WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)";
    connection.execute(expired, values![now - KEPT_MS, REMOVED_MAX])?;
    // What is left of this key has expired, or it would have been found.
    let sql = "INSERT OR REPLACE INTO idempotency (customer_id, key, request_hash, reply, bulk_id, created_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = values![
        customer.to_string(),
        claim.key.as_str(),
        claim.request_hash.to_vec(),
        reply,
        bulk_id.map(|id| id.to_string()),
        now,
    ];
    connection.execute(sql, values).map(drop)
}
