//! The thread that writes: everything that waits in one write, one flush, one wake-up.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::preparer::Preparer;
use super::record::{self, HEAD_BYTES};
use super::segment::Segment;
use super::texts::{TELLING_BYTES_MAX, Texts};
use super::{Batch, Durability, Refusal, Shared};

/// How long records are refused after the disk gave no new segment, before it is asked again.
pub(super) const REST: Duration = Duration::from_secs(1);
/// How late the disk may have what only the system has, with [`Durability::Process`].
const FLUSH_WITHIN: Duration = Duration::from_millis(50);

pub(super) struct Writer {
    shared: Arc<Shared>,
    preparer: Preparer,
    /// What is written to.
    segment: Option<Arc<Segment>>,
    /// The texts that it has.
    texts: Texts,
    /// A batch as it is written.
    packed: Vec<u8>,
    /// When the oldest bytes were written that the disk may not have.
    unflushed_since: Option<Instant>,
    /// Why and since when no segment could be made.
    failed: Option<(Refusal, Instant)>,
    /// Whether the log says so.
    told: bool,
}

/// A batch that is being written. Whatever happens, those who wait hear of it.
struct InHand(Option<Arc<Batch>>);

impl InHand {
    fn finish(mut self, outcome: Result<(), Refusal>) {
        if let Some(batch) = self.0.take() {
            batch.finish(outcome);
        }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(batch) = self.0.take() {
            batch.finish(Err(Refusal::Closed));
        }
    }
}

impl Writer {
    pub(super) fn start(shared: Arc<Shared>, preparer: Preparer) -> io::Result<JoinHandle<()>> {
        let mut writer = Self {
            shared,
            preparer,
            segment: None,
            texts: Texts::default(),
            packed: Vec::new(),
            unflushed_since: None,
            failed: None,
            told: false,
        };
        thread::Builder::new().name("journal-write".into()).spawn(move || writer.run())
    }

    fn run(&mut self) {
        let shared = Arc::clone(&self.shared);
        let _end = End(&shared);
        let mut bytes = Vec::new();
        while let Some((batch, records)) = self.take(&mut bytes) {
            let outcome = self.write(&bytes, records);
            self.count(records, bytes.len() as u64, outcome);
            batch.finish(outcome.map(drop));
            bytes.clear();
        }
        self.end_segment();
    }

    /// Waits for records and takes all there are. `None` when there will be no more.
    fn take(&mut self, bytes: &mut Vec<u8>) -> Option<(InHand, u64)> {
        let shared = Arc::clone(&self.shared);
        let mut waiting = shared.waiting();
        while waiting.bytes.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting.writer_sleeps = true;
            waiting = match self.unflushed_since {
                None => shared.to_write.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(since) => {
                    let left = FLUSH_WITHIN.saturating_sub(since.elapsed());
                    if left.is_zero() {
                        drop(waiting);
                        self.flush();
                        shared.waiting()
                    } else {
                        shared.to_write.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0
                    }
                }
            };
        }
        waiting.writer_sleeps = false;
        std::mem::swap(bytes, &mut waiting.bytes);
        let batch = InHand(Some(std::mem::take(&mut waiting.batch)));
        Some((batch, std::mem::take(&mut waiting.records)))
    }

    /// Says how many bytes it wrote.
    fn write(&mut self, batch: &[u8], records: u64) -> Result<u64, Refusal> {
        // Which of its texts are known depends on the segment, so there is room for a batch that has none.
        let segment = self.room_for(batch.len() as u64 + records * TELLING_BYTES_MAX)?;
        let offset = segment.end();
        self.packed.clear();
        record::pack(batch, self.shared.limits.packing, &mut self.texts, &mut self.packed);
        record::seal(&mut self.packed, segment.epoch, offset, self.unflushed_since.is_none());
        let bytes = self.packed.len() as u64;
        let mut written = segment.file.write_all_at(&self.packed, offset);
        match self.shared.limits.durability {
            Durability::Disk => written = written.and_then(|()| segment.file.sync_data()),
            Durability::Process => {
                let since = *self.unflushed_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= FLUSH_WITHIN && written.is_ok() {
                    written = self.flushed(&segment);
                }
            }
        }
        match written {
            Ok(()) => {
                segment.end.store(offset + bytes, Ordering::Release);
                Ok(bytes)
            }
            Err(error) => {
                // What a flush that failed left behind is not known, so nothing follows it in this file.
                self.seal();
                Err(self.refuse(&error))
            }
        }
    }

    /// The segment with room for a batch: the one at hand, or the next.
    fn room_for(&mut self, bytes: u64) -> Result<Arc<Segment>, Refusal> {
        let bytes = bytes + HEAD_BYTES as u64;
        if let Some(segment) = self.segment.as_ref().filter(|segment| segment.bytes - segment.end() >= bytes) {
            return Ok(Arc::clone(segment));
        }
        if let Some((refusal, _)) = self.failed.filter(|(_, since)| since.elapsed() < REST) {
            return Err(refusal);
        }
        self.end_segment();
        match self.preparer.next() {
            Ok(segment) => {
                let segment = Arc::new(segment);
                self.shared.log().segments.push_back(Arc::clone(&segment));
                self.failed = None;
                self.texts = Texts::default();
                self.segment = Some(Arc::clone(&segment));
                Ok(segment)
            }
            Err(error) => {
                let refusal = self.refuse(&error);
                self.failed = Some((refusal, Instant::now()));
                Err(refusal)
            }
        }
    }

    /// Has the disk take what only the system has.
    fn flush(&mut self) {
        let Some(segment) = self.segment.clone().filter(|_| self.unflushed_since.is_some()) else { return };
        if let Err(error) = self.flushed(&segment) {
            self.shared.counts.failures.fetch_add(1, Ordering::Relaxed);
            self.refuse(&error);
            self.seal();
        }
    }

    fn flushed(&mut self, segment: &Segment) -> io::Result<()> {
        self.unflushed_since = None;
        segment.file.sync_data()
    }

    /// Ends the segment at hand, all of which the disk has then. Without its mark, damage at its end looks as if the power had
    /// cut a write off; nothing else hangs on it.
    fn end_segment(&mut self) {
        self.flush();
        if let Some(segment) = &self.segment {
            let mark = record::end_mark(segment.epoch, segment.end());
            let marked = segment.file.write_all_at(&mark, segment.end()).and_then(|()| segment.file.sync_data());
            if let Err(error) = marked {
                tracing::warn!(%error, file = %segment.path.display(), "a segment of the journal has no mark at its end");
            }
        }
        self.seal();
    }

    /// Ends the segment at hand where it is.
    fn seal(&mut self) {
        self.unflushed_since = None;
        if let Some(segment) = self.segment.take() {
            segment.sealed.store(true, Ordering::Release);
        }
    }

    /// Says once that records are refused.
    fn refuse(&mut self, error: &io::Error) -> Refusal {
        let refusal = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Refusal::NoRoom,
            _ => Refusal::Broken,
        };
        if !std::mem::replace(&mut self.told, true) {
            tracing::error!(%error, "the journal takes no records: {refusal}");
        }
        refusal
    }

    /// A batch of so many bytes came to this.
    fn count(&mut self, records: u64, accepted: u64, outcome: Result<u64, Refusal>) {
        let counts = &self.shared.counts;
        let mut waiting = self.shared.waiting();
        waiting.accepted = waiting.accepted - accepted + outcome.unwrap_or(0);
        drop(waiting);
        let Ok(bytes) = outcome else {
            counts.failures.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if std::mem::take(&mut self.told) {
            tracing::info!("the journal takes records again");
        }
        counts.records.fetch_add(records, Ordering::Relaxed);
        counts.batches.fetch_add(1, Ordering::Relaxed);
        counts.written_bytes.fetch_add(bytes, Ordering::Release);
        let mut log = self.shared.log();
        if std::mem::take(&mut log.reader_sleeps) {
            self.shared.to_read.notify_one();
        }
    }
}

/// The end of the thread, be it in order or by a panic: nobody is left waiting.
struct End<'a>(&'a Shared);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.closed = true;
        let batch = std::mem::take(&mut waiting.batch);
        drop(waiting);
        batch.finish(Err(Refusal::Closed));
        self.0.log().ended = true;
        self.0.to_read.notify_all();
    }
}
