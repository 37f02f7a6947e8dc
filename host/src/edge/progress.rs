//! What an edge node counts of its way to the origin.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// The counters of one process, and where it stands.
#[derive(Default)]
pub(crate) struct Progress {
    records: AtomicU64,
    batches: AtomicU64,
    refused_batches: AtomicU64,
    /// When the origin answered last, in milliseconds; 0 when it never did.
    answered_at: AtomicI64,
    /// How long is waited now before the origin is asked again, in milliseconds; 0 while it answers.
    backoff_ms: AtomicU64,
    is_revoked: AtomicBool,
}

/// A look at all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Records that the origin has.
    pub(crate) records: u64,
    /// Batches that they were handed over in.
    pub(crate) batches: u64,
    /// Batches that it refused for what they are.
    pub(crate) refused_batches: u64,
    /// When the origin answered last.
    pub(crate) answered_at: i64,
    pub(crate) backoff_ms: u64,
    pub(crate) is_revoked: bool,
}

impl Progress {
    pub(super) fn handed_over(&self, records: usize) {
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused_batches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, now: i64) {
        self.answered_at.store(now, Ordering::Relaxed);
        self.backoff_ms.store(0, Ordering::Relaxed);
    }

    pub(super) fn waits(&self, backoff_ms: u64) {
        self.backoff_ms.store(backoff_ms, Ordering::Relaxed);
    }

    pub(super) fn revoked(&self, is_revoked: bool) {
        self.is_revoked.store(is_revoked, Ordering::Relaxed);
    }

    pub(crate) fn look(&self) -> Seen {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Seen {
            records: count(&self.records),
            batches: count(&self.batches),
            refused_batches: count(&self.refused_batches),
            answered_at: self.answered_at.load(Ordering::Relaxed),
            backoff_ms: count(&self.backoff_ms),
            is_revoked: self.is_revoked.load(Ordering::Relaxed),
        }
    }
}
