//! Reads what waits in the inbox: at once, a few rows at a time, and again after a while what could not be read.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Patience, read};
use crate::app::App;
use crate::server::Shutdown;
use crate::store::{Arrived, StoreError};

/// Rows that are read at once.
const PARALLEL_MAX: usize = 8;
/// How long a lease lasts, in milliseconds: longer than any plugin may take.
const LEASE_MS: i64 = 15 * 60 * 1_000;
/// The longest sleep, so that a clock that was set is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often the totals are counted, in milliseconds.
const COUNT_EVERY_MS: i64 = 15_000;
/// How long a row waits that the store did not take, in milliseconds.
const STORE_PAUSE_MS: i64 = 5_000;
/// The pause after the store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads what is due until the service stops. What is left is in the inbox at the next start.
pub async fn run(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) {
    let mut worker = Worker::new(app);
    loop {
        let pause = match worker.round().await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(%error, "the inbox could not be worked on");
                PAUSE
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = worker.app.inbox.due.notified() => {}
            Some(ended) = worker.under_way.join_next() => told(ended),
            _ = shutdown.wait_for(|step| *step >= Shutdown::Drain) => break,
        }
    }
    while let Some(ended) = worker.under_way.join_next().await {
        told(ended);
    }
}

/// Reads what is due now, and waits for it. For tests, beside no other worker.
pub async fn read_due(app: &Arc<App>) -> Result<(), StoreError> {
    let mut worker = Worker { is_open: true, ..Worker::new(Arc::clone(app)) };
    loop {
        worker.round().await?;
        match worker.under_way.join_next().await {
            Some(ended) => told(ended),
            None => return Ok(()),
        }
    }
}

struct Worker {
    app: Arc<App>,
    /// Whether it has taken over what the last process left.
    is_open: bool,
    /// When the totals were counted, in milliseconds.
    counted_at: Option<i64>,
    under_way: JoinSet<()>,
}

impl Worker {
    fn new(app: Arc<App>) -> Self {
        Self { app, is_open: false, counted_at: None, under_way: JoinSet::new() }
    }

    /// Begins whatever may begin, and says how long nothing is to be done unless something happens.
    async fn round(&mut self) -> Result<Duration, StoreError> {
        let (app, now) = (&self.app, self.app.now());
        if !self.is_open {
            let found = app.store.reopen_inbox(now).await?;
            self.is_open = true;
            if found > 0 {
                tracing::info!(found, "notifications are read that the process before this one had begun with");
            }
        }
        if self.counted_at.is_none_or(|at| (now - at).abs() >= COUNT_EVERY_MS) {
            app.inbox.totals.store(Arc::new(app.store.inbox_totals().await?));
            self.counted_at = Some(now);
        }
        while let Some(ended) = self.under_way.try_join_next() {
            told(ended);
        }
        let room = PARALLEL_MAX.saturating_sub(self.under_way.len());
        let due_at = app.store.inbox_due_at().await?;
        if room > 0 && due_at.is_some_and(|at| at <= now) {
            let leased = app.store.lease_inbox(i64::try_from(room).unwrap_or(0), now, now + LEASE_MS).await?;
            for arrived in leased {
                self.under_way.spawn(read_one(Arc::clone(app), arrived));
            }
            // Whatever is left is looked at when the first of them ends, or when there is room at once.
            return Ok(if self.under_way.len() < PARALLEL_MAX { Duration::ZERO } else { LOOK_AGAIN });
        }
        let wait = due_at.filter(|_| room > 0).map(|at| u64::try_from(at - now).unwrap_or(0));
        Ok(wait.map_or(LOOK_AGAIN, |millis| Duration::from_millis(millis).min(LOOK_AGAIN)))
    }
}

async fn read_one(app: Arc<App>, arrived: Arrived) {
    let (id, leased_until) = (arrived.arrival.id, arrived.leased_until);
    let Err(error) = read(&app, arrived, Patience::Kept).await else { return };
    tracing::error!(%error, notification = %id, "a notification could not be settled yet");
    let due_at = app.now() + STORE_PAUSE_MS;
    // Where that fails too, the end of the lease gives the row back.
    drop(app.store.put_back(id, leased_until, due_at, error.to_string()).await);
}

fn told(ended: Result<(), tokio::task::JoinError>) {
    // Its lease gives the row back.
    if let Err(error) = ended {
        tracing::error!(%error, "reading a notification ended in a panic");
    }
}
