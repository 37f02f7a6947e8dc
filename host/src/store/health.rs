//! How mail is received: what the judgement rests on, the last judgement, and accounts that had to stop.

use uuid::Uuid;

use super::sql::{Connection, Row, SqlError, values};
use super::tally::{DAY_MS, HOUR_MS};
use super::{Result, Store};
use crate::mail::health::{Received, StopCause};

/// An account that had to stop, or had to once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SendingStop {
    pub(crate) customer: Uuid,
    pub(crate) cause: StopCause,
    /// In milliseconds.
    pub(crate) stopped_at: i64,
    pub(crate) sent: i64,
    pub(crate) counted: i64,
    /// When it ended.
    pub(crate) lifted_at: Option<i64>,
}

impl Store {
    /// What became of a customer's mail since then, by whole days.
    pub(crate) async fn received(&self, customer: Uuid, since: i64) -> Result<Received> {
        self.read(move |connection| Ok(received(connection, customer, "day", since - since.rem_euclid(DAY_MS))?)).await
    }

    /// The same by whole hours.
    pub(crate) async fn received_lately(&self, customer: Uuid, since: i64) -> Result<Received> {
        self.read(move |connection| Ok(received(connection, customer, "hour", since - since.rem_euclid(HOUR_MS))?))
            .await
    }

    /// Customers after this one of whose mail anything bounced or was complained about since then.
    pub(crate) async fn troubled_customers(&self, after: Option<Uuid>, since: i64, limit: i64) -> Result<Vec<Uuid>> {
        self.read(move |connection| {
            let sql = "SELECT id FROM customers WHERE (?1 IS NULL OR id > ?1) AND (EXISTS (SELECT 1 FROM stat_scopes \
                       CROSS JOIN stat_counts ON scope_id = stat_scopes.id WHERE customer_id = customers.id \
                       AND whole_id IS NULL AND span = 'day' AND starts_at >= ?2 \
                       AND bounced_hard + bounced_soft + bounced_untyped + complained > 0) OR EXISTS \
                       (SELECT 1 FROM sending_stops WHERE customer_id = customers.id AND lifted_at IS NULL)) \
                       ORDER BY id LIMIT ?3";
            let values = values![after.map(|id| id.to_string()), since - since.rem_euclid(DAY_MS), limit];
            Ok(connection.query(sql, values, |row| row.parsed(0, |id| id.parse().ok()))?)
        })
        .await
    }

    /// Customers whose mail was not judged since then, though they sent some; at most `limit`.
    pub(crate) async fn unjudged_customers(&self, since: i64, limit: i64) -> Result<Vec<Uuid>> {
        self.read(move |connection| {
            let sql = "SELECT id FROM customers WHERE EXISTS (SELECT 1 FROM stat_scopes WHERE customer_id = customers.id) \
                       AND NOT EXISTS (SELECT 1 FROM health_scores WHERE customer_id = customers.id \
                       AND calculated_at > ?1) ORDER BY id LIMIT ?2";
            Ok(connection.query(sql, values![since, limit], |row| row.parsed(0, |id| id.parse().ok()))?)
        })
        .await
    }

    /// The last judgement, as JSON text, and when it was made.
    pub(crate) async fn health_score(&self, customer: Uuid) -> Result<Option<(i64, String)>> {
        self.read(move |connection| {
            let sql = "SELECT calculated_at, score FROM health_scores WHERE customer_id = ?1";
            let values = values![customer.to_string()];
            Ok(connection.query_one(sql, values, |row| Ok((row.integer(0)?, row.text(1)?)))?)
        })
        .await
    }

    /// Keeps a judgement in the place of the last one.
    pub(crate) async fn keep_health_score(&self, customer: Uuid, score: String, now: i64) -> Result<()> {
        self.write(move |connection| {
            let sql = "INSERT OR REPLACE INTO health_scores VALUES (?1, ?2, ?3)";
            Ok(connection.execute(sql, values![customer.to_string(), now, score.as_str()]).map(drop)?)
        })
        .await
    }

    /// Every account that is stopped, and those that were.
    pub(crate) async fn sending_stops(&self, customer: Option<Uuid>) -> Result<Vec<SendingStop>> {
        self.read(move |connection| {
            let sql = "SELECT customer_id, cause, stopped_at, sent, counted, lifted_at FROM sending_stops \
                       WHERE ?1 IS NULL OR customer_id = ?1 ORDER BY customer_id, cause";
            Ok(connection.query(sql, values![customer.map(|id| id.to_string())], read_stop)?)
        })
        .await
    }

    /// Stops an account. What is counted of it begins anew when that ends.
    pub(crate) async fn stop_sending(&self, stop: SendingStop) -> Result<()> {
        self.write(move |connection| {
            let sql = "INSERT OR REPLACE INTO sending_stops VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
            let (customer, cause) = (stop.customer.to_string(), stop.cause.as_str());
            let values = values![customer, cause, stop.stopped_at, stop.sent, stop.counted];
            Ok(connection.execute(sql, values).map(drop)?)
        })
        .await
    }

    /// Ends a stop.
    pub(crate) async fn lift_stop(&self, customer: Uuid, cause: StopCause, now: i64) -> Result<bool> {
        self.write(move |connection| {
            let sql =
                "UPDATE sending_stops SET lifted_at = ?3 WHERE customer_id = ?1 AND cause = ?2 AND lifted_at IS NULL";
            Ok(connection.execute(sql, values![customer.to_string(), cause.as_str(), now])? > 0)
        })
        .await
    }
}

fn read_stop(row: &Row) -> Result<SendingStop, SqlError> {
    let causes = [StopCause::Bounces, StopCause::Complaints];
    Ok(SendingStop {
        customer: row.parsed(0, |id| id.parse().ok())?,
        cause: row.parsed(1, |word| causes.into_iter().find(|cause| cause.as_str() == word))?,
        stopped_at: row.integer(2)?,
        sent: row.integer(3)?,
        counted: row.integer(4)?,
        lifted_at: row.integer_or_null(5)?,
    })
}

fn received(connection: &Connection, customer: Uuid, span: &str, since: i64) -> Result<Received, SqlError> {
    let sql = "SELECT COALESCE(SUM(sent), 0), COALESCE(SUM(delivered), 0), \
               COALESCE(SUM(bounced_hard + bounced_soft + bounced_untyped), 0), COALESCE(SUM(complained), 0), \
               COALESCE(SUM(unique_opens), 0), COALESCE(SUM(unique_clicks), 0) FROM stat_scopes \
               CROSS JOIN stat_counts ON scope_id = stat_scopes.id \
               WHERE customer_id = ?1 AND whole_id IS NULL AND span = ?2 AND starts_at >= ?3";
    let found = connection.query_one(sql, values![customer.to_string(), span, since], |row| {
        Ok(Received {
            sent: row.integer(0)?,
            delivered: row.integer(1)?,
            bounced: row.integer(2)?,
            complained: row.integer(3)?,
            opened: row.integer(4)?,
            clicked: row.integer(5)?,
        })
    })?;
    Ok(found.unwrap_or_default())
}
