//! Many emails in one unit of work, each judged alone.

use uuid::Uuid;

use super::emails::accept;
use super::idempotency::{self, Claim, Replay};
use super::sql::{Connection, SqlError, values};
use super::{NewEmail, Result, SendRefusal, Store, StoreError, queue};
use crate::ids::Ids;

/// Emails that are stored together, each judged alone.
pub struct NewBatch {
    /// Whose they are.
    pub customer: Uuid,
    /// The key that stands for them.
    pub claim: Option<Claim>,
    /// The emails.
    pub emails: Vec<NewEmail>,
    /// Emails that the customer may send in a month.
    pub monthly_limit: i64,
    /// Now, in milliseconds.
    pub now: i64,
}

/// What became of a batch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BatchQueued {
    /// It is on disk, and this is its answer.
    Stored(String),
    /// The key was used for this request before; this was the answer.
    Replayed(String),
}

/// A part of a bulk send: what was made of some of its recipients, in their order.
pub struct NewBulkPart {
    /// The bulk send.
    pub bulk_id: Uuid,
    /// The index of the part's first recipient.
    pub first: usize,
    /// How many recipients it is about, those who get nothing included.
    pub recipients: usize,
    /// Emails to those who get one, with the key of the whole.
    pub batch: NewBatch,
}

/// What a part of a bulk send came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BulkPart {
    /// Recipients that it was about.
    pub recipients: usize,
    /// Emails that were queued.
    pub queued: usize,
    /// A JSON list of results without its brackets.
    pub results: String,
}

impl Store {
    /// Stores the emails of a batch together with its answer. Those beyond the monthly limit are left out; `answer`
    /// is told which of them stand, in their order.
    pub async fn queue_batch(
        &self,
        batch: NewBatch,
        mut ids: Ids,
        answer: impl FnOnce(&[bool]) -> String + Send + 'static,
    ) -> Result<BatchQueued, SendRefusal> {
        let arrivals = batch.arrivals();
        let queued = self.write(move |connection| {
            if let Some(claim) = &batch.claim {
                match idempotency::find(connection, batch.customer, claim, batch.now)? {
                    Some(Replay::Same(reply)) => return Ok(BatchQueued::Replayed(reply)),
                    Some(Replay::Mismatch | Replay::Unfinished(_)) => return Err(SendRefusal::IdempotencyMismatch),
                    None => {}
                }
            }
            let reply = answer(&batch.accept(connection, &mut ids)?);
            if let Some(claim) = &batch.claim {
                idempotency::insert(connection, batch.customer, claim, &reply, batch.now)?;
            }
            Ok(BatchQueued::Stored(reply))
        });
        let queued = queued.await?;
        self.bell.ring(arrivals);
        Ok(queued)
    }

    /// Stores the next part of a bulk send; the first one claims its key. `results` is told which emails stand, in
    /// their order. `None` when the key's bulk send has come to another place meanwhile: somebody else goes on with it.
    pub async fn queue_bulk_part(
        &self,
        part: NewBulkPart,
        mut ids: Ids,
        results: impl FnOnce(&[bool]) -> String + Send + 'static,
    ) -> Result<Option<BulkPart>> {
        let arrivals = part.batch.arrivals();
        let stored = self.write(move |connection| {
            if !part.is_next(connection)? {
                return Ok(None);
            }
            let stand = part.batch.accept(connection, &mut ids)?;
            let queued = stand.iter().filter(|stands| **stands).count();
            let stored = BulkPart { recipients: part.recipients, queued, results: results(&stand) };
            part.record(connection, &stored)?;
            Ok::<_, StoreError>(Some(stored))
        });
        let stored = stored.await?;
        self.bell.ring(arrivals);
        Ok(stored)
    }

    /// What a bulk send has come to so far, in order.
    pub async fn bulk_parts(&self, customer: Uuid, key: String) -> Result<Vec<BulkPart>> {
        self.read(move |connection| {
            let sql = "SELECT recipients, queued, results FROM bulk_parts \
                       WHERE customer_id = ?1 AND key = ?2 ORDER BY first";
            Ok(connection.query(sql, values![customer.to_string(), key], |row| {
                let count = |column| Ok::<_, SqlError>(usize::try_from(row.integer(column)?).unwrap_or(0));
                Ok(BulkPart { recipients: count(0)?, queued: count(1)?, results: row.text(2)? })
            })?)
        })
        .await
    }

    /// Keeps the answer of a bulk send that is done, in the place of its parts.
    pub async fn finish_bulk(&self, customer: Uuid, key: String, reply: String) -> Result<()> {
        self.write(move |connection| {
            let sql = "UPDATE idempotency SET reply = ?3 WHERE customer_id = ?1 AND key = ?2 AND bulk_id IS NOT NULL";
            connection.execute(sql, values![customer.to_string(), key.as_str(), reply])?;
            let sql = "DELETE FROM bulk_parts WHERE customer_id = ?1 AND key = ?2";
            Ok(connection.execute(sql, values![customer.to_string(), key]).map(drop)?)
        })
        .await
    }
}

impl NewBatch {
    /// Where the copies of its emails go, and when.
    fn arrivals(&self) -> Vec<(String, i64)> {
        self.emails.iter().flat_map(queue::arrivals).collect()
    }

    /// Stores each email that the month has room for, and says which ones.
    fn accept(&self, connection: &Connection, ids: &mut Ids) -> Result<Vec<bool>, SqlError> {
        self.emails.iter().map(|email| accept(connection, email, self.monthly_limit, ids)).collect()
    }
}

impl NewBulkPart {
    /// Whether everything before this part is there and nothing of it is. The first part claims the key.
    fn is_next(&self, connection: &Connection) -> Result<bool, SqlError> {
        let NewBatch { customer, now, claim: Some(claim), .. } = &self.batch else { return Ok(true) };
        match idempotency::find(connection, *customer, claim, *now)? {
            None if self.first == 0 => {
                idempotency::begin_bulk(connection, *customer, claim, self.bulk_id, *now)?;
                Ok(true)
            }
            Some(Replay::Unfinished(bulk_id)) if bulk_id == self.bulk_id => {
                let sql = "SELECT COALESCE(SUM(recipients), 0) FROM bulk_parts WHERE customer_id = ?1 AND key = ?2";
                let values = values![customer.to_string(), claim.key.as_str()];
                let recipients = connection.query_one(sql, values, |row| row.integer(0))?;
                Ok(recipients == Some(as_integer(self.first)))
            }
            None | Some(_) => Ok(false),
        }
    }

    /// Keeps what the part came to, for when the rest is broken off.
    fn record(&self, connection: &Connection, stored: &BulkPart) -> Result<(), SqlError> {
        let Some(claim) = &self.batch.claim else { return Ok(()) };
        let sql = "INSERT INTO bulk_parts (customer_id, key, first, recipients, queued, results) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = values![
            self.batch.customer.to_string(),
            claim.key.as_str(),
            as_integer(self.first),
            as_integer(stored.recipients),
            as_integer(stored.queued),
            stored.results.as_str(),
        ];
        connection.execute(sql, values).map(drop)
    }
}

fn as_integer(count: usize) -> i64 {
    i64::try_from(count).expect("a bulk send has a bounded number of recipients")
}

#[cfg(test)]
mod tests;
