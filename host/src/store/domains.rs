//! Sending domains.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dkim_keys::{KeyState, insert_key};
use super::domain_events::{DomainEventKind, insert_event};
use super::sql::{Connection, Row, SqlError, is_duplicate, values};
use super::{DkimKey, Result, Store, StoreError};
use crate::delivery::outlet::OutletKind;
use crate::ids::Ids;
use crate::mail::event::words;
use crate::mail::standing::DomainStatus;

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
    /// Whether mail may be sent from it.
    pub status: DomainStatus,
    /// True where mail never leaves the machine.
    pub sandbox: bool,
    /// `None` follows the account.
    pub open_tracking_enabled: Option<bool>,
    /// `None` follows the account.
    pub click_tracking_enabled: Option<bool>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Since when it is verified, in milliseconds; `None` while it is not.
    pub verified_at: Option<i64>,
    /// Who verified it; `None` until somebody did.
    pub verified_by: Option<VerifiedBy>,
    /// Where its mail goes; `None` follows the service.
    pub outlet: Option<OutletKind>,
    /// What its owner publishes to show that it is his.
    pub ownership_token: String,
    /// Whether bounces of its mail come back to a name of its own.
    pub own_return_path: bool,
    /// When the checks of a domain that is not verified began, in milliseconds.
    pub checks_began_at: i64,
    /// When it is checked next, in milliseconds; `None` for never by itself.
    pub next_check_at: Option<i64>,
    /// Since when a required record of a verified domain is not as it should be, in milliseconds.
    pub failing_since: Option<i64>,
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
    /// This customer has it already, or another one has verified it.
    Exists,
    /// The customer has as many domains as it may.
    Limit,
}

/// What an account may change of a domain. What is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct DomainChange {
    /// `Some(None)` follows the account.
    pub open_tracking_enabled: Option<Option<bool>>,
    /// `Some(None)` follows the account.
    pub click_tracking_enabled: Option<Option<bool>>,
}

const COLUMNS: &str = "domains.id, customer_id, domains.name, sandbox, domains.open_tracking_enabled, \
     domains.click_tracking_enabled, domains.created_at, verified_at, verified_by, outlet, domains.status, \
     ownership_token, own_return_path, checks_began_at, next_check_at, failing_since";

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
        status: row.parsed(10, DomainStatus::parse)?,
        ownership_token: row.text(11)?,
        own_return_path: row.flag(12)?,
        checks_began_at: row.integer(13)?,
        next_check_at: row.integer_or_null(14)?,
        failing_since: row.integer_or_null(15)?,
    })
}

fn read_owned(row: &Row) -> Result<OwnedDomain, SqlError> {
    Ok(OwnedDomain { domain: read_domain(row)?, customer: row.text(16)? })
}

const OWNED: &str = "FROM domains JOIN customers ON customers.id = customer_id";

impl Store {
    /// The customer's verified domain of this name, or the one verified first when no name is given: a
    /// sandbox domain only where there is no other.
    pub async fn verified_domain(&self, customer: Uuid, name: Option<String>) -> Result<Option<Domain>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM domains WHERE customer_id = ?1 AND status = 'verified' AND removed_at IS NULL \
                 AND (?2 IS NULL OR name = ?2) ORDER BY sandbox, verified_at, id LIMIT 1"
            );
            Ok(connection.query_one(&sql, values![customer.to_string(), name], read_domain)?)
        })
        .await
    }

    /// The customer's verified domain that this name is a part of, and whose owner therefore owns it too.
    pub(crate) async fn verified_parent(&self, customer: Uuid, name: String) -> Result<Option<String>> {
        self.read(move |connection| {
            let sql = "SELECT name FROM domains WHERE customer_id = ?1 AND status = 'verified' AND removed_at IS NULL \
                       AND sandbox = 0 AND substr(?2, -length(name) - 1) = '.' || name ORDER BY length(name) DESC LIMIT 1";
            Ok(connection.query_one(sql, values![customer.to_string(), name], |row| row.text(0))?)
        })
        .await
    }

    /// A domain of this customer.
    pub(crate) async fn domain(&self, customer: Uuid, id: Uuid) -> Result<Option<Domain>> {
        self.read(move |connection| {
            let found = domain_by_id(connection, id)?;
            Ok(found.filter(|domain| domain.customer_id == customer))
        })
        .await
    }

    /// Whether a domain is the customer's.
    pub async fn has_domain(&self, customer: Uuid, id: Uuid) -> Result<bool> {
        Ok(self.domain(customer, id).await?.is_some())
    }

    /// How many domains a customer has.
    pub async fn count_domains(&self, customer: Uuid) -> Result<i64> {
        self.read(move |connection| Ok(count(connection, customer)?)).await
    }

    /// The domains of this name, of one customer or of all who have it: for operators. The verified one comes first; at
    /// most `limit`.
    pub(crate) async fn domains_by_name(
        &self,
        name: String,
        customer: Option<String>,
        limit: i64,
    ) -> Result<Vec<OwnedDomain>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS}, customers.email {OWNED} WHERE domains.name = ?1 AND removed_at IS NULL \
                 AND (?2 IS NULL OR customers.email = ?2) ORDER BY domains.status = 'verified' DESC, customers.email LIMIT ?3"
            );
            Ok(connection.query(&sql, values![name, customer, limit], read_owned)?)
        })
        .await
    }

    /// Domains by name, of one customer or of all. At most `limit`.
    pub(crate) async fn domains(&self, customer: Option<Uuid>, limit: i64) -> Result<Vec<OwnedDomain>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS}, customers.email {OWNED} WHERE (?1 IS NULL OR customer_id = ?1) \
                 AND removed_at IS NULL ORDER BY domains.name, domains.id LIMIT ?2"
            );
            Ok(connection.query(&sql, values![customer.map(|id| id.to_string()), limit], read_owned)?)
        })
        .await
    }

    /// The customer's domains that need attention: verified ones with a record that is not as it should be, and failed
    /// ones. By name, at most `limit`.
    pub(crate) async fn troubled_domains(&self, customer: Uuid, limit: i64) -> Result<Vec<Domain>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM domains WHERE customer_id = ?1 AND removed_at IS NULL \
                 AND (status = 'failed' OR failing_since IS NOT NULL) ORDER BY name LIMIT ?2"
            );
            Ok(connection.query(&sql, values![customer.to_string(), limit], read_domain)?)
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
        self.control_write(move |connection| {
            let sql = "SELECT 1 FROM domains WHERE name = ?1 AND removed_at IS NULL \
                       AND (customer_id = ?2 OR status = 'verified')";
            let values = values![domain.name.as_str(), domain.customer_id.to_string()];
            if connection.query_one(sql, values, |row| row.integer(0))?.is_some() {
                return Ok(Added::Exists);
            }
            if count(connection, domain.customer_id)? >= domains_max {
                return Ok(Added::Limit);
            }
            insert_domain(connection, &domain)?;
            for key in &keys {
                insert_key(connection, ids(), domain.id, key, KeyState::Active, domain.created_at)?;
            }
            insert_event(connection, ids(), &domain, DomainEventKind::Added, "{}", domain.created_at)?;
            Ok::<_, StoreError>(Added::Stored)
        })
        .await
    }

    /// Takes an operator's word for a domain that is not verified. False when another customer has verified the name.
    pub(crate) async fn assume_verified(&self, domain: Uuid, now: i64, mut ids: Ids) -> Result<bool> {
        self.control_write(move |connection| {
            let Some(known) = domain_by_id(connection, domain)? else { return Ok(false) };
            if known.status != DomainStatus::Verified {
                if !verify(connection, domain, VerifiedBy::Operator, now)? {
                    return Ok(false);
                }
                connection
                    .execute("UPDATE domains SET next_check_at = NULL WHERE id = ?1", values![domain.to_string()])?;
                insert_event(connection, ids(), &known, DomainEventKind::Verified, r#"{"by":"operator"}"#, now)?;
            }
            Ok::<_, StoreError>(true)
        })
        .await
    }

    /// Sends a domain's mail by this outlet, or by the service's.
    pub(crate) async fn set_outlet(&self, domain: Uuid, outlet: Option<OutletKind>) -> Result<()> {
        self.control_write(move |connection| {
            let sql = "UPDATE domains SET outlet = ?2 WHERE id = ?1";
            connection.execute(sql, values![domain.to_string(), outlet.map(OutletKind::as_str)])?;
            Ok(())
        })
        .await
    }

    /// Changes a domain of this customer and returns it as it is then. `None` when there is none.
    pub(crate) async fn change_domain(&self, customer: Uuid, id: Uuid, change: DomainChange) -> Result<Option<Domain>> {
        self.control_write(move |connection| {
            let sql = "UPDATE domains SET \
                       open_tracking_enabled = CASE WHEN ?3 THEN ?4 ELSE open_tracking_enabled END, \
                       click_tracking_enabled = CASE WHEN ?5 THEN ?6 ELSE click_tracking_enabled END \
                       WHERE id = ?1 AND customer_id = ?2 AND removed_at IS NULL";
            let values = values![
                id.to_string(),
                customer.to_string(),
                change.open_tracking_enabled.is_some(),
                change.open_tracking_enabled.flatten(),
                change.click_tracking_enabled.is_some(),
                change.click_tracking_enabled.flatten(),
            ];
            let changed = connection.execute(sql, values)? > 0;
            Ok(if changed { domain_by_id(connection, id)? } else { None })
        })
        .await
    }

    /// Takes a domain away: nobody sees it any more, its name is free, and its keys are gone. False when it was gone.
    pub(crate) async fn remove_domain(&self, id: Uuid, now: i64, mut ids: Ids) -> Result<bool> {
        self.control_write(move |connection| {
            let Some(domain) = domain_by_id(connection, id)? else { return Ok(false) };
            let id = id.to_string();
            connection.execute("UPDATE domains SET removed_at = ?2 WHERE id = ?1", values![id.as_str(), now])?;
            connection.execute("DELETE FROM dkim_keys WHERE domain_id = ?1", values![id.as_str()])?;
            connection.execute("DELETE FROM domain_checks WHERE domain_id = ?1", values![id])?;
            insert_event(connection, ids(), &domain, DomainEventKind::Removed, "{}", now)?;
            Ok::<_, StoreError>(true)
        })
        .await
    }
}

/// A customer's domains by name.
pub(super) fn page(connection: &Connection, customer: Uuid, limit: i64, offset: i64) -> Result<Vec<Domain>, SqlError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM domains WHERE customer_id = ?1 AND removed_at IS NULL ORDER BY name LIMIT ?2 OFFSET ?3"
    );
    connection.query(&sql, values![customer.to_string(), limit, offset], read_domain)
}

pub(super) fn domain_by_id(connection: &Connection, id: Uuid) -> Result<Option<Domain>, SqlError> {
    let sql = format!("SELECT {COLUMNS} FROM domains WHERE id = ?1 AND removed_at IS NULL");
    connection.query_one(&sql, values![id.to_string()], read_domain)
}

fn count(connection: &Connection, customer: Uuid) -> Result<i64, SqlError> {
    let sql = "SELECT COUNT(*) FROM domains WHERE customer_id = ?1 AND removed_at IS NULL";
    Ok(connection.query_one(sql, values![customer.to_string()], |row| row.integer(0))?.unwrap_or(0))
}

/// Lets a domain send. False when another customer has verified the name.
pub(super) fn verify(connection: &Connection, domain: Uuid, by: VerifiedBy, now: i64) -> Result<bool, SqlError> {
    let sql = "UPDATE domains SET status = 'verified', verified_at = ?2, verified_by = ?3, failing_since = NULL \
               WHERE id = ?1";
    match connection.execute(sql, values![domain.to_string(), now, by.as_str()]) {
        Err(error) if is_duplicate(&error) => Ok(false),
        done => done.map(|_| true),
    }
}

pub(super) fn insert_domain(connection: &Connection, domain: &Domain) -> Result<(), SqlError> {
    let sql = "INSERT INTO domains (id, customer_id, name, status, sandbox, open_tracking_enabled, \
               click_tracking_enabled, created_at, verified_at, verified_by, outlet, ownership_token, \
               own_return_path, checks_began_at, next_check_at, failing_since) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    connection.execute(
        sql,
        values![
            domain.id.to_string(),
            domain.customer_id.to_string(),
            domain.name.as_str(),
            domain.status.as_str(),
            domain.sandbox,
            domain.open_tracking_enabled,
            domain.click_tracking_enabled,
            domain.created_at,
            domain.verified_at,
            domain.verified_by.map(VerifiedBy::as_str),
            domain.outlet.map(OutletKind::as_str),
            domain.ownership_token.as_str(),
            domain.own_return_path,
            domain.checks_began_at,
            domain.next_check_at,
            domain.failing_since,
        ],
    )?;
    Ok(())
}
