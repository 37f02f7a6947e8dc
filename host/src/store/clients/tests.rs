//! A judgement sees what matters, and what it looks through has bounds.

use serde_json::json;

use super::super::sql::{self, Row};
use super::*;

const EMAIL: Uuid = Uuid::from_u128(1);
const CUSTOMER: Uuid = Uuid::from_u128(2);
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36";
/// When the email was delivered.
const DELIVERED: i64 = 1_710_513_000_000;
const HOUR: i64 = 3_600_000;

/// A database with the events of one email and nothing else.
struct Events(Connection, Rules);

impl Events {
    fn new() -> Self {
        let connection = sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("it opens");
        super::super::migrations::apply(&connection, 0).expect("the tables are made");
        connection.batch("PRAGMA foreign_keys = OFF").expect("it is set");
        Self(connection, Rules::built_in())
    }

    fn delivered() -> Self {
        let events = Self::new();
        events.add(EventType::Delivered, DELIVERED, &json!({}));
        events
    }

    fn add(&self, event_type: EventType, at: i64, data: &Json) {
        let count = "SELECT COUNT(*) FROM events";
        let count = self.0.query_one(count, &[], |row| row.integer(0)).expect("it is read").unwrap_or(0);
        let id = Uuid::from_u128(1_000 + u128::try_from(count).expect("it is a count"));
        let sql = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, 'delivered', 'a', 'b', ?5, ?6, ?5)";
        let values =
            values![id.to_string(), EMAIL.to_string(), CUSTOMER.to_string(), event_type.as_str(), at, data.to_string()];
        self.0.execute(sql, values).expect("it is stored");
    }

    /// Records a fetch as the service does, and gives its class.
    fn fetch(&self, event_type: EventType, address: &str, link: Option<u32>, at: i64) -> String {
        let mut data = json!({ "ip": address, "user_agent": BROWSER });
        if let Some(link) = link {
            data["link"] = link.into();
        }
        let hit = Hit { email_id: EMAIL, event_type, data, at };
        let account = Account { customer: CUSTOMER, scope: 1 };
        recorded(&self.0, &self.1, account, hit, |data| {
            self.add(event_type, at, &data);
            Ok(())
        })
        .expect("it is recorded");
        self.classes().pop().expect("there is one")
    }

    fn click(&self, address: &str, link: u32, at: i64) -> String {
        self.fetch(EventType::Clicked, address, Some(link), at)
    }

    /// The class of every fetch in the order of recording.
    fn classes(&self) -> Vec<String> {
        let sql = "SELECT json_extract(event_data, '$.client.class') FROM events \
                   WHERE event_type IN ('opened', 'clicked') ORDER BY rowid";
        self.0.query(sql, &[], |row: &Row| row.text(0)).expect("they are read")
    }
}

#[test]
fn the_first_link_of_a_burst_is_judged_again_when_the_third_is_followed() {
    let events = Events::delivered();
    let at = DELIVERED + HOUR;
    assert_eq!(events.fetch(EventType::Opened, "192.0.2.7", None, at), "human");
    assert_eq!(events.click("192.0.2.7", 0, at + 500), "human");
    assert_eq!(events.click("198.51.100.1", 1, at + 900), "human");
    assert_eq!(events.click("192.0.2.7", 1, at + 1_000), "human");
    assert_eq!(events.click("192.0.2.7", 2, at + 2_000), "scanner");
    assert_eq!(events.classes(), ["scanner", "scanner", "human", "scanner", "scanner"]);
    assert_eq!(events.click("192.0.2.7", 3, at + HOUR), "human", "much later it is somebody");
}

#[test]
fn what_comes_late_counts_where_it_happened() {
    let events = Events::delivered();
    let at = DELIVERED + HOUR;
    for (link, at) in [(2, at + 2_000), (0, at), (1, at + 1_000)] {
        events.click("192.0.2.7", link, at);
    }
    assert_eq!(events.classes(), ["scanner"; 3]);
}

#[test]
fn a_fetch_before_the_delivery_is_a_scanners() {
    let events = Events::new();
    assert_eq!(events.click("192.0.2.7", 0, DELIVERED - 1), "scanner");
    events.add(EventType::Delivered, DELIVERED, &json!({}));
    assert_eq!(events.click("192.0.2.7", 0, DELIVERED - 1), "scanner", "also when it is recorded late");
    assert_eq!(events.click("192.0.2.7", 0, DELIVERED + 60_000), "human");
}

/// The class of the third link of a burst, with so many fetches by others in between.
fn third_link_after(others: i64) -> String {
    let events = Events::delivered();
    let at = DELIVERED + HOUR;
    events.click("192.0.2.7", 0, at);
    events.click("192.0.2.7", 1, at + 1);
    let stranger = json!({ "ip": "198.51.100.1", "user_agent": BROWSER, "client": { "class": "human" } });
    for _ in 0..others {
        events.add(EventType::Opened, at + 2, &stranger);
    }
    events.click("192.0.2.7", 2, at + 3)
}

#[test]
fn so_many_events_around_a_fetch_are_looked_through_and_no_more() {
    assert_eq!(third_link_after(AROUND_MAX - 2), "scanner");
    assert_eq!(third_link_after(AROUND_MAX - 1), "human");
}

/// The class of a click a second after the delivery, with so many events before it.
fn click_at_once_after(others: i64) -> String {
    let events = Events::new();
    for _ in 0..others {
        events.add(EventType::Deferred, DELIVERED - HOUR, &json!({}));
    }
    events.add(EventType::Delivered, DELIVERED, &json!({}));
    events.click("192.0.2.7", 0, DELIVERED + 1_000)
}

#[test]
fn the_delivery_is_looked_for_among_so_many_events_and_no_more() {
    assert_eq!(click_at_once_after(FIRST_EVENTS_MAX - 1), "scanner");
    assert_eq!(click_at_once_after(FIRST_EVENTS_MAX), "human", "nobody knows when it was delivered");
}

#[test]
fn the_nearest_fetches_are_judged_again_and_no_more() {
    let events = Events::delivered();
    let at = DELIVERED + HOUR;
    // Half of them further away than the others: one of these is one too many.
    for number in 0..=i64::try_from(SETTLED_MAX).expect("it fits") {
        events.click("192.0.2.7", 0, at + number);
    }
    events.click("192.0.2.7", 1, at + 100);
    assert!(events.classes().iter().all(|class| class == "human"));
    events.click("192.0.2.7", 2, at + 101);
    let classes = events.classes();
    let left = classes.iter().filter(|class| *class == "human").count();
    assert_eq!(
        (left, classes[0].as_str(), classes[1].as_str()),
        (2, "human", "human"),
        "the two that are furthest away"
    );
}
