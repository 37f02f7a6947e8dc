//! The keys that sign domains' mail, from their making until their records may go.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::domain_events::{DomainEventKind, insert_event};
use super::domains::domain_by_id;
use super::sql::{Connection, Row, SqlError, values};
use super::{Domain, Result, Store, StoreError};
use crate::ids::Ids;
use crate::mail::dkim::Algorithm;
use crate::mail::event::words;

/// Keys of one domain, those included whose records are needed no more.
pub(crate) const KEYS_MAX: i64 = 12;
/// Keys that retire in one unit of work.
const RETIRED_AT_ONCE_MAX: i64 = 100;

words! {
    /// What a key is for.
    KeyState {
        /// It waits for its record in DNS.
        Next = "next",
        /// It signs.
        Active = "active",
        /// It signs no more, and keeps its record for the mail that is on its way.
        Retiring = "retiring",
        /// Its record is needed no more, and its private half is gone.
        Retired = "retired",
    }
}

/// A key as it is kept.
#[derive(Clone, Debug)]
pub struct DkimKey {
    /// Under which name its record stands in DNS.
    pub selector: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The private half, sealed.
    pub sealed: Vec<u8>,
    /// The value of `p=` in its record.
    pub public_key: String,
}

/// A key as it is known to the world.
#[derive(Clone, Debug)]
pub(crate) struct KnownKey {
    pub(crate) selector: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) public_key: String,
    pub(crate) state: KeyState,
    /// When it came into its state, in milliseconds.
    pub(crate) state_since: i64,
}

/// A domain as it signs.
#[derive(Clone, Debug)]
pub(crate) struct SigningDomain {
    /// A-labels, lower case.
    pub(crate) name: String,
    /// True where mail never leaves the machine, and needs no signature.
    pub(crate) sandbox: bool,
    /// The keys in use; that of RSA first.
    pub(crate) keys: Vec<DkimKey>,
}

/// What became of the wish for new keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RotationBegun {
    /// The new keys wait for their records.
    Yes,
    /// Others wait already.
    UnderWay,
    /// Too many former keys still keep their records.
    TooMany,
    /// The domain is gone.
    NoDomain,
}

impl Store {
    /// A domain with the keys that sign its mail. `None` when it is gone.
    pub(crate) async fn signing_domain(&self, domain: Uuid) -> Result<Option<SigningDomain>> {
        self.read(move |connection| {
            let Some(Domain { name, sandbox, .. }) = domain_by_id(connection, domain)? else { return Ok(None) };
            Ok(Some(SigningDomain { name, sandbox, keys: active_keys(connection, domain)? }))
        })
        .await
    }

    /// Gives a domain new keys, which sign once their records are found.
    pub(crate) async fn begin_rotation(
        &self,
        domain: Uuid,
        keys: Vec<DkimKey>,
        now: i64,
        mut ids: Ids,
    ) -> Result<RotationBegun> {
        self.control_write(move |connection| {
            let Some(known) = domain_by_id(connection, domain)? else { return Ok(RotationBegun::NoDomain) };
            let id = domain.to_string();
            let sql = "DELETE FROM dkim_keys WHERE domain_id = ?1 AND state = 'retired'";
            connection.execute(sql, values![id.as_str()])?;
            let found = known_keys(connection, domain)?;
            if found.iter().any(|key| key.state == KeyState::Next) {
                return Ok(RotationBegun::UnderWay);
            }
            if i64::try_from(found.len() + keys.len()).unwrap_or(i64::MAX) > KEYS_MAX {
                return Ok(RotationBegun::TooMany);
            }
            for key in &keys {
                insert_key(connection, ids(), domain, key, KeyState::Next, now)?;
            }
            let sql = "UPDATE domains SET next_check_at = MIN(COALESCE(next_check_at, ?2), ?2) WHERE id = ?1";
            connection.execute(sql, values![id, now])?;
            let selectors: Vec<_> = keys.iter().map(|key| key.selector.as_str()).collect();
            let detail = json!({ "selectors": selectors }).to_string();
            insert_event(connection, ids(), &known, DomainEventKind::RotationBegan, &detail, now)?;
            Ok::<_, StoreError>(RotationBegun::Yes)
        })
        .await
    }

    /// Retires the keys that have signed nothing since `before`. Says how many, which may be fewer than there are.
    pub(crate) async fn retire_keys(&self, before: i64, now: i64, mut ids: Ids) -> Result<usize> {
        self.control_write(move |connection| {
            let sql =
                "SELECT domain_id, selector FROM dkim_keys WHERE state = 'retiring' AND state_since <= ?1 LIMIT ?2";
            let found = connection.query(sql, values![before, RETIRED_AT_ONCE_MAX], |row| {
                Ok((row.parsed(0, |id| id.parse().ok())?, row.text(1)?))
            })?;
            for (domain, selector) in &found {
                let sql = "UPDATE dkim_keys SET state = 'retired', sealed = x'', state_since = ?3 \
                           WHERE domain_id = ?1 AND selector = ?2";
                connection.execute(sql, values![Uuid::to_string(domain), selector.as_str(), now])?;
                let Some(known) = domain_by_id(connection, *domain)? else { continue };
                let detail = json!({ "selector": selector }).to_string();
                insert_event(connection, ids(), &known, DomainEventKind::KeyRetired, &detail, now)?;
            }
            Ok::<_, StoreError>(found.len())
        })
        .await
    }

    /// Domains whose keys have signed since before that time and have no new ones on their way; at most `limit`.
    pub(crate) async fn domains_to_rotate(&self, before: i64, limit: i64) -> Result<Vec<Domain>> {
        self.read(move |connection| {
            let sql = "SELECT DISTINCT domain_id FROM dkim_keys AS old WHERE state = 'active' AND state_since <= ?1 \
                       AND NOT EXISTS (SELECT 1 FROM dkim_keys WHERE domain_id = old.domain_id AND state = 'next') \
                       AND EXISTS (SELECT 1 FROM domains WHERE id = old.domain_id AND status = 'verified') LIMIT ?2";
            let ids = connection.query(sql, values![before, limit], |row| row.parsed(0, |id| id.parse().ok()))?;
            let found: Result<Vec<_>, _> = ids.into_iter().map(|id| domain_by_id(connection, id)).collect();
            Ok(found?.into_iter().flatten().collect())
        })
        .await
    }
}

fn active_keys(connection: &Connection, domain: Uuid) -> Result<Vec<DkimKey>, SqlError> {
    let sql = "SELECT selector, algorithm, sealed, public_key FROM dkim_keys \
               WHERE domain_id = ?1 AND state = 'active' ORDER BY algorithm DESC, selector";
    connection.query(sql, values![domain.to_string()], |row| {
        Ok(DkimKey {
            selector: row.text(0)?,
            algorithm: row.parsed(1, Algorithm::parse)?,
            sealed: row.blob(2)?,
            public_key: row.text(3)?,
        })
    })
}

/// The keys of a domain: those that sign first, then those that will, then those that did; that of RSA first.
pub(super) fn known_keys(connection: &Connection, domain: Uuid) -> Result<Vec<KnownKey>, SqlError> {
    let sql = "SELECT selector, algorithm, public_key, state, state_since FROM dkim_keys WHERE domain_id = ?1 \
               ORDER BY CASE state WHEN 'active' THEN 1 WHEN 'next' THEN 2 WHEN 'retiring' THEN 3 ELSE 4 END, \
               CASE state WHEN 'active' THEN algorithm END DESC, created_at DESC, algorithm DESC, selector LIMIT ?2";
    connection.query(sql, values![domain.to_string(), KEYS_MAX], read_known)
}

fn read_known(row: &Row) -> Result<KnownKey, SqlError> {
    Ok(KnownKey {
        selector: row.text(0)?,
        algorithm: row.parsed(1, Algorithm::parse)?,
        public_key: row.text(2)?,
        state: row.parsed(3, KeyState::parse)?,
        state_since: row.integer(4)?,
    })
}

/// Has a key that waited sign from now on, in the place of the one of its kind that did. Says which that was; `None`
/// when the key did not wait.
pub(super) fn put_in_use(
    connection: &Connection,
    domain: Uuid,
    selector: &str,
    now: i64,
) -> Result<Option<Vec<String>>, SqlError> {
    let id = domain.to_string();
    let sql = "SELECT algorithm FROM dkim_keys WHERE domain_id = ?1 AND selector = ?2 AND state = 'next'";
    let algorithm = connection.query_one(sql, values![id.as_str(), selector], |row| row.text(0))?;
    let Some(algorithm) = algorithm else { return Ok(None) };
    let sql = "SELECT selector FROM dkim_keys WHERE domain_id = ?1 AND algorithm = ?2 AND state = 'active'";
    let former = connection.query(sql, values![id.as_str(), algorithm.as_str()], |row| row.text(0))?;
    let sql = "UPDATE dkim_keys SET state = 'retiring', state_since = ?3 \
               WHERE domain_id = ?1 AND algorithm = ?2 AND state = 'active'";
    connection.execute(sql, values![id.as_str(), algorithm, now])?;
    let sql = "UPDATE dkim_keys SET state = 'active', state_since = ?3 WHERE domain_id = ?1 AND selector = ?2";
    connection.execute(sql, values![id, selector, now])?;
    Ok(Some(former))
}

/// Keeps a key.
pub(super) fn insert_key(
    connection: &Connection,
    id: Uuid,
    domain: Uuid,
    key: &DkimKey,
    state: KeyState,
    now: i64,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO dkim_keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)";
    let values = values![
        id.to_string(),
        domain.to_string(),
        key.selector.as_str(),
        key.algorithm.as_str(),
        state.as_str(),
        key.sealed.clone(),
        key.public_key.as_str(),
        now,
    ];
    connection.execute(sql, values).map(drop)
}
