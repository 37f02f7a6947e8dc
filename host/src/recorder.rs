//! Records what scorers were given to judge, so that a candidate can be tried on it before it serves.
//!
//! A request only ever puts a copy into a bounded queue, and nothing when that is full. A background task seals or
//! redacts what waits there and stores it in batches. What waits when the process is killed is lost, which costs a
//! sample a few of its last messages and nothing else: everything that is stored is whole.

mod protect;
pub mod recorded;
mod redact;
mod sample;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{interval, sleep};
use uuid::Uuid;

use self::protect::Protector;
use self::sample::Sampler;
use crate::api::time::rfc3339;
use crate::app::App;
use crate::config::{Config, RecordProtection, RecordScoring};
use crate::plugins::scorer::Message;
use crate::secrets::HostKey;
use crate::server::Shutdown;
use crate::store::{Kept, NewRecording, Protection, StoreError};

/// Messages that wait to be recorded. One more is dropped.
const QUEUE_MAX: usize = 1_024;
/// Bytes of all messages that wait. What does not fit is dropped.
const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one message as it is recorded. A larger one is not.
pub(crate) const INPUT_BYTES_MAX: usize = 1024 * 1024;
/// Messages of one unit of work.
const BATCH_MAX: usize = 128;
/// Bytes of one unit of work. A single message always fits.
const BATCH_BYTES_MAX: usize = INPUT_BYTES_MAX + 1_024;
/// How long the first message of a batch waits for others.
const GATHERING: Duration = Duration::from_millis(50);
/// How often old recordings are looked for.
const RETENTION_PAUSE: Duration = Duration::from_mins(1);
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The recorder of one service.
pub(crate) struct Recorder {
    sampler: Sampler,
    protector: Arc<Protector>,
    rows_max: i64,
    bytes_max: i64,
    keep_ms: i64,
    queue: mpsc::Sender<Offer>,
    waiting: Mutex<mpsc::Receiver<Offer>>,
    /// Bytes that are free in the queue.
    room: Arc<Semaphore>,
    /// Rung when something was offered.
    offered: Notify,
    counts: Counts,
}

/// What became of the messages since the start.
#[derive(Default)]
struct Counts {
    recorded: AtomicU64,
    dropped: AtomicU64,
    too_large: AtomicU64,
    failed: AtomicU64,
}

/// A message that is to be recorded once it has been judged. It holds its place in the queue.
pub(crate) struct Sampled {
    place: mpsc::OwnedPermit<Offer>,
    room: OwnedSemaphorePermit,
    customer_id: Uuid,
    message: Message,
}

struct Offer {
    customer_id: Uuid,
    message: Message,
    recorded_at: i64,
    spam_score: Option<f64>,
    plugin: Option<String>,
    _room: OwnedSemaphorePermit,
}

impl Recorder {
    pub(crate) fn new(config: &Config, host_key: &HostKey) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let protection = match config.record_protection {
            RecordProtection::Encrypted => Protection::Encrypted,
            RecordProtection::Redacted => Protection::Redacted,
        };
        let percent = match config.record_scoring {
            RecordScoring::Off => 0,
            RecordScoring::Sampled => config.record_sample_percent,
            RecordScoring::Full => 100,
        };
        Self {
            sampler: Sampler::new(percent, &host_key.derive("sample of recorded inputs")),
            protector: Arc::new(Protector::new(
                protection,
                &host_key.derive("recorded inputs"),
                &host_key.derive("digests of recorded inputs"),
            )),
            rows_max: config.record_rows_max,
            bytes_max: config.record_bytes_max,
            keep_ms: config.record_keep_days * DAY_MS,
            queue,
            waiting: Mutex::new(waiting),
            room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
            offered: Notify::new(),
            counts: Counts::default(),
        }
    }

    /// Copies a message that is about to be judged, if it is one of those to be recorded and there is room for it.
    pub(crate) fn sample(&self, customer_id: Uuid, message: &Message) -> Option<Sampled> {
        if !self.sampler.takes(message) {
            return None;
        }
        let bytes = sample::size(message);
        if bytes > INPUT_BYTES_MAX {
            count(&self.counts.too_large, 1);
            return None;
        }
        let place = self.queue.clone().try_reserve_owned().ok();
        let room = u32::try_from(bytes).ok().and_then(|bytes| self.room.clone().try_acquire_many_owned(bytes).ok());
        let Some((place, room)) = place.zip(room) else {
            count(&self.counts.dropped, 1);
            return None;
        };
        Some(Sampled { place, room, customer_id, message: message.clone() })
    }

    /// Hands a copied message over with what was judged: the score, or none when no plugin answered, and the plugin
    /// that was asked.
    pub(crate) fn offer(&self, sampled: Option<Sampled>, spam_score: Option<f64>, plugin: Option<String>, now: i64) {
        if let Some(Sampled { place, room, customer_id, message }) = sampled {
            place.send(Offer { customer_id, message, recorded_at: now, spam_score, plugin, _room: room });
            self.offered.notify_one();
        }
    }

    /// A recorded input as it was, or redacted; or why it cannot be read.
    pub(crate) fn open(&self, id: Uuid, protection: Protection, input: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        self.protector.open(id, protection, input)
    }

    /// Takes what waits, at most a batch.
    async fn waiting(&self) -> Vec<Offer> {
        let mut waiting = self.waiting.lock().await;
        let next = std::iter::from_fn(|| waiting.try_recv().ok());
        next.take(BATCH_MAX).collect()
    }

    /// Seals or redacts messages; those that turn out too large are left out.
    fn prepare(&self, offers: &[Offer], ids: &mut crate::ids::Ids) -> Vec<NewRecording> {
        let mut prepared = Vec::with_capacity(offers.len());
        for offer in offers {
            let id = ids();
            match self.protector.protect(id, &offer.message) {
                Ok(Some(protected)) => prepared.push(NewRecording {
                    id,
                    recorded_at: offer.recorded_at,
                    customer_id: offer.customer_id,
                    protection: self.protector.protection,
                    input: protected.input,
                    input_digest: protected.digest,
                    spam_score: offer.spam_score,
                    plugin: offer.plugin.clone(),
                }),
                Ok(None) => count(&self.counts.too_large, 1),
                Err(error) => {
                    tracing::error!(error, "a message was not recorded");
                    count(&self.counts.failed, 1);
                }
            }
        }
        prepared
    }
}

fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

/// Stores what is offered, and removes what is old, until the service stops.
pub async fn run(app: Arc<App>, mut shutdown: watch::Receiver<Shutdown>) {
    let mut retention = interval(RETENTION_PAUSE);
    loop {
        tokio::select! {
            () = app.recorder.offered.notified() => {
                sleep(GATHERING).await;
                store_waiting(&app).await;
            }
            _ = retention.tick() => {
                if let Err(error) = remove_old(&app).await {
                    tracing::warn!(%error, "old recordings were not removed");
                }
            }
            () = stopped(&mut shutdown) => break,
        }
    }
    store_waiting(&app).await;
}

async fn stopped(shutdown: &mut watch::Receiver<Shutdown>) {
    // Who would say it is gone, which says the same.
    drop(shutdown.wait_for(|step| *step >= Shutdown::Drain).await);
}

/// Stores everything that waits. What the store does not take is counted and gone: a request never waits for this.
pub async fn store_waiting(app: &App) {
    let recorder = &app.recorder;
    loop {
        let offers = recorder.waiting().await;
        if offers.is_empty() {
            return;
        }
        let mut ids = app.ids(app.now());
        for batch in batches(recorder.prepare(&offers, &mut ids)) {
            let rows = batch.len();
            match store(app, batch).await {
                Ok(()) => count(&recorder.counts.recorded, rows),
                Err(error) => {
                    tracing::warn!(%error, rows, "messages were not recorded");
                    count(&recorder.counts.failed, rows);
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Units of work of bounded size.
fn batches(recordings: Vec<NewRecording>) -> Vec<Vec<NewRecording>> {
    let (mut batches, mut bytes) = (vec![Vec::new()], 0);
    for recording in recordings {
        bytes += recording.input.len();
        let last = batches.last_mut().expect("there is one from the start");
        if bytes > BATCH_BYTES_MAX && !last.is_empty() {
            bytes = recording.input.len();
            batches.push(vec![recording]);
        } else {
            last.push(recording);
        }
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}

async fn store(app: &App, batch: Vec<NewRecording>) -> Result<(), StoreError> {
    let (rows_max, bytes_max) = (app.recorder.rows_max, app.recorder.bytes_max);
    // More rows than may be kept at all: the newest are.
    let surplus = batch.len().saturating_sub(usize::try_from(rows_max).unwrap_or(usize::MAX));
    let batch: Vec<_> = batch.into_iter().skip(surplus).collect();
    let bytes = batch.iter().map(|recording| recording.input.len()).sum::<usize>();
    let new = (i64::try_from(batch.len()).unwrap_or(i64::MAX), i64::try_from(bytes).unwrap_or(i64::MAX));
    while !app.store.make_room_for_recordings(new, rows_max, bytes_max).await? {}
    app.store.record_inputs(batch).await
}

/// Removes what is older than the settings say.
pub async fn remove_old(app: &App) -> Result<(), StoreError> {
    let before = app.now().saturating_sub(app.recorder.keep_ms);
    while !app.store.remove_recordings_before(before).await? {}
    Ok(())
}

/// Removes every recording, and what waits to become one.
pub(crate) async fn clear(app: &App) -> Result<(), StoreError> {
    while !app.recorder.waiting().await.is_empty() {}
    while !app.store.remove_recordings_before(i64::MAX).await? {}
    Ok(())
}

/// What is recorded, what was not and why, and the settings.
pub(crate) async fn status(app: &App) -> Result<Json, StoreError> {
    let recordings = app.store.kept_recordings().await?;
    let notifications = app.store.kept_notifications().await?;
    let counts = &app.recorder.counts;
    let [recorded, dropped, too_large, failed] = [&counts.recorded, &counts.dropped, &counts.too_large, &counts.failed]
        .map(|count| count.load(Ordering::Relaxed));
    let in_effect = app.config.effective().filter(|(setting, ..)| setting.name.starts_with("record_"));
    let settings: serde_json::Map<_, _> =
        in_effect.map(|(setting, value, _)| (setting.name.into(), value.into())).collect();
    let mut scorer = kept(&recordings);
    scorer["encrypted"] = recordings.encrypted.into();
    scorer["redacted"] = (recordings.rows - recordings.encrypted).into();
    Ok(json!({
        "scorer": scorer,
        "normalizer": kept(&notifications),
        "since_start": { "recorded": recorded, "dropped": dropped, "too_large": too_large, "failed": failed },
        "settings": settings,
    }))
}

fn kept(kept: &Kept) -> Json {
    json!({ "inputs": kept.rows, "bytes": kept.bytes, "oldest_at": kept.oldest_at.map(rfc3339),
        "newest_at": kept.newest_at.map(rfc3339) })
}

#[cfg(test)]
mod tests {
    use super::redact::tests::message;
    use super::*;

    fn recorder() -> (Recorder, tempfile::TempDir) {
        let variable = |name: &str| (name == "PILLARBOX_RECORD_SCORING").then(|| "full".to_owned());
        let config = Config::read(&variable, None).expect("the settings are good");
        let directory = tempfile::tempdir().expect("a directory is made");
        let host_key = HostKey::load(directory.path()).expect("a key is made");
        (Recorder::new(&config, &host_key), directory)
    }

    fn counts(recorder: &Recorder) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&recorder.counts.dropped), count(&recorder.counts.too_large))
    }

    /// A message of exactly so many bytes.
    fn of_size(bytes: usize) -> Message {
        let empty = Message { text: Some(String::new()), ..message() };
        let rest = bytes - sample::size(&empty);
        Message { text: Some("x".repeat(rest)), ..empty }
    }

    #[tokio::test]
    async fn so_many_messages_wait_and_one_more_is_dropped_and_counted() {
        let (recorder, _directory) = recorder();
        for _ in 0..QUEUE_MAX {
            let sampled = recorder.sample(Uuid::nil(), &message()).expect("there is room");
            recorder.offer(Some(sampled), None, None, 0);
        }
        assert!(recorder.sample(Uuid::nil(), &message()).is_none());
        assert_eq!(counts(&recorder), (1, 0));
        assert_eq!(recorder.waiting().await.len(), BATCH_MAX);
        assert!(recorder.sample(Uuid::nil(), &message()).is_some(), "there is room again");
    }

    #[tokio::test]
    async fn so_many_bytes_wait_and_one_more_is_dropped_and_counted() {
        let (recorder, _directory) = recorder();
        let fit = QUEUE_BYTES_MAX / INPUT_BYTES_MAX;
        let held: Vec<_> = (0..fit).filter_map(|_| recorder.sample(Uuid::nil(), &of_size(INPUT_BYTES_MAX))).collect();
        assert_eq!(held.len(), fit);
        assert!(recorder.sample(Uuid::nil(), &message()).is_none());
        assert_eq!(counts(&recorder), (1, 0));
        // Who never comes back with a judgement holds nothing.
        drop(held);
        assert!(recorder.sample(Uuid::nil(), &of_size(INPUT_BYTES_MAX)).is_some());
        assert!(recorder.sample(Uuid::nil(), &of_size(INPUT_BYTES_MAX + 1)).is_none());
        assert_eq!(counts(&recorder), (1, 1));
    }

    #[test]
    fn a_unit_of_work_is_small_and_takes_a_single_message_of_any_size() {
        let recording = |bytes: usize| NewRecording {
            id: Uuid::nil(),
            recorded_at: 0,
            customer_id: Uuid::nil(),
            protection: Protection::Redacted,
            input: vec![0; bytes],
            input_digest: [0; 32],
            spam_score: None,
            plugin: None,
        };
        let sizes = |sizes: &[usize]| {
            let batches = batches(sizes.iter().map(|size| recording(*size)).collect());
            batches.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[BATCH_BYTES_MAX - 1, 1]), [2]);
        assert_eq!(sizes(&[BATCH_BYTES_MAX, 1, 1]), [1, 2]);
        assert_eq!(sizes(&[2 * BATCH_BYTES_MAX, 1, 2 * BATCH_BYTES_MAX]), [1, 1, 1]);
    }
}
