//! Dropping what is old, a little at a time.

use uuid::Uuid;

use super::sql::values;
use super::tally::DAY_MS;
use super::{Result, Store};

/// How large the database is, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DatabaseSize {
    /// What is in use. The rest of the file is used again before it grows.
    pub(crate) used_bytes: u64,
    pub(crate) file_bytes: u64,
}

impl Store {
    /// Customers after this one that have events of before this time; at most `limit`.
    pub(crate) async fn customers_with_events_before(
        &self,
        before: i64,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Uuid>> {
        self.read(move |connection| {
            let sql = "SELECT id FROM customers WHERE (?1 IS NULL OR id > ?1) AND EXISTS \
                       (SELECT 1 FROM events WHERE customer_id = customers.id AND occurred_at < ?2) ORDER BY id LIMIT ?3";
            let values = values![after.map(|id| id.to_string()), before, limit];
            Ok(connection.query(sql, values, |row| row.parsed(0, |id| id.parse().ok()))?)
        })
        .await
    }

    /// Drops a customer's events of before the day that this time is in, the oldest first and at most `limit`, and says
    /// how many. What was counted of them stays.
    pub(crate) async fn drop_events(&self, customer: Uuid, before: i64, limit: i64) -> Result<u64> {
        self.write(move |connection| {
            let before = before - before.rem_euclid(DAY_MS);
            let sql = "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE customer_id = ?1 \
                       AND occurred_at < ?2 ORDER BY occurred_at LIMIT ?3)";
            let dropped = connection.execute(sql, values![customer.to_string(), before, limit])?;
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
