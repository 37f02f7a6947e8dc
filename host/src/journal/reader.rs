//! The reading end: records in their order, from the cursor on, and the files behind it let go.

use std::fs;
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::preparer::Spares;
use super::record::{self, Examined};
use super::segment::{HEADER_BYTES, Segment};
use super::{Cursor, Shared};

/// Bytes read at once: any record fits.
const READ_BYTES_MAX: u64 = 256 * 1024;

/// Reads a journal. There is one.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    spares: Spares,
    cursor: Cursor,
    bytes: Vec<u8>,
    /// The segment that is read.
    entered: Option<u64>,
    /// What is to be stepped over in it.
    damage: Vec<Range<u64>>,
    /// Whether it is kept when it is done with.
    keep_aside: bool,
}

/// Records, and the place behind them.
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    places: Vec<Range<usize>>,
    /// Behind the last of them. Once they are taken over, [`Reader::advance`] to it.
    pub(crate) next: Cursor,
}

impl Records<'_> {
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| &self.bytes[place.clone()])
    }
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, spares: Spares, cursor: Cursor) -> Self {
        Self { shared, spares, cursor, bytes: Vec::new(), entered: None, damage: Vec::new(), keep_aside: false }
    }

    /// Waits for records for as long as this, and not at all once there will be none. False when there are none yet.
    pub(crate) fn wait(&mut self, time: Duration) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut log = shared.log();
        if self.is_behind() || log.ended {
            return true;
        }
        log.reader_sleeps = true;
        drop(shared.to_read.wait_timeout(log, time).unwrap_or_else(PoisonError::into_inner));
        self.is_behind()
    }

    /// Whether the last record was taken over and there will be no other.
    pub(crate) fn is_at_the_end(&self) -> bool {
        self.shared.log().ended && !self.is_behind()
    }

    fn is_behind(&self) -> bool {
        let counts = &self.shared.counts;
        counts.applied_bytes.load(Ordering::Acquire) < counts.written_bytes.load(Ordering::Acquire)
    }

    /// Bytes that were taken over, as [`super::Journal::written_bytes`] counts them.
    pub(crate) fn applied_bytes(&self) -> u64 {
        self.shared.counts.applied_bytes.load(Ordering::Acquire)
    }

    /// Bytes that wait to be taken over.
    pub(crate) fn unapplied_bytes(&self) -> u64 {
        self.shared.counts.written_bytes.load(Ordering::Acquire).saturating_sub(self.applied_bytes())
    }

    /// The next records, at most this many. Until [`Self::advance`] they are the same ones. `None` when there are none
    /// yet.
    pub(crate) fn read(&mut self, records_max: usize) -> io::Result<Option<Records<'_>>> {
        let Some(segment) = self.segment() else { return Ok(None) };
        loop {
            self.step_over_damage();
            let (start, end) = (self.cursor.offset, segment.end());
            let until = self.damage.first().map_or(end, |range| range.start).min(end);
            if start >= until {
                return Ok(None);
            }
            segment.read(start..until.min(start + READ_BYTES_MAX), &mut self.bytes)?;
            let places = record::good(&self.bytes, segment.epoch, start, records_max);
            if let Some(last) = places.last() {
                let next = Cursor { offset: start + last.end as u64, ..self.cursor };
                return Ok(Some(Records { bytes: &self.bytes, places, next }));
            }
            self.find_damage(&segment)?;
        }
    }

    /// The records before `next` were taken over for good.
    pub(crate) fn advance(&mut self, next: Cursor) {
        self.count(next.offset - self.cursor.offset);
        self.cursor = next;
    }

    /// Keeps the file that is read now when it is done with, for somebody to look at.
    pub(crate) fn keep_aside(&mut self) {
        self.keep_aside = true;
    }

    fn count(&self, bytes: u64) {
        self.shared.counts.applied_bytes.fetch_add(bytes, Ordering::Release);
    }

    /// The segment that the cursor is in, once those before it are let go.
    fn segment(&mut self) -> Option<Arc<Segment>> {
        loop {
            let shared = Arc::clone(&self.shared);
            let mut log = shared.log();
            let front = Arc::clone(log.segments.front()?);
            if self.entered.replace(front.number) != Some(front.number) {
                if front.number != self.cursor.segment {
                    self.cursor = Cursor { segment: front.number, offset: HEADER_BYTES };
                }
                self.damage.clone_from(&front.damage);
                self.keep_aside = !front.damage.is_empty();
            }
            self.step_over_damage();
            // Sealed first: what comes before the seal is in `end`.
            if !front.is_sealed() || self.cursor.offset < front.end() {
                return Some(front);
            }
            log.segments.pop_front();
            drop(log);
            self.let_go(&front);
        }
    }

    fn step_over_damage(&mut self) {
        while self.damage.first().is_some_and(|range| range.start <= self.cursor.offset) {
            let range = self.damage.remove(0);
            let over = range.end.max(self.cursor.offset);
            self.count(over - self.cursor.offset);
            self.cursor.offset = over;
        }
    }

    /// A record that was good when it was written is not any more.
    fn find_damage(&mut self, segment: &Segment) -> io::Result<()> {
        let (start, end) = (self.cursor.offset, segment.end());
        let mut whole = Vec::new();
        segment.read(0..end, &mut whole)?;
        let from = usize::try_from(start).map_err(io::Error::other)?;
        let Examined { end: good, damage } = record::examine(&whole, segment.epoch, from);
        self.damage = damage.into_iter().map(|range| range.start as u64..range.end as u64).collect();
        if (good as u64) < end {
            self.damage.push(good as u64..end);
        }
        self.keep_aside = true;
        tracing::error!(file = %segment.path.display(), damage = ?self.damage, "records of the journal are damaged");
        Ok(())
    }

    fn let_go(&mut self, segment: &Segment) {
        if !std::mem::take(&mut self.keep_aside) {
            return self.spares.put(&segment.path);
        }
        let aside = segment.path.with_extension("damaged");
        match fs::rename(&segment.path, &aside) {
            Ok(()) => tracing::error!(file = %aside.display(), "a damaged file of the journal is kept to be looked at"),
            Err(error) => tracing::error!(%error, file = %segment.path.display(), "a damaged file cannot be kept"),
        }
    }
}
