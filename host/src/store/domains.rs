//! Sending domains.

use uuid::Uuid;

use super::sql::{Connection, Row, SqlError, values};
use super::{Result, Store};

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
}

const COLUMNS: &str =
    "id, customer_id, name, sandbox, open_tracking_enabled, click_tracking_enabled, created_at, verified_at";

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
    })
}

impl Store {
    /// The customer's verified domain of this name, or the one verified first when no name is given.
    pub async fn verified_domain(&self, customer: Uuid, name: Option<String>) -> Result<Option<Domain>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM domains WHERE customer_id = ?1 AND status = 'verified' \
                 AND (?2 IS NULL OR name = ?2) ORDER BY verified_at, id LIMIT 1"
            );
            Ok(connection.query_one(&sql, values![customer.to_string(), name], read_domain)?)
        })
        .await
    }

    /// How many domains a customer has.
    pub async fn count_domains(&self, customer: Uuid) -> Result<i64> {
        self.read(move |connection| {
            let sql = "SELECT COUNT(*) FROM domains WHERE customer_id = ?1";
            Ok(connection.query_one(sql, values![customer.to_string()], |row| row.integer(0))?.unwrap_or(0))
        })
        .await
    }
}

pub(super) fn insert_domain(connection: &Connection, domain: &Domain) -> Result<(), SqlError> {
    let sql = "INSERT INTO domains (id, customer_id, name, status, sandbox, open_tracking_enabled, \
               click_tracking_enabled, created_at, verified_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
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
        ],
    )?;
    Ok(())
}
