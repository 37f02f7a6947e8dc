//! Lists of events: what is asked for, and the way to it that reads the least.

use uuid::Uuid;

use super::event_addresses::{AddressRole, Matching, matching};
use super::event_counts::{latest, total};
use super::events::{COLUMNS, Event, read_event};
use super::sql::{Connection, SqlError, Value, values};
use super::{Result, Store};
use crate::mail::event::EventType;

/// Types that have an index of their own: as the migration has it, so that it is known to serve.
const IS_RARE: &str = "event_type IN ('deferred', 'bounced', 'failed', 'canceled', 'complained', 'unsubscribed')";

/// Which events to list. Times are milliseconds, both ends included.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only of this email.
    pub email_id: Option<Uuid>,
    /// Only of this type.
    pub event_type: Option<EventType>,
    /// Only to addresses that contain this.
    pub recipient: Option<String>,
    /// Only from addresses that contain this.
    pub sender: Option<String>,
    /// Only then or later.
    pub from: Option<i64>,
    /// Only then or before.
    pub to: Option<i64>,
    /// Only older than this event: continues a list at any depth at the same cost.
    pub before: Option<Uuid>,
    /// How many to leave out, for page numbers.
    pub offset: i64,
    /// How many to return at most.
    pub limit: i64,
    /// Whether to say how many there are in all.
    pub counted: bool,
}

/// One page of events, newest first.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// How many the filter matches in all; 0 when that was not asked for.
    pub total: i64,
    /// There may be more than `total`: it counts those up to the end of this page, because a part of an address that many
    /// have is asked for.
    pub is_least: bool,
}

/// The way to the events that are asked for.
enum Way {
    /// There are none.
    None,
    /// From the latest one on, along the index on time, within this time.
    Time { from: Option<i64>, to: Option<i64> },
    /// Along the index of rare types.
    RareType,
    /// By the email that is asked for.
    Email,
    /// By the emails that have one of these addresses, a JSON array.
    Addresses(AddressRole, String),
}

impl Store {
    /// A customer's events, newest first.
    pub async fn events(&self, customer: Uuid, filter: EventFilter) -> Result<EventPage> {
        self.read(move |connection| {
            let way = way(connection, customer, &filter)?;
            let events = match &way {
                Way::None => Vec::new(),
                way => list(connection, customer, &filter, way)?,
            };
            let (total, is_least) =
                if filter.counted { count(connection, customer, &filter, &way, &events)? } else { (0, false) };
            Ok(EventPage { events, total, is_least })
        })
        .await
    }
}

fn way(connection: &Connection, customer: Uuid, filter: &EventFilter) -> Result<Way, SqlError> {
    if filter.email_id.is_some() {
        return Ok(Way::Email);
    }
    let parts = [(AddressRole::To, &filter.recipient), (AddressRole::From, &filter.sender)];
    for (role, part) in parts {
        let Some(part) = part else { continue };
        match matching(connection, customer, role, &part.to_lowercase())? {
            Matching::Nothing => return Ok(Way::None),
            Matching::Few(addresses) => return Ok(Way::Addresses(role, addresses)),
            Matching::Many => {}
        }
    }
    let (from, to) = (filter.from, filter.to);
    match filter.event_type {
        Some(event_type) if is_rare(event_type) => Ok(Way::RareType),
        Some(event_type) if filter.recipient.is_none() && filter.sender.is_none() => {
            // The days that have too few of this type need not be read.
            let before = before(connection, customer, filter)?.into_iter().chain(to).min().unwrap_or(i64::MAX);
            let wanted = filter.offset.saturating_add(filter.limit);
            let Some(days) = latest(connection, customer, event_type, before, wanted)? else { return Ok(Way::None) };
            let from = from.map_or(*days.start(), |from| from.max(*days.start()));
            let to = to.map_or(*days.end(), |to| to.min(*days.end()));
            Ok(Way::Time { from: Some(from), to: Some(to) })
        }
        Some(_) | None => Ok(Way::Time { from, to }),
    }
}

fn is_rare(event_type: EventType) -> bool {
    match event_type {
        EventType::Deferred
        | EventType::Bounced
        | EventType::Failed
        | EventType::Canceled
        | EventType::Complained
        | EventType::Unsubscribed => true,
        EventType::Queued | EventType::Sent | EventType::Delivered | EventType::Opened | EventType::Clicked => false,
    }
}

/// When the event happened that the list is to go on behind.
fn before(connection: &Connection, customer: Uuid, filter: &EventFilter) -> Result<Option<i64>, SqlError> {
    let Some(event) = filter.before else { return Ok(None) };
    let sql = "SELECT occurred_at FROM events WHERE id = ?1 AND customer_id = ?2";
    connection.query_one(sql, values![event.to_string(), customer.to_string()], |row| row.integer(0))
}

/// The table by its index, what its rows must be, and the values of `?1` to `?8`.
fn matched(customer: Uuid, filter: &EventFilter, way: &Way) -> (&'static str, String, Vec<Value>) {
    let (mut from, mut to, mut addresses) = (filter.from, filter.to, None);
    // The index is named, because SQLite would choose by guesses about how many rows there are.
    let (table, way_there) = match way {
        Way::None | Way::Time { .. } => ("events INDEXED BY events_by_customer", None),
        Way::RareType => ("events INDEXED BY events_of_rare_types", Some(IS_RARE)),
        Way::Email => ("events INDEXED BY events_by_email", None),
        Way::Addresses(role, found) => {
            addresses = Some(found.clone());
            let emails = match role {
                AddressRole::To => EMAILS_TO,
                AddressRole::From => EMAILS_FROM,
            };
            ("events INDEXED BY events_by_email", Some(emails))
        }
    };
    if let Way::Time { from: first, to: last } = way {
        (from, to) = (*first, *last);
    }
    // What is not asked for stays out of the SQL. Its value is bound all the same, which SQLite allows. What the way there
    // has seen to is not asked again, so that the index is enough.
    let is_by_address = matches!(way, Way::Addresses(..));
    let is_by_author = matches!(way, Way::Addresses(AddressRole::From, _));
    let mut matching = String::from("TRUE");
    for (asked, condition) in [
        (!is_by_address, "customer_id = ?1"),
        (way_there.is_some(), way_there.unwrap_or_default()),
        (filter.email_id.is_some(), "email_id = ?2"),
        (filter.event_type.is_some(), "event_type = ?3"),
        (filter.recipient.is_some(), "instr(recipient, ?4)"),
        (filter.sender.is_some() && !is_by_author, "instr(sender, ?5)"),
        (from.is_some(), "occurred_at >= ?6"),
        (to.is_some(), "occurred_at <= ?7"),
    ] {
        if asked {
            matching = matching + " AND " + condition;
        }
    }
    let values = values![
        customer.to_string(),
        filter.email_id.map(|id| id.to_string()),
        filter.event_type.map(EventType::as_str),
        filter.recipient.as_deref().map(str::to_lowercase),
        filter.sender.as_deref().map(str::to_lowercase),
        from,
        to,
        addresses,
    ];
    (table, matching, values.to_vec())
}

const EMAILS_TO: &str = "email_id IN (SELECT email_id FROM event_addresses WHERE customer_id = ?1 AND role = 'to' \
                         AND address IN (SELECT value FROM json_each(?8)))";
const EMAILS_FROM: &str = "email_id IN (SELECT email_id FROM event_addresses WHERE customer_id = ?1 AND role = 'from' \
                           AND address IN (SELECT value FROM json_each(?8)))";

fn list(connection: &Connection, customer: Uuid, filter: &EventFilter, way: &Way) -> Result<Vec<Event>, SqlError> {
    let (table, mut matching, mut values) = matched(customer, filter, way);
    if filter.before.is_some() {
        matching += " AND (occurred_at, id) < (SELECT occurred_at, id FROM events WHERE id = ?9 AND customer_id = ?1)";
    }
    // Only what is shown is read whole.
    let sql = format!(
        "SELECT {COLUMNS} FROM (SELECT id AS shown FROM {table} WHERE {matching} \
         ORDER BY occurred_at DESC, id DESC LIMIT ?10 OFFSET ?11) CROSS JOIN events ON id = shown \
         ORDER BY occurred_at DESC, id DESC"
    );
    values.extend_from_slice(values![filter.before.map(|id| id.to_string()), filter.limit, filter.offset]);
    connection.query(&sql, &values, read_event)
}

/// How many events match, and whether there may be more.
fn count(
    connection: &Connection,
    customer: Uuid,
    filter: &EventFilter,
    way: &Way,
    page: &[Event],
) -> Result<(i64, bool), SqlError> {
    let is_by_text = filter.recipient.is_some() || filter.sender.is_some();
    match way {
        Way::None => Ok((0, false)),
        Way::Time { .. } | Way::RareType if is_by_text => {
            let shown = i64::try_from(page.len()).unwrap_or(i64::MAX);
            let is_last = filter.before.is_none() && shown < filter.limit && (shown > 0 || filter.offset == 0);
            Ok((if shown > 0 { filter.offset.saturating_add(shown) } else { 0 }, !is_last))
        }
        Way::Time { .. } | Way::RareType => {
            let time = filter.from.unwrap_or(i64::MIN)..=filter.to.unwrap_or(i64::MAX);
            Ok((total(connection, customer, filter.event_type, time)?, false))
        }
        Way::Email | Way::Addresses(..) => {
            let (table, matching, values) = matched(customer, filter, way);
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE {matching}");
            Ok((connection.query_one(&sql, &values, |row| row.integer(0))?.unwrap_or(0), false))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sql;
    use super::super::{DATABASE_FILE, StoreLimits, migrations};
    use super::*;

    const CUSTOMER: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8001);

    fn email(number: u128) -> Uuid {
        Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_0000_0000 + number)
    }

    /// A database as the service of before this migration left it, with so many emails of an event each.
    fn earlier(directory: &Path, emails: u128) {
        let path = directory.join(DATABASE_FILE);
        let flags = libsql::OpenFlags::SQLITE_OPEN_READ_WRITE | libsql::OpenFlags::SQLITE_OPEN_CREATE;
        let connection = sql::open(&path, flags).expect("it opens");
        migrations::apply_up_to(&connection, 15, 0).expect("the tables are made");
        let rows = format!(
            "PRAGMA foreign_keys = OFF; INSERT INTO customers VALUES ('{CUSTOMER}', 'acme', 'a@b.example', 'active', 9, 9, NULL, NULL, \
             1, 1, 1, 1, 1, 'full', 0); \
             INSERT INTO domains (id, customer_id, name, status, sandbox, created_at, ownership_token, checks_began_at) \
             VALUES ('d', '{CUSTOMER}', 'acme.example', 'verified', 0, 0, '', 0)"
        );
        connection.batch(&rows).expect("the customer is stored");
        for number in 0..emails {
            let (at, number) = (i64::try_from(number).expect("it fits") * 3_600_000, email(number).to_string());
            let sql = "INSERT INTO emails (id, customer_id, domain_id, message_id, sender, recipient, subject, stream_type, status, \
                       submitted_at) VALUES (?1, ?2, 'd', ?1, 'Noreply@acme.example', 'r', 's', 'transactional', 'queued', ?3)";
            connection.execute(sql, values![number.as_str(), CUSTOMER.to_string(), at]).expect("it is stored");
            let kind = if at % 86_400_000 == 0 { "bounced" } else { "opened" };
            let sql = "INSERT INTO events VALUES (?1, ?1, ?2, ?3, 'delivered', 'person' || ?4 || '@example.com', \
                       'noreply@acme.example', ?4, '{}', ?4)";
            let values = values![number, CUSTOMER.to_string(), kind, at];
            connection.execute(sql, values).expect("it is stored");
        }
    }

    async fn page(store: &Store, filter: EventFilter) -> (usize, i64, bool) {
        let filter = EventFilter { limit: 51, counted: true, ..filter };
        let page = store.events(CUSTOMER, filter).await.expect("it is read");
        (page.events.len(), page.total, page.is_least)
    }

    fn to(part: &str) -> EventFilter {
        EventFilter { recipient: Some(part.into()), ..EventFilter::default() }
    }

    #[tokio::test]
    async fn events_of_before_are_found_while_their_addresses_are_entered_and_afterwards() {
        let directory = tempfile::tempdir().expect("a directory is made");
        earlier(directory.path(), 500);
        let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("it is brought up to date");
        assert_eq!(page(&store, EventFilter::default()).await, (51, 500, false), "they are counted by the migration");
        let bounced = EventFilter { event_type: Some(EventType::Bounced), ..EventFilter::default() };
        assert_eq!(page(&store, bounced.clone()).await, (21, 21, false));
        assert_eq!(page(&store, to("PERSON3600000@")).await, (1, 1, false), "by reading them all");
        assert_eq!(page(&store, to("person")).await, (51, 51, true));
        let mut steps = 0;
        while store.enter_old_addresses(200).await.expect("they are entered") {
            steps += 1;
        }
        assert_eq!(steps, 3);
        assert_eq!(page(&store, to("PERSON3600000@")).await, (1, 1, false), "by their addresses");
        assert_eq!(page(&store, to("person")).await, (51, 500, false), "and exactly how many they are");
        let both =
            EventFilter { sender: Some("ACME".into()), ..EventFilter { recipient: Some("00@".into()), ..bounced } };
        assert_eq!(page(&store, both).await, (20, 20, false), "all but the first");
        for nobody in ["nobody", "person1@", "\n"] {
            assert_eq!(page(&store, to(nobody)).await, (0, 0, false), "{nobody:?}");
        }
    }

    #[tokio::test]
    async fn a_part_that_many_have_says_that_there_may_be_more() {
        let directory = tempfile::tempdir().expect("a directory is made");
        earlier(directory.path(), 1_001);
        let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("it is brought up to date");
        while store.enter_old_addresses(1_000).await.expect("they are entered") {}
        assert_eq!(page(&store, to("@example.com")).await, (51, 51, true));
        let deep = EventFilter { offset: 1_000, ..to("@example.com") };
        assert_eq!(page(&store, deep).await, (1, 1_001, false), "the last page knows");
        let opened = EventFilter { event_type: Some(EventType::Opened), ..EventFilter::default() };
        assert_eq!(page(&store, opened.clone()).await, (51, 959, false));
        let deep = EventFilter { before: Some(email(100)), ..opened };
        assert_eq!(page(&store, deep).await, (51, 959, false), "a cursor does not change how many there are");
    }
}
