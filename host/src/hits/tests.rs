use std::net::IpAddr;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::client_rules::ClientRules;
use crate::store::{Store, StoreError, StoreLimits};

const BYTES_MAX: u64 = 1024 * 1024;

/// Hits on a database of their own.
struct Test {
    hits: Hits,
    store: Store,
    directory: TempDir,
}

impl Test {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory is made");
        let (hits, store) = open(directory.path());
        Self { hits, store, directory }
    }

    fn reopen(self) -> Self {
        let Self { hits, store, directory } = self;
        drop((hits, store));
        let (hits, store) = open(directory.path());
        Self { hits, store, directory }
    }

    /// Keeps the database busy until the sender is dropped.
    fn hold_database(&self) -> Sender<()> {
        let (go_on, may_go_on) = channel::<()>();
        let (started, is_started) = channel();
        let store = self.store.clone();
        thread::spawn(move || {
            let unit = move |_: &_| {
                started.send(()).expect("the test listens");
                may_go_on.recv().expect_err("it ends with its sender");
                Ok::<_, StoreError>(())
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
            runtime.block_on(store.write(unit)).expect("it is done");
        });
        is_started.recv().expect("the database is at it");
        go_on
    }
}

fn config(directory: &Path) -> Config {
    let settings = [
        ("PILLARBOX_DATA_DIR", directory.to_str().expect("the path is text").to_owned()),
        ("PILLARBOX_HIT_JOURNAL_BYTES_MAX", BYTES_MAX.to_string()),
        ("PILLARBOX_HIT_DURABILITY", "process".into()),
    ];
    let variable = |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| value.clone());
    Config::read(&variable, None).expect("the settings are good")
}

fn open(directory: &Path) -> (Hits, Store) {
    let store = Store::open(directory, StoreLimits::default(), 0).expect("the store opens");
    let config = config(directory);
    let client_rules = Arc::new(ClientRules::open(&config).expect("the built-in rules are good"));
    let applier = Applier { store: store.clone(), client_rules };
    let hits = Hits::open(&config, store.hit_cursor(), |out| applier.start(out)).expect("it opens");
    (hits, store)
}

fn hit(event_type: EventType) -> HitRecord<'static> {
    HitRecord {
        id: Uuid::from_u128(1),
        email_id: Uuid::from_u128(2),
        event_type,
        source: None,
        at: 1_000,
        head_before: false,
        canary: false,
        peer: Some(IpAddr::from([192, 0, 2, 7])),
        user_agent: Some("x".repeat(500).into()),
        link: 0,
        destination: Some("y".repeat(2_000).into()),
    }
}

#[tokio::test]
async fn hits_wait_within_their_bound_while_the_database_is_busy_and_what_goes_beyond_is_shed_and_counted() {
    let test = Test::new();
    let hold = test.hold_database();
    while test.hits.record(&hit(EventType::Opened)).await {}
    let figures = test.hits.figures();
    // Room is taken for a record as it comes, and given back for what is packed of it.
    let record = hit(EventType::Opened).encode().len() as u64;
    assert!(figures.unapplied_bytes <= BYTES_MAX && figures.unapplied_bytes + record > BYTES_MAX, "{figures:?}");
    assert!(!test.hits.record(&hit(EventType::Clicked)).await);
    assert_eq!(test.hits.shed_counts(), [[1, 0, 0], [1, 0, 0], [0; 3]]);
    assert_eq!(test.hits.lag_ms(5_000), 4_000);

    drop(hold);
    test.hits.are_applied().await;
    assert_eq!((test.hits.figures().unapplied_bytes, test.hits.lag_ms(5_000)), (0, 0));
    assert!(test.hits.record(&hit(EventType::Clicked)).await, "there is room again");
    assert_eq!(test.hits.shed_counts(), [[1, 0, 0], [1, 0, 0], [0; 3]]);
}

#[tokio::test]
async fn at_the_end_the_database_is_given_a_moment_for_hits_and_no_more_are_taken() {
    let test = Test::new();
    let hold = test.hold_database();
    assert!(test.hits.is_ready(), "nothing was left over");
    assert!(test.hits.record(&hit(EventType::Opened)).await);
    let started = Instant::now();
    test.hits.close();
    assert!(started.elapsed() >= END_WITHIN);
    assert!(!test.hits.is_ready() && !test.hits.record(&hit(EventType::Opened)).await);
    drop(hold);
}

#[tokio::test]
async fn hits_that_the_database_did_not_get_wait_for_the_next_start_which_is_ready_once_it_has_them() {
    let test = Test::new();
    // One more life, in which nobody takes hits over.
    let Test { hits, store, directory } = test;
    drop(hits);
    let hits = Hits::open(&config(directory.path()), store.hit_cursor(), |_| thread::Builder::new().spawn(|| ()));
    let test = Test { hits: hits.expect("it opens"), store, directory };
    assert!(test.hits.record(&hit(EventType::Opened)).await);
    let test = test.reopen();
    test.hits.are_applied().await;
    assert!(test.hits.is_ready());
    assert_eq!((test.hits.left_over_bytes > 0, test.hits.figures().unapplied_bytes), (true, 0));
}

#[tokio::test]
async fn a_hit_that_cannot_be_read_is_stepped_over_and_its_file_kept() {
    let test = Test::new();
    assert!(test.hits.record(&hit(EventType::Opened)).await);
    test.hits.journal.append(b"of a later version").await.expect("it is written");
    assert!(test.hits.record(&hit(EventType::Opened)).await);
    test.hits.are_applied().await;
    let test = test.reopen();
    assert_eq!(test.hits.left_over_bytes, 0);
    let files = std::fs::read_dir(test.directory.path().join(FOLDER)).expect("the folder is read");
    let names = files.map(|file| file.expect("the folder is read").path());
    assert_eq!(names.filter(|path| path.extension().is_some_and(|end| end == "damaged")).count(), 1);
}
