//! The queue between accepting an email and its end: one row for each recipient's copy.
//!
//! A worker leases rows. A lease is a time in the future at which the row is due again, so nothing has to notice that a
//! worker died; a service that starts gives back what the one before it had leased.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::bell::Bell;
use super::emails::NewEmail;
use super::events::{Happening, record, subject};
use super::sql::{Connection, Row, SqlError, values};
use super::{Result, Store, StoreError, StreamType};
use crate::delivery::outlet::OutletKind;
use crate::ids::Ids;
use crate::mail::event::{BounceType, EventType};

/// The destination of mail that never leaves the machine. No domain is empty.
pub(crate) const SANDBOX_DESTINATION: &str = "";

/// A copy that a worker may hand over.
#[derive(Clone, Debug)]
pub(crate) struct Leased {
    pub(crate) handover: Handover,
    /// As its sender spelled it.
    pub(crate) recipient: String,
    /// Its place among the email's recipients, which its bounce address tells.
    pub(crate) recipient_number: u16,
    /// Its domain; [`SANDBOX_DESTINATION`] for sandbox mail.
    pub(crate) destination: String,
    /// The domain it is sent from.
    pub(crate) domain_id: Uuid,
    /// That domain's name.
    pub(crate) domain: String,
    /// Whether its bounces come back to a name of that domain's own.
    pub(crate) own_return_path: bool,
    /// That domain's outlet, when it is not the service's.
    pub(crate) outlet: Option<OutletKind>,
    pub(crate) stream: StreamType,
    /// When the first attempt was due, in milliseconds.
    pub(crate) began_at: i64,
}

impl Leased {
    /// Whether it must never leave the machine.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.destination == SANDBOX_DESTINATION
    }
}

/// What names a leased row, so that only who holds the lease ends it.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    pub(crate) email_id: Uuid,
    /// As in `recipients`.
    pub(crate) address: String,
    /// Attempts that ended before.
    pub(crate) attempts: i64,
    /// When the lease ends, in milliseconds.
    pub(crate) leased_until: i64,
}

/// What a lease brought.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    pub(crate) copies: Vec<Leased>,
    /// For each destination that was asked for, when its next copy is due, in milliseconds.
    pub(crate) next_due: Vec<(String, Option<i64>)>,
}

/// How an attempt ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// The server took it.
    Delivered,
    /// The capture mailbox took it, with these headers in front.
    Captured { headers: Vec<u8> },
    /// It is tried again at this time, in milliseconds.
    Deferred { next_at: i64 },
    /// It came back.
    Bounced(BounceType),
    /// No attempt is left.
    Failed,
}

/// What was heard, for the attempt record and the event.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) host: String,
    /// 0 when there was no reply.
    pub(crate) code: u16,
    pub(crate) enhanced_code: Option<String>,
    pub(crate) response: String,
}

/// Where an email's copies go, and when.
pub(super) fn arrivals(email: &NewEmail) -> impl Iterator<Item = (String, i64)> + use<> {
    let due_at = email.send_at.unwrap_or(email.submitted_at);
    let destinations: Vec<_> =
        email.recipients.iter().map(|(address, _)| destination(email, address).to_owned()).collect();
    destinations.into_iter().map(move |destination| (destination, due_at))
}

fn destination<'a>(email: &NewEmail, address: &'a str) -> &'a str {
    if email.sandbox { SANDBOX_DESTINATION } else { address.rsplit_once('@').map_or(address, |(_, domain)| domain) }
}

/// Queues one recipient's copy.
pub(super) fn insert(connection: &Connection, email: &NewEmail, address: &str) -> Result<(), SqlError> {
    let due_at = email.send_at.unwrap_or(email.submitted_at);
    let sql = "INSERT INTO queue VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)";
    let values = values![email.id.to_string(), address.to_lowercase(), address, destination(email, address), due_at];
    connection.execute(sql, values).map(drop)
}

const SELECT: &str = "SELECT queue.email_id, queue.address, attempts, queue.recipient, destination, domain_id, domains.name, \
    domains.outlet, stream_type, COALESCE(send_at, submitted_at), \
    (SELECT number FROM recipients WHERE recipients.email_id = queue.email_id AND recipients.address = queue.address), \
    own_return_path FROM queue JOIN emails ON emails.id = queue.email_id JOIN domains ON domains.id = domain_id";

impl Store {
    /// What rings when something is queued.
    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Gives back what a worker of this data directory had leased when it died, and tells every destination that has
    /// mail, with the time its first copy is due.
    pub(crate) async fn reopen_queue(&self, now: i64) -> Result<Vec<(String, i64)>> {
        self.write(move |connection| {
            connection.execute("UPDATE queue SET leased = 0, due_at = ?1 WHERE leased = 1", values![now])?;
            let sql = "SELECT destination, MIN(due_at) FROM queue GROUP BY destination";
            Ok::<_, StoreError>(connection.query(sql, &[], |row| Ok((row.text(0)?, row.integer(1)?)))?)
        })
        .await
    }

    /// Leases what is due: of each destination at most so many, those that waited longest first.
    pub(crate) async fn lease(&self, wanted: Vec<(String, i64)>, now: i64, until: i64) -> Result<Lease> {
        self.write(move |connection| {
            let mut lease = Lease::default();
            for (destination, room) in &wanted {
                let sql = format!("{SELECT} WHERE destination = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3");
                let due =
                    connection.query(&sql, values![destination.as_str(), now, *room], |row| read_leased(row, until))?;
                for copy in &due {
                    let sql = "UPDATE queue SET leased = 1, due_at = ?3 WHERE email_id = ?1 AND address = ?2";
                    let Handover { email_id, address, .. } = &copy.handover;
                    connection.execute(sql, values![email_id.to_string(), address.as_str(), until])?;
                }
                lease.copies.extend(due);
                let sql = "SELECT due_at FROM queue WHERE destination = ?1 ORDER BY due_at LIMIT 1";
                let next = connection.query_one(sql, values![destination.as_str()], |row| row.integer(0))?;
                lease.next_due.push((destination.clone(), next));
            }
            Ok::<_, StoreError>(lease)
        })
        .await
    }

    /// The finished message of an email.
    pub(crate) async fn message(&self, email: Uuid) -> Result<Option<Vec<u8>>> {
        self.read(move |connection| {
            let sql = "SELECT raw FROM messages WHERE email_id = ?1";
            Ok(connection.query_one(sql, values![email.to_string()], |row| row.blob(0))?)
        })
        .await
    }

    /// Records attempts with everything that follows from each: the queue row, events, statuses, counters,
    /// suppressions.
    pub(crate) async fn end_attempts(
        &self,
        ended: Vec<(Handover, Heard, Ending)>,
        now: i64,
        mut ids: Ids,
    ) -> Result<()> {
        self.write(move |connection| {
            for (handover, heard, ending) in &ended {
                end_attempt(connection, handover, heard, ending, now, &mut ids)?;
            }
            Ok::<_, StoreError>(())
        })
        .await
    }
}

fn read_leased(row: &Row, leased_until: i64) -> Result<Leased, SqlError> {
    Ok(Leased {
        handover: Handover {
            email_id: row.parsed(0, |id| id.parse().ok())?,
            address: row.text(1)?,
            attempts: row.integer(2)?,
            leased_until,
        },
        recipient: row.text(3)?,
        destination: row.text(4)?,
        domain_id: row.parsed(5, |id| id.parse().ok())?,
        domain: row.text(6)?,
        outlet: row.text_or_null(7)?.as_deref().and_then(OutletKind::parse),
        stream: row.parsed(8, StreamType::parse)?,
        began_at: row.integer(9)?,
        own_return_path: row.flag(11)?,
        recipient_number: u16::try_from(row.integer(10)?).map_err(|_| SqlError::InvalidColumnType)?,
    })
}

fn end_attempt(
    connection: &Connection,
    handover: &Handover,
    heard: &Heard,
    ending: &Ending,
    now: i64,
    ids: &mut Ids,
) -> Result<(), SqlError> {
    let id = handover.email_id.to_string();
    let address = handover.address.as_str();
    let sql = "INSERT INTO attempts (email_id, at, host, code, response, recipient, enhanced_code) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let code = i64::from(heard.code);
    let (host, response) = (heard.host.as_str(), heard.response.as_str());
    connection.execute(sql, values![id.as_str(), now, host, code, response, address, heard.enhanced_code.clone()])?;
    let until = handover.leased_until;
    let still_ours = if let Ending::Deferred { next_at } = ending {
        let sql = "UPDATE queue SET leased = 0, attempts = attempts + 1, due_at = ?4 \
                   WHERE email_id = ?1 AND address = ?2 AND leased = 1 AND due_at = ?3";
        connection.execute(sql, values![id.as_str(), address, until, *next_at])?
    } else {
        let sql = "DELETE FROM queue WHERE email_id = ?1 AND address = ?2 AND leased = 1 AND due_at = ?3";
        connection.execute(sql, values![id.as_str(), address, until])?
    };
    if still_ours == 0 {
        tracing::warn!(email_id = %handover.email_id, "a lease ended before its attempt did");
    }
    if let Ending::Captured { headers } = ending {
        // One copy stands for all: the mailbox shows a message once, with everybody's events.
        let sql = "INSERT OR IGNORE INTO captured VALUES (?1, ?2, ?3)";
        connection.execute(sql, values![id.as_str(), now, headers.clone()])?;
    }
    let (event_type, bounce_type) = match ending {
        Ending::Delivered | Ending::Captured { .. } => (EventType::Delivered, None),
        Ending::Deferred { .. } => (EventType::Deferred, None),
        Ending::Bounced(bounce_type) => (EventType::Bounced, Some(*bounce_type)),
        Ending::Failed => (EventType::Failed, None),
    };
    let Some(subject) = subject(connection, handover.email_id, Some(address))? else { return Ok(()) };
    let happening = |event_type, bounce_type: Option<BounceType>, data| {
        let reason = bounce_type.map(|_| response);
        Happening { event_type, bounce_type, reason, occurred_at: now, data, now }
    };
    let began = (handover.attempts == 0).then(|| happening(EventType::Sent, None, json!({})));
    let ended = happening(event_type, bounce_type, data_of(heard, ending, handover.attempts + 1));
    record(connection, subject, began.into_iter().chain([ended]), ids)
}

/// What the event of an attempt tells.
fn data_of(heard: &Heard, ending: &Ending, attempt: i64) -> Json {
    let mut data = json!({ "host": heard.host, "response": heard.response });
    if matches!(ending, Ending::Captured { .. }) {
        return data;
    }
    data["attempt"] = attempt.into();
    if heard.code != 0 {
        data["smtp_code"] = heard.code.into();
    }
    if let Some(enhanced_code) = &heard.enhanced_code {
        data["enhanced_code"] = enhanced_code.as_str().into();
    }
    if !matches!(ending, Ending::Delivered) {
        data["reason"] = heard.response.as_str().into();
    }
    if let Ending::Bounced(bounce_type) = ending {
        data["bounce_type"] = bounce_type.as_str().into();
    }
    data
}
