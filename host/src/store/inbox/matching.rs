//! Which email and whose copy of it an event is about.

use uuid::Uuid;

use super::super::events::{Subject, subject};
use super::super::sql::{Connection, SqlError, values};
use super::{EmailClue, NewArrival, ReportedEvent};
use crate::mail::event::EmailStatus;
use crate::mail::verp::Returned;

/// How long after an email was accepted a report that names its recipient alone may be about it, in milliseconds.
const GUESSED_WITHIN_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Emails to one address that are looked through, the newest first.
const EMAILS_MAX: i64 = 32;
/// The shortest name of a message that a server's answer is searched for.
const PROVIDER_ID_BYTES_MIN: usize = 8;

/// What a clue led to.
pub(super) struct Match {
    pub(super) email_id: Uuid,
    pub(super) recipient: String,
    /// Which clue it was.
    pub(super) by: &'static str,
    /// Whether nothing says that it is this email but its recipient and its time.
    pub(super) is_guess: bool,
}

impl Match {
    fn of(subject: Subject, by: &'static str) -> Self {
        Self { email_id: subject.email_id, recipient: subject.recipient, by, is_guess: false }
    }
}

/// The email and recipient that an event is about: the first clue that leads to an email of ours decides, and the
/// recipient must be one that it was sent to. A bounce address names the recipient itself, whatever address the mail
/// was forwarded to from there. Otherwise, without a recipient, it is the `to` address.
///
/// Where no clue leads anywhere, a source that proved who it is gets a guess: the newest email to the recipient.
pub(super) fn matching(
    connection: &Connection,
    arrival: &NewArrival,
    event: &ReportedEvent,
) -> Result<Option<Match>, SqlError> {
    for clue in &event.emails {
        let (email, recipients, by) = match clue {
            EmailClue::Returned(returned) => {
                let Some(recipient) = recipient_by_number(connection, *returned)? else { continue };
                (returned.email_id, vec![Some(recipient)], "bounce_address")
            }
            EmailClue::Id(id, by) => (*id, named(event), *by),
            EmailClue::MessageId(message_id) => {
                let sql = "SELECT id FROM emails WHERE message_id = ?1";
                let id = connection
                    .query_one(sql, values![message_id.as_str()], |row| row.parsed(0, |id| id.parse().ok()))?;
                let Some(id) = id else { continue };
                (id, named(event), "message_id")
            }
            EmailClue::ProviderMessageId(name) => {
                let found = by_provider_message_id(connection, arrival, event, name)?;
                if found.is_some() {
                    return Ok(found);
                }
                continue;
            }
        };
        for recipient in recipients {
            if let Some(subject) = allowed(connection, arrival, email, recipient.as_deref())? {
                return Ok(Some(Match::of(subject, by)));
            }
        }
    }
    if arrival.verified { guess(connection, arrival, event) } else { Ok(None) }
}

/// The recipients that a report names, or the `to` address of an email when it names none.
fn named(event: &ReportedEvent) -> Vec<Option<String>> {
    if event.recipients.is_empty() { vec![None] } else { event.recipients.iter().cloned().map(Some).collect() }
}

/// An email that a report of this source may be about.
fn allowed(
    connection: &Connection,
    arrival: &NewArrival,
    email: Uuid,
    recipient: Option<&str>,
) -> Result<Option<Subject>, SqlError> {
    // What still waits for its time, or was taken back before, cannot have come back from anywhere.
    let was_sent = |subject: &Subject| !matches!(subject.status, EmailStatus::Scheduled | EmailStatus::Canceled);
    let is_in_scope = |subject: &Subject| arrival.customer.is_none_or(|customer| customer == subject.customer_id);
    let found = subject(connection, email, recipient)?;
    Ok(found.filter(|subject| was_sent(subject) && is_in_scope(subject)))
}

fn recipient_by_number(connection: &Connection, returned: Returned) -> Result<Option<String>, SqlError> {
    let sql = "SELECT address FROM recipients WHERE email_id = ?1 AND number = ?2";
    let key = values![returned.email_id.to_string(), i64::from(returned.recipient_number)];
    connection.query_one(sql, key, |row| row.text(0))
}

/// A provider names the message in its answer when it takes it, so the answer that has the name leads to the email.
fn by_provider_message_id(
    connection: &Connection,
    arrival: &NewArrival,
    event: &ReportedEvent,
    name: &str,
) -> Result<Option<Match>, SqlError> {
    if name.len() < PROVIDER_ID_BYTES_MIN {
        return Ok(None);
    }
    for recipient in &event.recipients {
        for email in lately_to(connection, arrival, recipient)? {
            let sql = "SELECT 1 FROM attempts WHERE email_id = ?1 AND recipient = ?2 AND instr(response, ?3) LIMIT 1";
            let key = values![email.to_string(), recipient.to_lowercase(), name];
            if connection.query_one(sql, key, |row| row.integer(0))?.is_none() {
                continue;
            }
            if let Some(subject) = allowed(connection, arrival, email, Some(recipient))? {
                return Ok(Some(Match::of(subject, "provider_message_id")));
            }
        }
    }
    Ok(None)
}

/// The newest email to a recipient that the report may be about.
fn guess(connection: &Connection, arrival: &NewArrival, event: &ReportedEvent) -> Result<Option<Match>, SqlError> {
    for recipient in &event.recipients {
        for email in lately_to(connection, arrival, recipient)? {
            if let Some(subject) = allowed(connection, arrival, email, Some(recipient))? {
                return Ok(Some(Match { is_guess: true, ..Match::of(subject, "guess") }));
            }
        }
    }
    Ok(None)
}

/// Emails that were accepted for an address before the report came, the newest first. Ids sort by time.
fn lately_to(connection: &Connection, arrival: &NewArrival, recipient: &str) -> Result<Vec<Uuid>, SqlError> {
    let sql = "SELECT email_id FROM recipients WHERE address = ?1 AND email_id BETWEEN ?2 AND ?3 \
               ORDER BY email_id DESC LIMIT ?4";
    let at = |millis: i64| Uuid::from_u128(u128::from(millis.max(0).unsigned_abs()) << 80).to_string();
    let (from, to) = (at(arrival.received_at - GUESSED_WITHIN_MS), at(arrival.received_at + 1));
    let values = values![recipient.to_lowercase(), from, to, EMAILS_MAX];
    connection.query(sql, values, |row| row.parsed(0, |id| id.parse().ok()))
}
