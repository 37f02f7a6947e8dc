//! Addresses that a customer's mail no longer goes to.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sql::{Connection, Row, SqlError, values};
use super::{Result, Store, StoreError, StreamType};

/// Why an address is suppressed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its server said that it does not exist.
    HardBounce,
    /// Several emails in a row came back.
    SoftBounces,
    /// Its owner reported an email as unwanted.
    Complaint,
    /// Its owner wants no more.
    Unsubscribe,
    /// The customer put it on the list.
    Manual,
}

impl Cause {
    const ALL: [Self; 5] = [Self::HardBounce, Self::SoftBounces, Self::Complaint, Self::Unsubscribe, Self::Manual];

    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::SoftBounces => "soft_bounces",
            Self::Complaint => "complaint",
            Self::Unsubscribe => "unsubscribe",
            Self::Manual => "manual",
        }
    }

    /// The cause that this word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

/// By which way an unsubscribe came.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnsubscribeSource {
    /// The button of the page that a link in the email leads to.
    Link,
    /// The button of a mail program (RFC 8058).
    OneClick,
    /// The API.
    Api,
    /// A list that was brought along.
    Manual,
}

impl UnsubscribeSource {
    const ALL: [Self; 4] = [Self::Link, Self::OneClick, Self::Api, Self::Manual];

    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::OneClick => "one-click",
            Self::Api => "api",
            Self::Manual => "manual",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == word)
    }

    /// What an event says of it. One that a mailbox provider reports came by its own button.
    pub(super) fn of_event(data: &Json) -> Self {
        data["source"].as_str().and_then(Self::parse).unwrap_or(Self::OneClick)
    }
}

/// An address that is to be suppressed.
#[derive(Clone, Debug)]
pub struct NewSuppression {
    /// Its id.
    pub id: Uuid,
    /// Whose mail no longer goes there.
    pub customer: Uuid,
    /// In any case.
    pub address: String,
    /// `None` stands for every stream.
    pub stream: Option<StreamType>,
    /// Why.
    pub cause: Cause,
    /// For unsubscribes.
    pub source: Option<UnsubscribeSource>,
    /// The same in words.
    pub reason: Option<String>,
    /// The email that it followed from.
    pub email: Option<Uuid>,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// A suppressed address.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// Its id.
    pub id: Uuid,
    /// Lower case.
    pub address: String,
    /// `None` stands for every stream.
    pub stream: Option<StreamType>,
    /// Why.
    pub cause: Cause,
    /// For unsubscribes.
    pub source: Option<UnsubscribeSource>,
    /// The same in words.
    pub reason: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// Which suppressions to list.
#[derive(Clone, Debug, Default)]
pub struct SuppressionFilter {
    /// Only addresses that contain this.
    pub address: Option<String>,
    /// Only for this cause.
    pub cause: Option<Cause>,
    /// Only those that hold back mail of this stream.
    pub stream: Option<StreamType>,
    /// Only older than this one: continues a list at any depth at the same cost.
    pub before: Option<Uuid>,
    /// How many to leave out, for page numbers.
    pub offset: i64,
    /// How many to return at most.
    pub limit: i64,
    /// Whether to count what matches in all, which costs time in proportion.
    pub counted: bool,
}

/// One page of suppressions, newest first.
#[derive(Clone, Debug)]
pub struct SuppressionPage {
    /// The suppressions.
    pub suppressions: Vec<Suppression>,
    /// How many the filter matches in all; 0 when that was not asked for.
    pub total: i64,
}

impl Store {
    /// Which of these addresses are suppressed in this stream, each with its first cause.
    pub async fn suppressed(
        &self,
        customer: Uuid,
        addresses: Vec<String>,
        stream: StreamType,
    ) -> Result<Vec<(String, String)>> {
        self.read(move |connection| {
            let sql = "SELECT cause FROM suppressions WHERE customer_id = ?1 AND address = ?2 \
                       AND (stream_type IS NULL OR stream_type = ?3) ORDER BY id LIMIT 1";
            let mut found = Vec::new();
            for address in addresses {
                let values = values![customer.to_string(), address.to_lowercase(), stream.as_str()];
                if let Some(cause) = connection.query_one(sql, values, |row| row.text(0))? {
                    found.push((address, cause));
                }
            }
            Ok(found)
        })
        .await
    }

    /// A customer's suppressions, newest first.
    pub async fn suppressions(&self, customer: Uuid, filter: SuppressionFilter) -> Result<SuppressionPage> {
        self.read(move |connection| {
            // What is not asked for stays out of the SQL, so that the index on ids serves the rest. Its value is bound
            // all the same, which SQLite allows.
            let mut matching = String::from("customer_id = ?1");
            for (asked, condition) in [
                (filter.address.is_some(), "instr(address, ?2)"),
                (filter.cause.is_some(), "cause = ?3"),
                (filter.stream.is_some(), "(stream_type IS NULL OR stream_type = ?4)"),
            ] {
                if asked {
                    matching = matching + " AND " + condition;
                }
            }
            let filtered = values![
                customer.to_string(),
                filter.address.as_deref().map(str::to_lowercase),
                filter.cause.map(Cause::as_str),
                filter.stream.map(StreamType::as_str),
            ];
            let count = format!("SELECT COUNT(*) FROM suppressions WHERE {matching}");
            let total = if filter.counted {
                connection.query_one(&count, filtered, |row| row.integer(0))?.unwrap_or(0)
            } else {
                0
            };
            // Ids sort by time, and unlike a look at the row itself this goes on when that was lifted meanwhile.
            let sql = format!(
                "SELECT {COLUMNS} FROM suppressions WHERE {matching} AND (?5 IS NULL OR id < ?5) \
                 ORDER BY id DESC LIMIT ?6 OFFSET ?7"
            );
            let mut bounds = filtered.to_vec();
            bounds.extend_from_slice(values![filter.before.map(|id| id.to_string()), filter.limit, filter.offset]);
            Ok(SuppressionPage { suppressions: connection.query(&sql, &bounds, read_suppression)?, total })
        })
        .await
    }

    /// Suppresses addresses: all of them, or none. Each is told whether it is new: not suppressed before in this
    /// stream for this cause.
    pub async fn suppress(&self, new: Vec<NewSuppression>) -> Result<Vec<bool>> {
        self.write(move |connection| {
            let added: Result<_, SqlError> = new.iter().map(|new| suppress(connection, new)).collect();
            added.map_err(StoreError::from)
        })
        .await
    }

    /// Lifts the suppressions of an address, whatever their cause; with a stream, those of this stream alone. Says how
    /// many there were.
    pub async fn lift_suppressions(&self, customer: Uuid, address: String, stream: Option<StreamType>) -> Result<u64> {
        self.write(move |connection| {
            let sql = "DELETE FROM suppressions WHERE customer_id = ?1 AND address = ?2 \
                       AND (?3 IS NULL OR stream_type = ?3)";
            let stream = stream.map(StreamType::as_str);
            Ok(connection.execute(sql, values![customer.to_string(), address.to_lowercase(), stream])?)
        })
        .await
    }

    /// Lifts what followed from an address's unsubscribes. False when there was none.
    pub async fn resubscribe(&self, customer: Uuid, address: String) -> Result<bool> {
        self.write(move |connection| {
            let sql = "DELETE FROM suppressions WHERE customer_id = ?1 AND address = ?2 AND cause = 'unsubscribe'";
            Ok(connection.execute(sql, values![customer.to_string(), address.to_lowercase()])? > 0)
        })
        .await
    }
}

const COLUMNS: &str = "id, address, stream_type, cause, source, reason, created_at";

fn read_suppression(row: &Row) -> Result<Suppression, SqlError> {
    Ok(Suppression {
        id: row.parsed(0, |id| id.parse().ok())?,
        address: row.text(1)?,
        stream: row.parsed_or_null(2, StreamType::parse)?,
        cause: row.parsed(3, Cause::parse)?,
        source: row.parsed_or_null(4, UnsubscribeSource::parse)?,
        reason: row.text_or_null(5)?,
        created_at: row.integer(6)?,
    })
}

/// Suppresses an address. False when it was so already for this cause; the first reason stands.
pub(super) fn suppress(connection: &Connection, new: &NewSuppression) -> Result<bool, SqlError> {
    let sql = "INSERT OR IGNORE INTO suppressions \
               (id, customer_id, address, stream_type, cause, source, reason, email_id, created_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let added = connection.execute(
        sql,
        values![
            new.id.to_string(),
            new.customer.to_string(),
            new.address.to_lowercase(),
            new.stream.map(StreamType::as_str),
            new.cause.as_str(),
            new.source.map(UnsubscribeSource::as_str),
            new.reason.clone(),
            new.email.map(|email| email.to_string()),
            new.now,
        ],
    )?;
    Ok(added > 0)
}

/// Whether an address wants no more of a stream.
pub(super) fn is_unsubscribed(
    connection: &Connection,
    customer: Uuid,
    address: &str,
    stream: StreamType,
) -> Result<bool, SqlError> {
    let sql = "SELECT 1 FROM suppressions WHERE customer_id = ?1 AND address = ?2 AND stream_type = ?3 \
               AND cause = 'unsubscribe'";
    let values = values![customer.to_string(), address, stream.as_str()];
    Ok(connection.query_one(sql, values, |row| row.integer(0))?.is_some())
}
