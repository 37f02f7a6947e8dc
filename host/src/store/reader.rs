//! The reader threads: each has a read-only connection of its own.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use libsql::OpenFlags;
use tokio::sync::oneshot;

use super::sql::{self, Connection};
use super::{Result, Store, StoreError};

type Query = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Clone)]
pub(crate) struct Readers {
    queue: SyncSender<Query>,
}

impl Readers {
    pub(crate) fn start(path: &Path, threads: usize, queue_max: usize) -> Result<Self> {
        let (queue, queries) = mpsc::sync_channel(queue_max);
        let queries = Arc::new(Mutex::new(queries));
        for number in 0..threads {
            let connection = sql::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            // 4 MiB of pages for each; a reader never waits for the writer in WAL mode.
            connection.batch("PRAGMA query_only = ON; PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;")?;
            let queries = Arc::clone(&queries);
            thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || run(&connection, &queries))
                .map_err(|_| StoreError::Closed)?;
        }
        Ok(Self { queue })
    }
}

impl Store {
    /// Runs a query on a reader thread. It sees every unit of work that was answered before.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let query: Query = Box::new(move |connection| drop(answer.send(query(connection))));
        self.readers.queue.try_send(query).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Full,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn run(connection: &Connection, queries: &Mutex<Receiver<Query>>) {
    loop {
        let next = queries.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(query) = next else { return };
        // A query that panics answers nobody, so its caller hears that the store is closed; the thread lives on.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| query(connection))).is_err() {
            tracing::error!("a query panicked");
            thread::sleep(Duration::from_millis(1));
        }
    }
}
