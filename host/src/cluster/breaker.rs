//! Leaves a primary alone that does not answer: it rests, is tried once, and comes back with its first answer.
//!
//! Time is an argument, so the rules are tested without waiting.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Calls in a row without an answer after which the primary rests.
pub(crate) const FAILURES_MAX: u32 = 3;
/// The first rest. Each failed try doubles it.
const REST_FIRST: Duration = Duration::from_millis(500);
/// The longest rest.
const REST_MAX: Duration = Duration::from_secs(8);

#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Since it rests: until when.
    until: Option<Instant>,
    /// Whether somebody tries at the moment.
    trying: bool,
}

/// Leave to make one call. One that is given up counts as one without an answer.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    ended: bool,
}

impl Breaker {
    /// Leave for one call, or how long the primary rests still.
    pub(super) fn admit(&self, now: Instant) -> Result<Leave<'_>, Duration> {
        let mut state = self.state();
        if let Some(until) = state.until {
            if state.trying || now < until {
                return Err(until.saturating_duration_since(now));
            }
            state.trying = true;
        }
        Ok(Leave { breaker: self, ended: false })
    }

    /// Whether calls are refused at the moment.
    pub(super) fn is_open(&self) -> bool {
        self.state().until.is_some()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    pub(super) fn answered(mut self) {
        self.ended = true;
        *self.breaker.state() = State::default();
    }

    pub(super) fn unanswered(mut self, now: Instant) {
        self.ended = true;
        self.breaker.state().fail(now);
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody waited for its end, so nothing is known, but another may try.
            self.breaker.state().trying = false;
        }
    }
}

impl State {
    fn fail(&mut self, now: Instant) {
        self.trying = false;
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(FAILURES_MAX) {
            self.until = Some(now + (REST_FIRST * 2_u32.pow(more.min(8))).min(REST_MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, now: Instant) {
        breaker.admit(now).expect("it may be called").unanswered(now);
    }

    #[test]
    fn it_rests_after_so_many_failures_in_a_row_and_not_before() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURES_MAX {
            fail(&breaker, now);
        }
        breaker.admit(now).expect("it may be called").answered();
        for _ in 1..FAILURES_MAX {
            fail(&breaker, now);
        }
        assert!(!breaker.is_open(), "an answer began the count anew");
        fail(&breaker, now);
        assert!(breaker.is_open());
        assert_eq!(breaker.admit(now).expect_err("it rests"), REST_FIRST);
    }

    #[test]
    fn one_tries_after_a_rest_and_its_end_decides() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES_MAX {
            fail(&breaker, now);
        }
        for rest in [500, 1_000, 2_000, 4_000, 8_000, 8_000] {
            let before = now + Duration::from_millis(rest - 1);
            now += Duration::from_millis(rest);
            breaker.admit(before).expect_err("it rests still");
            let one = breaker.admit(now).expect("one tries");
            breaker.admit(now).expect_err("another does not meanwhile");
            one.unanswered(now);
        }
        now += REST_MAX;
        drop(breaker.admit(now).expect("one tries and gives up"));
        breaker.admit(now).expect("another tries").answered();
        assert!(!breaker.is_open());
        breaker.admit(now).expect("all may call");
    }
}
