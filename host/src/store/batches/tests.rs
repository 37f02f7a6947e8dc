use super::super::StoreLimits;
use super::super::idempotency::KEPT_MS;
use super::*;
use crate::ids::new_id;

const KEY: &str = "the news";

/// A store with one customer.
async fn store() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory is made");
    let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("the store opens");
    let insert = |connection: &Connection| {
        let sql = "INSERT INTO customers VALUES \
                   (?1, 'Acme', 'acme@example.org', 'active', 9, 9, NULL, NULL, 1, 1, 1, 1, 1, 'full', 0)";
        Ok::<_, StoreError>(connection.execute(sql, values![Uuid::nil().to_string()])?)
    };
    store.write(insert).await.expect("the customer is made");
    (store, directory)
}

/// Ten recipients, all of whom are refused, from place `first` on.
fn part(bulk_id: Uuid, first: usize, now: i64) -> NewBulkPart {
    let claim = Some(Claim { key: KEY.into(), request_hash: [7; 32] });
    let batch = NewBatch { customer: Uuid::nil(), claim, emails: Vec::new(), monthly_limit: 0, now };
    NewBulkPart { bulk_id, first, recipients: 10, batch }
}

/// Whether the part was the next one.
async fn takes(store: &Store, part: NewBulkPart) -> bool {
    let (now, results) = (part.batch.now, format!("\"from {}\"", part.first));
    let stored = store.queue_bulk_part(part, Box::new(move || new_id(now)), move |_| results).await;
    stored.expect("the store works").is_some()
}

async fn kept(store: &Store) -> Vec<String> {
    let parts = store.bulk_parts(Uuid::nil(), KEY.into()).await.expect("the store works");
    parts.into_iter().map(|part| part.results).collect()
}

async fn replay(store: &Store, now: i64) -> Option<Replay> {
    store.replay(Uuid::nil(), KEY.into(), [7; 32], now).await.expect("the store works")
}

#[tokio::test]
async fn parts_come_one_after_the_other_and_each_once() {
    let (store, _directory) = store().await;
    let (bulk_id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert!(!takes(&store, part(bulk_id, 10, 1)).await, "nothing is there yet");
    assert!(takes(&store, part(bulk_id, 0, 1)).await);
    assert!(!takes(&store, part(bulk_id, 0, 1)).await, "it is there");
    assert!(!takes(&store, part(bulk_id, 20, 1)).await, "one is missing");
    assert!(!takes(&store, part(other, 10, 1)).await, "the key stands for another bulk send");
    assert!(takes(&store, part(bulk_id, 10, 1)).await);
    assert_eq!(kept(&store).await, ["\"from 0\"", "\"from 10\""]);
    assert_eq!(replay(&store, 1).await, Some(Replay::Unfinished(bulk_id)));
}

#[tokio::test]
async fn an_answer_takes_the_place_of_the_parts() {
    let (store, _directory) = store().await;
    let bulk_id = Uuid::from_u128(1);
    assert!(takes(&store, part(bulk_id, 0, 1)).await);
    store.finish_bulk(Uuid::nil(), KEY.into(), "done".into()).await.expect("the store works");
    assert_eq!((replay(&store, 1).await, kept(&store).await.len()), (Some(Replay::Same("done".into())), 0));
    assert!(!takes(&store, part(bulk_id, 10, 1)).await, "it is done");
}

#[tokio::test]
async fn what_was_never_finished_is_forgotten_with_its_key() {
    let (store, _directory) = store().await;
    assert!(takes(&store, part(Uuid::from_u128(1), 0, 1)).await);
    assert_eq!(replay(&store, KEPT_MS).await, Some(Replay::Unfinished(Uuid::from_u128(1))));
    assert_eq!(replay(&store, 1 + KEPT_MS).await, None);
    assert!(takes(&store, part(Uuid::from_u128(2), 0, 1 + KEPT_MS)).await);
    assert_eq!(kept(&store).await, ["\"from 0\""], "the parts of the first one are gone");
    assert_eq!(replay(&store, 1 + KEPT_MS).await, Some(Replay::Unfinished(Uuid::from_u128(2))));
}
