//! Hosts that were dead the last time, which are left alone for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The rest after a first failure. It doubles with each one that follows.
const FIRST: Duration = Duration::from_secs(1);
/// The longest rest.
const LONGEST: Duration = Duration::from_mins(5);
/// Hosts that are remembered. Those whose rest ends first make room.
const HOSTS_MAX: usize = 10_000;

/// The hosts that rest.
pub(super) struct Rests<K>(Mutex<HashMap<K, Rest>>);

#[derive(Clone, Debug)]
struct Rest {
    until: Instant,
    length: Duration,
    why: String,
}

impl<K: Copy + Eq + Hash> Rests<K> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Until when a host rests, and why, when it has failed for so long that it rests this long.
    pub(super) fn at_least(&self, length: Duration, host: K, now: Instant) -> Option<(Instant, String)> {
        let rests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = rests.get(&host).filter(|rest| rest.until > now && rest.length >= length);
        rest.map(|rest| (rest.until, rest.why.clone()))
    }

    /// Until when a host rests, and why.
    pub(super) fn of(&self, host: K, now: Instant) -> Option<(Instant, String)> {
        self.at_least(FIRST, host, now)
    }

    /// Lets a host rest, and says for how long. Many attempts may fail at once; they count as one.
    pub(super) fn fail(&self, host: K, now: Instant, why: &str) -> Option<Duration> {
        let mut rests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let length = match rests.get(&host) {
            Some(rest) if rest.until > now => return None,
            Some(rest) => (rest.length * 2).min(LONGEST),
            None => FIRST,
        };
        if rests.len() >= HOSTS_MAX && !rests.contains_key(&host) {
            let first = rests.iter().min_by_key(|(_, rest)| rest.until).map(|(host, _)| *host);
            first.map(|first| rests.remove(&first));
        }
        rests.insert(host, Rest { until: now + length, length, why: why.to_owned() });
        Some(length)
    }

    /// Forgets the failures of a host that works.
    pub(super) fn recover(&self, host: K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&host);
    }

    /// The hosts that may be tried now in the given order; the one whose rest ends first, when all rest.
    pub(super) fn awake(&self, hosts: &[K], now: Instant) -> Vec<K> {
        let awake: Vec<_> = hosts.iter().copied().filter(|host| self.of(*host, now).is_none()).collect();
        if !awake.is_empty() {
            return awake;
        }
        let least = hosts.iter().copied().min_by_key(|host| self.of(*host, now).map(|(until, _)| until));
        least.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_doubles_to_its_longest_and_is_forgotten_after_a_success() {
        let rests = Rests::new();
        let mut now = Instant::now();
        let mut lengths = Vec::new();
        for _ in 0..11 {
            rests.fail('a', now, "dead");
            let (until, why) = rests.of('a', now).expect("it rests");
            assert_eq!(why, "dead");
            let length = until - now;
            let last = now + length.saturating_sub(Duration::from_nanos(1));
            assert!(rests.of('a', until).is_none() && rests.of('a', last).is_some());
            lengths.push(length.as_secs());
            now = until;
        }
        assert_eq!(lengths, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        rests.recover('a');
        rests.fail('a', now, "dead");
        assert_eq!(rests.of('a', now).expect("it rests").0, now + FIRST);
    }

    #[test]
    fn failures_at_once_count_as_one() {
        let rests = Rests::new();
        let now = Instant::now();
        for _ in 0..100 {
            rests.fail('a', now, "dead");
        }
        assert!(rests.of('a', now + FIRST).is_none());
    }

    #[test]
    fn the_least_dead_is_tried_when_all_are_dead() {
        let rests = Rests::new();
        let before = Instant::now();
        let now = before + FIRST / 2;
        assert_eq!(rests.awake(&['a', 'b'], now), ['a', 'b']);
        rests.fail('a', now, "dead");
        assert_eq!(rests.awake(&['a', 'b'], now), ['b']);
        rests.fail('b', before, "dead");
        assert_eq!(rests.awake(&['a', 'b'], now), ['b']);
        assert_eq!(rests.awake(&['a', 'b'], now + FIRST), ['a', 'b']);
        assert_eq!(rests.awake(&[], now), [' '; 0]);
    }

    #[test]
    fn so_many_hosts_are_remembered_and_no_more() {
        let rests = Rests::new();
        let now = Instant::now();
        for host in 0..HOSTS_MAX {
            rests.fail(host, now + Duration::from_micros(host as u64), "dead");
        }
        let later = now + FIRST / 2;
        assert!(rests.of(0, later).is_some());
        rests.fail(HOSTS_MAX, later, "dead");
        assert!(rests.of(0, later).is_none() && rests.of(1, later).is_some() && rests.of(HOSTS_MAX, later).is_some());
    }
}
