//! A journal: records are on disk before their writers hear so, and are read again in their order until somebody has
//! taken them over for good.
//!
//! One thread writes. It takes everything that waits, writes it at once, flushes once and releases all who wait, so
//! load makes batches larger and a lone writer waits for nobody. Memory and disk are bounded, and a disk that is full
//! or broken refuses records until it takes them again. What the records say is the caller's business.

mod preparer;
mod reader;
mod record;
mod recovery;
mod segment;
mod texts;
mod writer;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use self::preparer::Preparer;
pub(crate) use self::reader::Reader;
pub(crate) use self::record::PAYLOAD_BYTES_MAX;
use self::recovery::Recovered;
use self::segment::{HEADER_BYTES, Segment};
pub(crate) use self::texts::{Packing, Texts};
use self::writer::Writer;

/// Bytes of a batch at most, whatever the size of a segment: what waits in memory while another batch is written.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of the smallest segment: two of the largest records fit into its half.
pub(crate) const SEGMENT_BYTES_MIN: u64 = 64 * 1024;

/// When a record counts as written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Durability {
    /// Once the disk has it: it survives a power cut.
    #[default]
    Disk,
    /// Once the system has it: it survives the end of the process. The disk has it a moment later.
    Process,
}

/// How large a journal may get, and what it promises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of each of its files.
    pub(crate) segment_bytes: u64,
    /// Bytes of records that nobody has taken over yet. What goes beyond is refused.
    pub(crate) unapplied_bytes_max: u64,
    /// When a record counts as written.
    pub(crate) durability: Durability,
    /// How records say less than they hold.
    pub(crate) packing: Packing,
}

/// A place in the journal: what stands before it was taken over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Cursor {
    /// The number of the segment; the first one is 1.
    pub(crate) segment: u64,
    /// Bytes from its beginning.
    pub(crate) offset: u64,
}

/// Why a record was not taken. It may be there after a restart nevertheless, when the disk failed half-way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// As much waits as may.
    Full,
    /// The disk has no room.
    NoRoom,
    /// The disk does not work.
    Broken,
    /// The journal is closed.
    Closed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "as many records wait as may",
            Self::NoRoom => "the disk is full",
            Self::Broken => "the disk does not take it",
            Self::Closed => "the journal is closed",
        })
    }
}

impl std::error::Error for Refusal {}

/// What a journal did since its start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Figures {
    /// Bytes of records that nobody has taken over yet.
    pub(crate) unapplied_bytes: u64,
    /// Records that were written.
    pub(crate) records: u64,
    /// Batches that they were written in.
    pub(crate) batches: u64,
    /// Batches that could not be written.
    pub(crate) failures: u64,
}

/// The writing end of a journal.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the ends of a journal and its threads share.
struct Shared {
    limits: Limits,
    waiting: Mutex<Waiting>,
    /// Rung when something waits to be written, or nothing will any more.
    to_write: Condvar,
    log: Mutex<Log>,
    /// Rung when there is more to read, or nothing will be any more.
    to_read: Condvar,
    counts: Counts,
}

/// What waits to be written.
struct Waiting {
    bytes: Vec<u8>,
    records: u64,
    batch: Arc<Batch>,
    /// Bytes of records that were taken in since the start, those of earlier processes included. What is packed counts as
    /// it is written, as soon as it is.
    accepted: u64,
    writer_sleeps: bool,
    closed: bool,
}

/// What can be read, oldest first.
struct Log {
    segments: std::collections::VecDeque<Arc<Segment>>,
    reader_sleeps: bool,
    /// True when the last record is there.
    ended: bool,
}

/// Bytes count from the records of earlier processes on.
#[derive(Default)]
struct Counts {
    written_bytes: AtomicU64,
    applied_bytes: AtomicU64,
    records: AtomicU64,
    batches: AtomicU64,
    failures: AtomicU64,
}

/// Those who wait for the same flush.
#[derive(Default)]
struct Batch {
    outcome: OnceLock<Result<(), Refusal>>,
    /// By the runtime on which they wait. There are as many as there are threads that serve.
    parties: Mutex<Vec<Arc<Party>>>,
}

/// Those of them who wait on one runtime.
struct Party {
    runtime: Handle,
    over: Notify,
}

impl Journal {
    /// Opens the journal in `folder`, which is made with the first record. What was written behind `from` is read
    /// first. Blocks.
    pub(crate) fn open(folder: &Path, limits: Limits, from: Cursor) -> io::Result<(Self, Reader)> {
        let Recovered { segments, cursor, next_number, spares } = recovery::recover(folder, from)?;
        let unapplied = segments.iter().map(|segment| segment.end() - start(segment, cursor)).sum();
        let counts = Counts { written_bytes: AtomicU64::new(unapplied), ..Counts::default() };
        let shared = Arc::new(Shared {
            limits,
            waiting: Mutex::new(Waiting {
                bytes: Vec::new(),
                records: 0,
                batch: Arc::default(),
                accepted: unapplied,
                writer_sleeps: false,
                closed: false,
            }),
            to_write: Condvar::new(),
            log: Mutex::new(Log { segments: segments.into(), reader_sleeps: false, ended: false }),
            to_read: Condvar::new(),
            counts,
        });
        let preparer = Preparer::start(folder, limits.segment_bytes, next_number, spares)?;
        let reader = Reader::new(Arc::clone(&shared), preparer.spares(), cursor);
        let writer = Writer::start(Arc::clone(&shared), preparer)?;
        Ok((Self { shared, writer: Mutex::new(Some(writer)) }, reader))
    }

    /// Writes one record and returns once it is as durable as the limits say. A caller that goes away leaves it
    /// written.
    pub(crate) async fn append(&self, payload: &[u8]) -> Result<(), Refusal> {
        let batch = self.shared.push(payload)?;
        batch.outcome().await
    }

    /// Bytes that are written, as the reader counts them.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.shared.counts.written_bytes.load(Ordering::Acquire)
    }

    pub(crate) fn figures(&self) -> Figures {
        let Counts { written_bytes, applied_bytes, records, batches, failures } = &self.shared.counts;
        let now = |number: &AtomicU64| number.load(Ordering::Acquire);
        let applied = now(applied_bytes);
        Figures {
            unapplied_bytes: now(written_bytes).saturating_sub(applied),
            records: now(records),
            batches: now(batches),
            failures: now(failures),
        }
    }

    /// Takes no more, and returns once everything that was taken is flushed. Blocks.
    pub(crate) fn close(&self) {
        self.shared.waiting().closed = true;
        self.shared.to_write.notify_all();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the journal's thread panicked");
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the largest batch: whatever waits fits into a new segment.
    fn batch_bytes_max(&self) -> usize {
        let half = usize::try_from((self.limits.segment_bytes - HEADER_BYTES) / 2).unwrap_or(usize::MAX);
        half.min(WAITING_BYTES_MAX)
    }

    fn push(&self, payload: &[u8]) -> Result<Arc<Batch>, Refusal> {
        assert!((1..=PAYLOAD_BYTES_MAX).contains(&payload.len()), "a record of {} bytes", payload.len());
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(Refusal::Closed);
        }
        let length = payload.len() + record::HEAD_BYTES;
        let unapplied = waiting.accepted - self.counts.applied_bytes.load(Ordering::Acquire).min(waiting.accepted);
        if unapplied + length as u64 > self.limits.unapplied_bytes_max
            || waiting.bytes.len() + length > self.batch_bytes_max()
        {
            return Err(Refusal::Full);
        }
        record::push(&mut waiting.bytes, payload);
        waiting.records += 1;
        waiting.accepted += length as u64;
        let batch = Arc::clone(&waiting.batch);
        if std::mem::take(&mut waiting.writer_sleeps) {
            self.to_write.notify_one();
        }
        Ok(batch)
    }
}

impl Batch {
    async fn outcome(&self) -> Result<(), Refusal> {
        let party = self.party();
        // It hears of what happens from here on, also before it is polled.
        let over = party.over.notified();
        if self.outcome.get().is_none() {
            over.await;
        }
        *self.outcome.get().expect("it is there before those who wait are released")
    }

    fn party(&self) -> Arc<Party> {
        let runtime = Handle::current();
        let mut parties = self.parties();
        if let Some(known) = parties.iter().find(|party| party.runtime.id() == runtime.id()) {
            return Arc::clone(known);
        }
        let party = Arc::new(Party { runtime, over: Notify::new() });
        parties.push(Arc::clone(&party));
        party
    }

    fn parties(&self) -> MutexGuard<'_, Vec<Arc<Party>>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases all who wait. One wake-up crosses to each of their runtimes: a task of theirs wakes the rest.
    fn finish(&self, outcome: Result<(), Refusal>) {
        if self.outcome.set(outcome).is_err() {
            return;
        }
        // Whoever joins later sees the outcome.
        for party in std::mem::take(&mut *self.parties()) {
            let release = Release(Arc::clone(&party));
            drop(party.runtime.spawn(async move { drop(release) }));
        }
    }
}

/// Releases those who wait when it is dropped: also when the runtime ends before it runs.
struct Release(Arc<Party>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.over.notify_waiters();
    }
}

/// Where the records of a segment that are not taken over begin.
fn start(segment: &Segment, cursor: Cursor) -> u64 {
    if segment.number == cursor.segment { cursor.offset } else { HEADER_BYTES }
}

#[cfg(test)]
mod tests;
