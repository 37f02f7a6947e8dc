//! How many events there are of each type, by day: for saying how long a list of events is without reading it.

use std::ops::RangeInclusive;

use uuid::Uuid;

use super::sql::{Connection, SqlError, values};
use super::tally::DAY_MS;
use crate::mail::event::EventType;

/// Nothing happens after this, nor before its negative: so far away that days can still be added to it.
const TIME_MAX: i64 = i64::MAX / 4;

/// When the day of a moment begins.
pub(super) fn day(at: i64) -> i64 {
    at - at.rem_euclid(DAY_MS)
}

/// Counts events that were stored, or dropped with a negative number.
pub(super) fn count(
    connection: &Connection,
    customer: Uuid,
    event_type: EventType,
    at: i64,
    by: i64,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO event_counts VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT DO UPDATE SET total = total + excluded.total";
    connection.execute(sql, values![customer.to_string(), event_type.as_str(), day(at), by]).map(drop)
}

/// How many events happened in this time, both ends included; of one type, or of all. Whole days are counted already,
/// so at most those of two days are read.
pub(super) fn total(
    connection: &Connection,
    customer: Uuid,
    event_type: Option<EventType>,
    time: RangeInclusive<i64>,
) -> Result<i64, SqlError> {
    let (from, to) = (*time.start().max(&-TIME_MAX), *time.end().min(&TIME_MAX));
    if from > to {
        return Ok(0);
    }
    let first_whole_day = if from == day(from) { from } else { day(from).saturating_add(DAY_MS) };
    let end_of_whole_days = day(to.saturating_add(1));
    let between = |from: i64, until: i64| read(connection, customer, event_type, from, until);
    if first_whole_day >= end_of_whole_days {
        return between(from, to.saturating_add(1));
    }
    let sql = "SELECT COALESCE(SUM(total), 0) FROM event_counts WHERE customer_id = ?1 AND (?2 IS NULL OR event_type = ?2) \
               AND day >= ?3 AND day < ?4";
    let of_type = event_type.map(EventType::as_str);
    let values = values![customer.to_string(), of_type, first_whole_day, end_of_whole_days];
    let whole_days = connection.query_one(sql, values, |row| row.integer(0))?.unwrap_or(0);
    Ok(whole_days + between(from, first_whole_day)? + between(end_of_whole_days, to.saturating_add(1))?)
}

/// Counts the events from a moment until another, which does not belong to it.
fn read(
    connection: &Connection,
    customer: Uuid,
    event_type: Option<EventType>,
    from: i64,
    until: i64,
) -> Result<i64, SqlError> {
    if from >= until {
        return Ok(0);
    }
    let of_type = if event_type.is_some() { "AND event_type = ?4" } else { "" };
    let sql = format!(
        "SELECT COUNT(*) FROM events WHERE customer_id = ?1 AND occurred_at >= ?2 AND occurred_at < ?3 {of_type}"
    );
    let values = values![customer.to_string(), from, until, event_type.map(EventType::as_str)];
    Ok(connection.query_one(&sql, values, |row| row.integer(0))?.unwrap_or(0))
}

/// From when until when this many of the latest events of a type before a moment happened, whole days both of them. `None`
/// when there is no such event.
pub(super) fn latest(
    connection: &Connection,
    customer: Uuid,
    event_type: EventType,
    before: i64,
    wanted: i64,
) -> Result<Option<RangeInclusive<i64>>, SqlError> {
    let sql = "SELECT day, total FROM event_counts WHERE customer_id = ?1 AND event_type = ?2 AND day <= ?3 AND total > 0 \
               ORDER BY day DESC";
    let values = values![customer.to_string(), event_type.as_str(), before];
    let days = connection.query(sql, values, |row| Ok((row.integer(0)?, row.integer(1)?)))?;
    let Some((last, _)) = days.first() else { return Ok(None) };
    let mut found = 0_i64;
    // Some of the day that the moment is in may have happened after it.
    let reaches = |(at, total): &&(i64, i64)| {
        found += if *at == day(before) { 0 } else { *total };
        found >= wanted
    };
    let first = days.iter().find(reaches).or(days.last()).map_or(*last, |(at, _)| *at);
    Ok(Some(first..=last.saturating_add(DAY_MS - 1)))
}

#[cfg(test)]
mod tests {
    use super::super::sql;
    use super::*;

    const CUSTOMER: Uuid = Uuid::from_u128(1);
    const HOUR: i64 = DAY_MS / 24;

    /// Opens every six hours of ten days, and a bounce on the third.
    fn memory() -> Connection {
        let connection = sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("it opens");
        super::super::migrations::apply(&connection, 0).expect("the tables are made");
        connection.batch("PRAGMA foreign_keys = OFF").expect("it is set");
        for n in 0..40 {
            add(&connection, EventType::Opened, n * 6 * HOUR);
        }
        add(&connection, EventType::Bounced, 2 * DAY_MS + HOUR);
        connection
    }

    fn add(connection: &Connection, event_type: EventType, at: i64) {
        let sql = "INSERT INTO events VALUES (?1, 'e', ?2, ?3, 'delivered', 'a', 'b', ?4, '{}', ?4)";
        let id = format!("{}{at}", event_type.as_str());
        connection.execute(sql, values![id, CUSTOMER.to_string(), event_type.as_str(), at]).expect("it is stored");
        count(connection, CUSTOMER, event_type, at, 1).expect("it is counted");
    }

    #[test]
    fn what_is_counted_by_days_is_what_is_there() {
        let connection = memory();
        for from in (-HOUR..11 * DAY_MS).step_by(5 * 3_600_000) {
            for to in (from - HOUR..11 * DAY_MS).step_by(7 * 3_600_000) {
                for event_type in [None, Some(EventType::Opened), Some(EventType::Bounced), Some(EventType::Sent)] {
                    let there = read(&connection, CUSTOMER, event_type, from, to + 1).expect("it is counted");
                    let counted = total(&connection, CUSTOMER, event_type, from..=to).expect("it is counted");
                    assert_eq!(counted, there, "{event_type:?} from {from} to {to}");
                }
            }
        }
        assert_eq!(total(&connection, CUSTOMER, None, i64::MIN..=i64::MAX).expect("it is counted"), 41);
    }

    #[test]
    fn the_latest_events_of_a_type_are_within_the_days_that_have_enough_of_them() {
        let connection = memory();
        let latest = |event_type, before, wanted| {
            latest(&connection, CUSTOMER, event_type, before, wanted)
                .expect("it is read")
                .map(RangeInclusive::into_inner)
        };
        let opened = EventType::Opened;
        assert_eq!(latest(opened, i64::MAX, 4), Some((9 * DAY_MS, 10 * DAY_MS - 1)), "a day has four");
        assert_eq!(latest(opened, i64::MAX, 5), Some((8 * DAY_MS, 10 * DAY_MS - 1)));
        assert_eq!(latest(opened, i64::MAX, 1_000), Some((0, 10 * DAY_MS - 1)));
        assert_eq!(
            latest(opened, 5 * DAY_MS + 1, 4),
            Some((4 * DAY_MS, 6 * DAY_MS - 1)),
            "who knows what is left of it"
        );
        assert_eq!(latest(EventType::Bounced, i64::MAX, 9), Some((2 * DAY_MS, 3 * DAY_MS - 1)));
        assert_eq!(latest(EventType::Sent, i64::MAX, 1), None);
    }
}
