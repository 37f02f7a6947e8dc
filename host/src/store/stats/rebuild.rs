//! Counting a customer's day again from what is stored, to prove what was counted or to put it right.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use uuid::Uuid;

use super::super::firsts::{Firsts, counters};
use super::super::sql::{Connection, Row, SqlError, values};
use super::super::tally::{Counted, Counts, DAY_MS, DetailKind, HOUR_MS, Span, Tally};
use super::super::{Result, Store, clients, event_counts};
use crate::mail::event::EventType;

/// The days of a customer that can be counted again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatDays {
    pub(crate) customer: Uuid,
    /// When the first one begins, in milliseconds.
    pub(crate) first: i64,
    /// When the last one begins.
    pub(crate) last: i64,
}

/// What counting a day again came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct RebuiltDay {
    /// Rows that there are.
    pub(crate) rows: i64,
    /// Rows that were not as they should be.
    pub(crate) wrong: i64,
}

/// What is stored of a day, or should be.
#[derive(Debug, Default)]
struct Day {
    counts: BTreeMap<(i64, Span, i64), Counts>,
    details: BTreeMap<(i64, Span, DetailKind, i64, String), i64>,
    /// Events of each type, for lists of them.
    events: BTreeMap<EventType, i64>,
}

impl Store {
    /// The days of the customers after this one, by their ids; at most `limit` customers.
    pub(crate) async fn stat_days(&self, after: Option<Uuid>, now: i64, limit: i64) -> Result<Vec<StatDays>> {
        self.read(move |connection| {
            // Nothing happens to an email before it is there, but a node's clock may be slow.
            let sql = "SELECT id, (SELECT MIN(submitted_at) FROM emails WHERE customer_id = customers.id), \
                       (SELECT MIN(occurred_at) FROM events WHERE customer_id = customers.id), \
                       (SELECT gone_before FROM event_retention WHERE customer_id = customers.id), \
                       (SELECT MAX(occurred_at) FROM events WHERE customer_id = customers.id) \
                       FROM customers WHERE ?1 IS NULL OR id > ?1 ORDER BY id LIMIT ?2";
            let read = |row: &Row| {
                let began = [row.integer_or_null(1)?, row.integer_or_null(2)?].into_iter().flatten().min();
                let first = began.unwrap_or(now);
                // A day of which some events are gone cannot be counted again.
                let first = match row.integer_or_null(3)? {
                    Some(gone_before) if first < gone_before => gone_before + (-gone_before).rem_euclid(DAY_MS),
                    Some(_) | None => first,
                };
                let last = row.integer_or_null(4)?.map_or(now, |at| at.max(now));
                let day = |at: i64| at - at.rem_euclid(DAY_MS);
                Ok(StatDays { customer: row.parsed(0, |id| id.parse().ok())?, first: day(first), last: day(last) })
            };
            Ok(connection.query(sql, values![after.map(|id| id.to_string()), limit], read)?)
        })
        .await
    }

    /// Counts a customer's day again and says what was wrong, which is right from then on unless it is a `dry_run`.
    pub(crate) async fn rebuild_stats(&self, customer: Uuid, day: i64, dry_run: bool) -> Result<RebuiltDay> {
        if dry_run {
            return self.read(move |connection| Ok(compare(connection, customer, day)?.1)).await;
        }
        self.write(move |connection| {
            let (tally, rebuilt) = compare(connection, customer, day)?;
            if rebuilt.wrong > 0 {
                delete(connection, customer, day)?;
                tally.write(connection)?;
                for (event_type, total) in events(connection, customer, day)? {
                    event_counts::count(connection, customer, event_type, day, total)?;
                }
            }
            Ok(rebuilt)
        })
        .await
    }

    /// Whether events of before there were statistics are still to be counted.
    pub(crate) async fn has_stat_backlog(&self) -> Result<bool> {
        self.read(|connection| {
            Ok(connection.query_one("SELECT 1 FROM stat_backlog", &[], |row| row.integer(0))?.is_some())
        })
        .await
    }

    /// Says that they are.
    pub(crate) async fn end_stat_backlog(&self) -> Result<()> {
        self.write(|connection| Ok(connection.execute("DELETE FROM stat_backlog", &[]).map(drop)?)).await
    }
}

fn compare(connection: &Connection, customer: Uuid, day: i64) -> Result<(Tally, RebuiltDay), SqlError> {
    let mut tally = Tally::default();
    if day < gone_before(connection, customer)? {
        return Ok((tally, RebuiltDay::default()));
    }
    for hour in (day..day + DAY_MS).step_by(usize::try_from(HOUR_MS).expect("an hour fits")) {
        count_sent(connection, customer, hour, &mut tally)?;
        count_events(connection, customer, hour, &mut tally)?;
    }
    let (mut expected, found) =
        (Day::of(&tally.clone().with_wholes(connection)?), Day::stored(connection, customer, day)?);
    expected.events = events(connection, customer, day)?;
    let wrong = differing(&expected.counts, &found.counts)
        + differing(&expected.details, &found.details)
        + differing(&expected.events, &found.events);
    let rows = expected.counts.len() + expected.details.len() + expected.events.len();
    let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
    Ok((tally, RebuiltDay { rows: number(rows), wrong: number(wrong) }))
}

/// Until when a customer's events are gone.
fn gone_before(connection: &Connection, customer: Uuid) -> Result<i64, SqlError> {
    let sql = "SELECT gone_before FROM event_retention WHERE customer_id = ?1";
    let found = connection.query_one(sql, values![customer.to_string()], |row| row.integer(0))?;
    Ok(found.unwrap_or(i64::MIN))
}

fn differing<K: Ord, V: PartialEq>(expected: &BTreeMap<K, V>, found: &BTreeMap<K, V>) -> usize {
    let missing = expected.iter().filter(|(key, value)| found.get(key) != Some(value)).count();
    missing + found.keys().filter(|key| !expected.contains_key(key)).count()
}

impl Day {
    fn of(tally: &Tally) -> Self {
        let mut day = Self::default();
        for span in Span::ALL {
            let starts_at = |at: i64| at - at.rem_euclid(span.millis());
            for ((scope, at), counts) in &tally.counts {
                day.counts.entry((*scope, *span, starts_at(*at))).or_default().add(counts);
            }
            for ((scope, kind, at, word), total) in &tally.details {
                *day.details.entry((*scope, *span, *kind, starts_at(*at), word.clone())).or_default() += total;
            }
        }
        day.without_nothing()
    }

    fn stored(connection: &Connection, customer: Uuid, day: i64) -> Result<Self, SqlError> {
        let columns: Vec<_> = Counted::ALL.iter().map(|counted| counted.as_str()).collect();
        let sql = format!(
            "SELECT scope_id, span, starts_at, {} FROM stat_scopes CROSS JOIN stat_counts ON scope_id = stat_scopes.id \
             WHERE customer_id = ?1 AND span IN ('hour', 'day') AND starts_at >= ?2 AND starts_at < ?3",
            columns.join(", ")
        );
        let values = values![customer.to_string(), day, day + DAY_MS];
        let counts = connection.query(&sql, values, |row| {
            Ok(((row.integer(0)?, row.parsed(1, Span::parse)?, row.integer(2)?), Counts::read(row, 3, Counted::ALL)?))
        })?;
        let sql = "SELECT scope_id, span, kind, starts_at, word, total FROM stat_scopes \
                   CROSS JOIN stat_details ON scope_id = stat_scopes.id WHERE customer_id = ?1 \
                   AND span IN ('hour', 'day') AND kind IN ('bounce_class', 'open_client', 'click_client') \
                   AND starts_at >= ?2 AND starts_at < ?3";
        let details = connection.query(sql, values, |row| {
            let kind = row.parsed(2, DetailKind::parse)?;
            let key = (row.integer(0)?, row.parsed(1, Span::parse)?, kind, row.integer(3)?, row.text(4)?);
            Ok((key, row.integer(5)?))
        })?;
        let sql = "SELECT event_type, total FROM event_counts WHERE customer_id = ?1 AND day = ?2";
        let events = connection.query(sql, values![customer.to_string(), day], |row| {
            Ok((row.parsed(0, EventType::parse)?, row.integer(1)?))
        })?;
        let day = Self {
            counts: counts.into_iter().collect(),
            details: details.into_iter().collect(),
            events: events.into_iter().collect(),
        };
        Ok(day.without_nothing())
    }

    /// What was counted and taken back again is as if it had never been.
    fn without_nothing(mut self) -> Self {
        self.counts.retain(|_, counts| !counts.is_nothing());
        self.details.retain(|_, total| *total != 0);
        self.events.retain(|_, total| *total != 0);
        self
    }
}

fn delete(connection: &Connection, customer: Uuid, day: i64) -> Result<(), SqlError> {
    for table in ["stat_counts", "stat_details"] {
        let sql = format!(
            "DELETE FROM {table} WHERE scope_id IN (SELECT id FROM stat_scopes WHERE customer_id = ?1) \
             AND span IN ('hour', 'day') AND starts_at >= ?2 AND starts_at < ?3"
        );
        connection.execute(&sql, values![customer.to_string(), day, day + DAY_MS])?;
    }
    let sql = "DELETE FROM event_counts WHERE customer_id = ?1 AND day = ?2";
    connection.execute(sql, values![customer.to_string(), day]).map(drop)
}

/// How many events of each type there are.
fn events(connection: &Connection, customer: Uuid, day: i64) -> Result<BTreeMap<EventType, i64>, SqlError> {
    let sql = "SELECT event_type, COUNT(*) FROM events WHERE customer_id = ?1 AND occurred_at >= ?2 AND occurred_at < ?3 \
               GROUP BY event_type";
    let found = connection.query(sql, values![customer.to_string(), day, day + DAY_MS], |row| {
        Ok((row.parsed(0, EventType::parse)?, row.integer(1)?))
    })?;
    Ok(found.into_iter().collect())
}

fn count_sent(connection: &Connection, customer: Uuid, hour: i64, tally: &mut Tally) -> Result<(), SqlError> {
    let sql = "SELECT scope_id, COUNT(*) FROM emails JOIN recipients ON recipients.email_id = emails.id \
               WHERE customer_id = ?1 AND submitted_at >= ?2 AND submitted_at < ?3 AND NOT EXISTS \
               (SELECT 1 FROM events WHERE events.email_id = emails.id AND event_type = 'canceled') GROUP BY scope_id";
    let found = connection.query(sql, values![customer.to_string(), hour, hour + HOUR_MS], |row| {
        Ok((row.integer(0)?, row.integer(1)?))
    })?;
    for (scope, copies) in found {
        tally.count(scope, hour, Counted::Sent, copies);
    }
    Ok(())
}

/// Counts by the rules that events are counted by when they happen.
fn count_events(connection: &Connection, customer: Uuid, hour: i64, tally: &mut Tally) -> Result<(), SqlError> {
    let sql = "SELECT (SELECT scope_id FROM emails WHERE emails.id = email_id), email_id, recipient, event_type, occurred_at, \
               event_data FROM events WHERE customer_id = ?1 AND occurred_at >= ?2 AND occurred_at < ?3 \
               AND event_type NOT IN ('queued', 'sent', 'deferred', 'canceled')";
    let found = connection.query(sql, values![customer.to_string(), hour, hour + HOUR_MS], |row| {
        let data: Json = row.parsed(5, |text| serde_json::from_str(text).ok())?;
        let email: Uuid = row.parsed(1, |id| id.parse().ok())?;
        Ok((row.integer(0)?, email, row.text(2)?, row.parsed(3, EventType::parse)?, row.integer(4)?, data))
    })?;
    let (mut fetched, mut copies) = (BTreeSet::new(), BTreeSet::new());
    for (scope, email, recipient, event_type, at, data) in found {
        if clients::kind_of(event_type).is_some() {
            tally.event(scope, at, event_type, &data, false, 1);
            fetched.insert((scope, email, event_type));
        } else {
            copies.insert((scope, email, recipient, event_type));
        }
    }
    let is_now = |at: &i64| (hour..hour + HOUR_MS).contains(at);
    for (scope, email, event_type) in fetched {
        let Some((counted, _)) = counters(event_type) else { continue };
        let firsts = Firsts::of(connection, email, event_type)?;
        for (counted, first) in counted.into_iter().zip([firsts.any, firsts.human, firsts.scanner]) {
            if let Some(at) = first.filter(is_now) {
                tally.count(scope, at, counted, 1);
            }
        }
    }
    for (scope, email, recipient, event_type) in copies {
        let first = first_recorded(connection, email, &recipient, event_type)?;
        if let Some((at, data)) = first.filter(|(at, _)| is_now(at)) {
            tally.event(scope, at, event_type, &data, true, 1);
        }
    }
    Ok(())
}

/// Of what happened to a copy more than once, what was recorded first counts.
fn first_recorded(
    connection: &Connection,
    email: Uuid,
    recipient: &str,
    event_type: EventType,
) -> Result<Option<(i64, Json)>, SqlError> {
    let sql = "SELECT occurred_at, event_data FROM events WHERE email_id = ?1 AND recipient = ?2 AND event_type = ?3 \
               ORDER BY rowid LIMIT 1";
    connection.query_one(sql, values![email.to_string(), recipient, event_type.as_str()], |row| {
        Ok((row.integer(0)?, row.parsed(1, |text| serde_json::from_str(text).ok())?))
    })
}
