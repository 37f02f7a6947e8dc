//! Events, and what each of them changes.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value as Json;
use uuid::Uuid;

use super::emails::NewEmail;
use super::firsts::Firsts;
use super::sql::{Connection, Row, SqlError, values};
use super::suppressions::{Cause, NewSuppression, UnsubscribeSource, is_unsubscribed, suppress};
use super::tally::{Account, Tally, class_of, is_counted};
use super::usage::{self, Counter};
use super::{Result, Store, StreamType};
use super::{clients, event_addresses, event_counts};
use crate::ids::Ids;
use crate::mail::client::rules::Rules;
use crate::mail::event::{BounceType, EmailStatus, EventType, PrivacyLevel, after, redact_for_storing};

/// Soft bounces of different emails within [`SOFT_BOUNCES_WITHIN_MS`] that suppress an address.
const SOFT_BOUNCES_MAX: i64 = 3;
/// Seven days, in milliseconds.
const SOFT_BOUNCES_WITHIN_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// Something that happened to one recipient's copy of an email.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// The email.
    pub email_id: Uuid,
    /// Whose it is.
    pub customer_id: Uuid,
    /// What happened.
    pub event_type: EventType,
    /// The email's status after it.
    pub status: EmailStatus,
    /// The recipient.
    pub recipient: String,
    /// The `From` address.
    pub sender: String,
    /// When it happened, in milliseconds.
    pub occurred_at: i64,
    /// What else is known: a JSON object.
    pub data: Json,
    /// What the customer attached to the email: a JSON object.
    pub metadata: Option<Json>,
    /// When it was recorded, in milliseconds.
    pub created_at: i64,
}

/// A reader's wish for no more.
#[derive(Clone, Debug)]
pub(crate) struct Unsubscription {
    /// The email from the link's token.
    pub(crate) email_id: Uuid,
    /// What is known of it: a JSON object with `ip`, `user_agent` and `source`. Who made it is added as `client`.
    pub(crate) data: Json,
    /// Now, in milliseconds.
    pub(crate) at: i64,
}

/// An event that is to be recorded.
pub(super) struct NewEvent<'a> {
    pub(super) email_id: Uuid,
    pub(super) customer_id: Uuid,
    pub(super) event_type: EventType,
    pub(super) status: EmailStatus,
    pub(super) recipient: &'a str,
    pub(super) sender: &'a str,
    pub(super) occurred_at: i64,
    pub(super) data: Json,
    pub(super) now: i64,
    /// How much of it may be stored.
    pub(super) privacy: PrivacyLevel,
}

impl<'a> NewEvent<'a> {
    /// The first event of a new email.
    pub(super) fn of(email: &'a NewEmail, recipient: &'a str, event_type: EventType, now: i64) -> Self {
        let status = if email.send_at.is_some() { EmailStatus::Scheduled } else { EmailStatus::Queued };
        Self {
            email_id: email.id,
            customer_id: email.customer_id,
            event_type,
            status,
            recipient,
            sender: &email.sender,
            occurred_at: now,
            data: Json::Object(serde_json::Map::new()),
            now,
            // There is nothing in it yet.
            privacy: PrivacyLevel::Full,
        }
    }
}

/// What is needed of an email to record something that happened to it.
pub(super) struct Subject {
    pub(super) email_id: Uuid,
    pub(super) customer_id: Uuid,
    pub(super) sender: String,
    pub(super) status: EmailStatus,
    /// Where the copy itself stands.
    copy_status: EmailStatus,
    pub(super) stream: StreamType,
    pub(super) recipient: String,
    pub(super) submitted_at: i64,
    pub(super) privacy: PrivacyLevel,
    scope: i64,
}

impl Subject {
    pub(super) fn account(&self) -> Account {
        Account { customer: self.customer_id, scope: self.scope }
    }
}

/// Something that happened to a copy of an email, before it is an event.
pub(super) struct Happening<'a> {
    pub(super) event_type: EventType,
    pub(super) bounce_type: Option<BounceType>,
    pub(super) reason: Option<&'a str>,
    pub(super) occurred_at: i64,
    pub(super) data: Json,
    pub(super) now: i64,
}

pub(super) const COLUMNS: &str = "id, email_id, customer_id, event_type, status, recipient, sender, occurred_at, event_data, \
                       created_at, (SELECT metadata FROM emails WHERE emails.id = email_id)";

impl Store {
    /// Unsubscribes whom an email went to. False when the token's email is not here (any more). Once more changes nothing.
    /// Who asks for it is judged by these rules.
    pub(crate) async fn unsubscribe_reader(
        &self,
        wanted: Unsubscription,
        rules: Arc<Rules>,
        mut ids: Ids,
    ) -> Result<bool> {
        self.write(move |connection| {
            let Some(subject) = subject(connection, wanted.email_id, None)? else { return Ok(false) };
            unsubscribe(connection, &rules, subject, wanted, &mut ids)?;
            Ok(true)
        })
        .await
    }

    /// Whom an email is addressed to, in lower case. For the holder of one of its tokens, whoever that is.
    pub async fn addressee(&self, email: Uuid) -> Result<Option<String>> {
        self.read(move |connection| Ok(subject(connection, email, None)?.map(|subject| subject.recipient))).await
    }

    /// What happened to one of the customer's emails, in order; at most `limit`. `None` when it has no such email.
    pub async fn events_of_email(&self, customer: Uuid, email: Uuid, limit: i64) -> Result<Option<Vec<Event>>> {
        self.read(move |connection| {
            let (email, customer) = (email.to_string(), customer.to_string());
            let sql = "SELECT 1 FROM emails WHERE id = ?1 AND customer_id = ?2";
            if connection.query_one(sql, values![email.as_str(), customer.as_str()], |row| row.integer(0))?.is_none() {
                return Ok(None);
            }
            let sql = format!(
                "SELECT {COLUMNS} FROM events WHERE email_id = ?1 AND customer_id = ?2 \
                 ORDER BY occurred_at, id LIMIT ?3"
            );
            Ok(Some(connection.query(&sql, values![email, customer, limit], read_event)?))
        })
        .await
    }
}

pub(super) fn read_event(row: &Row) -> Result<Event, SqlError> {
    Ok(Event {
        id: row.parsed(0, |id| id.parse().ok())?,
        email_id: row.parsed(1, |id| id.parse().ok())?,
        customer_id: row.parsed(2, |id| id.parse().ok())?,
        event_type: row.parsed(3, EventType::parse)?,
        status: row.parsed(4, EmailStatus::parse)?,
        recipient: row.text(5)?,
        sender: row.text(6)?,
        occurred_at: row.integer(7)?,
        data: row.parsed(8, |text| serde_json::from_str(text).ok())?,
        created_at: row.integer(9)?,
        metadata: row.text_or_null(10)?.and_then(|text| serde_json::from_str(&text).ok()),
    })
}

/// Unsubscribes a reader, with all that follows from it. False for who unsubscribes again, which changes nothing.
pub(super) fn unsubscribe(
    connection: &Connection,
    rules: &Rules,
    subject: Subject,
    wanted: Unsubscription,
    ids: &mut Ids,
) -> Result<bool, SqlError> {
    let Unsubscription { mut data, at, .. } = wanted;
    if is_unsubscribed(connection, subject.customer_id, &subject.recipient, subject.stream)? {
        return Ok(false);
    }
    data["client"] = clients::unsubscriber(rules, &data);
    let event_type = EventType::Unsubscribed;
    let happening = Happening { event_type, bounce_type: None, reason: None, occurred_at: at, data, now: at };
    record(connection, subject, [happening], ids)?;
    Ok(true)
}

/// Finds an email and one of its recipients: the one named, or when none is named `to`, else the first one in its place.
pub(super) fn subject(
    connection: &Connection,
    email: Uuid,
    recipient: Option<&str>,
) -> Result<Option<Subject>, SqlError> {
    // By its role and not by its address, because SQL knows the lower case of ASCII alone.
    let sql = "SELECT customer_id, sender, emails.status, stream_type, address, submitted_at, recipients.status, \
               scope_id, (SELECT privacy_level FROM customers WHERE customers.id = customer_id) FROM emails \
               JOIN recipients ON email_id = id WHERE id = ?1 AND (address = ?2 OR ?2 IS NULL) \
               ORDER BY CASE role WHEN 'to' THEN 1 WHEN 'cc' THEN 2 ELSE 3 END, address LIMIT 1";
    connection.query_one(sql, values![email.to_string(), recipient.map(str::to_lowercase)], |row| {
        Ok(Subject {
            email_id: email,
            customer_id: row.parsed(0, |id| id.parse().ok())?,
            sender: row.text(1)?,
            status: row.parsed(2, EmailStatus::parse)?,
            stream: row.parsed(3, StreamType::parse)?,
            recipient: row.text(4)?,
            submitted_at: row.integer(5)?,
            copy_status: row.parsed(6, EmailStatus::parse)?,
            scope: row.integer(7)?,
            privacy: row.parsed(8, PrivacyLevel::parse)?,
        })
    })
}

/// Records what happened to one copy, in order, with everything that follows from it: events, statuses, counters,
/// suppressions. The statuses are written once, as they are in the end.
pub(super) fn record<'a>(
    connection: &Connection,
    mut subject: Subject,
    happened: impl IntoIterator<Item = Happening<'a>>,
    ids: &mut Ids,
) -> Result<(), SqlError> {
    let before = (subject.status, subject.copy_status);
    let mut tally = Tally::default();
    for happening in happened {
        subject.status = after(subject.status, happening.event_type, happening.bounce_type);
        subject.copy_status = after(subject.copy_status, happening.event_type, happening.bounce_type);
        record_event(connection, &subject, happening, &mut tally, ids)?;
    }
    tally.write(connection)?;
    let id = subject.email_id.to_string();
    if subject.status != before.0 {
        let sql = "UPDATE emails SET status = ?2 WHERE id = ?1";
        connection.execute(sql, values![id.as_str(), subject.status.as_str()])?;
    }
    if subject.copy_status != before.1 {
        let sql = "UPDATE recipients SET status = ?3 WHERE email_id = ?1 AND address = ?2";
        connection.execute(sql, values![id, subject.recipient.as_str(), subject.copy_status.as_str()])?;
    }
    Ok(())
}

/// One event, for a subject that has moved with it, and what it counts and suppresses.
fn record_event(
    connection: &Connection,
    subject: &Subject,
    happening: Happening<'_>,
    tally: &mut Tally,
    ids: &mut Ids,
) -> Result<(), SqlError> {
    let Happening { event_type, bounce_type, reason, occurred_at, data, now } = happening;
    // Each copy counts once, however often it is opened, and the canary is no link of the email's author.
    let is_first = is_counted(event_type) && !clients::is_canary(&data) && !has_event(connection, subject, event_type)?;
    if let Some(counter) = Counter::of(event_type).filter(|_| is_first) {
        usage::count(connection, subject.customer_id, counter, 1, now)?;
    }
    count(connection, subject, (event_type, occurred_at, is_first), &data, tally)?;
    let event = NewEvent {
        email_id: subject.email_id,
        customer_id: subject.customer_id,
        event_type,
        status: subject.status,
        recipient: &subject.recipient,
        sender: &subject.sender,
        occurred_at,
        data,
        now,
        privacy: subject.privacy,
    };
    let source = (event_type == EventType::Unsubscribed).then(|| UnsubscribeSource::of_event(&event.data));
    insert_event(connection, &ids().to_string(), &event)?;
    let cause = match (event_type, bounce_type) {
        (EventType::Complained, _) => Some((Cause::Complaint, None)),
        (EventType::Unsubscribed, _) => Some((Cause::Unsubscribe, Some(subject.stream))),
        (EventType::Bounced, Some(BounceType::Hard)) => Some((Cause::HardBounce, None)),
        (EventType::Bounced, _) if soft_bounces(connection, subject, now)? >= SOFT_BOUNCES_MAX => {
            Some((Cause::SoftBounces, None))
        }
        _ => None,
    };
    if let Some((cause, stream)) = cause {
        let new = NewSuppression {
            id: ids(),
            customer: subject.customer_id,
            address: subject.recipient.clone(),
            stream,
            cause,
            source,
            reason: reason.map(str::to_owned),
            email: Some(subject.email_id),
            now,
        };
        suppress(connection, &new)?;
    }
    Ok(())
}

/// Suppresses the address of a copy whose bounce is known to be hard now and was not before. The event stays as it is.
pub(super) fn suppress_as_hard(
    connection: &Connection,
    subject: &Subject,
    reason: Option<&str>,
    now: i64,
    ids: &mut Ids,
) -> Result<(), SqlError> {
    let sql = "SELECT 1 FROM events WHERE email_id = ?1 AND recipient = ?2 AND event_type = 'bounced' \
               AND json_extract(event_data, '$.bounce_type') = 'hard' LIMIT 1";
    let key = values![subject.email_id.to_string(), subject.recipient.as_str()];
    if connection.query_one(sql, key, |row| row.integer(0))?.is_some() {
        return Ok(());
    }
    let new = NewSuppression {
        id: ids(),
        customer: subject.customer_id,
        address: subject.recipient.clone(),
        stream: None,
        cause: Cause::HardBounce,
        source: None,
        reason: reason.map(str::to_owned),
        email: Some(subject.email_id),
        now,
    };
    suppress(connection, &new).map(drop)
}

/// Counts an event for statistics, before it is stored.
fn count(
    connection: &Connection,
    subject: &Subject,
    (event_type, at, is_first): (EventType, i64, bool),
    data: &Json,
    tally: &mut Tally,
) -> Result<(), SqlError> {
    tally.event(subject.scope, at, event_type, data, is_first, 1);
    if clients::kind_of(event_type).is_none() || clients::is_canary(data) {
        return Ok(());
    }
    let before = Firsts::of(connection, subject.email_id, event_type)?;
    let after = before.with(class_of(data), at);
    before.counted(after, event_type, subject.account(), connection, tally)
}

pub(super) fn insert_event(connection: &Connection, id: &str, event: &NewEvent<'_>) -> Result<(), SqlError> {
    let (recipient, sender) = (event.recipient.to_lowercase(), event.sender.to_lowercase());
    if event.event_type == EventType::Queued || event_addresses::may_be_gone(event.email_id, event.now) {
        event_addresses::enter(connection, event.customer_id, event.email_id, &recipient, &sender)?;
    }
    let mut data = Cow::Borrowed(&event.data);
    if event.privacy != PrivacyLevel::Full {
        redact_for_storing(event.privacy, data.to_mut());
    }
    event_counts::count(connection, event.customer_id, event.event_type, event.occurred_at, 1)?;
    let sql = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.execute(
        sql,
        values![
            id,
            event.email_id.to_string(),
            event.customer_id.to_string(),
            event.event_type.as_str(),
            event.status.as_str(),
            recipient,
            sender,
            event.occurred_at,
            data.to_string(),
            event.now,
        ],
    )?;
    Ok(())
}

fn has_event(connection: &Connection, subject: &Subject, event_type: EventType) -> Result<bool, SqlError> {
    let sql = "SELECT 1 FROM events WHERE email_id = ?1 AND recipient = ?2 AND event_type = ?3 \
               AND json_extract(event_data, '$.canary') IS NULL LIMIT 1";
    let values = values![subject.email_id.to_string(), subject.recipient.as_str(), event_type.as_str()];
    Ok(connection.query_one(sql, values, |row| row.integer(0))?.is_some())
}

/// How many of the customer's emails to this address bounced lately.
fn soft_bounces(connection: &Connection, subject: &Subject, now: i64) -> Result<i64, SqlError> {
    let sql = "SELECT COUNT(DISTINCT email_id) FROM events WHERE customer_id = ?1 AND recipient = ?2 \
               AND event_type = 'bounced' AND occurred_at > ?3";
    let since = now - SOFT_BOUNCES_WITHIN_MS;
    let values = values![subject.customer_id.to_string(), subject.recipient.as_str(), since];
    Ok(connection.query_one(sql, values, |row| row.integer(0))?.unwrap_or(0))
}
