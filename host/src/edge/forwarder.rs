//! Hands notifications over to the origin, the oldest first, beside the hits and never for more than half of the time. The
//! origin says of each what became of it. While it is away everything waits in the spool.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use uuid::Uuid;

use super::aside;
use super::backoff::{BACKOFF_MAX, Backoff};
use super::link::{Link, LinkError};
use super::spool::Spool;
use crate::nodes::batch::{Batch, NOTIFICATIONS_BATCH};
use crate::nodes::wire::Fate;

/// How long it waits for notifications before it looks whether it is over.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// When the origin is asked again about one that it could not check.
const LATER: Duration = Duration::from_mins(1);
/// How long the node rests for each time that a batch took.
const REST_PER_WORK: u32 = 1;

/// Who hands over, and what for.
pub(super) struct Forwarder {
    pub(super) link: Arc<ArcSwap<Link>>,
    pub(super) spool: Arc<Spool>,
    pub(super) counts: Arc<Counts>,
    pub(super) data_dir: PathBuf,
    /// True when it is over. What is left is in the spool at the next start.
    pub(super) is_over: watch::Receiver<bool>,
}

/// What became of notifications, since the start.
#[derive(Default)]
pub(super) struct Counts {
    taken: AtomicU64,
    refused: AtomicU64,
    set_aside: AtomicU64,
}

/// A look at all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// Those that the origin has.
    pub(crate) taken: u64,
    /// Those that were not genuine, or whose source is gone.
    pub(crate) refused: u64,
    /// Those that were damaged.
    pub(crate) set_aside: u64,
}

/// A forwarder at work.
struct Working {
    forwarder: Forwarder,
    backoff: Backoff,
    /// How many go one by one, because the origin refused them as a batch.
    one_by_one: usize,
}

impl Counts {
    pub(super) fn look(&self) -> Seen {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Seen { taken: count(&self.taken), refused: count(&self.refused), set_aside: count(&self.set_aside) }
    }
}

impl Forwarder {
    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut working = Working { forwarder: self, backoff: Backoff::default(), one_by_one: 0 };
        thread::Builder::new().name("spool-ship".into()).spawn(move || working.run(&runtime))
    }
}

impl Working {
    fn run(&mut self, runtime: &Runtime) {
        loop {
            self.forwarder.spool.wait(LOOK_AGAIN);
            if *self.forwarder.is_over.borrow() {
                return;
            }
            let rest = self.round(runtime).unwrap_or_else(|error| self.failed(&error));
            runtime.block_on(async {
                let over = self.forwarder.is_over.wait_for(|is_over| *is_over);
                drop(tokio::time::timeout(rest, over).await);
            });
        }
    }

    /// Hands over what is due, and says how long to rest.
    fn round(&mut self, runtime: &Runtime) -> Result<Duration, LinkError> {
        let (ids, batch) = self.ready();
        if ids.is_empty() {
            return Ok(Duration::ZERO);
        }
        let started = Instant::now();
        let link = self.forwarder.link.load_full();
        let is_over = &mut self.forwarder.is_over;
        let told = runtime.block_on(async {
            tokio::select! {
                told = link.notifications(batch.into()) => Some(told),
                _ = is_over.wait_for(|is_over| *is_over) => None,
            }
        });
        // The origin may have them all the same, and gets them again at the next start.
        let Some(told) = told else { return Ok(Duration::ZERO) };
        self.one_by_one = self.one_by_one.saturating_sub(ids.len());
        let asked_for = match told {
            Ok(reply) => {
                for (id, fate) in ids.iter().zip(reply.fates) {
                    self.settle(*id, fate);
                }
                Duration::from_millis(reply.rest_ms).min(BACKOFF_MAX)
            }
            // One of them is why; the others are not to go with it.
            Err(LinkError::Refused(_)) if ids.len() > 1 => {
                self.one_by_one = ids.len();
                Duration::ZERO
            }
            Err(LinkError::Refused(why)) => {
                for id in &ids {
                    self.set_aside(*id, &why);
                }
                Duration::ZERO
            }
            Err(error) => return Err(error),
        };
        if !self.backoff.is_over() {
            tracing::info!("the origin takes notifications");
        }
        self.backoff = Backoff::default();
        let is_pressing = self.forwarder.spool.is_pressing();
        Ok(if is_pressing { asked_for } else { asked_for.max(started.elapsed() * REST_PER_WORK) })
    }

    /// The oldest notifications, as many as may go at once. What cannot be read is set aside.
    fn ready(&self) -> (Vec<Uuid>, Vec<u8>) {
        let rows_max = if self.one_by_one > 0 { 1 } else { NOTIFICATIONS_BATCH.records_max };
        let spool = &self.forwarder.spool;
        let (mut ids, mut batch) = (Vec::new(), Batch::of(NOTIFICATIONS_BATCH));
        for id in spool.due(rows_max, NOTIFICATIONS_BATCH.bytes_max as u64) {
            match spool.read(id) {
                Ok(Some(record)) if batch.push(&record) => ids.push(id),
                // It is the first of the next one.
                Ok(Some(_)) if batch.records() > 0 => break,
                Ok(_) => self.set_aside(id, "its file is damaged"),
                Err(error) => {
                    tracing::error!(%error, notification = %id, "a notification cannot be read, and is tried again");
                    spool.put_off(id, Instant::now() + LATER);
                }
            }
        }
        (ids, batch.into_bytes())
    }

    fn settle(&self, id: Uuid, fate: Fate) {
        let counts = &self.forwarder.counts;
        match fate {
            Fate::Taken => {
                counts.taken.fetch_add(1, Ordering::Relaxed);
            }
            Fate::Refused => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(notification = %id, "the origin refuses a notification, which is dropped");
            }
            Fate::Later => return self.forwarder.spool.put_off(id, Instant::now() + LATER),
        }
        if let Err(error) = self.forwarder.spool.remove(id) {
            tracing::error!(%error, notification = %id, "a notification that is handed over cannot be removed");
        }
    }

    /// Keeps what the origin will never take where a person finds it.
    fn set_aside(&self, id: Uuid, why: &str) {
        self.forwarder.counts.set_aside.fetch_add(1, Ordering::Relaxed);
        let place = aside::place(&self.forwarder.data_dir, &format!("{id}.notification"));
        let moved = place.and_then(|place| self.forwarder.spool.set_aside(id, place.as_deref()).map(|()| place));
        match moved {
            Ok(Some(path)) => {
                tracing::error!(why, file = %path.display(), "a notification cannot be handed over and is set aside");
            }
            Ok(None) => {
                tracing::error!(why, notification = %id, "a notification is lost: no place is left to set it aside");
            }
            Err(error) => tracing::error!(why, %error, notification = %id, "a notification cannot be set aside"),
        }
    }

    /// Says what is wrong, once, and how long to wait.
    fn failed(&mut self, error: &LinkError) -> Duration {
        if self.backoff.is_over() {
            tracing::warn!(%error, "notifications wait in the spool");
        }
        if matches!(error, LinkError::Revoked) { self.backoff.longest() } else { self.backoff.next() }
    }
}
