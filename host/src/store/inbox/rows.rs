//! The inbox as operators see it, how much of it there is, and letting go of what is old.

use uuid::Uuid;

use super::super::sql::{Row, SqlError, values};
use super::super::{Result, Store, StoreError};
use super::{Arrived, COLUMNS, Counts, InboxState, count, read_arrived};

/// Which rows to list.
#[derive(Clone, Debug, Default)]
pub struct InboxFilter {
    /// Only those in this state.
    pub state: Option<InboxState>,
    /// Only those from this source.
    pub source: Option<String>,
    /// Only those that came then or later, in milliseconds.
    pub since: Option<i64>,
    /// Only those that came before this one.
    pub before: Option<Uuid>,
}

/// A row without what came.
#[derive(Clone, Debug)]
pub struct InboxRow {
    /// Its id.
    pub id: Uuid,
    /// `bounce`, `complaint`, or the name of a source.
    pub source: String,
    /// Whether the source proved who it is.
    pub verified: bool,
    /// As received.
    pub content_type: String,
    /// When it came, in milliseconds.
    pub received_at: i64,
    /// What became of it.
    pub state: InboxState,
    /// When it is read, in milliseconds, for one that waits.
    pub due_at: i64,
    /// How often it was tried to read it.
    pub attempts: i64,
    /// How often it was read again.
    pub replays: i64,
    /// When it got its state, in milliseconds.
    pub settled_at: Option<i64>,
    /// `name@version` of the normalizer.
    pub plugin: Option<String>,
    /// Why it could not be read.
    pub error: Option<String>,
    /// Its events.
    pub counts: Counts,
    /// Bytes of its body.
    pub body_bytes: i64,
}

/// A page of rows, newest first.
#[derive(Clone, Debug)]
pub struct InboxPage {
    /// The rows.
    pub rows: Vec<InboxRow>,
    /// How many the filter matches in all, as far as it was counted.
    pub total: i64,
}

/// How much there is in one state.
#[derive(Clone, Copy, Debug)]
pub struct InboxTotal {
    /// It.
    pub state: InboxState,
    /// Rows.
    pub rows: i64,
    /// When the oldest came, in milliseconds.
    pub oldest_at: i64,
}

const SHOWN: &str = "id, source, verified, content_type, received_at, state, due_at, attempts, replays, settled_at, plugin, \
    error, accepted, duplicates, unmatched, guessed, body_bytes";

impl InboxFilter {
    /// What is not asked for stays out of the SQL, so that an index serves the rest.
    fn condition(&self) -> String {
        let asked = [
            (self.state.is_some(), "state = ?1"),
            (self.source.is_some(), "source = ?2"),
            // Ids sort by time, so that nothing older is looked at; time itself decides.
            (self.since.is_some(), "received_at >= ?3 AND id >= ?5"),
            (self.before.is_some(), "id < ?4"),
        ];
        let conditions: Vec<_> =
            asked.into_iter().filter_map(|(asked, condition)| asked.then_some(condition)).collect();
        if conditions.is_empty() { "TRUE".into() } else { conditions.join(" AND ") }
    }

    /// All values: one that is not asked for is bound all the same, which the database allows.
    fn values(&self) -> Vec<super::super::sql::Value> {
        values![
            self.state.map(InboxState::as_str),
            self.source.clone(),
            self.since,
            self.before.map(|id| id.to_string()),
            self.since.map(|since| Uuid::from_u128(u128::from(since.max(0).unsigned_abs()) << 80).to_string()),
        ]
        .to_vec()
    }
}

impl Store {
    /// Rows, newest first, and how many there are: counted to the end of `counted_max` and no further.
    pub async fn inbox(&self, filter: InboxFilter, offset: i64, limit: i64, counted_max: i64) -> Result<InboxPage> {
        self.read(move |connection| {
            let condition = filter.condition();
            let mut bounds = filter.values();
            bounds.extend_from_slice(values![limit, offset, counted_max]);
            let sql = format!("SELECT {SHOWN} FROM inbox WHERE {condition} ORDER BY id DESC LIMIT ?6 OFFSET ?7");
            let rows = connection.query(&sql, &bounds, read_row)?;
            let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE {condition} LIMIT ?8)");
            let total = connection.query_one(&sql, &bounds, |row| row.integer(0))?.unwrap_or(0);
            Ok(InboxPage { rows, total })
        })
        .await
    }

    /// Sources that something came from, by name; at most `limit`.
    pub async fn inbox_sources(&self, limit: i64) -> Result<Vec<String>> {
        self.read(move |connection| {
            // One step of the index for each name, however many rows have it.
            let sql = "WITH RECURSIVE names(name) AS (SELECT MIN(source) FROM inbox UNION ALL \
                       SELECT (SELECT MIN(source) FROM inbox WHERE source > name) FROM names WHERE name IS NOT NULL) \
                       SELECT name FROM names WHERE name IS NOT NULL LIMIT ?1";
            Ok(connection.query(sql, values![limit], |row| row.text(0))?)
        })
        .await
    }

    /// One row with everything: what it is, what came, what was made of it, and what its events were matched to, the
    /// last two as JSON text.
    pub async fn inbox_row(&self, id: Uuid) -> Result<Option<(InboxRow, Arrived, String)>> {
        self.read(move |connection| {
            let key = id.to_string();
            let sql = format!("SELECT {SHOWN} FROM inbox WHERE id = ?1");
            let Some(row) = connection.query_one(&sql, values![key.as_str()], read_row)? else { return Ok(None) };
            let sql = format!("SELECT {COLUMNS} FROM inbox WHERE id = ?1");
            let arrived = connection.query_one(&sql, values![key.as_str()], read_arrived)?;
            let sql = "SELECT matches FROM inbox WHERE id = ?1";
            let matches = connection.query_one(sql, values![key], |row| row.text(0))?;
            Ok(arrived.map(|arrived| (row, arrived, matches.unwrap_or_default())))
        })
        .await
    }

    /// How many rows are in this state.
    pub async fn count_inbox(&self, state: InboxState) -> Result<i64> {
        self.read(move |connection| {
            let sql = "SELECT COUNT(*) FROM inbox WHERE state = ?1";
            Ok(connection.query_one(sql, values![state.as_str()], |row| row.integer(0))?.unwrap_or(0))
        })
        .await
    }

    /// How much there is in each state that has any. Reads through an index of the whole table.
    pub(crate) async fn inbox_totals(&self) -> Result<Vec<InboxTotal>> {
        self.read(|connection| {
            // The first id of a state is that of its oldest row, and the id says when that came.
            let sql = "SELECT state, COUNT(*), MIN(id) FROM inbox GROUP BY state";
            Ok(connection.query(sql, &[], |row| {
                let oldest: Uuid = row.parsed(2, |id| id.parse().ok())?;
                let oldest_at = i64::try_from(oldest.as_u128() >> 80).unwrap_or(0);
                Ok(InboxTotal { state: row.parsed(0, InboxState::parse)?, rows: row.integer(1)?, oldest_at })
            })?)
        })
        .await
    }

    /// Bytes of all bodies.
    pub(crate) async fn inbox_bytes(&self) -> Result<i64> {
        self.read(|connection| {
            let sql = "SELECT COALESCE(SUM(body_bytes), 0) FROM inbox INDEXED BY inbox_by_time";
            Ok(connection.query_one(sql, &[], |row| row.integer(0))?.unwrap_or(0))
        })
        .await
    }

    /// Drops rows that came before this time and have their state, the oldest first and at most `limit`. Says how many,
    /// and how many bytes their bodies had.
    pub(crate) async fn drop_inbox(&self, before: i64, bytes_wanted: i64, limit: i64) -> Result<(u64, i64)> {
        self.write(move |connection| {
            let sql = "SELECT id, body_bytes FROM inbox WHERE received_at < ?1 AND state <> 'received' \
                       ORDER BY received_at, id LIMIT ?2";
            let rows = connection.query(sql, values![before, limit], |row| Ok((row.text(0)?, row.integer(1)?)))?;
            let (mut dropped, mut bytes) = (0, 0);
            for (id, body_bytes) in rows {
                if bytes >= bytes_wanted {
                    break;
                }
                dropped += connection.execute("DELETE FROM inbox WHERE id = ?1", values![id])?;
                bytes += body_bytes;
            }
            Ok::<_, StoreError>((dropped, bytes))
        })
        .await
    }

    /// Forgets keys of events that were told before this time, at most `limit`, and says how many.
    pub(crate) async fn drop_reported(&self, before: i64, limit: i64) -> Result<u64> {
        self.write(move |connection| {
            let sql = "DELETE FROM reported_events WHERE dedupe_key IN \
                       (SELECT dedupe_key FROM reported_events WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
            Ok::<_, StoreError>(connection.execute(sql, values![before, limit])?)
        })
        .await
    }
}

fn read_row(row: &Row) -> Result<InboxRow, SqlError> {
    Ok(InboxRow {
        id: row.parsed(0, |id| id.parse().ok())?,
        source: row.text(1)?,
        verified: row.flag(2)?,
        content_type: row.text(3)?,
        received_at: row.integer(4)?,
        state: row.parsed(5, InboxState::parse)?,
        due_at: row.integer(6)?,
        attempts: row.integer(7)?,
        replays: row.integer(8)?,
        settled_at: row.integer_or_null(9)?,
        plugin: row.text_or_null(10)?,
        error: row.text_or_null(11)?,
        counts: Counts {
            accepted: count(row, 12)?,
            duplicates: count(row, 13)?,
            unmatched: count(row, 14)?,
            guessed: count(row, 15)?,
        },
        body_bytes: row.integer(16)?,
    })
}
