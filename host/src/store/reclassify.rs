//! Judging stored opens and clicks again, a bounded part at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::clients::{STORED, Scene, Stored, json_of, rewrite};
use super::sql::{Connection, SqlError, values};
use super::tally::{Account, Tally};
use super::{Result, Store};
use crate::mail::client::Class;
use crate::mail::client::rules::Rules;

/// Rows of one part. Between two parts others get to write.
const PART_ROWS: i64 = 500;

/// What to judge again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reclassification {
    /// The number of the last row that was looked at; 0 to begin.
    pub(crate) after: i64,
    /// Only what happened then or later, in milliseconds since 1970.
    pub(crate) since: i64,
    /// Only this customer's.
    pub(crate) customer: Option<Uuid>,
    /// Whether nothing is to change.
    pub(crate) dry_run: bool,
}

/// What one part came to.
#[derive(Debug, Default)]
pub(crate) struct Reclassified {
    /// Where the next part begins; `None` behind the last row.
    pub(crate) next: Option<i64>,
    /// The number of the last row that there is.
    pub(crate) last: i64,
    /// Opens and clicks that were judged.
    pub(crate) judged: i64,
    /// How many came to another class, by the one before and the one after.
    pub(crate) moved: BTreeMap<(String, Class), i64>,
    /// How many stayed in their class with another confidence or other reasons.
    pub(crate) revised: i64,
}

impl Store {
    /// Judges a part of the stored opens and clicks again.
    pub(crate) async fn reclassify(&self, wanted: Reclassification, rules: Arc<Rules>) -> Result<Reclassified> {
        if wanted.dry_run {
            self.read(move |connection| Ok(part(connection, wanted, &rules)?)).await
        } else {
            self.write(move |connection| Ok(part(connection, wanted, &rules)?)).await
        }
    }
}

fn part(connection: &Connection, wanted: Reclassification, rules: &Rules) -> Result<Reclassified, SqlError> {
    let last = connection.query_one("SELECT MAX(rowid) FROM events", &[], |row| row.integer_or_null(0))?;
    let last = last.flatten().unwrap_or(0);
    let until = wanted.after.saturating_add(PART_ROWS);
    let mut done = Reclassified { next: (until < last).then_some(until), last, ..Reclassified::default() };
    let mut tally = Tally::default();
    for (account, email, stored) in fetches(connection, wanted, until)? {
        let Some(client) = Scene::judge_stored(connection, rules, email, &stored)? else { continue };
        done.judged += 1;
        let (before, after) = (&stored.data["client"], json_of(&client));
        if *before == after {
            continue;
        }
        let class = before["class"].as_str().unwrap_or("none");
        if class == client.class.as_str() {
            done.revised += 1;
        } else {
            *done.moved.entry((class.to_owned(), client.class)).or_default() += 1;
        }
        if !wanted.dry_run {
            rewrite(connection, account, email, &stored, after, &mut tally)?;
        }
    }
    if !wanted.dry_run {
        tally.write(connection)?;
    }
    Ok(done)
}

/// Those whose raw facts are all there: what a level of privacy left out cannot be judged again.
fn fetches(
    connection: &Connection,
    wanted: Reclassification,
    until: i64,
) -> Result<Vec<(Account, Uuid, Stored)>, SqlError> {
    let sql = format!(
        "SELECT customer_id, email_id, {STORED}, \
               (SELECT scope_id FROM emails WHERE emails.id = email_id) FROM events \
               WHERE rowid > ?1 AND rowid <= ?2 AND event_type IN ('opened', 'clicked') AND occurred_at >= ?3 \
               AND json_extract(event_data, '$.redacted') IS NULL \
               AND (?4 IS NULL OR customer_id = ?4) ORDER BY rowid"
    );
    let values = values![wanted.after, until, wanted.since, wanted.customer.map(|id| id.to_string())];
    connection.query(&sql, values, |row| {
        let stored = Stored::read(row, 2)?;
        let account = Account { customer: row.parsed(0, |id| id.parse().ok())?, scope: row.integer(6)? };
        Ok((account, row.parsed(1, |id| id.parse().ok())?, stored))
    })
}
