//! Monthly counters, kept in the same unit of work as what they count.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::sql::{Connection, SqlError, values};
use super::{Result, Store};
use crate::mail::event::EventType;

/// What is counted. Each recipient's copy of an email counts as one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Counter {
    /// Accepted for delivery.
    Sent,
    Delivered,
    Bounced,
    Complained,
    /// Emails opened at least once.
    Opened,
    /// Emails clicked at least once.
    Clicked,
    /// Emails opened by a person.
    OpenedHuman,
    /// Emails clicked by a person.
    ClickedHuman,
}

impl Counter {
    const ALL: [Self; 8] = [
        Self::Sent,
        Self::Delivered,
        Self::Bounced,
        Self::Complained,
        Self::Opened,
        Self::Clicked,
        Self::OpenedHuman,
        Self::ClickedHuman,
    ];

    /// What an event counts as the first time that it happens to a copy.
    pub(super) fn of(event_type: EventType) -> Option<Self> {
        match event_type {
            EventType::Delivered => Some(Self::Delivered),
            EventType::Bounced => Some(Self::Bounced),
            EventType::Complained => Some(Self::Complained),
            EventType::Opened => Some(Self::Opened),
            EventType::Clicked => Some(Self::Clicked),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::OpenedHuman => "opened_human",
            Self::ClickedHuman => "clicked_human",
        }
    }
}

/// What a customer did in one month.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Accepted for delivery.
    pub sent: i64,
    /// Taken by the recipients' servers.
    pub delivered: i64,
    /// Came back.
    pub bounced: i64,
    /// Objected to.
    pub complained: i64,
    /// Emails opened at least once.
    pub opened: i64,
    /// Emails clicked at least once.
    pub clicked: i64,
    /// Of the opened, those that a person opened.
    pub opened_human: i64,
    /// Of the clicked, those that a person clicked.
    pub clicked_human: i64,
}

impl Store {
    /// The counters of the month that `now` lies in.
    pub async fn usage(&self, customer: Uuid, now: i64) -> Result<Usage> {
        self.read(move |connection| {
            let sql = "SELECT counter, total FROM monthly_usage WHERE customer_id = ?1 AND month = ?2";
            let mut usage = Usage::default();
            connection.query(sql, values![customer.to_string(), month(now)], |row| {
                let total = row.integer(1)?;
                match row.parsed(0, |word| Counter::ALL.into_iter().find(|counter| counter.as_str() == word))? {
                    Counter::Sent => usage.sent = total,
                    Counter::Delivered => usage.delivered = total,
                    Counter::Bounced => usage.bounced = total,
                    Counter::Complained => usage.complained = total,
                    Counter::Opened => usage.opened = total,
                    Counter::Clicked => usage.clicked = total,
                    Counter::OpenedHuman => usage.opened_human = total,
                    Counter::ClickedHuman => usage.clicked_human = total,
                }
                Ok(())
            })?;
            Ok(usage)
        })
        .await
    }
}

pub(super) fn sent_in_month(connection: &Connection, customer: Uuid, now: i64) -> Result<i64, SqlError> {
    let sql = "SELECT total FROM monthly_usage WHERE customer_id = ?1 AND month = ?2 AND counter = 'sent'";
    let total = connection.query_one(sql, values![customer.to_string(), month(now)], |row| row.integer(0))?;
    Ok(total.unwrap_or(0))
}

pub(super) fn count(
    connection: &Connection,
    customer: Uuid,
    counter: Counter,
    by: i64,
    now: i64,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO monthly_usage VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT DO UPDATE SET total = total + excluded.total";
    connection.execute(sql, values![customer.to_string(), month(now), counter.as_str(), by]).map(drop)
}

/// `YYYY-MM` in UTC.
pub(super) fn month(now: i64) -> String {
    let at = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(now).unwrap_or(Timestamp::UNIX_EPOCH));
    format!("{:04}-{:02}", at.year(), at.month())
}
