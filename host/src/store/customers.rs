//! Customers and their API keys.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::domains::insert_domain;
use super::sql::{Connection, Row, SqlError, is_duplicate, values};
use super::{Domain, Result, Store, StoreError};
use crate::mail::event::PrivacyLevel;

/// Whether an account may send.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CustomerStatus {
    /// It may.
    Active,
    /// An operator, or its complaint rate, stopped it.
    Suspended,
    /// It waits for an operator.
    Pending,
}

impl CustomerStatus {
    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Pending => "pending",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Pending].into_iter().find(|status| status.as_str() == word)
    }
}

/// An account.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the switches are columns and fields of the reference")]
pub struct Customer {
    /// Its id.
    pub id: Uuid,
    /// What it calls itself.
    pub name: String,
    /// Where its owner is reached; also the user name for SMTP.
    pub email: String,
    /// Whether it may send.
    pub status: CustomerStatus,
    /// Emails a month, counted for each recipient.
    pub monthly_email_limit: i64,
    /// Sending domains it may have, the sandbox domain included.
    pub max_domains: i64,
    /// Requests a minute; `None` is the service's default, 0 no limit.
    pub requests_per_minute: Option<i64>,
    /// Where its own notifications go.
    pub webhook_url: Option<String>,
    /// The switch above the next two.
    pub tracking_enabled: bool,
    /// Whether opens are tracked unless an email says otherwise.
    pub open_tracking_enabled: bool,
    /// Whether clicks are tracked unless an email says otherwise.
    pub click_tracking_enabled: bool,
    /// The first of the two switches of the Events API.
    pub enable_event_tracking: bool,
    /// The second one.
    pub enable_event_api: bool,
    /// How much of a reader an event shows.
    pub privacy_level: PrivacyLevel,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// The key that a request came with.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// True for `ml_test_` keys, whose mail never leaves the machine.
    pub sandbox: bool,
    /// `ml_live_0123…cdef`.
    pub masked: String,
}

/// A key to store. The key itself is known to its owner alone.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// SHA-256 of the key.
    pub hash: [u8; 32],
    /// True for `ml_test_` keys.
    pub sandbox: bool,
    /// What may be shown of it.
    pub masked: String,
}

/// An account to be made, with its sandbox domain and first key.
#[derive(Clone, Debug)]
pub struct NewCustomer {
    /// The account.
    pub customer: Customer,
    /// Its sandbox domain, verified from the start.
    pub domain: Domain,
    /// Its key.
    pub key: NewApiKey,
}

/// What a customer or an operator changes. `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct CustomerChange {
    /// See [`Customer::name`].
    pub name: Option<String>,
    /// `Some(None)` removes it.
    pub webhook_url: Option<Option<String>>,
    /// See [`Customer::tracking_enabled`].
    pub tracking_enabled: Option<bool>,
    /// See [`Customer::open_tracking_enabled`].
    pub open_tracking_enabled: Option<bool>,
    /// See [`Customer::click_tracking_enabled`].
    pub click_tracking_enabled: Option<bool>,
    /// See [`Customer::status`].
    pub status: Option<CustomerStatus>,
    /// See [`Customer::monthly_email_limit`].
    pub monthly_email_limit: Option<i64>,
    /// See [`Customer::max_domains`].
    pub max_domains: Option<i64>,
    /// `Some(None)` returns to the service's default.
    pub requests_per_minute: Option<Option<i64>>,
    /// See [`Customer::enable_event_tracking`].
    pub enable_event_tracking: Option<bool>,
    /// See [`Customer::enable_event_api`].
    pub enable_event_api: Option<bool>,
    /// See [`Customer::privacy_level`].
    pub privacy_level: Option<PrivacyLevel>,
}

/// What happens to a customer's older keys when it gets a new one.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// Now, in milliseconds.
    pub at: i64,
    /// Until when the older keys still work; `at` itself ends them at once.
    pub old_keys_until: i64,
}

pub(super) const COLUMNS: &str = "customers.id, customers.name, customers.email, customers.status, monthly_email_limit, \
     max_domains, requests_per_minute, webhook_url, tracking_enabled, customers.open_tracking_enabled, \
     customers.click_tracking_enabled, enable_event_tracking, enable_event_api, privacy_level, customers.created_at";

pub(super) fn read_customer(row: &Row) -> Result<Customer, SqlError> {
    Ok(Customer {
        id: row.parsed(0, |id| id.parse().ok())?,
        name: row.text(1)?,
        email: row.text(2)?,
        status: row.parsed(3, CustomerStatus::parse)?,
        monthly_email_limit: row.integer(4)?,
        max_domains: row.integer(5)?,
        requests_per_minute: row.integer_or_null(6)?,
        webhook_url: row.text_or_null(7)?,
        tracking_enabled: row.flag(8)?,
        open_tracking_enabled: row.flag(9)?,
        click_tracking_enabled: row.flag(10)?,
        enable_event_tracking: row.flag(11)?,
        enable_event_api: row.flag(12)?,
        privacy_level: row.parsed(13, PrivacyLevel::parse)?,
        created_at: row.integer(14)?,
    })
}

impl Store {
    /// Whose key this is, unless it has ended.
    pub async fn customer_by_key(&self, hash: [u8; 32], now: i64) -> Result<Option<(Customer, ApiKey)>> {
        let sql = format!(
            "SELECT {COLUMNS}, sandbox, masked FROM api_keys JOIN customers ON customers.id = customer_id \
             WHERE hash = ?1 AND (expires_at IS NULL OR expires_at > ?2)"
        );
        self.read(move |connection| {
            Ok(connection.query_one(&sql, values![hash.to_vec(), now], |row| {
                Ok((read_customer(row)?, ApiKey { sandbox: row.flag(15)?, masked: row.text(16)? }))
            })?)
        })
        .await
    }

    /// The account with this id.
    pub async fn customer(&self, id: Uuid) -> Result<Option<Customer>> {
        self.read(move |connection| Ok(customer_by_id(connection, id)?)).await
    }

    /// The account with this address, compared without regard to case.
    pub async fn customer_by_email(&self, email: &str) -> Result<Option<Customer>> {
        let email = email.to_lowercase();
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM customers WHERE email = ?1");
            Ok(connection.query_one(&sql, values![email], read_customer)?)
        })
        .await
    }

    /// Every account, oldest first; at most `limit`.
    pub async fn customers(&self, limit: i64) -> Result<Vec<Customer>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM customers ORDER BY created_at, id LIMIT ?1");
            Ok(connection.query(&sql, values![limit], read_customer)?)
        })
        .await
    }

    /// Makes an account with its domain and key. `None` when the address or the domain is taken.
    pub async fn create_customer(&self, new: NewCustomer) -> Result<Option<Customer>> {
        let made = self
            .control_write(move |connection| {
                insert_customer(connection, &new.customer)?;
                insert_domain(connection, &new.domain)?;
                insert_key(connection, new.customer.id, &new.key, new.customer.created_at)?;
                Ok::<_, StoreError>(new.customer.clone())
            })
            .await;
        match made {
            Ok(customer) => Ok(Some(customer)),
            Err(StoreError::Sql(error)) if is_duplicate(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes an account and returns it as it is then. `None` when there is none.
    pub async fn change_customer(&self, id: Uuid, change: CustomerChange) -> Result<Option<Customer>> {
        self.control_write(move |connection| {
            update_customer(connection, id, &change)?;
            Ok(customer_by_id(connection, id)?)
        })
        .await
    }

    /// Gives a customer a new key of one kind and ends the older ones of that kind.
    pub async fn rotate_key(&self, customer: Uuid, key: NewApiKey, rotation: Rotation) -> Result<()> {
        self.control_write(move |connection| {
            let sql = "UPDATE api_keys SET expires_at = MIN(COALESCE(expires_at, ?2), ?2) \
                       WHERE customer_id = ?1 AND sandbox = ?3";
            connection.execute(sql, values![customer.to_string(), rotation.old_keys_until, key.sandbox])?;
            insert_key(connection, customer, &key, rotation.at)?;
            Ok(())
        })
        .await
    }
}

fn customer_by_id(connection: &Connection, id: Uuid) -> Result<Option<Customer>, SqlError> {
    let sql = format!("SELECT {COLUMNS} FROM customers WHERE id = ?1");
    connection.query_one(&sql, values![id.to_string()], read_customer)
}

fn insert_customer(connection: &Connection, customer: &Customer) -> Result<(), SqlError> {
    let sql = "INSERT INTO customers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    connection.execute(
        sql,
        values![
            customer.id.to_string(),
            customer.name.as_str(),
            customer.email.to_lowercase(),
            customer.status.as_str(),
            customer.monthly_email_limit,
            customer.max_domains,
            customer.requests_per_minute,
            customer.webhook_url.clone(),
            customer.tracking_enabled,
            customer.open_tracking_enabled,
            customer.click_tracking_enabled,
            customer.enable_event_tracking,
            customer.enable_event_api,
            customer.privacy_level.as_str(),
            customer.created_at,
        ],
    )?;
    Ok(())
}

fn insert_key(connection: &Connection, customer: Uuid, key: &NewApiKey, now: i64) -> Result<(), SqlError> {
    let sql = "INSERT INTO api_keys (hash, customer_id, sandbox, masked, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = values![key.hash.to_vec(), customer.to_string(), key.sandbox, key.masked.as_str(), now];
    connection.execute(sql, values).map(drop)
}

fn update_customer(connection: &Connection, id: Uuid, change: &CustomerChange) -> Result<(), SqlError> {
    let sql = "UPDATE customers SET name = COALESCE(?2, name), \
               webhook_url = CASE WHEN ?3 THEN ?4 ELSE webhook_url END, \
               tracking_enabled = COALESCE(?5, tracking_enabled), \
               open_tracking_enabled = COALESCE(?6, open_tracking_enabled), \
               click_tracking_enabled = COALESCE(?7, click_tracking_enabled), \
               status = COALESCE(?8, status), \
               monthly_email_limit = COALESCE(?9, monthly_email_limit), \
               max_domains = COALESCE(?10, max_domains), \
               requests_per_minute = CASE WHEN ?11 THEN ?12 ELSE requests_per_minute END, \
               enable_event_tracking = COALESCE(?13, enable_event_tracking), \
               enable_event_api = COALESCE(?14, enable_event_api), \
               privacy_level = COALESCE(?15, privacy_level) WHERE id = ?1";
    connection.execute(
        sql,
        values![
            id.to_string(),
            change.name.clone(),
            change.webhook_url.is_some(),
            change.webhook_url.clone().flatten(),
            change.tracking_enabled,
            change.open_tracking_enabled,
            change.click_tracking_enabled,
            change.status.map(CustomerStatus::as_str),
            change.monthly_email_limit,
            change.max_domains,
            change.requests_per_minute.is_some(),
            change.requests_per_minute.flatten(),
            change.enable_event_tracking,
            change.enable_event_api,
            change.privacy_level.map(PrivacyLevel::as_str),
        ],
    )?;
    Ok(())
}
