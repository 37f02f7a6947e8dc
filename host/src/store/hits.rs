//! Opens and clicks as they come out of their journal: in batches, each once.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;
use uuid::Uuid;

use super::events::{Unsubscription, subject, unsubscribe};
use super::fetches::{self, Months};
use super::sql::{Connection, SqlError, values};
use super::tally::Tally;
use super::{Result, Store};
use crate::ids::Ids;
use crate::journal::Cursor;
use crate::mail::client::rules::Rules;
use crate::mail::event::EventType;

/// The name of the journal in the table of cursors.
const JOURNAL: &str = "hits";

/// An open or a click, ready to be stored.
#[derive(Clone, Debug)]
pub struct JournaledHit {
    /// The id of its event.
    pub id: Uuid,
    /// The email from the link's token.
    pub email_id: Uuid,
    /// `opened`, `clicked`, or from an edge node `unsubscribed`.
    pub event_type: EventType,
    /// What is known of it: a JSON object with `ip`, `user_agent`, for clicks `url` and `link`, `canary` where that was the
    /// hidden link, and `head` where the same was asked for with HEAD just before. Who made it is added as `client`.
    pub data: Json,
    /// When it was, in milliseconds.
    pub at: i64,
}

impl Store {
    /// Where the journal of hits stood when the database was opened.
    pub(crate) fn hit_cursor(&self) -> Cursor {
        self.hit_cursor
    }

    /// Takes over hits from the journal, judged by these rules, together with the place behind them, and says how many
    /// are new. Those of emails that are not here (any more) count for nothing.
    pub(crate) async fn apply_hits(&self, hits: Vec<JournaledHit>, rules: Arc<Rules>, next: Cursor) -> Result<u64> {
        self.write(move |connection| {
            let recorded = insert_hits(connection, hits, &rules)?;
            move_cursor(connection, next)?;
            Ok(recorded)
        })
        .await
    }

    /// Takes over hits that an edge node recorded, and says how many are new. Each counts once by its id.
    pub async fn apply_node_hits(&self, hits: Vec<JournaledHit>, rules: Arc<Rules>) -> Result<u64> {
        self.write(move |connection| Ok(insert_hits(connection, hits, &rules)?)).await
    }
}

/// The place behind everything that was taken over.
pub(super) fn cursor(connection: &Connection) -> Result<Cursor, SqlError> {
    let sql = "SELECT segment, byte_offset FROM journal_cursor WHERE journal = ?1";
    let found = connection.query_one(sql, values![JOURNAL], |row| {
        let number = |column| row.integer(column).map(|number| u64::try_from(number).unwrap_or(0));
        Ok(Cursor { segment: number(0)?, offset: number(1)? })
    })?;
    Ok(found.unwrap_or_default())
}

fn move_cursor(connection: &Connection, next: Cursor) -> Result<(), SqlError> {
    let sql = "INSERT OR REPLACE INTO journal_cursor VALUES (?1, ?2, ?3)";
    let [segment, offset] = [next.segment, next.offset].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    connection.execute(sql, values![JOURNAL, segment, offset]).map(drop)
}

/// Each email is looked up once for all of its hits, and each counter is moved once.
fn insert_hits(connection: &Connection, hits: Vec<JournaledHit>, rules: &Rules) -> Result<u64, SqlError> {
    let (mut recorded, mut tally, mut months) = (0, Tally::default(), Months::default());
    for (email, hits) in by_email(hits) {
        let Some(subject) = subject(connection, email, None)? else { continue };
        let (unsubscriptions, fetches): (Vec<_>, _) =
            hits.into_iter().partition(|hit| hit.event_type == EventType::Unsubscribed);
        for hit in unsubscriptions {
            recorded += u64::from(unsubscribed(connection, rules, hit)?);
        }
        recorded += fetches::record(connection, rules, &subject, fetches, None, (&mut tally, &mut months))?;
    }
    fetches::write_months(connection, months)?;
    tally.write(connection)?;
    Ok(recorded)
}

/// The hits of each email, in the order in which the first ones came.
fn by_email(hits: Vec<JournaledHit>) -> Vec<(Uuid, Vec<JournaledHit>)> {
    let (mut places, mut emails) = (HashMap::new(), Vec::<(Uuid, Vec<JournaledHit>)>::new());
    for hit in hits {
        let place = *places.entry(hit.email_id).or_insert(emails.len());
        match emails.get_mut(place) {
            Some((_, hits)) => hits.push(hit),
            None => emails.push((hit.email_id, vec![hit])),
        }
    }
    emails
}

/// Unsubscribes as the tracking route does, and says whether that changed anything. What it suppresses has the id of its
/// event, and that is how it is known when it comes again.
fn unsubscribed(connection: &Connection, rules: &Rules, hit: JournaledHit) -> Result<bool, SqlError> {
    let Some(subject) = subject(connection, hit.email_id, None)? else { return Ok(false) };
    let JournaledHit { id, email_id, data, at, .. } = hit;
    let mut ids: Ids = Box::new(move || id);
    unsubscribe(connection, rules, subject, Unsubscription { email_id, data, at }, &mut ids)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::StoreLimits;
    use super::*;

    const CUSTOMER: &str = "01890a5d-ac96-774b-bcce-b302099a8001";
    const EMAIL: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
    const JANUARY: i64 = 1_704_067_200_000;
    const FEBRUARY: i64 = 1_706_745_600_000;
    const SOMEWHERE: Cursor = Cursor { segment: 3, offset: 4_096 };

    fn open(directory: &Path) -> Store {
        Store::open(directory, StoreLimits::default(), 0).expect("the store opens")
    }

    /// A store with one email.
    async fn store(directory: &Path) -> Store {
        let store = open(directory);
        let sql = format!(
            "INSERT INTO customers VALUES ('{CUSTOMER}', 'acme', 'acme@example.org', 'active', 9, 9, NULL, NULL, 1, 1, 1, 1, 1, \
             'full', 0); \
             INSERT INTO domains (id, customer_id, name, status, sandbox, created_at, ownership_token, \
             checks_began_at) VALUES ('d', '{CUSTOMER}', 'acme.example', 'verified', 0, 0, '', 0); \
             INSERT INTO stat_scopes VALUES (2, '{CUSTOMER}', '', '', '', NULL), (1, '{CUSTOMER}', 'd', '', 'transactional', 2); \
             INSERT INTO emails (id, customer_id, domain_id, message_id, sender, recipient, subject, stream_type, status, \
             submitted_at, scope_id) VALUES ('{EMAIL}', '{CUSTOMER}', 'd', 'm', 'a@acme.example', 'ada@example.com', 's', \
             'transactional', 'delivered', 0, 1); \
             INSERT INTO recipients (email_id, address, role, status) \
             VALUES ('{EMAIL}', 'ada@example.com', 'to', 'delivered')"
        );
        store
            .write(move |connection| Ok::<_, super::super::StoreError>(connection.batch(&sql)?))
            .await
            .expect("it is made");
        store
    }

    fn hit(id: u128, email_id: Uuid, event_type: EventType, at: i64) -> JournaledHit {
        JournaledHit { id: Uuid::from_u128(id), email_id, event_type, data: serde_json::json!({}), at }
    }

    fn rules() -> Arc<Rules> {
        Arc::new(Rules::built_in())
    }

    async fn events(store: &Store) -> i64 {
        let read = store
            .read(|connection| Ok(connection.query_one("SELECT COUNT(*) FROM events", &[], |row| row.integer(0))?));
        read.await.expect("it is read").unwrap_or_default()
    }

    #[tokio::test]
    async fn hits_that_come_again_are_taken_over_once_and_counted_once() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let store = store(directory.path()).await;
        let customer: Uuid = CUSTOMER.parse().expect("it is an id");
        let (opened, clicked) = (EventType::Opened, EventType::Clicked);
        let hits = vec![
            hit(1, EMAIL, opened, JANUARY),
            hit(2, EMAIL, opened, JANUARY),
            hit(3, EMAIL, clicked, FEBRUARY),
            hit(1, EMAIL, opened, JANUARY),
        ];
        for recorded in [3, 0] {
            let applied = store.apply_hits(hits.clone(), rules(), SOMEWHERE).await;
            assert_eq!(applied.expect("they are taken over"), recorded);
            assert_eq!(events(&store).await, 3);
            let january = store.usage(customer, JANUARY).await.expect("it is read");
            let february = store.usage(customer, FEBRUARY).await.expect("it is read");
            assert_eq!((january.opened, january.clicked), (1, 0));
            assert_eq!((february.opened, february.clicked), (0, 1));
        }
        let later = vec![hit(4, EMAIL, opened, FEBRUARY)];
        assert_eq!(store.apply_hits(later, rules(), SOMEWHERE).await.expect("it is taken over"), 1);
        let february = store.usage(customer, FEBRUARY).await.expect("it is read");
        assert_eq!(february.opened, 0, "an email counts when it is opened for the first time");
    }

    #[tokio::test]
    async fn hits_of_nobody_are_left_out_and_the_cursor_is_there_at_the_next_start() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let store = store(directory.path()).await;
        assert_eq!(store.hit_cursor(), Cursor::default());
        let hits =
            vec![hit(1, Uuid::from_u128(7), EventType::Opened, JANUARY), hit(2, EMAIL, EventType::Clicked, JANUARY)];
        assert_eq!(store.apply_hits(hits, rules(), SOMEWHERE).await.expect("they are taken over"), 1);
        drop(store);
        let store = open(directory.path());
        assert_eq!((store.hit_cursor(), events(&store).await), (SOMEWHERE, 1));
    }
}
