//! The inbox: whatever came in by a webhook or came back as mail, on disk before anybody is told that it was taken.
//!
//! Whoever reads a row leases it. A lease is a time in the future at which the row is due again, so nothing has to
//! notice that a reader died, and only who holds the lease settles the row.

mod matching;
mod rows;
mod settle;

pub use rows::{InboxFilter, InboxPage, InboxRow, InboxTotal};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::sql::{Connection, Row, SqlError, values};
use super::{Result, Store, StoreError};
use crate::mail::event::{BounceType, EventType, words};
use crate::mail::verp::Returned;

/// Most rows that may be kept though they changed nothing. Some endpoints are public, so the oldest go first.
pub const UNMATCHED_MAX: i64 = 10_000;
/// How long a request that comes again is told from a new one, in milliseconds: a day longer than anybody repeats one.
pub(crate) const REPEATED_MS: i64 = 4 * 24 * 60 * 60 * 1_000;

words! {
    /// What became of a row so far.
    InboxState {
        /// It waits to be read.
        Received = "received",
        /// It was read, and nothing in it is news about an email.
        Normalized = "normalized",
        /// At least one event of it was recorded.
        Matched = "matched",
        /// It was read, and its events fit no email.
        Unmatched = "unmatched",
        /// No normalizer understands it.
        Unparsed = "unparsed",
        /// It could not be read; its error says why.
        Refused = "refused",
    }
}

/// A request or a mail as it came in.
#[derive(Clone, Debug)]
pub struct NewArrival {
    /// Its id.
    pub id: Uuid,
    /// `bounce`, `complaint`, or the name of a source.
    pub source: String,
    /// The part of a source's address that nobody guesses.
    pub source_id: Option<String>,
    /// The provider that the source is for.
    pub provider: Option<String>,
    /// The only customer whose emails it may be about.
    pub customer: Option<Uuid>,
    /// Whether the source proved who it is.
    pub verified: bool,
    /// Further attributes for the normalizer.
    pub settings: Vec<(String, String)>,
    /// As received.
    pub content_type: String,
    /// The headers that the normalizer is shown.
    pub headers: Vec<(String, String)>,
    /// The source's own key of the request.
    pub source_key: Option<String>,
    /// SHA-256 of what came.
    pub content_hash: [u8; 32],
    /// As received.
    pub body: Vec<u8>,
    /// In milliseconds.
    pub received_at: i64,
}

/// How many rows may wait to be read, and how many bytes they may have together.
#[derive(Clone, Copy, Debug)]
pub struct WaitingBounds {
    /// Rows.
    pub rows_max: i64,
    /// Bytes of their bodies.
    pub bytes_max: i64,
}

/// What became of an arrival.
#[derive(Debug)]
pub enum Received {
    /// It is kept, and leased to whoever brought it.
    Kept(Box<Arrived>),
    /// It came before and its events are recorded.
    Known(Counts),
    /// It came before and still waits.
    Waits,
    /// There is no room. Nothing was kept.
    Full,
}

/// A row that somebody reads.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// What came.
    pub arrival: NewArrival,
    /// What it was.
    pub state: InboxState,
    /// When the lease ends, in milliseconds. Means nothing for a row that has its state and is read again.
    pub leased_until: i64,
    /// How often it was tried to read it before.
    pub attempts: i64,
    /// What was made of it before, as JSON text.
    pub outcome: String,
}

/// An event that may concern one of our emails.
#[derive(Clone, Debug)]
pub struct ReportedEvent {
    /// Its place among the events of the request, from 0.
    pub index: usize,
    /// Emails that it may be about, most trusted clue first.
    pub emails: Vec<EmailClue>,
    /// Addresses that it may be about. Empty when it names none.
    pub recipients: Vec<String>,
    /// What happened.
    pub event_type: EventType,
    /// For bounces.
    pub bounce_type: Option<BounceType>,
    /// The remote server's words.
    pub reason: Option<String>,
    /// When it happened, in milliseconds.
    pub occurred_at: Option<i64>,
    /// The source's own id of it.
    pub provider_event_id: Option<String>,
    /// What is stored with the event: a JSON object.
    pub data: Json,
}

/// Something that leads to an email.
#[derive(Clone, Debug)]
pub enum EmailClue {
    /// A bounce address of ours, which names the recipient too.
    Returned(Returned),
    /// Our id, and where it stood.
    Id(Uuid, &'static str),
    /// The Message-ID, without angle brackets.
    MessageId(String),
    /// What a provider called the message when it took it.
    ProviderMessageId(String),
}

/// What a row came to, in events.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Events that were recorded.
    pub accepted: usize,
    /// Events that were known already.
    pub duplicates: usize,
    /// Events that fit no email that was sent.
    pub unmatched: usize,
    /// Those of them that have a guess.
    pub guessed: usize,
}

/// What a normalizer made of a row.
#[derive(Clone, Debug)]
pub struct Reading {
    /// `name@version` of the normalizer.
    pub plugin: Option<String>,
    /// What it made of it, as JSON text.
    pub outcome: String,
    /// Its events.
    pub events: Vec<ReportedEvent>,
    /// `Some` when there are none because it could not be read: `unparsed` or `refused`, and why.
    pub failed: Option<(InboxState, String)>,
}

/// What a row came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settled {
    /// The word for it.
    pub state: InboxState,
    /// In events. Those that were accepted are the ones that are new.
    pub counts: Counts,
}

/// Every column but the body, then the body.
const COLUMNS: &str = "id, source, source_id, provider, customer_id, verified, settings, content_type, headers, \
    source_key, content_hash, received_at, state, due_at, attempts, outcome, body";

impl Store {
    /// Keeps what came in, leased until then to whoever brought it. What came before under this id, or is the same and is
    /// settled, or `may_wait` and waits, is not kept again.
    pub async fn receive(
        &self,
        new: NewArrival,
        may_wait: bool,
        bounds: WaitingBounds,
        leased_until: i64,
    ) -> Result<Received> {
        self.write(move |connection| {
            if let Some(counts) = known_by_id(connection, new.id)? {
                return Ok(Received::Known(counts));
            }
            match known(connection, &new)? {
                Some((InboxState::Matched, counts)) => return Ok(Received::Known(counts)),
                Some((InboxState::Received, _)) if may_wait => return Ok(Received::Waits),
                _ => {}
            }
            let bytes = i64::try_from(new.body.len()).unwrap_or(i64::MAX);
            let sql = "SELECT COUNT(*), COALESCE(SUM(body_bytes), 0) FROM inbox WHERE state = 'received'";
            let waiting = connection.query_one(sql, &[], |row| Ok((row.integer(0)?, row.integer(1)?)))?;
            let (rows, waiting_bytes) = waiting.unwrap_or_default();
            if rows >= bounds.rows_max || waiting_bytes.saturating_add(bytes) > bounds.bytes_max {
                return Ok(Received::Full);
            }
            insert(connection, &new, leased_until)?;
            let (state, outcome) = (InboxState::Received, String::new());
            Ok::<_, StoreError>(Received::Kept(Box::new(Arrived {
                arrival: new,
                state,
                leased_until,
                attempts: 0,
                outcome,
            })))
        })
        .await
    }

    /// Gives back what was leased when the process before this one died.
    pub(crate) async fn reopen_inbox(&self, now: i64) -> Result<u64> {
        self.write(move |connection| {
            let sql = "UPDATE inbox SET due_at = ?1 WHERE state = 'received' AND due_at > ?1";
            Ok::<_, StoreError>(connection.execute(sql, values![now])?)
        })
        .await
    }

    /// Leases rows that are due, those that waited longest first.
    pub(crate) async fn lease_inbox(&self, rows_max: i64, now: i64, until: i64) -> Result<Vec<Arrived>> {
        self.write(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM inbox WHERE state = 'received' AND due_at <= ?1 ORDER BY due_at LIMIT ?2"
            );
            let mut due = connection.query(&sql, values![now, rows_max], read_arrived)?;
            for row in &mut due {
                let sql = "UPDATE inbox SET due_at = ?2 WHERE id = ?1";
                connection.execute(sql, values![row.arrival.id.to_string(), until])?;
                row.leased_until = until;
            }
            Ok::<_, StoreError>(due)
        })
        .await
    }

    /// When the next row is due, in milliseconds.
    pub(crate) async fn inbox_due_at(&self) -> Result<Option<i64>> {
        self.read(|connection| {
            let sql = "SELECT due_at FROM inbox WHERE state = 'received' ORDER BY due_at LIMIT 1";
            Ok(connection.query_one(sql, &[], |row| row.integer(0))?)
        })
        .await
    }

    /// Gives a leased row back, to be read at this time, with the reason why it was not.
    pub(crate) async fn put_back(&self, row: Uuid, leased_until: i64, due_at: i64, error: String) -> Result<()> {
        self.write(move |connection| {
            let sql = "UPDATE inbox SET due_at = ?3, attempts = attempts + 1, error = ?4 \
                       WHERE id = ?1 AND state = 'received' AND due_at = ?2";
            connection.execute(sql, values![row.to_string(), leased_until, due_at, error])?;
            Ok::<_, StoreError>(())
        })
        .await
    }

    /// Forgets a leased row, because whoever brought it was told that it is wrong.
    pub(crate) async fn discard(&self, row: Uuid, leased_until: i64) -> Result<()> {
        self.write(move |connection| {
            let sql = "DELETE FROM inbox WHERE id = ?1 AND state = 'received' AND due_at = ?2";
            connection.execute(sql, values![row.to_string(), leased_until])?;
            Ok::<_, StoreError>(())
        })
        .await
    }
}

/// What became of a request that came under the same id before: an edge node brings one again until it heard that it is
/// here.
fn known_by_id(connection: &Connection, id: Uuid) -> Result<Option<Counts>, SqlError> {
    let sql = "SELECT state, accepted, duplicates FROM inbox WHERE id = ?1";
    let known = connection.query_one(sql, values![id.to_string()], read_known)?;
    Ok(known.map(|(_, counts)| counts))
}

fn read_known(row: &Row) -> Result<(InboxState, Counts), SqlError> {
    // What it told then is known now.
    let duplicates = count(row, 1)? + count(row, 2)?;
    Ok((row.parsed(0, InboxState::parse)?, Counts { duplicates, ..Counts::default() }))
}

/// What became of the same request, when it came before: by the source's own key, else by what it says.
fn known(connection: &Connection, new: &NewArrival) -> Result<Option<(InboxState, Counts)>, SqlError> {
    let since = new.received_at - REPEATED_MS;
    if let Some(key) = &new.source_key {
        let sql = "SELECT state, accepted, duplicates FROM inbox WHERE source = ?1 AND source_key = ?2 \
                   AND source_id IS ?3 AND received_at > ?4 \
                   AND (state = 'received' OR state = 'matched' AND unmatched = 0) ORDER BY id DESC LIMIT 1";
        let values = values![new.source.as_str(), key.as_str(), new.source_id.clone(), since];
        if let Some(found) = connection.query_one(sql, values, read_known)? {
            return Ok(Some(found));
        }
    }
    let sql = "SELECT state, accepted, duplicates FROM inbox WHERE content_hash = ?1 AND received_at > ?2 \
               AND (state = 'received' OR state = 'matched' AND unmatched = 0) ORDER BY id DESC LIMIT 1";
    connection.query_one(sql, values![new.content_hash.to_vec(), since], read_known)
}

fn insert(connection: &Connection, new: &NewArrival, due_at: i64) -> Result<(), SqlError> {
    let sql = "INSERT INTO inbox (id, source, source_id, provider, customer_id, verified, settings, content_type, \
               headers, source_key, content_hash, received_at, state, due_at, attempts, replays, outcome, matches, \
               accepted, duplicates, unmatched, guessed, body_bytes, body) VALUES \
               (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'received', ?13, 0, 0, '', '[]', 0, 0, 0, 0, ?14, ?15)";
    connection.execute(
        sql,
        values![
            new.id.to_string(),
            new.source.as_str(),
            new.source_id.clone(),
            new.provider.clone(),
            new.customer.map(|id| id.to_string()),
            i64::from(new.verified),
            pairs(&new.settings),
            new.content_type.as_str(),
            pairs(&new.headers),
            new.source_key.clone(),
            new.content_hash.to_vec(),
            new.received_at,
            due_at,
            i64::try_from(new.body.len()).unwrap_or(i64::MAX),
            new.body.clone(),
        ],
    )?;
    Ok(())
}

fn pairs(pairs: &[(String, String)]) -> String {
    serde_json::to_string(pairs).expect("pairs of texts are JSON")
}

fn read_arrived(row: &Row) -> Result<Arrived, SqlError> {
    let arrival = NewArrival {
        id: row.parsed(0, |id| id.parse().ok())?,
        source: row.text(1)?,
        source_id: row.text_or_null(2)?,
        provider: row.text_or_null(3)?,
        customer: row.parsed_or_null(4, |id| id.parse().ok())?,
        verified: row.flag(5)?,
        settings: row.parsed(6, |text| serde_json::from_str(text).ok())?,
        content_type: row.text(7)?,
        headers: row.parsed(8, |text| serde_json::from_str(text).ok())?,
        source_key: row.text_or_null(9)?,
        // A row of before there was an inbox has none, and is never compared again.
        content_hash: [0; 32],
        received_at: row.integer(11)?,
        body: row.blob(16)?,
    };
    Ok(Arrived {
        arrival,
        state: row.parsed(12, InboxState::parse)?,
        leased_until: row.integer(13)?,
        attempts: row.integer(14)?,
        outcome: row.text(15)?,
    })
}

fn count(row: &Row, column: i32) -> Result<usize, SqlError> {
    Ok(usize::try_from(row.integer(column)?).unwrap_or(0))
}

#[cfg(test)]
mod tests;
