//! That counting again finds what was counted, and what was not.

use std::path::Path;

use super::super::hits::JournaledHit;
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
             INSERT INTO stat_scopes VALUES (1, '{CUSTOMER}', 'd', '', 'transactional'); \
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
        (2, 2),
        "an hour is missing, and the day is wrong"
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
