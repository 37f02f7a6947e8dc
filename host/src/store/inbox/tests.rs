use super::super::StoreLimits;
use super::*;
use crate::ids::new_id;
use crate::mail::client::rules::Rules;

const BOUNDS: WaitingBounds = WaitingBounds { rows_max: 100_000, bytes_max: i64::MAX };

fn store() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory is made");
    (Store::open(directory.path(), StoreLimits::default(), 0).expect("the store opens"), directory)
}

/// A request that came at this time, and differs from all of other times.
fn arrival(bytes: usize, received_at: i64) -> NewArrival {
    NewArrival {
        id: new_id(received_at),
        source: "bounce".into(),
        source_id: None,
        provider: None,
        customer: None,
        verified: false,
        settings: Vec::new(),
        content_type: "message/rfc822".into(),
        headers: Vec::new(),
        source_key: None,
        content_hash: crate::hash::sha256(&received_at.to_be_bytes()),
        body: vec![b'x'; bytes],
        received_at,
    }
}

fn unparsed() -> Reading {
    let failed = Some((InboxState::Unparsed, "nobody knows it".into()));
    Reading { plugin: None, outcome: "{}".into(), events: Vec::new(), failed }
}

async fn settle(store: &Store, arrived: Arrived, now: i64) -> Option<Settled> {
    let ids = Box::new(move || new_id(now));
    store.settle(arrived, unparsed(), Rules::built_in().into(), now, ids).await.expect("the store answers")
}

#[track_caller]
fn kept(received: Received) -> Arrived {
    match received {
        Received::Kept(arrived) => *arrived,
        other => panic!("{other:?}"),
    }
}

/// Stores what nobody can read and says how much of it is kept.
async fn kept_unread(bodies_bytes: &[usize]) -> i64 {
    let (store, _directory) = store();
    for (bytes, received_at) in bodies_bytes.iter().zip(1..) {
        let received = store.receive(arrival(*bytes, received_at), true, BOUNDS, 1_000).await;
        let settled = settle(&store, kept(received.expect("it is stored")), received_at).await;
        assert_eq!(settled.expect("it is ours").state, InboxState::Unparsed);
    }
    store.count_inbox(InboxState::Unparsed).await.expect("they are counted")
}

#[tokio::test]
async fn what_matched_nothing_has_a_bound_in_bytes_and_the_oldest_goes_first() {
    const EIGHTH: usize = 8 * 1024 * 1024;
    assert_eq!(kept_unread(&[EIGHTH; 8]).await, 8, "they fit exactly");
    assert_eq!(kept_unread(&[EIGHTH; 9]).await, 8);
    let small_first: Vec<_> = std::iter::once(1).chain([EIGHTH; 8]).collect();
    assert_eq!(kept_unread(&small_first).await, 8, "one byte too many");
    let small_last: Vec<_> = [EIGHTH; 8].into_iter().chain([1]).collect();
    assert_eq!(kept_unread(&small_last).await, 9, "small ones are bounded by their number");
}

#[tokio::test]
async fn what_waits_has_a_bound_in_rows_and_in_bytes() {
    let (store, _directory) = store();
    let receive = async |bytes, at, rows_max, bytes_max| {
        let bounds = WaitingBounds { rows_max, bytes_max };
        store.receive(arrival(bytes, at), true, bounds, at).await.expect("the store answers")
    };
    kept(receive(10, 1, 2, 20).await);
    assert!(matches!(receive(11, 2, 2, 20).await, Received::Full), "one byte too many");
    let second = kept(receive(10, 3, 2, 20).await);
    assert!(matches!(receive(0, 4, 2, 20).await, Received::Full), "one row too many");
    settle(&store, second, 5).await.expect("it is ours");
    kept(receive(10, 6, 2, 20).await);
}

#[tokio::test]
async fn a_lease_is_one_readers_until_it_ends_and_then_the_next_ones() {
    let (store, _directory) = store();
    let first = kept(store.receive(arrival(1, 1), true, BOUNDS, 100).await.expect("it is stored"));
    let lease = async |now| store.lease_inbox(8, now, now + 100).await.expect("the store answers");
    assert!(lease(99).await.is_empty(), "whoever brought it has it");
    let second = lease(100).await.pop().expect("its lease has ended");
    assert_eq!(second.arrival.body, b"x");
    assert!(settle(&store, first.clone(), 101).await.is_none(), "it is not his any more");
    store.put_back(first.arrival.id, first.leased_until, 0, "too late".into()).await.expect("the store answers");
    store.discard(first.arrival.id, first.leased_until).await.expect("the store answers");
    assert_eq!(store.inbox_due_at().await.expect("the store answers"), Some(200), "nor does he move it");
    assert!(settle(&store, second.clone(), 102).await.is_some());
    assert!(settle(&store, second, 103).await.is_none(), "it has its state");
    assert_eq!(store.inbox_due_at().await.expect("the store answers"), None);
}

#[tokio::test]
async fn what_a_dead_process_had_leased_is_due_at_the_next_start() {
    let (store, _directory) = store();
    kept(store.receive(arrival(1, 1), true, BOUNDS, 1_000).await.expect("it is stored"));
    assert_eq!(store.reopen_inbox(50).await.expect("the store answers"), 1);
    let again = store.lease_inbox(8, 50, 150).await.expect("the store answers");
    assert_eq!((again.len(), again[0].attempts), (1, 0));
}

#[tokio::test]
async fn a_row_that_is_put_back_says_why_and_how_often() {
    let (store, _directory) = store();
    let arrived = kept(store.receive(arrival(1, 1), true, BOUNDS, 10).await.expect("it is stored"));
    let id = arrived.arrival.id;
    store.put_back(id, 10, 500, "no turn".into()).await.expect("the store answers");
    let (row, ..) = store.inbox_row(id).await.expect("the store answers").expect("it is there");
    assert_eq!((row.attempts, row.error.as_deref(), row.due_at), (1, Some("no turn"), 500));
}

#[tokio::test]
async fn what_comes_again_while_it_waits_is_kept_once_unless_its_caller_must_hear_more() {
    let (store, _directory) = store();
    kept(store.receive(arrival(1, 1), true, BOUNDS, 1_000).await.expect("it is stored"));
    let again = NewArrival { id: new_id(2), received_at: 2, ..arrival(1, 1) };
    let answer = async |may_wait, new| store.receive(new, may_wait, BOUNDS, 1_000).await.expect("the store answers");
    assert!(matches!(answer(true, again.clone()).await, Received::Waits));
    kept(answer(false, NewArrival { id: new_id(3), ..again.clone() }).await);
    let late = NewArrival { id: new_id(REPEATED_MS + 9), received_at: REPEATED_MS + 9, ..again };
    kept(answer(true, late).await);
}

#[tokio::test]
async fn a_sources_own_key_tells_repetitions_of_that_source_alone() {
    let (store, _directory) = store();
    let of = |source: &str, at: i64| NewArrival {
        source: source.into(),
        source_id: Some(format!("id of {source}")),
        source_key: Some("msg_1".into()),
        ..arrival(1, at)
    };
    let answer = async |new| store.receive(new, true, BOUNDS, 1_000).await.expect("the store answers");
    kept(answer(of("acme", 1)).await);
    assert!(matches!(answer(of("acme", 2)).await, Received::Waits), "with another body too");
    kept(answer(of("rival", 3)).await);
}

#[tokio::test]
async fn a_list_has_its_filters_and_the_totals_name_the_oldest() {
    let (store, _directory) = store();
    for at in 1..=3 {
        let arrived = kept(store.receive(arrival(1, at), true, BOUNDS, 1_000).await.expect("it is stored"));
        if at < 3 {
            settle(&store, arrived, at).await.expect("it is ours");
        }
    }
    let ids = async |filter| {
        let page = store.inbox(filter, 0, 10, 2).await.expect("the store answers");
        (page.rows.iter().map(|row| row.received_at).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(ids(InboxFilter::default()).await, (vec![3, 2, 1], 2), "counting has a bound");
    let unparsed = InboxFilter { state: Some(InboxState::Unparsed), ..InboxFilter::default() };
    assert_eq!(ids(unparsed.clone()).await, (vec![2, 1], 2));
    assert_eq!(ids(InboxFilter { since: Some(2), ..unparsed.clone() }).await.0, [2]);
    assert_eq!(ids(InboxFilter { source: Some("acme".into()), ..unparsed }).await.0, [0; 0]);
    let totals = store.inbox_totals().await.expect("the store answers");
    let totals: Vec<_> = totals.iter().map(|total| (total.state, total.rows, total.oldest_at)).collect();
    assert_eq!(totals, [(InboxState::Received, 1, 3), (InboxState::Unparsed, 2, 1)]);
    assert_eq!(store.inbox_sources(10).await.expect("the store answers"), ["bounce"]);
}

#[tokio::test]
async fn dropping_leaves_what_waits_and_stops_where_there_is_room() {
    let (store, _directory) = store();
    for at in 1..=4 {
        let arrived = kept(store.receive(arrival(10, at), true, BOUNDS, 1_000).await.expect("it is stored"));
        if at > 1 {
            settle(&store, arrived, at).await.expect("it is ours");
        }
    }
    let drop_inbox = async |before, bytes| store.drop_inbox(before, bytes, 10).await.expect("the store answers");
    assert_eq!(drop_inbox(2, i64::MAX).await, (0, 0), "the one that waits is not dropped");
    assert_eq!(drop_inbox(i64::MAX, 10).await, (1, 10), "one is enough");
    assert_eq!(drop_inbox(4, i64::MAX).await, (1, 10));
    assert_eq!(store.inbox_bytes().await.expect("the store answers"), 20);
}

#[test]
fn rows_of_before_there_was_an_inbox_are_in_it() {
    let connection = super::super::sql::open(std::path::Path::new(":memory:"), libsql::OpenFlags::default());
    let connection = connection.expect("memory opens");
    super::super::migrations::apply_up_to(&connection, 15, 1).expect("it is applied");
    connection
        .batch(
            "INSERT INTO notifications VALUES
                ('a', 'bounce', 'message/rfc822', x'0102', 7, 'p@1', 'matched', '{\"events\":[]}', '[[\"a\",\"b\"]]'),
                ('b', 'complaint', 't', x'', 8, NULL, 'ignored', '{}', '[]'),
                ('c', 'bounce', 't', x'', 9, NULL, 'unparsed', '{\"error\":\"it broke\"}', '[]'),
                ('d', 'bounce', 't', x'', 9, NULL, 'unparsed', '{\"code\":\"unrecognized\"}', '[]'),
                ('e', 'bounce', 't', x'', 9, NULL, 'unmatched', '{}', '[]');
             INSERT INTO reported_events VALUES (x'01', 'a', 7);",
        )
        .expect("the rows are stored");
    super::super::migrations::apply(&connection, 2).expect("it is brought up to date");
    let text = |sql: &str| {
        let rows = connection.query(sql, &[], |row| row.text(0)).expect("it is read");
        rows.join(" ")
    };
    let sql = "SELECT id || source || state || accepted || COALESCE(error, '') FROM inbox ORDER BY id";
    let expected = "abouncematched1 bcomplaintnormalized0 cbouncerefused0it broke dbounceunparsed0 ebounceunmatched0";
    assert_eq!(text(sql), expected);
    assert_eq!(
        text("SELECT headers || hex(body) || body_bytes || due_at FROM inbox WHERE id = 'a'"),
        "[[\"a\",\"b\"]]010227"
    );
    assert_eq!(text("SELECT hex(dedupe_key) || inbox_id FROM reported_events"), "01a");
}
