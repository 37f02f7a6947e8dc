//! The reading end: records in their order, from the cursor on, and the files behind it let go.

use std::fs;
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::preparer::Spares;
use super::record::{self, Examined};
use super::segment::{HEADER, HEADER_BYTES, Segment};
use super::texts::Texts;
use super::{Cursor, Shared};

/// Bytes read at once: any record fits.
const READ_BYTES_MAX: u64 = 256 * 1024;

/// Reads a journal. There is one.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    spares: Spares,
    cursor: Cursor,
    /// What was read last, as it stands in the file.
    bytes: Vec<u8>,
    /// The same as it was before it was packed.
    unpacked: Vec<u8>,
    /// The segment that is read.
    entered: Option<u64>,
    /// The texts that it told so far.
    texts: Texts,
    /// Which segment they are of.
    learned: Option<u64>,
    /// What is to be stepped over in it.
    damage: Vec<Range<u64>>,
    /// Whether it is kept when it is done with.
    keep_aside: bool,
}

/// Records, and the place behind them.
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    /// Where each stands in `bytes`, and how far it is from the end of the last one in the file.
    places: Vec<(Range<usize>, u64)>,
    /// Behind the last of them. Once they are taken over, [`Reader::advance`] to it.
    pub(crate) next: Cursor,
}

impl Records<'_> {
    pub(crate) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|(place, _)| &self.bytes[place.clone()])
    }

    /// The same, each with the place behind it.
    pub(crate) fn with_places(&self) -> impl Iterator<Item = (&[u8], Cursor)> {
        let behind = |before: u64| Cursor { offset: self.next.offset - before, ..self.next };
        self.places.iter().map(move |(place, before)| (&self.bytes[place.clone()], behind(*before)))
    }
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, spares: Spares, cursor: Cursor) -> Self {
        Self {
            shared,
            spares,
            cursor,
            bytes: Vec::new(),
            unpacked: Vec::new(),
            entered: None,
            texts: Texts::default(),
            learned: None,
            damage: Vec::new(),
            keep_aside: false,
        }
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

    /// Bytes that were written.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.shared.counts.written_bytes.load(Ordering::Acquire)
    }

    /// Bytes that wait to be taken over.
    pub(crate) fn unapplied_bytes(&self) -> u64 {
        self.written_bytes().saturating_sub(self.applied_bytes())
    }

    /// The next records, at most this many. Until [`Self::advance`] they are the same ones. `None` when there are none
    /// yet.
    pub(crate) fn read(&mut self, records_max: usize) -> io::Result<Option<Records<'_>>> {
        let Some(segment) = self.segment() else { return Ok(None) };
        self.enter(&segment)?;
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
                let (next, end) = (Cursor { offset: start + last.end as u64, ..self.cursor }, last.end);
                self.unpacked.clear();
                let places = places.into_iter().map(|place| (self.unpack(place.clone()), (end - place.end) as u64));
                let places = places.collect();
                return Ok(Some(Records { bytes: &self.unpacked, places, next }));
            }
            self.find_damage(&segment)?;
        }
    }

    /// Writes a record as it was before it was packed, and says where. One whose texts are lost stays as it is, which its
    /// owner cannot read.
    fn unpack(&mut self, place: Range<usize>) -> Range<usize> {
        let (start, packing) = (self.unpacked.len(), self.shared.limits.packing);
        if !(packing.unpack)(&self.bytes[place.clone()], &mut self.texts, &mut self.unpacked) {
            self.unpacked.truncate(start);
            self.unpacked.extend_from_slice(&self.bytes[place]);
        }
        start..self.unpacked.len()
    }

    /// Learns the texts of what was taken over already of a segment that is entered in its middle.
    fn enter(&mut self, segment: &Segment) -> io::Result<()> {
        if self.learned == Some(segment.number) {
            return Ok(());
        }
        self.texts = Texts::default();
        let until = self.cursor.offset;
        segment.read(0..until, &mut self.bytes)?;
        let mut from = HEADER;
        let Examined { end, damage } = record::examine(&self.bytes, segment.epoch, HEADER);
        for range in damage.into_iter().chain(std::iter::once(end..end)) {
            for place in record::good(&self.bytes[from..range.start], segment.epoch, from as u64, usize::MAX) {
                self.unpacked.clear();
                self.unpack(from + place.start..from + place.end);
            }
            from = range.end;
        }
        self.learned = Some(segment.number);
        Ok(())
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
