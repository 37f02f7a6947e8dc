//! The keys that sign domains' mail.

use uuid::Uuid;

use super::sql::{Connection, SqlError, values};
use super::{Result, Store};
use crate::mail::dkim::Algorithm;

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

impl Store {
    /// A domain with the keys that sign its mail. `None` when it is gone.
    pub(crate) async fn signing_domain(&self, domain: Uuid) -> Result<Option<SigningDomain>> {
        self.read(move |connection| {
            let sql = "SELECT name, sandbox FROM domains WHERE id = ?1";
            let found =
                connection.query_one(sql, values![domain.to_string()], |row| Ok((row.text(0)?, row.flag(1)?)))?;
            let Some((name, sandbox)) = found else { return Ok(None) };
            Ok(Some(SigningDomain { name, sandbox, keys: active_keys(connection, domain)? }))
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

/// Keeps a key that signs from now on.
pub(super) fn insert_key(
    connection: &Connection,
    id: Uuid,
    domain: Uuid,
    key: &DkimKey,
    now: i64,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO dkim_keys VALUES (?1, ?2, ?3, ?4, 'active', ?5, ?6, ?7)";
    let values = values![
        id.to_string(),
        domain.to_string(),
        key.selector.as_str(),
        key.algorithm.as_str(),
        key.sealed.clone(),
        key.public_key.as_str(),
        now,
    ];
    connection.execute(sql, values).map(drop)
}
