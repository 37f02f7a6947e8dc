//! Events in the order in which they were recorded.

use uuid::Uuid;

use super::events::{COLUMNS, Event, read_event};
use super::sql::{Connection, SqlError, values};
use super::{Result, Store};
use crate::mail::event::EventType;

/// Rows that are looked through at once for a customer's events, so that a query is short however few are its own.
const ROWS_MAX: i64 = 20_000;

/// An event with its place in the order.
#[derive(Clone, Debug)]
pub(crate) struct ArrivedEvent {
    pub(crate) row: i64,
    pub(crate) event: Event,
}

/// Some events after a place.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) events: Vec<ArrivedEvent>,
    /// Where to go on.
    pub(crate) next: i64,
    /// Whether there were no more.
    pub(crate) is_all: bool,
}

impl Store {
    /// Events after this place, of one customer or of all; at most `limit`.
    pub(crate) async fn events_arrived(&self, customer: Option<Uuid>, after: i64, limit: i64) -> Result<Arrived> {
        self.read(move |connection| {
            let last = last_row(connection)?;
            let until = last.min(after.saturating_add(ROWS_MAX));
            let sql = format!(
                "SELECT {COLUMNS}, rowid FROM events WHERE rowid > ?1 AND rowid <= ?2 \
                 AND (?3 IS NULL OR customer_id = ?3) ORDER BY rowid LIMIT ?4"
            );
            let values = values![after, until, customer.map(|id| id.to_string()), limit];
            let events = connection
                .query(&sql, values, |row| Ok(ArrivedEvent { row: row.integer(11)?, event: read_event(row)? }))?;
            let is_full = i64::try_from(events.len()).is_ok_and(|count| count == limit);
            let next = if is_full { events.last().map_or(until, |event| event.row) } else { until.max(after) };
            Ok(Arrived { events, next, is_all: next >= last })
        })
        .await
    }

    /// The events of all customers that were recorded last, the latest first; at most `limit`, looked for among this
    /// many rows. For operators.
    pub(crate) async fn latest_events(
        &self,
        event_type: Option<EventType>,
        email_id: Option<Uuid>,
        recipient: Option<String>,
        (rows, limit): (i64, i64),
    ) -> Result<Vec<Event>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM events WHERE rowid > ?1 AND (?2 IS NULL OR event_type = ?2) \
                 AND (?3 IS NULL OR +email_id = ?3) AND (?4 IS NULL OR instr(recipient, ?4)) \
                 ORDER BY rowid DESC LIMIT ?5"
            );
            let values = values![
                last_row(connection)? - rows,
                event_type.map(EventType::as_str),
                email_id.map(|id| id.to_string()),
                recipient.map(|part| part.to_lowercase()),
                limit,
            ];
            Ok(connection.query(&sql, values, read_event)?)
        })
        .await
    }

    /// The place of the event that was recorded last.
    pub(crate) async fn last_event_row(&self) -> Result<i64> {
        self.read(|connection| Ok(last_row(connection)?)).await
    }

    /// The place of one of the customer's events, or of anybody's for operators. `None` when it has no such event (any
    /// more).
    pub(crate) async fn event_row(&self, customer: Option<Uuid>, event: Uuid) -> Result<Option<i64>> {
        self.read(move |connection| {
            let sql = "SELECT rowid FROM events WHERE id = ?1 AND (?2 IS NULL OR customer_id = ?2)";
            let values = values![event.to_string(), customer.map(|id| id.to_string())];
            Ok(connection.query_one(sql, values, |row| row.integer(0))?)
        })
        .await
    }
}

/// The row of the event that was recorded last; 0 when there is none.
fn last_row(connection: &Connection) -> Result<i64, SqlError> {
    let last = connection.query_one("SELECT MAX(rowid) FROM events", &[], |row| row.integer_or_null(0))?;
    Ok(last.flatten().unwrap_or(0))
}
