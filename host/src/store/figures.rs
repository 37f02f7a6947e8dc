//! Figures for metrics, each found without reading through a table.

use super::sql::SqlError;
use super::{Result, Store};

/// How much is stored.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Figures {
    /// Emails that were ever accepted.
    pub(crate) emails: u64,
    /// Events that were ever recorded.
    pub(crate) events: u64,
    /// Emails in the queue.
    pub(crate) emails_waiting: u64,
    /// Rows of the tables that grow, by the numbers of their first and last one.
    pub(crate) tables: [(&'static str, u64); TABLES.len()],
}

/// Tables that grow.
const TABLES: [&str; 5] = ["emails", "messages", "attempts", "events", "inbox"];

impl Store {
    /// The figures now. A table's last row number is how many rows it ever got; the queue is short.
    pub(crate) async fn figures(&self) -> Result<Figures> {
        self.read(|connection| {
            let sql = "SELECT (SELECT MAX(rowid) FROM emails), (SELECT MAX(rowid) FROM events), \
                       (SELECT COUNT(*) FROM queue)";
            let read = connection.query_one(sql, &[], |row| {
                let number = |column| -> Result<u64, SqlError> {
                    Ok(row.integer_or_null(column)?.and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
                };
                Ok(Figures { emails: number(0)?, events: number(1)?, emails_waiting: number(2)?, ..Figures::default() })
            })?;
            let mut figures = read.unwrap_or_default();
            for (figure, table) in figures.tables.iter_mut().zip(TABLES) {
                let sql = format!("SELECT (SELECT MAX(rowid) FROM {table}) - (SELECT MIN(rowid) FROM {table}) + 1");
                let rows = connection.query_one(&sql, &[], |row| row.integer_or_null(0))?.flatten();
                *figure = (table, rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0));
            }
            Ok(figures)
        })
        .await
    }

    /// Units of work that wait for the writer.
    pub(crate) fn writes_waiting(&self) -> usize {
        self.writer.waiting()
    }
}
