//! The first open and the first click of an email: of anybody, of a person, of a machine.
//!
//! An email counts once for each of them, in the hour and in the month of that first fetch, however late it is heard of.
//! A judgement may change later, so the counters are kept by comparing the first fetches before and after whatever may
//! change them.

use uuid::Uuid;

use super::sql::{Connection, SqlError, values};
use super::tally::{Account, Counted, Tally};
use super::usage::{self, Counter};
use crate::mail::client::Class;
use crate::mail::event::EventType;

/// When an email was first opened, or first clicked, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Firsts {
    pub(super) any: Option<i64>,
    pub(super) human: Option<i64>,
    pub(super) scanner: Option<i64>,
}

impl Firsts {
    /// As it is now.
    pub(super) fn of(connection: &Connection, email: Uuid, event_type: EventType) -> Result<Self, SqlError> {
        let first = |class: Class| {
            let sql = "SELECT occurred_at FROM events INDEXED BY hits_by_class WHERE email_id = ?1 AND event_type = ?2 \
                       AND event_type IN ('opened', 'clicked') AND json_extract(event_data, '$.canary') IS NULL \
                       AND COALESCE(json_extract(event_data, '$.client.class'), 'suspicious') = ?3 \
                       ORDER BY occurred_at LIMIT 1";
            let values = values![email.to_string(), event_type.as_str(), class.as_str()];
            connection.query_one(sql, values, |row| row.integer(0))
        };
        let [human, suspicious, scanner] = [Class::Human, Class::Suspicious, Class::Scanner].map(first);
        let (human, suspicious, scanner) = (human?, suspicious?, scanner?);
        Ok(Self { any: [human, suspicious, scanner].into_iter().flatten().min(), human, scanner })
    }

    /// As it is with another fetch.
    pub(super) fn with(self, class: Class, at: i64) -> Self {
        let earliest = |known: Option<i64>| Some(known.map_or(at, |known| known.min(at)));
        Self {
            any: earliest(self.any),
            human: if class == Class::Human { earliest(self.human) } else { self.human },
            scanner: if class == Class::Scanner { earliest(self.scanner) } else { self.scanner },
        }
    }

    /// Counts what differs by now.
    pub(super) fn counted(
        self,
        after: Self,
        event_type: EventType,
        account: Account,
        connection: &Connection,
        tally: &mut Tally,
    ) -> Result<(), SqlError> {
        let Some(([any, human, scanner], by_people)) = counters(event_type) else { return Ok(()) };
        for (counted, before, after) in
            [(any, self.any, after.any), (human, self.human, after.human), (scanner, self.scanner, after.scanner)]
        {
            if before == after {
                continue;
            }
            for (at, by) in [(before, -1), (after, 1)] {
                let Some(at) = at else { continue };
                tally.count(account.scope, at, counted, by);
                if counted == human {
                    usage::count(connection, account.customer, by_people, by, at)?;
                }
            }
        }
        Ok(())
    }
}

/// The counters of anybody, people and machines, and the month's counter of people.
pub(super) fn counters(event_type: EventType) -> Option<([Counted; 3], Counter)> {
    use Counted::{
        UniqueClicks, UniqueHumanClicks, UniqueHumanOpens, UniqueOpens, UniqueScannerClicks, UniqueScannerOpens,
    };
    match event_type {
        EventType::Opened => Some(([UniqueOpens, UniqueHumanOpens, UniqueScannerOpens], Counter::OpenedHuman)),
        EventType::Clicked => Some(([UniqueClicks, UniqueHumanClicks, UniqueScannerClicks], Counter::ClickedHuman)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sql;
    use super::*;

    const EMAIL: Uuid = Uuid::from_u128(1);
    const ACCOUNT: Account = Account { customer: Uuid::from_u128(2), scope: 1 };
    /// 15 March and 15 April 2024.
    const MARCH: i64 = 1_710_513_000_000;
    const APRIL: i64 = MARCH + 31 * 86_400_000;

    fn memory() -> Connection {
        let connection = sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("it opens");
        super::super::migrations::apply(&connection, 0).expect("the tables are made");
        connection.batch("PRAGMA foreign_keys = OFF").expect("it is set");
        connection
    }

    fn add(connection: &Connection, id: i64, class: &str, at: i64) {
        let sql = "INSERT INTO events VALUES (?1, ?2, ?3, 'opened', 'delivered', 'a', 'b', ?4, ?5, ?4)";
        let data = serde_json::json!({ "client": { "class": class } }).to_string();
        let values = values![id.to_string(), EMAIL.to_string(), ACCOUNT.customer.to_string(), at, data];
        connection.execute(sql, values).expect("it is stored");
    }

    /// Counts what `change` changes.
    fn watch(connection: &Connection, change: impl FnOnce()) {
        let firsts = || Firsts::of(connection, EMAIL, EventType::Opened).expect("it is read");
        let before = firsts();
        change();
        let mut tally = Tally::default();
        before.counted(firsts(), EventType::Opened, ACCOUNT, connection, &mut tally).expect("it is counted");
        tally.write(connection).expect("it is written");
    }

    fn monthly(connection: &Connection) -> Vec<(String, i64)> {
        let sql = "SELECT month, total FROM monthly_usage WHERE counter = 'opened_human' AND total <> 0 ORDER BY month";
        connection.query(sql, &[], |row| Ok((row.text(0)?, row.integer(1)?))).expect("it is read")
    }

    /// Of everybody, people and machines, in the day of March and the day of April.
    fn unique(connection: &Connection) -> [(i64, i64); 3] {
        ["unique_opens", "unique_human_opens", "unique_scanner_opens"].map(|column| {
            let sql = format!(
                "SELECT COALESCE(SUM({column}) FILTER (WHERE starts_at < {APRIL} - 86400000), 0), \
                 COALESCE(SUM({column}) FILTER (WHERE starts_at >= {APRIL} - 86400000), 0) FROM stat_counts \
                 WHERE span = 'day'"
            );
            let read = connection.query_one(&sql, &[], |row| Ok((row.integer(0)?, row.integer(1)?)));
            read.expect("it is read").expect("a sum has a row")
        })
    }

    #[test]
    fn an_email_counts_once_when_it_was_first_opened_by_anybody_a_person_and_a_machine() {
        let connection = memory();
        watch(&connection, || add(&connection, 1, "scanner", MARCH));
        assert_eq!((monthly(&connection), unique(&connection)), (vec![], [(1, 0), (0, 0), (1, 0)]));
        watch(&connection, || add(&connection, 2, "human", APRIL));
        watch(&connection, || add(&connection, 3, "human", APRIL + 1));
        assert_eq!(monthly(&connection), [("2024-04".into(), 1)]);
        assert_eq!(unique(&connection), [(1, 0), (0, 1), (1, 0)]);
        let judge = |id: i64, class: &str| {
            let sql = "UPDATE events SET event_data = json_set(event_data, '$.client.class', ?2) WHERE id = ?1";
            watch(&connection, || {
                connection.execute(sql, values![id.to_string(), class]).expect("it is stored");
            });
        };
        judge(1, "human");
        assert_eq!(monthly(&connection), [("2024-03".into(), 1)], "it moves to the month of the first one");
        assert_eq!(unique(&connection), [(1, 0), (1, 0), (0, 0)]);
        judge(1, "suspicious");
        judge(2, "scanner");
        assert_eq!(monthly(&connection), [("2024-04".into(), 1)], "another one is left");
        assert_eq!(unique(&connection), [(1, 0), (0, 1), (0, 1)]);
        judge(3, "scanner");
        assert_eq!((monthly(&connection), unique(&connection)), (vec![], [(1, 0), (0, 0), (0, 1)]));
    }

    #[test]
    fn an_earlier_fetch_that_is_heard_of_later_is_the_first_one() {
        let first = Firsts::default().with(Class::Human, APRIL).with(Class::Scanner, MARCH);
        assert_eq!(first, Firsts { any: Some(MARCH), human: Some(APRIL), scanner: Some(MARCH) });
        assert_eq!(first.with(Class::Suspicious, APRIL), first);
    }
}
