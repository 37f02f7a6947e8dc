//! A judgement sees what matters, and what it looks through has bounds.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::super::events::subject;
use super::super::fetches::{self, Months};
use super::super::hits::JournaledHit;
use super::super::sql::{self, Row};
use super::*;

const EMAIL: Uuid = Uuid::from_u128(1);
const CUSTOMER: Uuid = Uuid::from_u128(2);
const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36";
/// When the email was delivered.
const DELIVERED: i64 = 1_710_513_000_000;
const HOUR: i64 = 3_600_000;

fn hit(id: Uuid, event_type: EventType, address: &str, link: Option<u32>, at: i64) -> JournaledHit {
    let mut data = json!({ "ip": address, "user_agent": BROWSER });
    if let Some(link) = link {
        data["link"] = link.into();
    }
    JournaledHit { id, email_id: EMAIL, event_type, data, at }
}

/// A database with the events of one email and nothing else.
struct Events(Connection, Rules);

impl Events {
    fn new() -> Self {
        let connection = sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default()).expect("it opens");
        super::super::migrations::apply(&connection, 0).expect("the tables are made");
        let email = format!(
            "PRAGMA foreign_keys = OFF; \
             INSERT INTO customers VALUES ('{CUSTOMER}', 'acme', 'acme@example.org', 'active', 9, 9, NULL, NULL, 1, 1, 1, 1, 1, \
             'full', 0); \
             INSERT INTO emails (id, customer_id, domain_id, message_id, sender, recipient, subject, stream_type, status, \
             submitted_at, scope_id) VALUES ('{EMAIL}', '{CUSTOMER}', 'd', 'm', 'b', 'a', 's', 'transactional', 'delivered', \
             0, 1); \
             INSERT INTO recipients (email_id, address, role, status) VALUES ('{EMAIL}', 'a', 'to', 'delivered')"
        );
        connection.batch(&email).expect("the email is stored");
        Self(connection, Rules::built_in())
    }

    fn delivered() -> Self {
        let events = Self::new();
        events.add(EventType::Delivered, DELIVERED, &json!({}));
        events
    }

    fn add(&self, event_type: EventType, at: i64, data: &Json) {
        let sql = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, 'delivered', 'a', 'b', ?5, ?6, ?5)";
        let (id, customer) = (self.next_id().to_string(), CUSTOMER.to_string());
        let values = values![id, EMAIL.to_string(), customer, event_type.as_str(), at, data.to_string()];
        self.0.execute(sql, values).expect("it is stored");
    }

    fn next_id(&self) -> Uuid {
        let count = "SELECT COUNT(*) FROM events";
        let count = self.0.query_one(count, &[], |row| row.integer(0)).expect("it is read").unwrap_or(0);
        Uuid::from_u128(1_000 + u128::try_from(count).expect("it is a count"))
    }

    /// Records fetches as the service does, together.
    fn record(&self, hits: Vec<JournaledHit>) {
        let subject = subject(&self.0, EMAIL, None).expect("it is read").expect("it is there");
        let (mut tally, mut months) = (Tally::default(), Months::default());
        let count = hits.len() as u64;
        let recorded = fetches::record(&self.0, &self.1, &subject, hits, None, (&mut tally, &mut months));
        assert_eq!(recorded.expect("they are recorded"), count);
        tally.write(&self.0).expect("they are counted");
    }

    /// Records a fetch, and gives its class.
    fn fetch(&self, event_type: EventType, address: &str, link: Option<u32>, at: i64) -> String {
        self.record(vec![hit(self.next_id(), event_type, address, link, at)]);
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
fn third_link_after(others: usize) -> String {
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
fn click_at_once_after(others: usize) -> String {
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

#[test]
fn an_address_of_ipv6_is_known_by_its_network() {
    let events = Events::delivered();
    let at = DELIVERED + HOUR;
    events.click("2001:db8:1:2::a", 0, at);
    events.click("2001:db8:1:3::a", 1, at + 1);
    assert_eq!(events.click("2001:db8:1:2::b", 1, at + 2), "human");
    assert_eq!(events.click("2001:db8:1:2:3:4:5:6", 2, at + 3), "scanner");
    assert_eq!(events.classes(), ["scanner", "human", "scanner", "scanner"]);
}

/// The classes by id, and what statistics count, after fetches that came in batches of so many, behind this many events.
fn recorded_by(batch: usize, fetches: &[(bool, u8, u32, i64)], before: usize) -> (Vec<(String, String)>, Vec<String>) {
    let events = Events::delivered();
    for number in 0..before {
        events.add(EventType::Deferred, DELIVERED - HOUR + i64::try_from(number).expect("it fits"), &json!({}));
    }
    let hits = fetches.iter().zip(5_000..).map(|((is_click, address, link, away), id)| {
        let (event_type, link) = if *is_click { (EventType::Clicked, Some(*link)) } else { (EventType::Opened, None) };
        hit(Uuid::from_u128(id), event_type, &format!("192.0.2.{address}"), link, DELIVERED + HOUR + away)
    });
    let hits: Vec<_> = hits.collect();
    for hits in hits.chunks(batch) {
        events.record(hits.to_vec());
    }
    let sql = "SELECT id, event_data FROM events WHERE event_type IN ('opened', 'clicked') ORDER BY id";
    let classes = events.0.query(sql, &[], |row| Ok((row.text(0)?, row.text(1)?))).expect("they are read");
    let sql = "SELECT human_opens, suspicious_opens, scanner_opens, human_clicks, suspicious_clicks, scanner_clicks, \
               unique_opens, unique_human_opens, unique_scanner_opens, unique_clicks, unique_human_clicks, \
               unique_scanner_clicks FROM stat_counts ORDER BY span, starts_at";
    let read = |row: &Row| (0..12).map(|column| row.integer(column).map(|count| count.to_string())).collect();
    let counts: Vec<Vec<String>> = events.0.query(sql, &[], read).expect("they are read");
    (classes, counts.into_iter().map(|row| row.join(" ")).collect())
}

proptest! {
    #[test]
    fn fetches_that_come_together_are_judged_and_counted_as_if_they_came_one_by_one(
        fetches in vec((any::<bool>(), 0_u8..3, 0_u32..5, -HOUR..20_000_i64), 1..40),
        batch in 2_usize..40,
        before in prop_oneof![Just(0_usize), Just(100)],
    ) {
        prop_assert_eq!(recorded_by(batch, &fetches, before), recorded_by(1, &fetches, before));
    }
}
