//! The writer thread: group commit without a timer.
//!
//! Every write is a unit of work in a queue. The thread takes what waits (at most [`BATCH_MAX`]), runs each unit
//! in a savepoint of one transaction, commits once with `synchronous=FULL`, and only then answers them all. While
//! it commits the next batch gathers, so load makes batches larger and a lone caller waits for nobody.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;

use libsql::OpenFlags;
use tokio::sync::{oneshot, watch};

use super::sql::{self, Connection};
use super::{Result, Store, StoreError, hits, migrations};
use crate::journal::Cursor;

/// Most units of work in one commit: bounds both how long a commit takes and what a failing one takes with it.
const BATCH_MAX: usize = 1_024;

/// Called when the fate of a unit is known, with true once it is on disk.
type Answer = Box<dyn FnOnce(bool) + Send>;
/// Runs inside the transaction. Returns whether its writes stand, and how to answer.
type Unit = Box<dyn FnOnce(&Connection) -> (bool, Answer) + Send>;

#[derive(Clone)]
pub(crate) struct Writer {
    queue: SyncSender<Unit>,
    waiting: Arc<AtomicUsize>,
    alive: std::sync::Weak<()>,
    commits: watch::Receiver<()>,
}

impl Writer {
    /// Also says how far the hits of the journal were taken over.
    pub(crate) fn start(path: &Path, queue_max: usize, now: i64) -> Result<(Self, Cursor)> {
        let connection = sql::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // FULL: a commit that was answered survives a power cut. 32 MiB of pages are kept in memory. What a migration or another
        // large unit made of the write-ahead log goes back to the disk, down to 64 MiB.
        connection.batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;",
        )?;
        migrations::apply(&connection, now)?;
        let hit_cursor = hits::cursor(&connection)?;
        let (queue, units) = mpsc::sync_channel(queue_max);
        let (committed, commits) = watch::channel(());
        let pulse = std::sync::Arc::new(());
        let alive = std::sync::Arc::downgrade(&pulse);
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                run(&connection, &units, &committed);
                drop(pulse);
            })
            .map_err(|_| StoreError::Closed)?;
        Ok((Self { queue, waiting: Arc::default(), alive, commits }, hit_cursor))
    }

    pub(crate) fn commits(&self) -> watch::Receiver<()> {
        self.commits.clone()
    }

    /// Units of work that were sent and have not had their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.alive.strong_count() > 0
    }
}

impl Store {
    /// Runs one unit of work on the writer and returns once it is on disk. What `unit` refuses or fails at is
    /// rolled back alone. A caller that goes away leaves all of it or nothing.
    pub(crate) async fn write<T, E>(
        &self,
        unit: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let place = Place::take(&self.writer.waiting);
        let unit: Unit = Box::new(move |connection| {
            drop(place);
            let outcome = catch_unwind(AssertUnwindSafe(|| unit(connection)))
                .unwrap_or_else(|panic| Err(E::from(panicked(panic.as_ref()))));
            let stands = outcome.is_ok();
            let answer: Answer = Box::new(move |committed| {
                let told = if committed || !stands { outcome } else { Err(E::from(StoreError::NotCommitted)) };
                // The caller may have gone away. What is written stays written.
                drop(answer.send(told));
            });
            (stands, answer)
        });
        self.writer.queue.try_send(unit).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Full,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

/// A place among those who wait, for as long as it is held.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn panicked(panic: &(dyn Any + Send)) -> StoreError {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    StoreError::Sql(super::SqlError::Misuse(format!("a unit of work panicked: {text}")))
}

/// Serves the queue until every sender is gone, then closes the database (which checkpoints it).
fn run(connection: &Connection, units: &Receiver<Unit>, commits: &watch::Sender<()>) {
    let mut answers = Vec::with_capacity(BATCH_MAX);
    while let Ok(first) = units.recv() {
        let committed = match connection.batch("BEGIN IMMEDIATE") {
            Ok(()) => {
                let waiting = std::iter::once(first).chain(units.try_iter()).take(BATCH_MAX);
                answers.extend(waiting.map(|unit| in_savepoint(connection, unit)));
                commit(connection)
            }
            Err(error) => {
                // The unit is dropped unrun, and its caller hears that the store is closed.
                tracing::error!(%error, "the database took no transaction");
                false
            }
        };
        if committed {
            commits.send_replace(());
        }
        for answer in answers.drain(..) {
            answer(committed);
        }
    }
    if let Err(error) = connection.batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the write-ahead log stays for the next start");
    }
}

fn in_savepoint(connection: &Connection, unit: Unit) -> Answer {
    // A full disk can end the whole transaction. A savepoint outside of one would commit by itself.
    if !connection.in_transaction() || connection.execute("SAVEPOINT unit", &[]).is_err() {
        return Box::new(move |_| drop(unit));
    }
    let (stands, answer) = unit(connection);
    let undone = if stands { Ok(0) } else { connection.execute("ROLLBACK TO unit", &[]) };
    match undone.and_then(|_| connection.execute("RELEASE unit", &[])) {
        Ok(_) => answer,
        // Happens when the disk is full or broken: the commit fails as well, and everybody hears of it.
        Err(error) => {
            tracing::error!(%error, "a unit of work could not be closed");
            answer
        }
    }
}

fn commit(connection: &Connection) -> bool {
    let Err(error) = connection.batch("COMMIT") else { return true };
    tracing::error!(%error, "a commit failed and was undone");
    if let Err(error) = connection.batch("ROLLBACK") {
        tracing::error!(%error, "nothing was left to undo");
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::StoreLimits;
    use super::super::sql::values;
    use super::*;

    const QUEUE_MAX: usize = 2;

    fn store() -> (Store, tempfile::TempDir) {
        let directory = tempfile::tempdir().expect("a directory is made");
        let limits = StoreLimits { write_queue_max: QUEUE_MAX, ..StoreLimits::default() };
        (Store::open(directory.path(), limits, 0).expect("the store opens"), directory)
    }

    async fn insert(store: &Store, name: &'static str, then: Result<()>) -> Result<()> {
        store
            .write(move |connection| {
                let sql = "INSERT INTO plugin_log (at, by, action, name, deployment, hash) \
                           VALUES (0, 'test', 'test', ?1, '', x'')";
                connection.execute(sql, values![name])?;
                then
            })
            .await
    }

    async fn names(store: &Store) -> Vec<String> {
        let read = store.read(|connection| {
            Ok(connection.query("SELECT name FROM plugin_log ORDER BY sequence", &[], |row| row.text(0))?)
        });
        read.await.expect("the names are read")
    }

    #[tokio::test]
    async fn a_unit_that_fails_is_undone_alone() {
        let (store, _directory) = store();
        insert(&store, "first", Ok(())).await.expect("it is written");
        insert(&store, "second", Err(StoreError::Closed)).await.expect_err("it fails at its end");
        insert(&store, "third", Ok(())).await.expect("it is written");
        assert_eq!(names(&store).await, ["first", "third"]);
    }

    #[tokio::test]
    async fn a_unit_that_panics_is_undone_and_the_writer_lives_on() {
        let (store, _directory) = store();
        let unit = |connection: &Connection| -> Result<()> {
            connection.execute("DELETE FROM schema_migrations", &[])?;
            panic!("as it happens");
        };
        let error = store.write(unit).await.expect_err("it panicked").to_string();
        assert!(error.contains("as it happens"), "{error}");
        insert(&store, "after", Ok(())).await.expect("it is written");
        let kept = store.read(|connection| {
            Ok(connection.query_one("SELECT COUNT(*) FROM schema_migrations", &[], |row| row.integer(0))?)
        });
        assert_ne!(kept.await.expect("it is read"), Some(0), "what it deleted is there again");
    }

    #[tokio::test]
    async fn the_queue_takes_what_it_may_hold_and_refuses_the_next() {
        let (store, _directory) = store();
        let (started, is_started) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let waiting = store.clone();
        let first = tokio::spawn(async move {
            let unit = move |_: &Connection| {
                started.send(()).expect("the test listens");
                may_go_on.recv().expect("the test goes on");
                Ok::<_, StoreError>(())
            };
            waiting.write(unit).await
        });
        tokio::task::yield_now().await;
        is_started.recv().expect("the writer runs the first unit");
        let queued: Vec<_> = (0..QUEUE_MAX)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { insert(&store, "queued", Err(StoreError::NotCommitted)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(store.writes_waiting(), QUEUE_MAX);
        assert!(matches!(insert(&store, "one too many", Ok(())).await, Err(StoreError::Full)));

        go_on.send(()).expect("the writer waits");
        first.await.expect("nothing panics").expect("it is written");
        for unit in queued {
            assert!(matches!(unit.await.expect("nothing panics"), Err(StoreError::NotCommitted)), "it had its turn");
        }
        insert(&store, "after", Ok(())).await.expect("there is room again");
        assert_eq!(names(&store).await, ["after"]);
        assert_eq!(store.writes_waiting(), 0);
    }
}
