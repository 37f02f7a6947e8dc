//! What the calls of one version came to, in numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::Fault;

/// Upper ends of the time histogram, in microseconds. What took longer is in one more bucket.
pub const BUCKETS_US: [u64; 14] =
    [25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400, 1_000_000];

/// Counts calls as they end. Every reader sees each number whole, though not all of the same instant.
#[derive(Debug, Default)]
pub struct Stats {
    calls: AtomicU64,
    failures: [AtomicU64; Fault::KINDS.len()],
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    duration_us: AtomicU64,
    cpu_us: AtomicU64,
    memory_bytes_max: AtomicU64,
}

/// The numbers of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Calls that were asked for, answered or not.
    pub calls: u64,
    /// How often each kind of failure happened, in the order of `Fault::KINDS`; those that did not are left out.
    pub failures: Vec<(&'static str, u64)>,
    /// Calls for each of `BUCKETS_US`, and those that took longer.
    pub buckets: [u64; BUCKETS_US.len() + 1],
    /// Microseconds of all calls together, waiting included.
    pub duration_us: u64,
    /// Microseconds of CPU time of all calls together.
    pub cpu_us: u64,
    /// The most memory that one call had.
    pub memory_bytes_max: u64,
}

impl Stats {
    pub(super) fn count(&self, fault: Option<&Fault>, duration_us: u64, cpu_us: u64, memory_bytes: usize) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = fault {
            self.failures[fault.index()].fetch_add(1, Ordering::Relaxed);
        }
        let bucket = BUCKETS_US.partition_point(|end_us| *end_us < duration_us);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.duration_us.fetch_add(duration_us, Ordering::Relaxed);
        self.cpu_us.fetch_add(cpu_us, Ordering::Relaxed);
        self.memory_bytes_max.fetch_max(memory_bytes as u64, Ordering::Relaxed);
    }

    /// The numbers now.
    pub fn tally(&self) -> Tally {
        let now = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let failures = Fault::KINDS.iter().zip(&self.failures).map(|(kind, count)| (*kind, now(count)));
        Tally {
            calls: now(&self.calls),
            failures: failures.filter(|(_, count)| *count > 0).collect(),
            buckets: std::array::from_fn(|bucket| now(&self.buckets[bucket])),
            duration_us: now(&self.duration_us),
            cpu_us: now(&self.cpu_us),
            memory_bytes_max: now(&self.memory_bytes_max),
        }
    }
}

impl Tally {
    /// Calls that failed, whatever the reason.
    pub fn failed(&self) -> u64 {
        self.failures.iter().map(|(_, count)| count).sum()
    }

    /// The time within which this share of the calls ended, as the upper end of its bucket, in microseconds. `None`
    /// without calls, and where it is beyond the last end.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let wanted = ((self.calls as f64) * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        BUCKETS_US.get(bucket).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_in_the_first_bucket_that_holds_it() {
        let stats = Stats::default();
        for duration_us in [0, 25, 26, 1_000_000, 1_000_001] {
            stats.count(None, duration_us, 1, 10);
        }
        let tally = stats.tally();
        assert_eq!((tally.buckets[0], tally.buckets[1], tally.buckets[13], tally.buckets[14]), (2, 1, 1, 1));
        assert_eq!((tally.calls, tally.cpu_us, tally.memory_bytes_max, tally.failed()), (5, 5, 10, 0));
    }

    #[test]
    fn failures_are_counted_by_kind() {
        let stats = Stats::default();
        stats.count(Some(&Fault::Busy), 1, 0, 0);
        stats.count(Some(&Fault::OutOfCpu { cpu_ms: 1 }), 1, 0, 0);
        stats.count(Some(&Fault::Busy), 1, 0, 0);
        assert_eq!(stats.tally().failures, [("busy", 2), ("out_of_cpu", 1)]);
        assert_eq!(stats.tally().failed(), 3);
    }

    #[test]
    fn a_quantile_is_the_end_of_its_bucket() {
        let stats = Stats::default();
        assert_eq!(stats.tally().quantile_us(0.5), None);
        for duration_us in [10, 10, 30, 90] {
            stats.count(None, duration_us, 0, 0);
        }
        let at = |share| stats.tally().quantile_us(share);
        assert_eq!([at(0.0), at(0.5), at(0.75), at(0.99)], [Some(25), Some(25), Some(50), Some(100)]);
        stats.count(None, u64::MAX / 2, 0, 0);
        assert_eq!(stats.tally().quantile_us(1.0), None);
    }
}
