//! Addresses that a customer's mail no longer goes to.

use uuid::Uuid;

use super::sql::{Connection, SqlError, values};
use super::{Result, Store, StreamType};

/// Why an address is suppressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    HardBounce,
    SoftBounces,
    Complaint,
    Unsubscribe,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::HardBounce => "hard_bounce",
            Self::SoftBounces => "soft_bounces",
            Self::Complaint => "complaint",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

pub(super) struct NewSuppression<'a> {
    pub(super) id: Uuid,
    pub(super) customer: Uuid,
    pub(super) address: &'a str,
    /// `None` stands for every stream.
    pub(super) stream: Option<StreamType>,
    pub(super) cause: Cause,
    pub(super) reason: Option<&'a str>,
    pub(super) email: Uuid,
    pub(super) now: i64,
}

impl Store {
    /// Which of these addresses are suppressed in this stream, each with its cause.
    pub async fn suppressed(
        &self,
        customer: Uuid,
        addresses: Vec<String>,
        stream: StreamType,
    ) -> Result<Vec<(String, String)>> {
        self.read(move |connection| {
            let sql = "SELECT cause FROM suppressions WHERE customer_id = ?1 AND address = ?2 \
                       AND (stream_type IS NULL OR stream_type = ?3) LIMIT 1";
            let mut found = Vec::new();
            for address in addresses {
                let values = values![customer.to_string(), address.to_lowercase(), stream.as_str()];
                if let Some(cause) = connection.query_one(sql, values, |row| row.text(0))? {
                    found.push((address, cause));
                }
            }
            Ok(found)
        })
        .await
    }
}

/// Suppresses an address. The first cause stands.
pub(super) fn suppress(connection: &Connection, new: &NewSuppression<'_>) -> Result<(), SqlError> {
    let sql = "INSERT OR IGNORE INTO suppressions (id, customer_id, address, stream_type, cause, reason, email_id, \
               created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    connection.execute(
        sql,
        values![
            new.id.to_string(),
            new.customer.to_string(),
            new.address.to_lowercase(),
            new.stream.map(StreamType::as_str),
            new.cause.as_str(),
            new.reason,
            new.email.to_string(),
            new.now,
        ],
    )?;
    Ok(())
}
