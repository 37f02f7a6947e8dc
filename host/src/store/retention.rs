//! Dropping what is old, a little at a time.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::sql::{Row, values};
use super::tally::DAY_MS;
use super::{Result, Store, event_addresses, event_counts};
use crate::mail::event::EventType;

/// How large the database is, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DatabaseSize {
    /// What is in use. The rest of the file is used again before it grows.
    pub(crate) used_bytes: u64,
    pub(crate) file_bytes: u64,
}

impl Store {
    /// Customers after this one that have events of before this time; at most `limit`. Either all of them, or those that
    /// have no days of their own.
    pub(crate) async fn customers_with_events_before(
        &self,
        before: i64,
        after: Option<Uuid>,
        are_all: bool,
        limit: i64,
    ) -> Result<Vec<Uuid>> {
        self.read(move |connection| {
            let sql = "SELECT id FROM customers WHERE (?1 IS NULL OR id > ?1) AND EXISTS \
                       (SELECT 1 FROM events WHERE customer_id = customers.id AND occurred_at < ?2) AND (?4 OR NOT EXISTS \
                       (SELECT 1 FROM customer_retention WHERE customer_id = customers.id)) ORDER BY id LIMIT ?3";
            let values = values![after.map(|id| id.to_string()), before, limit, are_all];
            Ok(connection.query(sql, values, |row| row.parsed(0, |id| id.parse().ok()))?)
        })
        .await
    }

    /// Customers after this one whose events are kept for days of their own, with these days; at most `limit`. 0 is for
    /// ever.
    pub(crate) async fn own_retentions(&self, after: Option<Uuid>, limit: i64) -> Result<Vec<(Uuid, i64)>> {
        self.read(move |connection| {
            let sql = "SELECT customer_id, event_days FROM customer_retention WHERE ?1 IS NULL OR customer_id > ?1 \
                       ORDER BY customer_id LIMIT ?2";
            let values = values![after.map(|id| id.to_string()), limit];
            let read = |row: &Row| Ok((row.parsed(0, |id| id.parse().ok())?, row.integer(1)?));
            Ok(connection.query(sql, values, read)?)
        })
        .await
    }

    /// For how many days a customer's events are kept, 0 for ever; `None` where it is treated as all others are.
    pub(crate) async fn own_retention(&self, customer: Uuid) -> Result<Option<i64>> {
        self.read(move |connection| {
            let sql = "SELECT event_days FROM customer_retention WHERE customer_id = ?1";
            Ok(connection.query_one(sql, values![customer.to_string()], |row| row.integer(0))?)
        })
        .await
    }

    /// Says for how many days a customer's events are kept.
    pub(crate) async fn set_own_retention(&self, customer: Uuid, days: Option<i64>) -> Result<()> {
        self.write(move |connection| {
            let sql = match days {
                Some(_) => "INSERT OR REPLACE INTO customer_retention VALUES (?1, ?2)",
                None => "DELETE FROM customer_retention WHERE customer_id = ?1 AND ?2 IS NULL",
            };
            connection.execute(sql, values![customer.to_string(), days])?;
            Ok(())
        })
        .await
    }

    /// Drops a customer's events of before the day that this time is in, the oldest first and at most `limit`, and says
    /// how many. What was counted of them stays.
    pub(crate) async fn drop_events(&self, customer: Uuid, before: i64, limit: i64) -> Result<u64> {
        self.write(move |connection| {
            let before = before - before.rem_euclid(DAY_MS);
            let sql = "SELECT rowid, email_id, event_type, occurred_at FROM events WHERE customer_id = ?1 \
                       AND occurred_at < ?2 ORDER BY occurred_at LIMIT ?3";
            let found = connection.query(sql, values![customer.to_string(), before, limit], |row| {
                let event_type = row.parsed(2, EventType::parse)?;
                Ok((row.integer(0)?, row.text(1)?, (event_type, event_counts::day(row.integer(3)?))))
            })?;
            let (mut emails, mut counts, mut dropped) = (BTreeSet::new(), BTreeMap::new(), 0);
            for (event, email, counted) in found {
                dropped += connection.execute("DELETE FROM events WHERE rowid = ?1", values![event])?;
                *counts.entry(counted).or_insert(0) -= 1;
                emails.insert(email);
            }
            for ((event_type, day), by) in counts {
                event_counts::count(connection, customer, event_type, day, by)?;
            }
            let sql = "DELETE FROM event_counts WHERE customer_id = ?1 AND day < ?2 AND total = 0";
            connection.execute(sql, values![customer.to_string(), before])?;
            event_addresses::leave(connection, customer, &emails)?;
            if dropped > 0 {
                let sql = "INSERT INTO event_retention VALUES (?1, ?2) \
                           ON CONFLICT DO UPDATE SET gone_before = MAX(gone_before, excluded.gone_before)";
                connection.execute(sql, values![customer.to_string(), before])?;
            }
            Ok(dropped)
        })
        .await
    }

    /// When the event happened that was recorded before all others.
    pub(crate) async fn oldest_event_at(&self) -> Result<Option<i64>> {
        self.read(|connection| {
            let sql = "SELECT occurred_at FROM events ORDER BY rowid LIMIT 1";
            Ok(connection.query_one(sql, &[], |row| row.integer(0))?)
        })
        .await
    }

    /// How large the database is.
    pub(crate) async fn database_size(&self) -> Result<DatabaseSize> {
        self.read(|connection| {
            let sql = "SELECT page_count, freelist_count, page_size \
                       FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
            let read = connection.query_one(sql, &[], |row| {
                let number = |column| row.integer(column).map(|number| u64::try_from(number).unwrap_or(0));
                let (pages, free, bytes) = (number(0)?, number(1)?, number(2)?);
                Ok(DatabaseSize { used_bytes: (pages - free.min(pages)) * bytes, file_bytes: pages * bytes })
            })?;
            Ok(read.unwrap_or_default())
        })
        .await
    }
}
