//! Takes hits from the journal into the database: at once while there are few, and in the gaps while there are many.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::outflow::Outflow;
use super::record::HitRecord;
use crate::client_rules::ClientRules;
use crate::journal::Cursor;
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

pub(crate) struct Applier {
    pub(crate) store: Store,
    pub(crate) client_rules: Arc<ClientRules>,
}

/// An applier at work.
struct Working {
    store: Store,
    client_rules: Arc<ClientRules>,
    out: Outflow,
}

/// Hits that are ready for the database, and the place behind them.
struct Ready {
    hits: Vec<JournaledHit>,
    records: usize,
    next: Cursor,
}

impl Applier {
    pub(crate) fn start(self, out: Outflow) -> io::Result<thread::JoinHandle<()>> {
        // The store answers on channels; this runtime waits for them and does nothing else.
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let mut working = Working { store: self.store, client_rules: self.client_rules, out };
        thread::Builder::new().name("hits-apply".into()).spawn(move || working.run(&runtime))
    }
}

impl Working {
    fn run(&mut self, runtime: &Runtime) {
        let mut failing = false;
        while !self.out.is_over() {
            self.out.reader.wait(LOOK_AGAIN);
            let (started, written_before) = (Instant::now(), self.out.reader.written_bytes());
            match self.round(runtime) {
                Ok(None) if self.out.reader.is_at_the_end() => return,
                Ok(None) => {}
                Ok(Some(records)) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("hits go into the database again");
                    }
                    let is_flood = records == BATCH_MAX && self.out.reader.written_bytes() > written_before;
                    if is_flood && self.out.may_rest() {
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
            self.out.begin(oldest.at);
        }
        let Ready { hits, records, next } = ready;
        let (end_by, rules) = (&mut self.out.end_by, self.client_rules.now());
        let stored = runtime.block_on(async {
            tokio::select! {
                stored = self.store.apply_hits(hits, rules, next) => Some(stored),
                () = Outflow::end(end_by) => None,
            }
        });
        // At the end it may be stored all the same, with its place in the journal or not at all.
        let Some(stored) = stored else { return Ok(None) };
        stored?;
        self.out.took(next);
        Ok(Some(records))
    }

    fn ready(&mut self) -> io::Result<Option<Ready>> {
        let mut unreadable = 0;
        let Some(records) = self.out.reader.read(BATCH_MAX)? else {
            self.out.took_nothing();
            return Ok(None);
        };
        let next = records.next;
        let (mut hits, mut count) = (Vec::with_capacity(BATCH_MAX), 0);
        for payload in records.payloads() {
            count += 1;
            match HitRecord::decode(payload) {
                Some(hit) => hits.push(hit.journaled()),
                None => unreadable += 1,
            }
        }
        if unreadable > 0 {
            self.out.cannot_read(unreadable, next);
        }
        Ok(Some(Ready { hits, records: count, next }))
    }
}
