//! That counting again finds what was counted, and what was not.

use std::path::Path;

use super::super::hits::JournaledHit;
use super::super::tally::{Tally, scope};
use super::super::{StoreError, StoreLimits};
use super::*;
use crate::journal::Cursor;
use crate::mail::client::rules::Rules;
use crate::mail::event::EventType;

const CUSTOMER: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8001);
const EMAIL: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
/// A Monday, and 15:00 of it.
const DAY: i64 = 1_704_067_200_000;
const AT: i64 = DAY + 15 * super::super::HOUR_MS;

/// A store with one email that was opened and clicked.
async fn store(directory: &Path) -> Store {
    let store = Store::open(directory, StoreLimits::default(), 0).expect("the store opens");
    change(
        &store,
        format!(
            "INSERT INTO customers VALUES ('{CUSTOMER}', 'acme', 'acme@example.org', 'active', 9, 9, NULL, NULL, 1, 1, \
             1, 1, 1, 'full', 0); \
             INSERT INTO domains (id, customer_id, name, status, sandbox, created_at, ownership_token, \
             checks_began_at) VALUES ('d', '{CUSTOMER}', 'acme.example', 'verified', 0, 0, '', 0); \
             INSERT INTO stat_scopes VALUES (2, '{CUSTOMER}', '', '', '', NULL), (1, '{CUSTOMER}', 'd', '', 'transactional', 2); \
             INSERT INTO emails (id, customer_id, domain_id, message_id, sender, recipient, subject, stream_type, \
             status, submitted_at, scope_id) VALUES ('{EMAIL}', '{CUSTOMER}', 'd', 'm', 'a@acme.example', \
             'ada@example.com', 's', 'transactional', 'delivered', {DAY}, 1); \
             INSERT INTO recipients (email_id, address, role, status) \
             VALUES ('{EMAIL}', 'ada@example.com', 'to', 'delivered')"
        ),
    )
    .await;
    let hit = |id, event_type| JournaledHit {
        id: Uuid::from_u128(id),
        email_id: EMAIL,
        event_type,
        data: serde_json::json!({ "user_agent": "x" }),
        at: AT,
    };
    let hits = vec![hit(1, EventType::Opened), hit(2, EventType::Opened), hit(3, EventType::Clicked)];
    let rules = std::sync::Arc::new(Rules::built_in());
    assert_eq!(store.apply_hits(hits, rules, Cursor::default()).await.expect("they are taken over"), 3);
    store
}

async fn change(store: &Store, sql: String) {
    let changed = store.write(move |connection| Ok::<_, StoreError>(connection.batch(&sql)?)).await;
    changed.expect("it is changed");
}

async fn wrong(store: &Store, dry_run: bool) -> i64 {
    store.rebuild_stats(CUSTOMER, DAY, dry_run).await.expect("it is counted").wrong
}

#[tokio::test]
async fn a_count_that_is_wrong_is_found_and_put_right() {
    let directory = tempfile::tempdir().expect("a directory is made");
    let store = store(directory.path()).await;
    // The email did not come in by the store, so nobody counted it.
    assert_eq!(
        (wrong(&store, true).await, wrong(&store, false).await),
        (4, 4),
        "an hour is missing and the day is wrong, of the scope and of all"
    );
    assert_eq!(wrong(&store, true).await, 0);
    let filter = StatFilter { from: DAY, until: DAY + DAY_MS, ..StatFilter::default() };
    let right = store.stat_totals(CUSTOMER, filter.clone()).await.expect("they are read");
    assert_eq!((right.of(Counted::Sent), right.of(Counted::UniqueOpens), right.of(Counted::UniqueClicks)), (1, 1, 1));
    for damage in [
        "UPDATE stat_counts SET unique_opens = unique_opens + 1 WHERE span = 'hour'",
        "UPDATE stat_counts SET sent = 0 WHERE span = 'day'",
        "DELETE FROM stat_counts",
        "DELETE FROM stat_details WHERE span = 'hour'",
        "UPDATE stat_details SET word = 'nobody'",
    ] {
        change(&store, damage.into()).await;
        assert_ne!(wrong(&store, true).await, 0, "{damage}");
        assert_ne!(wrong(&store, false).await, 0, "{damage}");
        assert_eq!(wrong(&store, true).await, 0, "{damage}");
        let totals = store.stat_totals(CUSTOMER, filter.clone()).await.expect("they are read");
        assert_eq!(totals, right, "{damage}");
    }
}

#[test]
fn whole_days_are_read_as_such_and_the_rest_by_hours() {
    let hour = super::super::HOUR_MS;
    let pieces = |from, until| StatFilter { from, until, ..StatFilter::default() }.pieces();
    assert_eq!(pieces(DAY, DAY + 2 * DAY_MS), [(Span::Day, DAY, DAY + 2 * DAY_MS)]);
    assert_eq!(pieces(DAY + hour, DAY + 2 * hour), [(Span::Hour, DAY + hour, DAY + 2 * hour)]);
    let (from, until) = (DAY - hour, DAY + DAY_MS + hour);
    let expected = [(Span::Hour, from, DAY), (Span::Day, DAY, DAY + DAY_MS), (Span::Hour, DAY + DAY_MS, until)];
    assert_eq!(pieces(from, until), expected);
}

#[tokio::test]
async fn what_all_emails_come_to_is_read_apart_from_domains_tags_and_streams() {
    let directory = tempfile::tempdir().expect("a directory is made");
    let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("the store opens");
    let customers = [CUSTOMER, EMAIL];
    for (number, customer) in customers.into_iter().enumerate() {
        change(
            &store,
            format!(
                "INSERT INTO customers VALUES ('{customer}', 'acme', 'acme{number}@example.org', 'active', 9, 9, NULL, NULL, \
                 1, 1, 1, 1, 1, 'full', 0)"
            ),
        )
        .await;
    }
    let counted = store.write(move |connection| {
        let (mut tally, mut by) = (Tally::default(), 1);
        for customer in customers {
            for domain in [1, 2].map(Uuid::from_u128) {
                for tag in [None, Some("news")] {
                    let scope = scope(connection, customer, domain, tag, StreamType::Transactional)?;
                    tally.count(scope, AT, Counted::Delivered, by);
                    let data = serde_json::json!({ "class": "policy", "bounce_type": "hard" });
                    tally.event(scope, AT, EventType::Bounced, &data, true, 1);
                    by *= 2;
                }
            }
        }
        Ok::<_, StoreError>(tally.write(connection)?)
    });
    counted.await.expect("it is counted");
    let day = StatFilter { from: DAY, until: DAY + DAY_MS, ..StatFilter::default() };
    let hour = StatFilter { from: AT, until: AT + super::super::HOUR_MS, ..StatFilter::default() };
    for filter in [day, hour] {
        let delivered = async |customer: Option<Uuid>, filter: &StatFilter| {
            let totals = store.stat_totals(customer, filter.clone()).await.expect("they are read");
            (totals.of(Counted::Delivered), totals.of(Counted::BouncedHard))
        };
        assert_eq!(delivered(Some(CUSTOMER), &filter).await, (0b1111, 4));
        assert_eq!(delivered(Some(EMAIL), &filter).await, (0b1111_0000, 4));
        assert_eq!(delivered(None, &filter).await, (0b1111_1111, 8));
        let of_tag = StatFilter { tag: Some("news".into()), ..filter.clone() };
        assert_eq!(delivered(Some(CUSTOMER), &of_tag).await, (0b1010, 2));
        assert_eq!(delivered(None, &of_tag).await, (0b1010_1010, 4));
        let of_domain = StatFilter { domain: Some(Uuid::from_u128(2)), ..filter.clone() };
        assert_eq!(delivered(Some(CUSTOMER), &of_domain).await, (0b1100, 2));
        let details =
            store.stat_details(CUSTOMER, filter.clone(), DetailKind::BounceClass).await.expect("they are read");
        assert_eq!(details, [("policy".to_owned(), 4)]);
        let details = store.stat_details(CUSTOMER, of_tag, DetailKind::BounceClass).await.expect("they are read");
        assert_eq!(details, [("policy".to_owned(), 2)]);
        let groups = store.stat_groups(CUSTOMER, filter, StatGroup::Tag).await.expect("they are read");
        let tags: Vec<_> = groups.iter().map(|(tag, counts)| (tag.as_str(), counts.of(Counted::Delivered))).collect();
        assert_eq!(tags, [("", 0b0101), ("news", 0b1010)]);
    }
}

#[tokio::test]
async fn what_was_counted_before_there_were_wholes_is_summed_up() {
    let directory = tempfile::tempdir().expect("a directory is made");
    let path = directory.path().join(super::super::DATABASE_FILE);
    let flags = libsql::OpenFlags::SQLITE_OPEN_READ_WRITE | libsql::OpenFlags::SQLITE_OPEN_CREATE;
    let connection = super::super::sql::open(&path, flags).expect("it opens");
    super::super::migrations::apply_up_to(&connection, 18, 0).expect("the tables are made");
    let numbers = vec!["1"; Counted::ALL.len() - 1].join(", ");
    let rows = format!(
        "PRAGMA foreign_keys = OFF; INSERT INTO customers VALUES ('{CUSTOMER}', 'acme', 'a@b.example', 'active', 9, 9, NULL, \
         NULL, 1, 1, 1, 1, 1, 'full', 0); \
         INSERT INTO stat_scopes VALUES (7, '{CUSTOMER}', 'd', '', 'transactional'), (8, '{CUSTOMER}', 'd', 'news', 'broadcast'); \
         INSERT INTO stat_counts VALUES (7, 'day', {DAY}, 3, {numbers}), (8, 'day', {DAY}, 4, {numbers}); \
         INSERT INTO stat_details VALUES (7, 'day', 'bounce_class', {DAY}, 'policy', 5), \
         (8, 'day', 'bounce_class', {DAY}, 'policy', 6)"
    );
    connection.batch(&rows).expect("it is stored");
    drop(connection);
    let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("it is brought up to date");
    let filter = StatFilter { from: DAY, until: DAY + DAY_MS, ..StatFilter::default() };
    let totals = store.stat_totals(CUSTOMER, filter.clone()).await.expect("they are read");
    assert_eq!((totals.of(Counted::Sent), totals.of(Counted::Delivered)), (7, 2));
    let details = store.stat_details(CUSTOMER, filter, DetailKind::BounceClass).await.expect("they are read");
    assert_eq!(details, [("policy".to_owned(), 11)]);
}
