//! Emails that people opened and clicked, counted beside those that anything did.
//!
//! Such an email counts once, in the month of the first fetch that a person made. A judgement may change later, so the
//! counter is kept by comparing that fetch before and after whatever may change it.

use uuid::Uuid;

use super::sql::{Connection, SqlError, values};
use super::usage::{self, Counter};
use crate::mail::event::EventType;

/// Events of an email among which the first one of a person is looked for.
const EVENTS_MAX: i64 = 1_024;

/// The first open or click of an email that a person made, before something changes it.
pub(super) struct People {
    customer: Uuid,
    email: Uuid,
    event_type: EventType,
    before: Option<i64>,
}

impl People {
    /// As it is now.
    pub(super) fn of(
        connection: &Connection,
        customer: Uuid,
        email: Uuid,
        event_type: EventType,
    ) -> Result<Self, SqlError> {
        let before = first_by_a_person(connection, email, event_type)?;
        Ok(Self { customer, email, event_type, before })
    }

    /// Counts what differs by now.
    pub(super) fn counted(self, connection: &Connection) -> Result<(), SqlError> {
        let counter = match self.event_type {
            EventType::Opened => Counter::OpenedHuman,
            EventType::Clicked => Counter::ClickedHuman,
            _ => return Ok(()),
        };
        let after = first_by_a_person(connection, self.email, self.event_type)?;
        if after == self.before {
            return Ok(());
        }
        for (at, by) in [(self.before, -1), (after, 1)] {
            if let Some(at) = at {
                usage::count(connection, self.customer, counter, by, at)?;
            }
        }
        Ok(())
    }
}

fn first_by_a_person(connection: &Connection, email: Uuid, event_type: EventType) -> Result<Option<i64>, SqlError> {
    let sql = "SELECT occurred_at FROM (SELECT event_type, occurred_at, event_data FROM events WHERE email_id = ?1 \
               ORDER BY occurred_at, id LIMIT ?3) \
               WHERE event_type = ?2 AND json_extract(event_data, '$.client.class') = 'human' \
               ORDER BY occurred_at LIMIT 1";
    let values = values![email.to_string(), event_type.as_str(), EVENTS_MAX];
    connection.query_one(sql, values, |row| row.integer(0))
}

#[cfg(test)]
mod tests {
    use super::super::sql;
    use super::*;

    const EMAIL: Uuid = Uuid::from_u128(1);
    const CUSTOMER: Uuid = Uuid::from_u128(2);
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
        let values = values![id.to_string(), EMAIL.to_string(), CUSTOMER.to_string(), at, data];
        connection.execute(sql, values).expect("it is stored");
    }

    /// Counts what `change` changes.
    fn watch(connection: &Connection, change: impl FnOnce()) {
        let people = People::of(connection, CUSTOMER, EMAIL, EventType::Opened).expect("it is read");
        change();
        people.counted(connection).expect("it is counted");
    }

    fn counted(connection: &Connection) -> Vec<(String, i64)> {
        let sql = "SELECT month, total FROM monthly_usage WHERE counter = 'opened_human' AND total <> 0 ORDER BY month";
        connection.query(sql, &[], |row| Ok((row.text(0)?, row.integer(1)?))).expect("it is read")
    }

    #[test]
    fn an_email_counts_once_in_the_month_of_its_first_person() {
        let connection = memory();
        watch(&connection, || add(&connection, 1, "scanner", MARCH));
        assert_eq!(counted(&connection), []);
        watch(&connection, || add(&connection, 2, "human", APRIL));
        watch(&connection, || add(&connection, 3, "human", APRIL + 1));
        assert_eq!(counted(&connection), [("2024-04".into(), 1)]);
        let judge = |id: i64, class: &str| {
            let sql = "UPDATE events SET event_data = json_set(event_data, '$.client.class', ?2) WHERE id = ?1";
            watch(&connection, || {
                connection.execute(sql, values![id.to_string(), class]).expect("it is stored");
            });
        };
        judge(1, "human");
        assert_eq!(counted(&connection), [("2024-03".into(), 1)], "it moves to the month of the first one");
        judge(1, "suspicious");
        judge(2, "scanner");
        assert_eq!(counted(&connection), [("2024-04".into(), 1)], "another one is left");
        judge(3, "scanner");
        assert_eq!(counted(&connection), []);
    }

    #[test]
    fn a_person_is_looked_for_among_so_many_events_and_no_more() {
        for (others, found) in [(EVENTS_MAX - 1, true), (EVENTS_MAX, false)] {
            let connection = memory();
            for id in 0..others {
                add(&connection, id, "scanner", MARCH);
            }
            watch(&connection, || add(&connection, others, "human", MARCH + 1));
            assert_eq!(!counted(&connection).is_empty(), found, "{others}");
        }
    }
}
