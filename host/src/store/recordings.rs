//! Recorded inputs of plugins: what scorers were given to judge, and the notifications that normalizers read.
//!
//! Newest first everywhere, and the oldest go first: ids sort by time.

use uuid::Uuid;

use super::sql::{Connection, Row, SqlError, values};
use super::{Result, Store};

/// Rows that one unit of work removes at most, so that nobody waits long behind it.
const REMOVED_MAX: i64 = 256;

/// How an input is kept from whoever reads the database file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protection {
    /// Sealed under a key of the host.
    Encrypted,
    /// Readable, with what names a person replaced.
    Redacted,
}

impl Protection {
    /// The word that settings and tables use.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Redacted => "redacted",
        }
    }

    /// The reverse of `as_str`.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Encrypted, Self::Redacted].into_iter().find(|protection| protection.as_str() == word)
    }
}

/// A judged message that is to be kept.
#[derive(Clone, Debug)]
pub(crate) struct NewRecording {
    pub(crate) id: Uuid,
    /// Milliseconds since 1970.
    pub(crate) recorded_at: i64,
    pub(crate) customer_id: Uuid,
    pub(crate) protection: Protection,
    pub(crate) input: Vec<u8>,
    pub(crate) input_digest: [u8; 32],
    /// What was judged then; `None` when no plugin answered.
    pub(crate) spam_score: Option<f64>,
    /// `name@version` of the plugin that was asked.
    pub(crate) plugin: Option<String>,
}

/// A recorded message as it is kept.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) id: Uuid,
    pub(crate) recorded_at: i64,
    pub(crate) protection: Protection,
    pub(crate) input: Vec<u8>,
    pub(crate) spam_score: Option<f64>,
    pub(crate) plugin: Option<String>,
}

/// A notification as a normalizer was given it.
#[derive(Debug)]
pub(crate) struct ReceivedNotification {
    pub(crate) id: Uuid,
    pub(crate) received_at: i64,
    pub(crate) source: String,
    pub(crate) content_type: String,
    /// A JSON list of pairs.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
    pub(crate) plugin: Option<String>,
    /// Whether it came from a source of its own.
    pub(crate) is_source: bool,
    pub(crate) provider: Option<String>,
    /// A JSON list of pairs.
    pub(crate) settings: String,
}

/// Which recorded inputs are wanted: newest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Only those before this one.
    pub(crate) before: Option<Uuid>,
    /// Only those from this time on, in milliseconds since 1970.
    pub(crate) since: i64,
    pub(crate) rows_max: i64,
    /// Bytes of the inputs together. One row is given in any case.
    pub(crate) bytes_max: i64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Kept {
    pub(crate) rows: i64,
    pub(crate) bytes: i64,
    /// Milliseconds since 1970.
    pub(crate) oldest_at: Option<i64>,
    pub(crate) newest_at: Option<i64>,
    /// Of the rows, those whose input is sealed.
    pub(crate) encrypted: i64,
}

impl Store {
    /// Keeps judged messages, all or none.
    pub(crate) async fn record_inputs(&self, recordings: Vec<NewRecording>) -> Result<()> {
        self.write(move |connection| {
            for new in recordings {
                insert(connection, new)?;
            }
            Ok(())
        })
        .await
    }

    /// Removes some of the oldest recordings when with so much more there would be too many or too much. True when
    /// there is room now; false when it must be asked again.
    pub(crate) async fn make_room_for_recordings(
        &self,
        new: (i64, i64),
        rows_max: i64,
        bytes_max: i64,
    ) -> Result<bool> {
        self.write(move |connection| {
            let sql = "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM recordings";
            let kept = connection.query_one(sql, &[], |row| Ok((row.integer(0)?, row.integer(1)?)))?;
            let (mut rows, mut bytes) = kept.unwrap_or_default();
            let has_room = |rows: i64, bytes: i64| rows + new.0 <= rows_max && bytes + new.1 <= bytes_max;
            if has_room(rows, bytes) {
                return Ok(true);
            }
            let sql = "SELECT id, bytes FROM recordings ORDER BY id LIMIT ?1";
            let oldest = connection.query(sql, values![REMOVED_MAX], |row| Ok((row.text(0)?, row.integer(1)?)))?;
            for (id, its_bytes) in &oldest {
                if has_room(rows, bytes) {
                    break;
                }
                connection.execute("DELETE FROM recordings WHERE id = ?1", values![id.as_str()])?;
                rows -= 1;
                bytes -= its_bytes;
            }
            // Without any left it cannot get better.
            Ok(has_room(rows, bytes) || oldest.is_empty())
        })
        .await
    }

    /// Removes some of the recordings from before this time. True when none of them is left.
    pub(crate) async fn remove_recordings_before(&self, time: i64) -> Result<bool> {
        self.write(move |connection| {
            let sql = "DELETE FROM recordings WHERE id IN \
                       (SELECT id FROM recordings WHERE recorded_at < ?1 ORDER BY id LIMIT ?2)";
            Ok(connection.execute(sql, values![time, REMOVED_MAX])? < REMOVED_MAX.unsigned_abs())
        })
        .await
    }

    /// Recorded messages, newest first. The second is true when older ones follow.
    pub(crate) async fn recordings(&self, page: Page) -> Result<(Vec<Recording>, bool)> {
        self.read(move |connection| {
            let sizes =
                "SELECT id, bytes FROM recordings WHERE id < ?1 AND recorded_at >= ?2 ORDER BY id DESC LIMIT ?3";
            let sql = "SELECT id, recorded_at, protection, input, spam_score, plugin FROM recordings WHERE id = ?1";
            read_page(connection, page, sizes, sql, read_recording)
        })
        .await
    }

    /// Notifications as they came in, newest first. The second is true when older ones follow.
    pub(crate) async fn received_notifications(&self, page: Page) -> Result<(Vec<ReceivedNotification>, bool)> {
        self.read(move |connection| {
            let sizes = "SELECT id, body_bytes FROM inbox WHERE id < ?1 AND received_at >= ?2 \
                         ORDER BY id DESC LIMIT ?3";
            let sql = "SELECT id, received_at, source, content_type, headers, body, plugin, source_id, provider, \
                       settings FROM inbox WHERE id = ?1";
            read_page(connection, page, sizes, sql, read_notification)
        })
        .await
    }

    /// How many recorded messages are kept, and how much that is.
    pub(crate) async fn kept_recordings(&self) -> Result<Kept> {
        self.read(|connection| {
            let sql = "SELECT COUNT(*), COALESCE(SUM(bytes), 0), MIN(recorded_at), MAX(recorded_at), \
                       COALESCE(SUM(protection = 'encrypted'), 0) FROM recordings";
            Ok(connection.query_one(sql, &[], read_kept)?.unwrap_or_default())
        })
        .await
    }

    /// How many notifications are kept, and how much that is.
    pub(crate) async fn kept_notifications(&self) -> Result<Kept> {
        self.read(|connection| {
            let sql = "SELECT COUNT(*), COALESCE(SUM(body_bytes), 0), MIN(received_at), MAX(received_at), 0 \
                       FROM inbox INDEXED BY inbox_by_time";
            Ok(connection.query_one(sql, &[], read_kept)?.unwrap_or_default())
        })
        .await
    }
}

fn insert(connection: &Connection, new: NewRecording) -> Result<(), SqlError> {
    let bytes = i64::try_from(new.input.len()).unwrap_or(i64::MAX);
    connection.execute(
        "INSERT INTO recordings VALUES (?1, 'scorer', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        values![
            new.id.to_string(),
            new.recorded_at,
            new.customer_id.to_string(),
            new.protection.as_str(),
            new.input,
            new.input_digest.to_vec(),
            bytes,
            new.spam_score,
            new.plugin,
        ],
    )?;
    Ok(())
}

/// The rows of a page: their sizes are looked at before any input is read.
fn read_page<T>(
    connection: &Connection,
    page: Page,
    sizes: &str,
    sql: &str,
    read: fn(&Row) -> Result<T, SqlError>,
) -> Result<(Vec<T>, bool)> {
    let before = page.before.map_or_else(|| Uuid::max().to_string(), |id| id.to_string());
    // One more than wanted tells whether more follow.
    let wanted = values![before, page.since, page.rows_max + 1];
    let found = connection.query(sizes, wanted, |row| Ok((row.text(0)?, row.integer(1)?)))?;
    let rows_max = usize::try_from(page.rows_max).unwrap_or(0);
    let (mut rows, mut bytes) = (Vec::new(), 0_i64);
    for (id, its_bytes) in found.iter().take(rows_max) {
        bytes = bytes.saturating_add(*its_bytes);
        if bytes > page.bytes_max && !rows.is_empty() {
            break;
        }
        rows.extend(connection.query_one(sql, values![id.as_str()], read)?);
    }
    let more = rows.len() < found.len();
    Ok((rows, more))
}

fn read_recording(row: &Row) -> Result<Recording, SqlError> {
    Ok(Recording {
        id: row.parsed(0, |id| id.parse().ok())?,
        recorded_at: row.integer(1)?,
        protection: row.parsed(2, Protection::parse)?,
        input: row.blob(3)?,
        spam_score: row.real_or_null(4)?,
        plugin: row.text_or_null(5)?,
    })
}

fn read_notification(row: &Row) -> Result<ReceivedNotification, SqlError> {
    Ok(ReceivedNotification {
        id: row.parsed(0, |id| id.parse().ok())?,
        received_at: row.integer(1)?,
        source: row.text(2)?,
        content_type: row.text(3)?,
        headers: row.text(4)?,
        body: row.blob(5)?,
        plugin: row.text_or_null(6)?,
        is_source: row.text_or_null(7)?.is_some(),
        provider: row.text_or_null(8)?,
        settings: row.text(9)?,
    })
}

fn read_kept(row: &Row) -> Result<Kept, SqlError> {
    Ok(Kept {
        rows: row.integer(0)?,
        bytes: row.integer(1)?,
        oldest_at: row.integer_or_null(2)?,
        newest_at: row.integer_or_null(3)?,
        encrypted: row.integer(4)?,
    })
}
