//! Takes hits from the journal into the database: at once while there are few, and in the gaps while there are many.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::event_data;
use super::record::HitRecord;
use crate::client_rules::ClientRules;
use crate::journal::{Cursor, Reader};
use crate::store::{JournaledHit, Store};

/// Hits of one unit of work: bounds how long a send waits behind them.
const BATCH_MAX: usize = 1_000;
/// During a flood, how long the applier rests for each time that it worked: the rest belongs to the sends, and to
/// the answers that the flood waits for.
const REST_PER_WORK: u32 = 4;
/// The pause after the database failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How long it waits for hits before it looks whether it is to end.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

pub(super) struct Applier {
    pub(super) store: Store,
    pub(super) client_rules: Arc<ClientRules>,
    pub(super) reader: Reader,
    /// Bytes of the journal that are taken over.
    pub(super) applied: watch::Sender<u64>,
    /// When the hits were made that are being taken over; 0 when there are none.
    pub(super) oldest_at: Arc<AtomicI64>,
    /// When it is to end at the latest. What is left is in the journal at the next start.
    pub(super) end_by: watch::Receiver<Option<Instant>>,
    /// Bytes of the journal that earlier processes left. They are hurried.
    pub(super) left_over_bytes: u64,
    /// Bytes that wait beyond which it rests no more.
    pub(super) hurry_bytes: u64,
}

/// Hits that are ready for the database, and the place behind them.
struct Ready {
    hits: Vec<JournaledHit>,
    records: usize,
    next: Cursor,
}

impl Applier {
    pub(super) fn start(mut self) -> io::Result<thread::JoinHandle<()>> {
        // The store answers on channels; this runtime waits for them and does nothing else.
        let runtime = Builder::new_current_thread().enable_time().build()?;
        thread::Builder::new().name("hits-apply".into()).spawn(move || self.run(&runtime))
    }

    fn run(&mut self, runtime: &Runtime) {
        let mut failing = false;
        while !self.is_over() {
            self.reader.wait(LOOK_AGAIN);
            let started = Instant::now();
            match self.round(runtime) {
                Ok(None) if self.reader.is_at_the_end() => return,
                Ok(None) => {}
                Ok(Some(records)) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("hits go into the database again");
                    }
                    if records == BATCH_MAX && self.may_rest() {
                        thread::park_timeout(started.elapsed() * REST_PER_WORK);
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "hits cannot be taken into the database and wait in the journal");
                    }
                    thread::park_timeout(PAUSE);
                }
            }
        }
    }

    /// Takes over one batch and says how many records it had. `None` when there are none.
    fn round(&mut self, runtime: &Runtime) -> Result<Option<usize>, Box<dyn std::error::Error>> {
        let Some(ready) = self.ready()? else { return Ok(None) };
        if let Some(oldest) = ready.hits.first() {
            self.oldest_at.store(oldest.at, Ordering::Relaxed);
        }
        let Ready { hits, records, next } = ready;
        let (end_by, rules) = (&mut self.end_by, self.client_rules.now());
        let stored = runtime.block_on(async {
            tokio::select! {
                stored = self.store.apply_hits(hits, rules, next) => Some(stored),
                () = end(end_by) => None,
            }
        });
        // At the end it may be stored all the same, with its place in the journal or not at all.
        let Some(stored) = stored else { return Ok(None) };
        stored?;
        self.reader.advance(next);
        self.oldest_at.store(0, Ordering::Relaxed);
        self.applied.send_replace(self.reader.applied_bytes());
        Ok(Some(records))
    }

    fn ready(&mut self) -> io::Result<Option<Ready>> {
        let mut unreadable = 0;
        let Some(records) = self.reader.read(BATCH_MAX)? else {
            // Damage that was stepped over counts as taken over.
            self.applied.send_replace(self.reader.applied_bytes());
            return Ok(None);
        };
        let next = records.next;
        let (mut hits, mut count) = (Vec::with_capacity(BATCH_MAX), 0);
        for payload in records.payloads() {
            count += 1;
            match HitRecord::decode(payload) {
                Some(hit) => hits.push(JournaledHit {
                    id: hit.id,
                    email_id: hit.email_id,
                    event_type: hit.event_type,
                    data: event_data(&hit),
                    at: hit.at,
                }),
                None => unreadable += 1,
            }
        }
        if unreadable > 0 {
            self.reader.keep_aside();
            tracing::error!(
                unreadable,
                segment = next.segment,
                before = next.offset,
                "the journal has hits that this version cannot read; their file is kept"
            );
        }
        Ok(Some(Ready { hits, records: count, next }))
    }

    fn may_rest(&self) -> bool {
        let applied = self.reader.applied_bytes();
        let is_closing = self.end_by.borrow().is_some();
        !is_closing && applied >= self.left_over_bytes && self.reader.unapplied_bytes() < self.hurry_bytes
    }

    fn is_over(&self) -> bool {
        self.end_by.borrow().is_some_and(|end| end <= Instant::now())
    }
}

/// Waits until the applier is to end.
async fn end(by: &mut watch::Receiver<Option<Instant>>) {
    let at = by.wait_for(Option::is_some).await.ok().and_then(|at| *at);
    sleep_until(at.unwrap_or_else(Instant::now).into()).await;
}
