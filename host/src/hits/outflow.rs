//! The end at which hits leave their journal, for whoever takes them over: the database, or at an edge node the origin.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use tokio::sync::watch;
use tokio::time::sleep_until;

use crate::journal::{Cursor, Reader};

/// The reading end of the journal, and how far it is.
pub(crate) struct Outflow {
    pub(crate) reader: Reader,
    /// When it is to end at the latest. What is left is in the journal at the next start.
    pub(crate) end_by: watch::Receiver<Option<Instant>>,
    /// Bytes of the journal that are taken over.
    pub(super) applied: watch::Sender<u64>,
    /// When the hits were made that are being taken over; 0 when there are none.
    pub(super) oldest_at: Arc<AtomicI64>,
    /// Bytes of the journal that earlier processes left. They are hurried.
    pub(super) left_over_bytes: u64,
    /// Bytes that wait beyond which there is no more rest.
    pub(super) hurry_bytes: u64,
}

impl Outflow {
    /// Hits are being taken over, of which the oldest was made then.
    pub(crate) fn begin(&self, oldest_at: i64) {
        self.oldest_at.store(oldest_at, Ordering::Relaxed);
    }

    /// When the oldest hit was made that is being taken over, in milliseconds.
    pub(crate) fn oldest_at(&self) -> Option<i64> {
        Some(self.oldest_at.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// Everything before `next` was taken over for good.
    pub(crate) fn took(&mut self, next: Cursor) {
        self.reader.advance(next);
        self.oldest_at.store(0, Ordering::Relaxed);
        self.applied.send_replace(self.reader.applied_bytes());
    }

    /// There was nothing to take over. Damage that was stepped over counts as taken over.
    pub(crate) fn took_nothing(&self) {
        self.applied.send_replace(self.reader.applied_bytes());
    }

    /// Records before `next` are none that this version knows.
    pub(crate) fn cannot_read(&mut self, unreadable: usize, next: Cursor) {
        self.reader.keep_aside();
        tracing::error!(
            unreadable,
            segment = next.segment,
            before = next.offset,
            "the journal has hits that this version cannot read; their file is kept"
        );
    }

    /// Whether so little waits that whoever takes it over may leave the machine to others for a while.
    pub(crate) fn may_rest(&self) -> bool {
        let is_closing = self.end_by.borrow().is_some();
        !is_closing && self.reader.applied_bytes() >= self.left_over_bytes && !self.is_pressing()
    }

    /// Whether so much waits that the journal may soon be full.
    pub(crate) fn is_pressing(&self) -> bool {
        self.reader.unapplied_bytes() >= self.hurry_bytes
    }

    /// Whether the time to end has come.
    pub(crate) fn is_over(&self) -> bool {
        self.end_by.borrow().is_some_and(|end| end <= Instant::now())
    }

    /// Waits until the time to end has come.
    pub(crate) async fn end(by: &mut watch::Receiver<Option<Instant>>) {
        let at = by.wait_for(Option::is_some).await.ok().and_then(|at| *at);
        sleep_until(at.unwrap_or_else(Instant::now).into()).await;
    }
}
