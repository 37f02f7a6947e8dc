//! Hands hits over to the origin, one batch after the other in their order, and hears from it what the node needs to know.
//! While the origin is away everything waits in the journal, and the origin is asked ever more rarely.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, Runtime};

use super::addresses::Addresses;
use super::aside;
use super::backoff::{BACKOFF_MAX, Backoff};
use super::cursor::CursorFile;
use super::identity::{Identity, NewKey};
use super::link::{Link, LinkError};
use super::progress::Progress;
use super::ring::Ring;
use crate::app::Clock;
use crate::hits::{HitRecord, Outflow};
use crate::journal::Cursor;
use crate::nodes::batch::{Batch, HITS_BATCH};
use crate::nodes::wire::{CertificateRequest, StateReport};

/// How often the origin hears how far the node is.
const STATE_EVERY: Duration = Duration::from_secs(5);
/// How long it waits for hits before it looks whether there is something else to do.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long the node rests for each time that a batch took, while it has hits to answer.
const REST_PER_WORK: u32 = 1;

/// Who hands over, and what for.
pub(super) struct Shipper {
    pub(super) identity: Identity,
    pub(super) link: Arc<ArcSwap<Link>>,
    pub(super) ring: Arc<Ring>,
    /// Of sources; `None` when the node takes no notifications.
    pub(super) addresses: Option<Arc<Addresses>>,
    pub(super) progress: Arc<Progress>,
    pub(super) cursor: CursorFile,
    pub(super) data_dir: PathBuf,
    pub(super) clock: Clock,
}

/// A shipper at work.
struct Working {
    shipper: Shipper,
    out: Outflow,
    backoff: Backoff,
    next_state: Instant,
}

/// A batch, and the place behind it.
struct Ready {
    batch: Batch,
    oldest_at: Option<i64>,
    next: Cursor,
}

/// What a round came to.
enum Round {
    Nothing,
    /// It rests so long before the next one.
    Done(Duration),
}

/// Why a round came to nothing.
enum Failure {
    Link(LinkError),
    Here(io::Error),
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Here(error)
    }
}

impl Shipper {
    pub(super) fn start(self, out: Outflow) -> io::Result<thread::JoinHandle<()>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let next_state = Instant::now();
        let mut working = Working { shipper: self, out, backoff: Backoff::default(), next_state };
        thread::Builder::new().name("hits-ship".into()).spawn(move || working.run(&runtime))
    }

    fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Gets the next certificate once a third of the time of the one at hand is left.
    async fn renew(&mut self) -> Result<(), LinkError> {
        let here = |error: String| LinkError::Away(format!("is not asked for a certificate: {error}"));
        let (begins_at, expires_at) = self.identity.holds().map_err(here)?;
        if self.now() < expires_at - (expires_at - begins_at) / 3 {
            return Ok(());
        }
        let new = NewKey::make().map_err(here)?;
        let reply = self.link.load().renew(&CertificateRequest { request: new.request }).await?;
        let identity = Identity { key: new.key, certificate: reply.certificate, ..self.identity.clone() };
        let link = Link::new(&identity, Arc::clone(&self.clock)).map_err(here)?;
        identity.keep(&self.data_dir).map_err(|error| here(error.to_string()))?;
        self.identity = identity;
        self.link.store(Arc::new(link));
        tracing::info!("the node has a new certificate");
        Ok(())
    }

    /// Keeps what the origin will never take where a person finds it, so that what follows gets there.
    fn set_aside(&self, batch: &[u8], from: Cursor, why: &str) -> io::Result<()> {
        self.progress.refused();
        match aside::place(&self.data_dir, &format!("{:016x}-{}.batch", from.segment, from.offset))? {
            Some(path) => {
                fs::write(&path, batch)?;
                tracing::error!(why, file = %path.display(), "the origin refuses a batch of hits, which is set aside");
            }
            None => {
                tracing::error!(why, "the origin refuses a batch of hits, and there is no place left to set it aside");
            }
        }
        Ok(())
    }
}

impl Working {
    fn run(&mut self, runtime: &Runtime) {
        while !self.out.is_over() {
            let rest = match self.turn(runtime) {
                Ok(Round::Nothing) if self.out.reader.is_at_the_end() => return,
                Ok(Round::Nothing) => continue,
                Ok(Round::Done(rest)) => rest,
                // What is left stays in the journal.
                Err(_) if self.is_closing() => return,
                Err(failure) => self.failed(&failure),
            };
            thread::park_timeout(rest);
        }
    }

    /// Tells the state when it is time for that, then hands over what there is.
    fn turn(&mut self, runtime: &Runtime) -> Result<Round, Failure> {
        if self.next_state <= Instant::now() && !self.is_closing() {
            runtime.block_on(self.tell())?;
            self.next_state = Instant::now() + STATE_EVERY;
        }
        self.out.reader.wait(LOOK_AGAIN);
        self.round(runtime)
    }

    async fn tell(&mut self) -> Result<(), LinkError> {
        let shipper = &mut self.shipper;
        let report = StateReport {
            version: env!("CARGO_PKG_VERSION").into(),
            spool_bytes: self.out.reader.unapplied_bytes(),
            spool_oldest_at: self.out.oldest_at(),
            ring_revision: shipper.ring.revision(),
            addresses_revision: shipper.addresses.as_ref().map(|addresses| addresses.revision()),
        };
        let reply = shipper.link.load().state(&report).await?;
        shipper.progress.revoked(false);
        if let Some(keys) = reply.ring {
            let changed = shipper.ring.change(reply.ring_revision, keys);
            changed.map_err(|wrong| LinkError::Away(format!("gives keys that are not taken: {wrong}")))?;
            tracing::info!("the node has the keys of tokens");
        }
        if let (Some(known), Some(addresses), Some(revision)) =
            (&shipper.addresses, reply.addresses, reply.addresses_revision)
        {
            let (count, changed) = (addresses.len(), known.change(revision, addresses));
            changed.map_err(|wrong| LinkError::Away(format!("gives addresses that are not taken: {wrong}")))?;
            tracing::info!(count, "the node has the addresses of sources");
        }
        if reply.name != shipper.identity.name {
            shipper.identity.name = reply.name;
            let kept = shipper.identity.keep(&shipper.data_dir);
            kept.map_err(|error| LinkError::Away(format!("gives a name that cannot be kept: {error}")))?;
        }
        answered(shipper, &mut self.backoff);
        shipper.renew().await
    }

    fn round(&mut self, runtime: &Runtime) -> Result<Round, Failure> {
        let Some(Ready { batch, oldest_at, next }) = self.ready()? else { return Ok(Round::Nothing) };
        if let Some(oldest_at) = oldest_at {
            self.out.begin(oldest_at);
        }
        let (started, written_before) = (Instant::now(), self.out.reader.written_bytes());
        let (records, bytes) = (batch.records(), batch.into_bytes());
        let mut rest = Duration::ZERO;
        if records > 0 {
            let (end_by, link) = (&mut self.out.end_by, self.shipper.link.load_full());
            let taken = runtime.block_on(async {
                tokio::select! {
                    taken = link.hits(bytes.clone().into()) => Some(taken),
                    () = Outflow::end(end_by) => None,
                }
            });
            // The origin may have it all the same, and gets it again at the next start.
            let Some(taken) = taken else { return Ok(Round::Nothing) };
            match taken {
                Ok(reply) => {
                    self.shipper.progress.handed_over(records);
                    rest = Duration::from_millis(reply.rest_ms).min(BACKOFF_MAX);
                }
                Err(LinkError::Refused(why)) => self.shipper.set_aside(&bytes, self.shipper.cursor.cursor, &why)?,
                Err(error) => return Err(error.into()),
            }
            answered(&self.shipper, &mut self.backoff);
        }
        self.shipper.cursor.store(next)?;
        self.out.took(next);
        // Whoever is answered now goes before those who were answered long ago, unless there may soon be no room for them.
        if self.out.reader.written_bytes() > written_before {
            rest = rest.max(started.elapsed() * REST_PER_WORK);
        }
        let may_rest = self.out.reader.unapplied_bytes() > 0 && !self.out.is_pressing() && !self.is_closing();
        Ok(Round::Done(if may_rest { rest } else { Duration::ZERO }))
    }

    fn ready(&mut self) -> io::Result<Option<Ready>> {
        let mut unreadable = 0;
        let Some(records) = self.out.reader.read(HITS_BATCH.records_max)? else {
            self.out.took_nothing();
            return Ok(None);
        };
        let (mut batch, mut oldest_at, mut next) = (Batch::of(HITS_BATCH), None, records.next);
        for (payload, behind) in records.with_places() {
            match HitRecord::decode(payload) {
                Some(hit) if batch.push(payload) => oldest_at = oldest_at.or(Some(hit.at)),
                Some(_) => break,
                None => unreadable += 1,
            }
            next = behind;
        }
        if unreadable > 0 {
            self.out.cannot_read(unreadable, next);
        }
        Ok(Some(Ready { batch, oldest_at, next }))
    }

    /// Says what is wrong, once, and how long to wait.
    fn failed(&mut self, failure: &Failure) -> Duration {
        let is_first = self.backoff.is_over();
        let wait = match failure {
            Failure::Link(LinkError::Revoked) => {
                if is_first || !self.shipper.progress.look().is_revoked {
                    tracing::error!(
                        "the origin has revoked this node: it forgets the keys of tokens and answers no more. What it has \
                         recorded stays in its data directory"
                    );
                }
                self.shipper.progress.revoked(true);
                if let Err(error) = self.shipper.ring.forget() {
                    tracing::error!(%error, "the keys of tokens cannot be removed from the disk");
                }
                if let Some(Err(error)) = self.shipper.addresses.as_ref().map(|addresses| addresses.forget()) {
                    tracing::error!(%error, "the addresses of sources cannot be removed from the disk");
                }
                self.backoff.longest()
            }
            Failure::Link(error) => {
                if is_first {
                    tracing::warn!(%error, "hits wait in the journal");
                }
                self.backoff.next()
            }
            Failure::Here(error) => {
                if is_first {
                    tracing::error!(%error, "hits cannot be read, or it cannot be noted which are handed over");
                }
                self.backoff.next()
            }
        };
        self.shipper.progress.waits(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
        wait
    }

    fn is_closing(&self) -> bool {
        self.out.end_by.borrow().is_some()
    }
}

/// The origin is there.
fn answered(shipper: &Shipper, backoff: &mut Backoff) {
    if !backoff.is_over() {
        tracing::info!("the origin answers");
    }
    *backoff = Backoff::default();
    shipper.progress.answered(shipper.now());
}
