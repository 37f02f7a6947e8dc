//! What operators see of the queue, and do to it: across customers on purpose.

use std::collections::HashSet;

use uuid::Uuid;

use super::sql::{Row, SqlError, values};
use super::{Result, Store, StoreError};

/// One recipient's copy in the queue.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The email.
    pub email_id: Uuid,
    /// The name of its customer.
    pub customer: String,
    /// The `From` address.
    pub sender: String,
    /// As its sender spelled it.
    pub recipient: String,
    /// Its domain; empty for mail that never leaves the machine.
    pub destination: String,
    /// Attempts that ended.
    pub attempts: i64,
    /// When it is tried next, in milliseconds. While it is leased, when that ends.
    pub due_at: i64,
    /// Whether it is being handed over now.
    pub is_leased: bool,
    /// What the last attempt was told.
    pub response: Option<String>,
}

/// What waits for one destination.
#[derive(Clone, Debug)]
pub struct WaitingDestination {
    /// The domain; empty for mail that never leaves the machine.
    pub destination: String,
    /// Copies in the queue.
    pub copies: i64,
    /// Those that are being handed over now.
    pub leased: i64,
    /// When the next one is due, in milliseconds.
    pub due_at: Option<i64>,
    /// Since when an operator holds it back, in milliseconds, and why.
    pub paused: Option<(i64, Option<String>)>,
}

/// Which copies a command is about.
#[derive(Clone, Debug)]
pub enum Which {
    /// All of one email.
    Email(Uuid),
    /// All for one destination.
    Destination(String),
    /// All.
    Every,
}

const SELECT: &str = "SELECT queue.email_id, customers.name, sender, queue.recipient, destination, attempts, due_at, \
    leased, (SELECT response FROM attempts WHERE attempts.email_id = queue.email_id \
    AND attempts.recipient = queue.address ORDER BY at DESC LIMIT 1) \
    FROM queue JOIN emails ON emails.id = queue.email_id JOIN customers ON customers.id = customer_id";

impl Which {
    /// A condition on `queue` with the value of its parameter `?1`.
    fn condition(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Email(id) => ("queue.email_id = ?1", Some(id.to_string())),
            Self::Destination(name) => ("destination = ?1", Some(name.clone())),
            Self::Every => ("?1 IS NULL", None),
        }
    }
}

impl Store {
    /// Copies in the queue, those that are due first at the top, with how many there are.
    pub async fn waiting(&self, which: Which, offset: i64, limit: i64) -> Result<(Vec<Waiting>, i64)> {
        self.read(move |connection| {
            let (condition, value) = which.condition();
            let sql = format!("{SELECT} WHERE {condition} ORDER BY due_at, queue.email_id LIMIT ?2 OFFSET ?3");
            let rows = connection.query(&sql, values![value.clone(), limit, offset], read_waiting)?;
            let sql = format!("SELECT COUNT(*) FROM queue WHERE {condition}");
            let total = connection.query_one(&sql, values![value], |row| row.integer(0))?;
            Ok((rows, total.unwrap_or(0)))
        })
        .await
    }

    /// What waits for one destination, or for each: those that are paused first, then the fullest; at most `limit`.
    pub async fn waiting_destinations(
        &self,
        destination: Option<String>,
        limit: i64,
    ) -> Result<Vec<WaitingDestination>> {
        self.read(move |connection| {
            let sql = "SELECT destination, SUM(copies), SUM(leased), MIN(due_at), MAX(paused_at), MAX(reason) FROM ( \
                       SELECT destination, COUNT(*) AS copies, SUM(leased) AS leased, MIN(due_at) AS due_at, \
                       NULL AS paused_at, NULL AS reason FROM queue GROUP BY destination \
                       UNION ALL SELECT destination, 0, 0, NULL, paused_at, reason FROM paused_destinations) \
                       WHERE ?1 IS NULL OR destination = ?1 \
                       GROUP BY destination ORDER BY MAX(paused_at) IS NULL, 2 DESC, 1 LIMIT ?2";
            Ok(connection.query(sql, values![destination, limit], |row| {
                let reason = row.text_or_null(5)?;
                Ok(WaitingDestination {
                    destination: row.text(0)?,
                    copies: row.integer(1)?,
                    leased: row.integer(2)?,
                    due_at: row.integer_or_null(3)?,
                    paused: row.integer_or_null(4)?.map(|at| (at, reason)),
                })
            })?)
        })
        .await
    }

    /// Has copies tried now, except those that are being handed over. Says how many.
    pub async fn retry(&self, which: Which, now: i64) -> Result<i64> {
        let arrivals = self
            .write(move |connection| {
                let (condition, value) = which.condition();
                let sql =
                    format!("SELECT destination, COUNT(*) FROM queue WHERE {condition} AND leased = 0 GROUP BY 1");
                let read = |row: &Row| Ok((row.text(0)?, row.integer(1)?));
                let arrivals = connection.query(&sql, values![value.clone()], read)?;
                let sql = format!("UPDATE queue SET due_at = ?2 WHERE {condition} AND leased = 0");
                connection.execute(&sql, values![value, now])?;
                Ok::<_, StoreError>(arrivals)
            })
            .await?;
        let count = arrivals.iter().map(|(_, copies)| copies).sum();
        self.bell().ring(arrivals.into_iter().map(|(destination, _)| (destination, now)));
        Ok(count)
    }

    /// Holds a destination's mail back until [`Store::resume`].
    pub async fn pause(&self, destination: String, reason: Option<String>, now: i64) -> Result<()> {
        self.write(move |connection| {
            let sql = "INSERT OR REPLACE INTO paused_destinations VALUES (?1, ?2, ?3)";
            connection.execute(sql, values![destination, now, reason]).map(drop).map_err(StoreError::from)
        })
        .await?;
        self.bell().ring_for_pauses();
        Ok(())
    }

    /// Lets a destination's mail go on. False when it was not paused.
    pub async fn resume(&self, destination: String) -> Result<bool> {
        let resumed = self
            .write(move |connection| {
                let sql = "DELETE FROM paused_destinations WHERE destination = ?1";
                Ok::<_, StoreError>(connection.execute(sql, values![destination])? > 0)
            })
            .await?;
        self.bell().ring_for_pauses();
        Ok(resumed)
    }

    /// Every destination that is held back.
    pub(crate) async fn paused_destinations(&self) -> Result<HashSet<String>> {
        self.read(|connection| {
            let found = connection.query("SELECT destination FROM paused_destinations", &[], |row| row.text(0))?;
            Ok(found.into_iter().collect())
        })
        .await
    }
}

fn read_waiting(row: &Row) -> Result<Waiting, SqlError> {
    Ok(Waiting {
        email_id: row.parsed(0, |id| id.parse().ok())?,
        customer: row.text(1)?,
        sender: row.text(2)?,
        recipient: row.text(3)?,
        destination: row.text(4)?,
        attempts: row.integer(5)?,
        due_at: row.integer(6)?,
        is_leased: row.flag(7)?,
        response: row.text_or_null(8)?,
    })
}
