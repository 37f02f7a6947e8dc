//! The capture mailbox, for operators: the one place that reads across customers on purpose.

use uuid::Uuid;

use super::sql::{Row, SqlError, values};
use super::{Event, Result, Store};
use crate::mail::event::EmailStatus;

/// A captured email in a list.
#[derive(Clone, Debug)]
pub struct CapturedSummary {
    /// The email.
    pub email_id: Uuid,
    /// Whose it is.
    pub customer_id: Uuid,
    /// The name of that customer.
    pub customer: String,
    /// The `From` address.
    pub sender: String,
    /// The `to` address.
    pub recipient: String,
    /// As it was sent.
    pub subject: String,
    /// Where the email stands.
    pub status: EmailStatus,
    /// Milliseconds since 1970.
    pub captured_at: i64,
}

/// A captured email with its message and what happened to it.
#[derive(Clone, Debug)]
pub struct Captured {
    /// What a list shows of it.
    pub summary: CapturedSummary,
    /// The message as it would have gone out.
    pub raw: Vec<u8>,
    /// In order.
    pub events: Vec<Event>,
}

/// Most events shown with a captured email.
const EVENTS_MAX: i64 = 1_000;

const SELECT: &str = "SELECT emails.id, customer_id, customers.name, sender, recipient, subject, emails.status, \
     captured_at FROM captured JOIN emails ON emails.id = email_id JOIN customers ON customers.id = customer_id";

fn read_summary(row: &Row) -> Result<CapturedSummary, SqlError> {
    Ok(CapturedSummary {
        email_id: row.parsed(0, |id| id.parse().ok())?,
        customer_id: row.parsed(1, |id| id.parse().ok())?,
        customer: row.text(2)?,
        sender: row.text(3)?,
        recipient: row.text(4)?,
        subject: row.text(5)?,
        status: row.parsed(6, EmailStatus::parse)?,
        captured_at: row.integer(7)?,
    })
}

impl Store {
    /// Captured mail, newest first, with how much there is in all.
    pub async fn captured(&self, offset: i64, limit: i64) -> Result<(Vec<CapturedSummary>, i64)> {
        self.read(move |connection| {
            let sql = format!("{SELECT} ORDER BY captured_at DESC, email_id DESC LIMIT ?1 OFFSET ?2");
            let list = connection.query(&sql, values![limit, offset], read_summary)?;
            let total = connection.query_one("SELECT COUNT(*) FROM captured", &[], |row| row.integer(0))?;
            Ok((list, total.unwrap_or(0)))
        })
        .await
    }

    /// One captured email.
    pub async fn captured_email(&self, email: Uuid) -> Result<Option<Captured>> {
        let found = self
            .read(move |connection| {
                let id = values![email.to_string()];
                let summary = connection.query_one(&format!("{SELECT} WHERE email_id = ?1"), id, read_summary)?;
                let sql = "SELECT headers, raw FROM captured JOIN messages USING (email_id) WHERE email_id = ?1";
                let read = |row: &Row| Ok([row.blob(0)?, row.blob(1)?].concat());
                Ok(summary.zip(connection.query_one(sql, id, read)?))
            })
            .await?;
        let Some((summary, raw)) = found else { return Ok(None) };
        let events = self.events_of_email(summary.customer_id, email, EVENTS_MAX).await?.unwrap_or_default();
        Ok(Some(Captured { summary, raw, events }))
    }
}
