//! Sending domains.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dkim_keys::insert_key;
use super::sql::{Connection, Row, SqlError, values};
use super::{DkimKey, Result, Store, StoreError};
use crate::delivery::outlet::OutletKind;
use crate::ids::Ids;
use crate::mail::event::words;

words! {
    /// Who says that a domain is its customer's.
    VerifiedBy {
        /// The service, which gave the domain away itself.
        Service = "service",
        /// An operator, who assumed it. Nobody looked into DNS.
        Operator = "operator",
        /// The records that were found in DNS.
        Dns = "dns",
    }
}

/// A domain that a customer sends from.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub customer_id: Uuid,
    /// A-labels, lower case.
    pub name: String,
    /// True where mail never leaves the machine.
    pub sandbox: bool,
    /// `None` follows the account.
    pub open_tracking_enabled: Option<bool>,
    /// `None` follows the account.
    pub click_tracking_enabled: Option<bool>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970; `None` until it is verified.
    pub verified_at: Option<i64>,
    /// Who verified it; `None` until somebody did.
    pub verified_by: Option<VerifiedBy>,
    /// Where its mail goes; `None` follows the service.
    pub outlet: Option<OutletKind>,
}

/// A domain as operators see it: with the address of its customer.
#[derive(Clone, Debug)]
pub(crate) struct OwnedDomain {
    pub(crate) domain: Domain,
    pub(crate) customer: String,
}

/// What became of a domain that was to be added.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Added {
    /// It is there, with its keys.
    Stored,
    /// The name is taken.
    Exists,
    /// The customer has as many domains as it may.
    Limit,
}

const COLUMNS: &str = "domains.id, customer_id, domains.name, sandbox, domains.open_tracking_enabled, \
     domains.click_tracking_enabled, domains.created_at, verified_at, verified_by, outlet";

fn read_domain(row: &Row) -> Result<Domain, SqlError> {
    Ok(Domain {
        id: row.parsed(0, |id| id.parse().ok())?,
        customer_id: row.parsed(1, |id| id.parse().ok())?,
        name: row.text(2)?,
        sandbox: row.flag(3)?,
        open_tracking_enabled: row.flag_or_null(4)?,
        click_tracking_enabled: row.flag_or_null(5)?,
        created_at: row.integer(6)?,
        verified_at: row.integer_or_null(7)?,
        verified_by: row.text_or_null(8)?.as_deref().and_then(VerifiedBy::parse),
        outlet: row.text_or_null(9)?.as_deref().and_then(OutletKind::parse),
    })
}

fn read_owned(row: &Row) -> Result<OwnedDomain, SqlError> {
    Ok(OwnedDomain { domain: read_domain(row)?, customer: row.text(10)? })
}

const OWNED: &str = "FROM domains JOIN customers ON customers.id = customer_id";

impl Store {
    /// The customer's verified domain of this name, or the one verified first when no name is given: a
    /// sandbox domain only where there is no other.
    pub async fn verified_domain(&self, customer: Uuid, name: Option<String>) -> Result<Option<Domain>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM domains WHERE customer_id = ?1 AND status = 'verified' \
                 AND (?2 IS NULL OR name = ?2) ORDER BY sandbox, verified_at, id LIMIT 1"
            );
            Ok(connection.query_one(&sql, values![customer.to_string(), name], read_domain)?)
        })
        .await
    }

    /// Whether a domain is the customer's.
    pub async fn has_domain(&self, customer: Uuid, id: Uuid) -> Result<bool> {
        self.read(move |connection| {
            let sql = "SELECT 1 FROM domains WHERE id = ?1 AND customer_id = ?2";
            let values = values![id.to_string(), customer.to_string()];
            Ok(connection.query_one(sql, values, |row| row.integer(0))?.is_some())
        })
        .await
    }

    /// How many domains a customer has.
    pub async fn count_domains(&self, customer: Uuid) -> Result<i64> {
        self.read(move |connection| Ok(count(connection, customer)?)).await
    }

    /// The domain of this name, whoever it belongs to: for operators.
    pub(crate) async fn domain_by_name(&self, name: String) -> Result<Option<OwnedDomain>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS}, customers.email {OWNED} WHERE domains.name = ?1");
            Ok(connection.query_one(&sql, values![name], read_owned)?)
        })
        .await
    }

    /// Domains by name, of one customer or of all: for operators. At most `limit`.
    pub(crate) async fn domains(&self, customer: Option<Uuid>, limit: i64) -> Result<Vec<OwnedDomain>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS}, customers.email {OWNED} WHERE ?1 IS NULL OR customer_id = ?1 \
                 ORDER BY domains.name LIMIT ?2"
            );
            Ok(connection.query(&sql, values![customer.map(|id| id.to_string()), limit], read_owned)?)
        })
        .await
    }

    /// Adds a domain with its keys, unless its customer has `domains_max` already.
    pub(crate) async fn add_domain(
        &self,
        domain: Domain,
        keys: Vec<DkimKey>,
        domains_max: i64,
        mut ids: Ids,
    ) -> Result<Added> {
        self.write(move |connection| {
            let sql = "SELECT 1 FROM domains WHERE name = ?1";
            if connection.query_one(sql, values![domain.name.as_str()], |row| row.integer(0))?.is_some() {
                return Ok(Added::Exists);
            }
            if count(connection, domain.customer_id)? >= domains_max {
                return Ok(Added::Limit);
            }
            insert_domain(connection, &domain)?;
            for key in &keys {
                insert_key(connection, ids(), domain.id, key, domain.created_at)?;
            }
            Ok::<_, StoreError>(Added::Stored)
        })
        .await
    }

    /// Takes an operator's word for a domain that nobody verified yet.
    pub(crate) async fn assume_verified(&self, domain: Uuid, now: i64) -> Result<()> {
        self.write(move |connection| {
            let sql = "UPDATE domains SET status = 'verified', verified_at = ?2, verified_by = ?3 \
                       WHERE id = ?1 AND verified_at IS NULL";
            connection.execute(sql, values![domain.to_string(), now, VerifiedBy::Operator.as_str()])?;
            Ok(())
        })
        .await
    }

    /// Sends a domain's mail by this outlet, or by the service's.
    pub(crate) async fn set_outlet(&self, domain: Uuid, outlet: Option<OutletKind>) -> Result<()> {
        self.write(move |connection| {
            let sql = "UPDATE domains SET outlet = ?2 WHERE id = ?1";
            connection.execute(sql, values![domain.to_string(), outlet.map(OutletKind::as_str)])?;
            Ok(())
        })
        .await
    }
}

fn count(connection: &Connection, customer: Uuid) -> Result<i64, SqlError> {
    let sql = "SELECT COUNT(*) FROM domains WHERE customer_id = ?1";
    Ok(connection.query_one(sql, values![customer.to_string()], |row| row.integer(0))?.unwrap_or(0))
}

pub(super) fn insert_domain(connection: &Connection, domain: &Domain) -> Result<(), SqlError> {
    let sql = "INSERT INTO domains (id, customer_id, name, status, sandbox, open_tracking_enabled, \
               click_tracking_enabled, created_at, verified_at, verified_by, outlet) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    connection.execute(
        sql,
        values![
            domain.id.to_string(),
            domain.customer_id.to_string(),
            domain.name.as_str(),
            if domain.verified_at.is_some() { "verified" } else { "pending" },
            domain.sandbox,
            domain.open_tracking_enabled,
            domain.click_tracking_enabled,
            domain.created_at,
            domain.verified_at,
            domain.verified_by.map(VerifiedBy::as_str),
            domain.outlet.map(OutletKind::as_str),
        ],
    )?;
    Ok(())
}
