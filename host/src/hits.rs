//! Opens and clicks: on disk in a journal of their own before they are answered, in the database a moment later. At an
//! edge node the origin is where they go from there.

mod applier;
pub(crate) mod bytes;
mod outflow;
mod record;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::sync::watch;

pub(crate) use self::applier::Applier;
pub(crate) use self::outflow::Outflow;
pub(crate) use self::record::HitRecord;
use crate::app::App;
use crate::config::Config;
use crate::journal::{Cursor, Figures, Journal, Limits, Refusal, SEGMENT_BYTES_MIN};
use crate::mail::event::EventType;
use crate::store::JournaledHit;

/// The folder of the journal inside the data directory.
const FOLDER: &str = "hits";
/// Bytes of the largest file of the journal.
const SEGMENT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Files that the journal has at least room for.
const SEGMENTS_MIN: u64 = 16;
/// How long hits are still taken over when the service stops.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Hits that can be shed.
pub(crate) const SHED_EVENTS: [EventType; 3] = [EventType::Opened, EventType::Clicked, EventType::Unsubscribed];
/// Why a hit can be shed.
pub(crate) const SHED_REASONS: [&str; 3] = ["journal_full", "disk_full", "disk_broken"];

/// Where hits are recorded.
pub(crate) struct Hits {
    journal: Journal,
    applied: watch::Receiver<u64>,
    oldest_at: Arc<AtomicI64>,
    end_by: watch::Sender<Option<Instant>>,
    applier: Mutex<Option<JoinHandle<()>>>,
    left_over_bytes: u64,
    shed: [[AtomicU64; SHED_REASONS.len()]; SHED_EVENTS.len()],
    /// Whether the log says that hits are shed.
    is_shedding: AtomicBool,
}

impl Hits {
    /// Opens the journal, what stands before `from` in it being taken over, and has somebody take over the rest. Blocks.
    pub(crate) fn open(
        config: &Config,
        from: Cursor,
        take_over: impl FnOnce(Outflow) -> std::io::Result<JoinHandle<()>>,
    ) -> std::io::Result<Self> {
        let bytes_max = config.hit_journal_bytes_max;
        let limits = Limits {
            segment_bytes: (bytes_max / SEGMENTS_MIN).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX),
            unapplied_bytes_max: bytes_max,
            durability: config.hit_durability,
            packing: record::PACKING,
        };
        let (journal, reader) = Journal::open(&config.data_dir.join(FOLDER), limits, from)?;
        let left_over_bytes = journal.written_bytes();
        if left_over_bytes > 0 {
            tracing::info!(bytes = left_over_bytes, "hits of an earlier run are taken over first");
        }
        let (done, applied) = watch::channel(0);
        let (oldest_at, end_by) = (Arc::default(), watch::Sender::new(None));
        let thread = take_over(Outflow {
            reader,
            applied: done,
            oldest_at: Arc::clone(&oldest_at),
            end_by: end_by.subscribe(),
            left_over_bytes,
            hurry_bytes: bytes_max / 2,
        })?;
        Ok(Self {
            journal,
            applied,
            oldest_at,
            end_by,
            applier: Mutex::new(Some(thread)),
            left_over_bytes,
            shed: Default::default(),
            is_shedding: AtomicBool::new(false),
        })
    }

    /// Records a hit, and returns true once it is as durable as the settings say. False when it could not be, which is
    /// counted and logged.
    pub(crate) async fn record(&self, hit: &HitRecord<'_>) -> bool {
        match self.journal.append(&hit.encode()).await {
            Ok(()) => {
                if self.is_shedding.load(Ordering::Relaxed) && self.is_shedding.swap(false, Ordering::Relaxed) {
                    tracing::info!("hits are recorded again");
                }
                true
            }
            Err(refusal) => {
                self.shed(hit.event_type, refusal);
                false
            }
        }
    }

    fn shed(&self, event_type: EventType, refusal: Refusal) {
        let reason = match refusal {
            Refusal::Full => 0,
            Refusal::NoRoom => 1,
            Refusal::Broken | Refusal::Closed => 2,
        };
        let event = SHED_EVENTS.iter().position(|known| *known == event_type).expect("no other event is a hit");
        self.shed[event][reason].fetch_add(1, Ordering::Relaxed);
        // Once, however many there are.
        if !self.is_shedding.swap(true, Ordering::Relaxed) {
            tracing::error!(reason = SHED_REASONS[reason], "hits are not recorded: {refusal}");
        }
    }

    /// How many hits were shed, by [`SHED_EVENTS`] and [`SHED_REASONS`].
    pub(crate) fn shed_counts(&self) -> [[u64; SHED_REASONS.len()]; SHED_EVENTS.len()] {
        self.shed.each_ref().map(|reasons| reasons.each_ref().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(crate) fn figures(&self) -> Figures {
        self.journal.figures()
    }

    /// How old the oldest hit is that is not taken over yet, in milliseconds.
    pub(crate) fn lag_ms(&self, now: i64) -> i64 {
        match self.oldest_at.load(Ordering::Relaxed) {
            0 => 0,
            oldest => (now - oldest).max(0),
        }
    }

    /// Whether everything that earlier processes left is in the database, and what follows gets there.
    pub(crate) fn is_ready(&self) -> bool {
        *self.applied.borrow() >= self.left_over_bytes && self.applied.has_changed().is_ok()
    }

    /// Waits until the hits that were answered are in the database.
    async fn are_applied(&self) {
        let target = self.journal.written_bytes();
        // The applier is gone when the service stops, and then there is nothing to wait for.
        drop(self.applied.clone().wait_for(|applied| *applied >= target).await);
    }

    /// Takes no more hits, has the disk take those that it took, and gives them a moment to get into the database.
    /// Blocks.
    pub(crate) fn close(&self) {
        self.journal.close();
        self.end_by.send_replace(Some(Instant::now() + END_WITHIN));
        let Some(applier) = self.applier.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        applier.thread().unpark();
        if applier.join().is_err() {
            tracing::error!("the thread that takes hits over panicked");
        }
    }
}

impl Drop for Hits {
    fn drop(&mut self) {
        self.close();
    }
}

/// Waits until every hit that was answered is in the database. For tests.
pub async fn applied(app: &App) {
    app.tracking.hits.are_applied().await;
}

/// What its event says of a hit, but for who made it, which is judged when it gets into the database.
fn event_data(hit: &HitRecord<'_>) -> Json {
    let mut data = json!({ "ip": hit.peer, "user_agent": hit.user_agent.as_deref().map(record::cut) });
    if let Some(source) = hit.source {
        data["source"] = Json::from(source.as_str());
    }
    for (sign, is_there) in [("head", hit.head_before), ("canary", hit.canary)] {
        if is_there {
            data[sign] = Json::from(true);
        }
    }
    if let Some(url) = &hit.destination {
        data["url"] = Json::from(url.as_ref());
        data["link"] = Json::from(hit.link);
    }
    data
}

impl HitRecord<'_> {
    /// The same as the store takes it.
    pub(crate) fn journaled(&self) -> JournaledHit {
        let Self { id, email_id, event_type, at, .. } = *self;
        JournaledHit { id, email_id, event_type, data: event_data(self), at }
    }
}

#[cfg(test)]
mod tests;
