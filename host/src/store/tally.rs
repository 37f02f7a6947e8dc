//! What events count for statistics, gathered in a unit of work and written at its end.
//!
//! Each event counts in the hour and in the day that it happened in, not in which it was recorded, so that it does not
//! matter in which order events come.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::StreamType;
use super::clients;
use super::sql::{Connection, SqlError, values};
use crate::mail::client::Class;
use crate::mail::event::{BounceType, EventType, words};

/// An hour, in milliseconds.
pub(crate) const HOUR_MS: i64 = 60 * 60 * 1_000;
/// A day of UTC, in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// Tags that a customer's emails are counted apart by. What has yet another one counts as if it had none, so that tags
/// which are different for each email cannot fill the disk.
pub(crate) const TAGS_MAX: i64 = 1_000;
/// Bytes that are kept of a word such as the class of a bounce.
const WORD_BYTES_MAX: usize = 64;

words! {
    /// What is counted: a column of `stat_counts`.
    Counted {
        /// Copies that were accepted for delivery and not taken back.
        Sent = "sent",
        /// Copies that were taken by the recipients' servers.
        Delivered = "delivered",
        /// Copies that came back for good.
        BouncedHard = "bounced_hard",
        /// Copies that came back for now.
        BouncedSoft = "bounced_soft",
        /// Copies that came back, and nobody said how.
        BouncedUntyped = "bounced_untyped",
        /// Copies that were given up.
        Failed = "failed",
        /// Copies that were reported as unwanted.
        Complained = "complained",
        /// Copies whose readers wanted no more.
        Unsubscribed = "unsubscribed",
        /// Opens by a person.
        HumanOpens = "human_opens",
        /// Opens by a person or a machine.
        SuspiciousOpens = "suspicious_opens",
        /// Opens by a machine.
        ScannerOpens = "scanner_opens",
        /// Clicks by a person.
        HumanClicks = "human_clicks",
        /// Clicks by a person or a machine.
        SuspiciousClicks = "suspicious_clicks",
        /// Clicks by a machine.
        ScannerClicks = "scanner_clicks",
        /// Emails that were opened for the first time.
        UniqueOpens = "unique_opens",
        /// Emails that a person opened for the first time.
        UniqueHumanOpens = "unique_human_opens",
        /// Emails that a machine opened for the first time.
        UniqueScannerOpens = "unique_scanner_opens",
        /// Emails that were clicked for the first time.
        UniqueClicks = "unique_clicks",
        /// Emails that a person clicked for the first time.
        UniqueHumanClicks = "unique_human_clicks",
        /// Emails that a machine clicked for the first time.
        UniqueScannerClicks = "unique_scanner_clicks",
    }
}

words! {
    /// What is counted by a word: a kind of row in `stat_details`.
    DetailKind {
        /// Bounces by their class.
        BounceClass = "bounce_class",
        /// Opens by the rule that knew the client.
        OpenClient = "open_client",
        /// Clicks by the rule that knew the client.
        ClickClient = "click_client",
    }
}

words! {
    /// What a row is about.
    Span {
        /// An hour.
        Hour = "hour",
        /// A day of UTC.
        Day = "day",
    }
}

impl Span {
    pub(super) const fn millis(self) -> i64 {
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }
}

/// How often each thing happened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts([i64; Counted::ALL.len()]);

impl Counts {
    /// How often this did.
    pub fn of(&self, counted: Counted) -> i64 {
        self.0[counted as usize]
    }

    /// Adds all of another one.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, number)| *sum += number);
    }

    pub(super) fn count(&mut self, counted: Counted, by: i64) {
        self.0[counted as usize] += by;
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.0.iter().all(|number| *number == 0)
    }

    /// From a row that has these from this column on.
    pub(super) fn read(row: &super::sql::Row, first: i32, columns: &[Counted]) -> Result<Self, SqlError> {
        let mut counts = Self::default();
        for (column, counted) in (first..).zip(columns) {
            counts.count(*counted, row.integer(column)?);
        }
        Ok(counts)
    }
}

/// Whom something is counted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) customer: Uuid,
    /// A row of `stat_scopes`.
    pub(super) scope: i64,
}

/// What a unit of work counted so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    /// By scope and by when the hour begins.
    pub(super) counts: BTreeMap<(i64, i64), Counts>,
    pub(super) details: BTreeMap<(i64, DetailKind, i64, String), i64>,
}

impl Tally {
    pub(super) fn count(&mut self, scope: i64, at: i64, counted: Counted, by: i64) {
        self.counts.entry((scope, hour(at))).or_default().count(counted, by);
    }

    /// Counts an event, or takes it back with -1. `is_first` says whether it is the first of its type for its copy. What
    /// is counted of an email's first open or click is the business of [`super::firsts`].
    pub(super) fn event(&mut self, scope: i64, at: i64, event_type: EventType, data: &Json, is_first: bool, by: i64) {
        if let Some(counted) = hit(event_type, data) {
            self.count(scope, at, counted, by);
        } else if let Some(counted) = once(event_type, data).filter(|_| is_first) {
            self.count(scope, at, counted, by);
        } else {
            return;
        }
        if let Some((kind, word)) = detail(event_type, data) {
            *self.details.entry((scope, kind, hour(at), word)).or_default() += by;
        }
    }

    /// The same beside what the scopes of a customer come to together.
    pub(super) fn with_wholes(mut self, connection: &Connection) -> Result<Self, SqlError> {
        let scopes: BTreeSet<i64> =
            self.counts.keys().map(|key| key.0).chain(self.details.keys().map(|key| key.0)).collect();
        for scope in scopes {
            let sql = "SELECT whole_id FROM stat_scopes WHERE id = ?1";
            let Some(whole) = connection.query_one(sql, values![scope], |row| row.integer(0))? else { continue };
            let counts: Vec<_> = self
                .counts
                .range((scope, i64::MIN)..=(scope, i64::MAX))
                .map(|(key, counts)| (key.1, *counts))
                .collect();
            for (at, counts) in counts {
                self.counts.entry((whole, at)).or_default().add(&counts);
            }
            let details: Vec<_> = self
                .details
                .iter()
                .filter(|(key, _)| key.0 == scope)
                .map(|((_, kind, at, word), total)| ((whole, *kind, *at, word.clone()), *total))
                .collect();
            for (key, total) in details {
                *self.details.entry(key).or_default() += total;
            }
        }
        Ok(self)
    }

    pub(super) fn write(self, connection: &Connection) -> Result<(), SqlError> {
        let tally = self.with_wholes(connection)?;
        for ((scope, at), counts) in tally.counts.into_iter().filter(|(_, counts)| !counts.is_nothing()) {
            for span in Span::ALL {
                add_counts(connection, scope, *span, at, &counts)?;
            }
        }
        for ((scope, kind, at, word), by) in tally.details.into_iter().filter(|(_, by)| *by != 0) {
            for span in Span::ALL {
                let sql = "INSERT INTO stat_details VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                           ON CONFLICT DO UPDATE SET total = total + excluded.total";
                let starts_at = at - at.rem_euclid(span.millis());
                connection.execute(sql, values![scope, span.as_str(), kind.as_str(), starts_at, word.as_str(), by])?;
            }
        }
        Ok(())
    }
}

fn add_counts(connection: &Connection, scope: i64, span: Span, at: i64, counts: &Counts) -> Result<(), SqlError> {
    let sql = "INSERT INTO stat_counts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
               ?17, ?18, ?19, ?20, ?21, ?22, ?23) ON CONFLICT DO UPDATE SET sent = sent + excluded.sent, \
               delivered = delivered + excluded.delivered, bounced_hard = bounced_hard + excluded.bounced_hard, \
               bounced_soft = bounced_soft + excluded.bounced_soft, \
               bounced_untyped = bounced_untyped + excluded.bounced_untyped, failed = failed + excluded.failed, \
               complained = complained + excluded.complained, unsubscribed = unsubscribed + excluded.unsubscribed, \
               human_opens = human_opens + excluded.human_opens, \
               suspicious_opens = suspicious_opens + excluded.suspicious_opens, \
               scanner_opens = scanner_opens + excluded.scanner_opens, \
               human_clicks = human_clicks + excluded.human_clicks, \
               suspicious_clicks = suspicious_clicks + excluded.suspicious_clicks, \
               scanner_clicks = scanner_clicks + excluded.scanner_clicks, \
               unique_opens = unique_opens + excluded.unique_opens, \
               unique_human_opens = unique_human_opens + excluded.unique_human_opens, \
               unique_scanner_opens = unique_scanner_opens + excluded.unique_scanner_opens, \
               unique_clicks = unique_clicks + excluded.unique_clicks, \
               unique_human_clicks = unique_human_clicks + excluded.unique_human_clicks, \
               unique_scanner_clicks = unique_scanner_clicks + excluded.unique_scanner_clicks";
    let starts_at = at - at.rem_euclid(span.millis());
    let mut row = values![scope, span.as_str(), starts_at].to_vec();
    row.extend_from_slice(&counts.0.map(super::sql::Value::from));
    connection.execute(sql, &row).map(drop)
}

/// When the hour of a moment begins.
pub(super) fn hour(at: i64) -> i64 {
    at - at.rem_euclid(HOUR_MS)
}

/// Whether the first event of this type counts for something.
pub(super) fn is_counted(event_type: EventType) -> bool {
    !matches!(event_type, EventType::Queued | EventType::Sent | EventType::Deferred | EventType::Canceled)
}

/// What every open and click counts. The canary is no link of the email's author.
fn hit(event_type: EventType, data: &Json) -> Option<Counted> {
    let counted = match (event_type, class_of(data)) {
        (EventType::Opened, Class::Human) => Counted::HumanOpens,
        (EventType::Opened, Class::Suspicious) => Counted::SuspiciousOpens,
        (EventType::Opened, Class::Scanner) => Counted::ScannerOpens,
        (EventType::Clicked, Class::Human) => Counted::HumanClicks,
        (EventType::Clicked, Class::Suspicious) => Counted::SuspiciousClicks,
        (EventType::Clicked, Class::Scanner) => Counted::ScannerClicks,
        _ => return None,
    };
    (!clients::is_canary(data)).then_some(counted)
}

/// What the first event of its type counts for a copy.
fn once(event_type: EventType, data: &Json) -> Option<Counted> {
    match event_type {
        EventType::Delivered => Some(Counted::Delivered),
        EventType::Bounced => Some(match data["bounce_type"].as_str().and_then(BounceType::parse) {
            Some(BounceType::Hard) => Counted::BouncedHard,
            Some(BounceType::Soft) => Counted::BouncedSoft,
            None => Counted::BouncedUntyped,
        }),
        EventType::Failed => Some(Counted::Failed),
        EventType::Complained => Some(Counted::Complained),
        EventType::Unsubscribed => Some(Counted::Unsubscribed),
        EventType::Queued
        | EventType::Sent
        | EventType::Deferred
        | EventType::Canceled
        | EventType::Opened
        | EventType::Clicked => None,
    }
}

/// The judgement in an event's data. What nobody judged may be a machine's.
pub(super) fn class_of(data: &Json) -> Class {
    match data["client"]["class"].as_str() {
        Some("human") => Class::Human,
        Some("scanner") => Class::Scanner,
        _ => Class::Suspicious,
    }
}

fn detail(event_type: EventType, data: &Json) -> Option<(DetailKind, String)> {
    let kind = match event_type {
        EventType::Bounced => DetailKind::BounceClass,
        EventType::Opened => DetailKind::OpenClient,
        EventType::Clicked => DetailKind::ClickClient,
        _ => return None,
    };
    let word = match kind {
        DetailKind::BounceClass => data["class"].as_str().or_else(|| class_of_code(data)),
        DetailKind::OpenClient | DetailKind::ClickClient => data["client"]["rules"][0].as_str(),
    };
    let word = word.unwrap_or("unknown");
    Some((kind, word[..word.floor_char_boundary(WORD_BYTES_MAX)].to_owned()))
}

/// What the enhanced status code says of a bounce that was classed by nobody (RFC 3463: its subject).
fn class_of_code(data: &Json) -> Option<&'static str> {
    let mut parts = data["enhanced_code"].as_str()?.split('.').skip(1);
    let class = match (parts.next()?, parts.next()?) {
        ("1", _) => "bad_address",
        ("2", "2") => "mailbox_full",
        ("2", _) => "mailbox",
        ("3", _) => "mail_system",
        ("4", _) => "network",
        ("5", _) => "protocol",
        ("6", _) => "content",
        ("7", _) => "policy",
        _ => return None,
    };
    Some(class)
}

/// The scope of a customer's emails with these properties, made when it is new.
pub(super) fn scope(
    connection: &Connection,
    customer: Uuid,
    domain: Uuid,
    tag: Option<&str>,
    stream: StreamType,
) -> Result<i64, SqlError> {
    let find = |tag: &str| {
        let sql = "SELECT id FROM stat_scopes WHERE customer_id = ?1 AND domain_id = ?2 AND tag = ?3 \
                   AND stream_type = ?4";
        let values = values![customer.to_string(), domain.to_string(), tag, stream.as_str()];
        connection.query_one(sql, values, |row| row.integer(0))
    };
    let mut tag = tag.unwrap_or_default();
    if let Some(known) = find(tag)? {
        return Ok(known);
    }
    if !has_room(connection, customer, tag)? {
        tag = "";
        if let Some(known) = find(tag)? {
            return Ok(known);
        }
    }
    let whole = "INSERT OR IGNORE INTO stat_scopes (customer_id, domain_id, tag, stream_type) VALUES (?1, '', '', '')";
    connection.execute(whole, values![customer.to_string()])?;
    let sql = "INSERT INTO stat_scopes (customer_id, domain_id, tag, stream_type, whole_id) SELECT ?1, ?2, ?3, ?4, id \
               FROM stat_scopes WHERE customer_id = ?1 AND domain_id = ''";
    connection.execute(sql, values![customer.to_string(), domain.to_string(), tag, stream.as_str()])?;
    Ok(find(tag)?.expect("it was just stored"))
}

/// Whether a customer's emails may be counted by this tag.
fn has_room(connection: &Connection, customer: Uuid, tag: &str) -> Result<bool, SqlError> {
    let sql = "SELECT COUNT(DISTINCT tag), COALESCE(MAX(tag = ?2), 0) FROM stat_scopes \
               WHERE customer_id = ?1 AND tag <> ''";
    let found = connection
        .query_one(sql, values![customer.to_string(), tag], |row| Ok(row.integer(0)? < TAGS_MAX || row.flag(1)?))?;
    Ok(found.unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::super::sql;
    use super::*;

    #[test]
    fn emails_are_counted_apart_by_as_many_tags_as_may_be_and_no_more() {
        let connection = sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("it opens");
        super::super::migrations::apply(&connection, 0).expect("the tables are made");
        connection.batch("PRAGMA foreign_keys = OFF").expect("it is set");
        let [acme, rival, domain, other] = [1, 2, 3, 4].map(Uuid::from_u128);
        let scope = |customer, domain, tag: &str, stream| {
            scope(&connection, customer, domain, Some(tag), stream).expect("it is found or made")
        };
        let transactional = StreamType::Transactional;
        let scopes: std::collections::BTreeSet<_> =
            (0..TAGS_MAX).map(|number| scope(acme, domain, &format!("tag{number}"), transactional)).collect();
        assert_eq!(i64::try_from(scopes.len()), Ok(TAGS_MAX), "just inside");
        let none = scope(acme, domain, "", transactional);
        assert!(!scopes.contains(&none));
        assert_eq!(scope(acme, domain, "one more", transactional), none, "just outside");
        assert_eq!(scope(acme, domain, "yet another", transactional), none);
        assert!(scopes.contains(&scope(acme, domain, "tag7", transactional)), "a known one is still told apart");
        let elsewhere = scope(acme, other, "tag7", StreamType::Broadcast);
        assert!(elsewhere != none && !scopes.contains(&elsewhere), "of another domain and stream too");
        assert_ne!(scope(rival, domain, "one more", transactional), none, "another customer has room of its own");
    }
}
