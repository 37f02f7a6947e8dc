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
    /// The answer to keep.
    pub reply: String,
}

/// What a key was used for before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Replay {
    /// The same request: this was its answer.
    Same(String),
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
        self.read(move |connection| Ok(find(connection, customer, &key, &request_hash, now)?)).await
    }
}

pub(super) fn find(
    connection: &Connection,
    customer: Uuid,
    key: &str,
    request_hash: &[u8],
    now: i64,
) -> Result<Option<Replay>, SqlError> {
    let sql = "SELECT request_hash, reply FROM idempotency WHERE customer_id = ?1 AND key = ?2 AND created_at > ?3";
    connection.query_one(sql, values![customer.to_string(), key, now - KEPT_MS], |row| {
        Ok(if row.blob(0)? == request_hash { Replay::Same(row.text(1)?) } else { Replay::Mismatch })
    })
}

pub(super) fn insert(connection: &Connection, customer: Uuid, claim: &Claim, now: i64) -> Result<(), SqlError> {
    let expired = "DELETE FROM idempotency WHERE (customer_id, key) IN \
                   (SELECT customer_id, key FROM idempotency WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)";
    connection.execute(expired, values![now - KEPT_MS, REMOVED_MAX])?;
    let sql = "INSERT OR REPLACE INTO idempotency VALUES (?1, ?2, ?3, ?4, ?5)";
    let request_hash = claim.request_hash.to_vec();
    connection
        .execute(sql, values![customer.to_string(), claim.key.as_str(), request_hash, claim.reply.as_str(), now])
        .map(drop)
}
