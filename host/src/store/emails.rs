//! Emails, their recipients and their messages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::{NewEvent, insert_event};
use super::idempotency::{self, Claim, Replay};
use super::sql::{Connection, Row, SqlError, values};
use super::tally::{self, Counted, Tally};
use super::usage::{self, Counter};
use super::{Result, Store, StoreError, queue};
use crate::ids::Ids;
use crate::mail::event::{EmailStatus, EventType};

/// Which stream an email belongs to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamType {
    /// One person asked for it: a receipt, a password reset.
    #[default]
    Transactional,
    /// Many get the same; it can be unsubscribed from.
    Broadcast,
}

impl StreamType {
    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transactional => "transactional",
            Self::Broadcast => "broadcast",
        }
    }

    /// The stream that this word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Transactional, Self::Broadcast].into_iter().find(|stream| stream.as_str() == word)
    }
}

/// How a recipient is addressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecipientRole {
    /// In `To`.
    To,
    /// In `Cc`.
    Cc,
    /// In the envelope alone.
    Bcc,
}

impl RecipientRole {
    fn as_str(self) -> &'static str {
        match self {
            Self::To => "to",
            Self::Cc => "cc",
            Self::Bcc => "bcc",
        }
    }
}

/// An email that was accepted and is to be stored.
#[derive(Clone, Debug)]
pub struct NewEmail {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub customer_id: Uuid,
    /// The domain it is sent from.
    pub domain_id: Uuid,
    /// Message-ID without angle brackets. Where another email has it already, the id stands in its place.
    pub message_id: String,
    /// The `From` address.
    pub sender: String,
    /// Everybody who gets it; the first one is the `to` address.
    pub recipients: Vec<(String, RecipientRole)>,
    /// As it is sent, merged.
    pub subject: String,
    /// The customer's word for it.
    pub tag: Option<String>,
    /// Its stream.
    pub stream_type: StreamType,
    /// The customer's JSON object, as text.
    pub metadata: Option<String>,
    /// What content scoring said, as JSON text.
    pub score: Option<String>,
    /// The finished message.
    pub raw: Vec<u8>,
    /// Now, in milliseconds.
    pub submitted_at: i64,
    /// When it is to go, when that is later.
    pub send_at: Option<i64>,
    /// True when it must never leave the machine: a sandbox key or a sandbox domain sent it.
    pub sandbox: bool,
    /// The bulk send that it is part of.
    pub bulk_id: Option<Uuid>,
}

/// What became of an email that was to be stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Queued {
    /// It is on disk with its `queued` event.
    Stored,
    /// The key was used for this request before; this was the answer.
    Replayed(String),
}

/// Why an email was not stored.
#[derive(Debug)]
pub enum SendRefusal {
    /// The month's emails are used up.
    MonthlyLimit,
    /// The idempotency key stands for another request.
    IdempotencyMismatch,
    /// The store could not.
    Store(StoreError),
}

impl From<StoreError> for SendRefusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SqlError> for SendRefusal {
    fn from(error: SqlError) -> Self {
        Self::Store(error.into())
    }
}

/// A stored email without its message.
#[derive(Clone, Debug)]
pub struct Email {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub customer_id: Uuid,
    /// Message-ID without angle brackets.
    pub message_id: String,
    /// The `From` address.
    pub sender: String,
    /// Everybody who gets it, `to` first: address, role, status.
    pub recipients: Vec<(String, String, EmailStatus)>,
    /// As it was sent.
    pub subject: String,
    /// The customer's word for it.
    pub tag: Option<String>,
    /// Its stream.
    pub stream_type: StreamType,
    /// The customer's JSON object, as text.
    pub metadata: Option<String>,
    /// Where it stands.
    pub status: EmailStatus,
    /// What content scoring said, as JSON text.
    pub score: Option<String>,
    /// Milliseconds since 1970.
    pub submitted_at: i64,
    /// When it is to go, when that was asked for.
    pub send_at: Option<i64>,
    /// What was tried, oldest first.
    pub attempts: Vec<AttemptRow>,
}

/// One attempt to hand over one recipient's copy.
#[derive(Clone, Debug)]
pub struct AttemptRow {
    /// Milliseconds since 1970.
    pub at: i64,
    /// Whose copy it was; empty in rows from before copies were told apart.
    pub recipient: String,
    /// The server that was spoken to, or `capture`.
    pub host: String,
    /// Its SMTP reply code; 0 when there was no reply.
    pub code: i64,
    /// Its enhanced status code (RFC 3463).
    pub enhanced_code: Option<String>,
    /// Its words.
    pub response: String,
}

/// Which emails to list. Times are milliseconds, both ends included.
#[derive(Clone, Debug, Default)]
pub struct EmailFilter {
    /// Only in this status.
    pub status: Option<EmailStatus>,
    /// Only to addresses that contain this.
    pub recipient: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only submitted then or later.
    pub from: Option<i64>,
    /// Only submitted then or before.
    pub to: Option<i64>,
    /// Only older than this email: continues a list at any depth at the same cost.
    pub before: Option<Uuid>,
    /// How many to leave out, for page numbers.
    pub offset: i64,
    /// How many to return at most.
    pub limit: i64,
}

/// One page of emails, newest first.
#[derive(Clone, Debug)]
pub struct EmailPage {
    /// The emails.
    pub emails: Vec<Email>,
    /// How many the filter matches in all.
    pub total: i64,
}

const COLUMNS: &str = "id, customer_id, message_id, sender, subject, tag, stream_type, metadata, status, score, \
                       submitted_at, send_at";

impl Store {
    /// Stores an accepted email: message, recipients, queue rows, `queued` events, counters and the answer to its
    /// idempotency key. All of it is there, or nothing is.
    pub async fn queue_email(
        &self,
        email: NewEmail,
        kept: Option<(Claim, String)>,
        monthly_limit: i64,
        mut ids: Ids,
    ) -> Result<Queued, SendRefusal> {
        let arrivals = queue::arrivals(&email);
        let queued = self.write(move |connection| {
            let now = email.submitted_at;
            if let Some((claim, reply)) = &kept {
                match idempotency::find(connection, email.customer_id, claim, now)? {
                    Some(Replay::Same(reply)) => return Ok(Queued::Replayed(reply)),
                    Some(Replay::Mismatch | Replay::Unfinished(_)) => return Err(SendRefusal::IdempotencyMismatch),
                    None => idempotency::insert(connection, email.customer_id, claim, reply, now)?,
                }
            }
            if accept(connection, &email, monthly_limit, &mut ids)? {
                Ok(Queued::Stored)
            } else {
                Err(SendRefusal::MonthlyLimit)
            }
        });
        let queued = queued.await?;
        if queued == Queued::Stored {
            self.bell.ring(arrivals);
        }
        Ok(queued)
    }

    /// A customer's email. Another customer's is `None`.
    pub async fn email(&self, customer: Uuid, id: Uuid) -> Result<Option<Email>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM emails WHERE id = ?1 AND customer_id = ?2");
            let email = connection.query_one(&sql, values![id.to_string(), customer.to_string()], read_email)?;
            Ok(email.map(|email| complete(connection, email)).transpose()?)
        })
        .await
    }

    /// A customer's emails, newest first.
    pub async fn emails(&self, customer: Uuid, filter: EmailFilter) -> Result<EmailPage> {
        self.read(move |connection| {
            // What is not asked for stays out of the SQL, so that the index on time serves the rest. Its value is
            // bound all the same, which SQLite allows.
            let mut matching = String::from("customer_id = ?1");
            for (asked, condition) in [
                (filter.status.is_some(), "status = ?2"),
                (
                    filter.recipient.is_some(),
                    "EXISTS (SELECT 1 FROM recipients WHERE email_id = id AND instr(address, ?3))",
                ),
                (filter.tag.is_some(), "tag = ?4"),
                (filter.from.is_some(), "submitted_at >= ?5"),
                (filter.to.is_some(), "submitted_at <= ?6"),
            ] {
                if asked {
                    matching = matching + " AND " + condition;
                }
            }
            let filtered = values![
                customer.to_string(),
                filter.status.map(EmailStatus::as_str),
                filter.recipient.as_deref().map(str::to_lowercase),
                filter.tag.clone(),
                filter.from,
                filter.to,
            ];
            let count = format!("SELECT COUNT(*) FROM emails WHERE {matching}");
            let total = connection.query_one(&count, filtered, |row| row.integer(0))?.unwrap_or(0);

            let before = "(submitted_at, id) < (SELECT submitted_at, id FROM emails WHERE id = ?7 \
                          AND customer_id = ?1)";
            let sql = format!(
                "SELECT {COLUMNS} FROM emails WHERE {matching} AND (?7 IS NULL OR {before}) \
                 ORDER BY submitted_at DESC, id DESC LIMIT ?8 OFFSET ?9"
            );
            let mut bounds = filtered.to_vec();
            bounds.extend_from_slice(values![filter.before.map(|id| id.to_string()), filter.limit, filter.offset]);
            let emails = connection.query(&sql, &bounds, read_email)?;
            let emails: Result<_, SqlError> = emails.into_iter().map(|email| complete(connection, email)).collect();
            Ok(EmailPage { emails: emails?, total })
        })
        .await
    }
}

/// Stores an email with its `queued` events and counts it, if the month has room for all of its copies. False, and
/// nothing stored, otherwise.
pub(super) fn accept(
    connection: &Connection,
    email: &NewEmail,
    monthly_limit: i64,
    ids: &mut Ids,
) -> Result<bool, SqlError> {
    let now = email.submitted_at;
    let copies = i64::try_from(email.recipients.len()).expect("an email has few recipients");
    if usage::sent_in_month(connection, email.customer_id, now)? + copies > monthly_limit {
        return Ok(false);
    }
    let (domain, tag) = (email.domain_id, email.tag.as_deref());
    let scope = tally::scope(connection, email.customer_id, domain, tag, email.stream_type)?;
    insert_email(connection, email, scope)?;
    for (address, _) in &email.recipients {
        insert_event(connection, &ids().to_string(), &NewEvent::of(email, address, EventType::Queued, now))?;
    }
    usage::count(connection, email.customer_id, Counter::Sent, copies, now)?;
    let mut tally = Tally::default();
    tally.count(scope, now, Counted::Sent, copies);
    tally.write(connection)?;
    Ok(true)
}

fn insert_email(connection: &Connection, email: &NewEmail, scope: i64) -> Result<(), SqlError> {
    let id = email.id.to_string();
    let status = if email.send_at.is_some() { EmailStatus::Scheduled } else { EmailStatus::Queued };
    let to = email.recipients.first().map_or("", |(address, _)| address.as_str());
    connection.execute(
        // Mail programs give copies of one message one Message-ID. It leads to the first one; the others keep their own
        // id in its place.
        "INSERT INTO emails VALUES (?1, ?2, ?3, \
         CASE WHEN EXISTS (SELECT 1 FROM emails WHERE message_id = ?4) THEN ?1 ELSE ?4 END, \
         ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        values![
            id.as_str(),
            email.customer_id.to_string(),
            email.domain_id.to_string(),
            email.message_id.as_str(),
            email.sender.as_str(),
            to,
            email.subject.as_str(),
            email.tag.clone(),
            email.stream_type.as_str(),
            email.metadata.clone(),
            status.as_str(),
            email.score.clone(),
            email.submitted_at,
            email.send_at,
            email.sandbox,
            email.bulk_id.map(|id| id.to_string()),
            scope,
        ],
    )?;
    for (number, (address, role)) in (0_i64..).zip(&email.recipients) {
        connection.execute(
            "INSERT INTO recipients VALUES (?1, ?2, ?3, ?4, ?5)",
            values![id.as_str(), address.to_lowercase(), role.as_str(), status.as_str(), number],
        )?;
        queue::insert(connection, email, address)?;
    }
    connection.execute("INSERT INTO messages VALUES (?1, ?2)", values![id, email.raw.clone()]).map(drop)
}

fn read_email(row: &Row) -> Result<Email, SqlError> {
    Ok(Email {
        id: row.parsed(0, |id| id.parse().ok())?,
        customer_id: row.parsed(1, |id| id.parse().ok())?,
        message_id: row.text(2)?,
        sender: row.text(3)?,
        recipients: Vec::new(),
        subject: row.text(4)?,
        tag: row.text_or_null(5)?,
        stream_type: row.parsed(6, StreamType::parse)?,
        metadata: row.text_or_null(7)?,
        status: row.parsed(8, EmailStatus::parse)?,
        score: row.text_or_null(9)?,
        submitted_at: row.integer(10)?,
        send_at: row.integer_or_null(11)?,
        attempts: Vec::new(),
    })
}

/// Adds what stands in tables of its own.
fn complete(connection: &Connection, mut email: Email) -> Result<Email, SqlError> {
    let id = values![email.id.to_string()];
    let sql = "SELECT address, role, status FROM recipients WHERE email_id = ?1 \
               ORDER BY CASE role WHEN 'to' THEN 1 WHEN 'cc' THEN 2 ELSE 3 END, address";
    email.recipients =
        connection.query(sql, id, |row| Ok((row.text(0)?, row.text(1)?, row.parsed(2, EmailStatus::parse)?)))?;
    let sql = "SELECT at, recipient, host, code, enhanced_code, response FROM attempts WHERE email_id = ?1 ORDER BY at";
    email.attempts = connection.query(sql, id, |row| {
        Ok(AttemptRow {
            at: row.integer(0)?,
            recipient: row.text(1)?,
            host: row.text(2)?,
            code: row.integer(3)?,
            enhanced_code: row.text_or_null(4)?,
            response: row.text(5)?,
        })
    })?;
    Ok(email)
}
