//! Rate limits: fixed windows, counted in memory.
//!
//! A restart forgets them, which costs nothing but one window. What is counted is bounded, so a flood of addresses
//! cannot fill the memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Most callers that one limit remembers. When they are exceeded, ended windows go first, then all.
const CALLERS_MAX: usize = 100_000;

/// Counts requests of callers in windows of a fixed length.
pub(crate) struct RateLimit<Caller> {
    window_ms: i64,
    windows: Mutex<HashMap<Caller, Window>>,
}

struct Window {
    ends_at: i64,
    used: u32,
}

/// Where a caller stands after a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    /// Whether the request is within the limit.
    pub(crate) allowed: bool,
    /// Requests in a window.
    pub(crate) limit: u32,
    /// Requests left in this one.
    pub(crate) remaining: u32,
    /// When the next window begins, in milliseconds since 1970.
    pub(crate) resets_at: i64,
}

impl<Caller: Eq + Hash> RateLimit<Caller> {
    pub(crate) fn every(window_ms: i64) -> Self {
        Self { window_ms, windows: Mutex::default() }
    }

    /// Counts a request. With a limit of 0 nothing is counted and nothing refused.
    pub(crate) fn take(&self, caller: Caller, limit: u32, now: i64) -> Option<Standing> {
        if limit == 0 {
            return None;
        }
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= CALLERS_MAX && !windows.contains_key(&caller) {
            windows.retain(|_, window| window.ends_at > now);
            if windows.len() >= CALLERS_MAX {
                windows.clear();
            }
        }
        let fresh = || Window { ends_at: now + self.window_ms, used: 0 };
        let window = windows.entry(caller).or_insert_with(fresh);
        if window.ends_at <= now {
            *window = fresh();
        }
        let allowed = window.used < limit;
        window.used += u32::from(allowed);
        Some(Standing { allowed, limit, remaining: limit.saturating_sub(window.used), resets_at: window.ends_at })
    }

    /// Whether the caller has used up its window, without counting.
    pub(crate) fn is_exhausted(&self, caller: &Caller, limit: u32, now: i64) -> Option<i64> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get(caller).filter(|window| limit > 0 && window.ends_at > now && window.used >= limit)?;
        Some(window.ends_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_request_of_a_window_is_served_and_the_next_is_not() {
        let limit = RateLimit::every(60_000);
        let standing = |allowed, remaining| Some(Standing { allowed, limit: 2, remaining, resets_at: 60_000 });
        assert_eq!(limit.take("ada", 2, 0), standing(true, 1));
        assert_eq!(limit.is_exhausted(&"ada", 2, 1), None);
        assert_eq!(limit.take("ada", 2, 59_999), standing(true, 0));
        assert_eq!(limit.take("ada", 2, 59_999), standing(false, 0));
        assert_eq!(limit.is_exhausted(&"ada", 2, 59_999), Some(60_000));
        assert!(limit.take("bob", 2, 59_999).expect("it is limited").allowed, "another caller has a window of its own");
        assert!(limit.take("ada", 2, 60_000).expect("it is limited").allowed, "a new window begins");
    }

    #[test]
    fn zero_is_no_limit() {
        let limit = RateLimit::every(60_000);
        assert!((0..10_000).all(|_| limit.take("ada", 0, 0).is_none()));
    }

    #[test]
    fn a_flood_of_callers_is_forgotten_rather_than_kept() {
        let limit = RateLimit::every(60_000);
        for caller in 0..=CALLERS_MAX {
            limit.take(caller, 1, 0);
        }
        assert!(limit.windows.lock().expect("nothing panicked").len() <= CALLERS_MAX);
        assert!(!limit.take(CALLERS_MAX, 1, 1).expect("it is limited").allowed, "the newest is remembered");
    }
}
