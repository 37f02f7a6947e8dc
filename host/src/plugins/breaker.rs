//! Leaves a plugin alone that keeps failing: it rests, is tried once, and comes back with its first success.
//!
//! Time is an argument, so the rules are tested without waiting.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::Health;

/// Failures in a row after which a plugin rests.
pub const FAILURES_MAX: u32 = 5;
/// The first rest. Each failed try doubles it.
pub const REST_FIRST_MS: u64 = 1_000;
/// The longest rest.
pub const REST_MAX_MS: u64 = 30_000;

/// The state of one version of one plugin.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

/// Leave to make one call. What came of it is said with `end`; a call that is given up says nothing.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    is_trial: bool,
    has_ended: bool,
}

impl Breaker {
    /// Leave for one call, or how long the plugin still rests.
    pub(super) fn admit(&self, now: Instant) -> Result<Leave<'_>, Duration> {
        let is_trial = self.with(|state| state.admit(now))?;
        Ok(Leave { breaker: self, is_trial, has_ended: false })
    }

    /// How long the plugin still rests; none when it may be called.
    pub(super) fn rests_for(&self, now: Instant) -> Option<Duration> {
        self.with(|state| match state {
            State::Resting { until, .. } => until.checked_duration_since(now).filter(|rest| !rest.is_zero()),
            State::Healthy { .. } | State::Trying { .. } => None,
        })
    }

    /// Begins anew.
    pub(super) fn forgive(&self) {
        self.with(|state| *state = State::default());
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // The state is a plain value that no panic can leave half changed.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Leave<'_> {
    /// Says what came of the call.
    pub(super) fn end(mut self, health: Health, now: Instant) {
        self.has_ended = true;
        self.breaker.with(|state| state.record(self.is_trial, health, now));
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.breaker.with(|state| state.record(self.is_trial, Health::Unknown, Instant::now()));
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Calls go through.
    Healthy { failures: u32 },
    /// No call goes through until then.
    Resting { until: Instant, rest: Duration },
    /// One call is out to see whether the plugin is well again.
    Trying { rest: Duration, since: Instant },
}

impl Default for State {
    fn default() -> Self {
        State::Healthy { failures: 0 }
    }
}

impl State {
    /// Whether a call may go through, and whether it is the trial.
    fn admit(&mut self, now: Instant) -> Result<bool, Duration> {
        match *self {
            State::Healthy { .. } => Ok(false),
            State::Resting { until, .. } if now < until => Err(until - now),
            State::Resting { rest, .. } => {
                *self = State::Trying { rest, since: now };
                Ok(true)
            }
            // The trial is under way and is over soon; those behind it come back then.
            State::Trying { rest, since } => Err((since + rest).saturating_duration_since(now).max(MOMENT)),
        }
    }

    /// Calls that were let through before a rest began say nothing about the time after it.
    fn record(&mut self, is_trial: bool, health: Health, now: Instant) {
        match (&*self, is_trial, health) {
            (State::Healthy { .. }, _, Health::Well) | (State::Trying { .. }, true, Health::Well) => {
                *self = State::Healthy { failures: 0 };
            }
            (State::Healthy { failures }, _, Health::Failing) if failures + 1 < FAILURES_MAX => {
                *self = State::Healthy { failures: failures + 1 };
            }
            (State::Healthy { .. }, _, Health::Failing) => {
                let rest = Duration::from_millis(REST_FIRST_MS);
                *self = State::Resting { until: now + rest, rest };
            }
            (State::Trying { rest, .. }, true, Health::Failing) => {
                let rest = (*rest * 2).min(Duration::from_millis(REST_MAX_MS));
                *self = State::Resting { until: now + rest, rest };
            }
            (State::Trying { rest, .. }, true, Health::Unknown) => *self = State::Resting { until: now, rest: *rest },
            (State::Healthy { .. }, _, Health::Unknown)
            | (State::Resting { .. }, _, _)
            | (State::Trying { .. }, false, _) => {}
        }
    }
}

/// The least that a caller is told to wait.
const MOMENT: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, now: Instant) {
        breaker.admit(now).expect("the plugin does not rest").end(Health::Failing, now);
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn five_failures_in_a_row_are_followed_by_a_rest_of_a_second() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES_MAX - 1 {
            fail(&breaker, now);
        }
        assert_eq!(breaker.rests_for(now), None);
        fail(&breaker, now);
        assert_eq!(breaker.rests_for(now), Some(ms(1_000)));
        assert_eq!(breaker.admit(now + ms(999)).err(), Some(ms(1)));
        assert!(breaker.admit(now + ms(1_000)).is_ok());
    }

    #[test]
    fn a_success_between_failures_starts_the_count_again() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..3 {
            for _ in 0..FAILURES_MAX - 1 {
                fail(&breaker, now);
            }
            breaker.admit(now).expect("the plugin does not rest").end(Health::Well, now);
        }
        assert_eq!(breaker.rests_for(now), None);
    }

    #[test]
    fn each_failed_trial_doubles_the_rest_up_to_half_a_minute() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES_MAX {
            fail(&breaker, now);
        }
        for expected in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            assert_eq!(breaker.rests_for(now), Some(ms(expected)));
            now += ms(expected);
            fail(&breaker, now);
        }
    }

    #[test]
    fn one_trial_goes_through_at_a_time_and_its_success_opens_the_way() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES_MAX {
            fail(&breaker, now);
        }
        let later = now + ms(1_000);
        let trial = breaker.admit(later).expect("the rest is over");
        assert!(breaker.admit(later).is_err());
        trial.end(Health::Well, later);
        assert!(breaker.admit(later).is_ok());
        fail(&breaker, later);
        assert_eq!(breaker.rests_for(later), None);
    }

    #[test]
    fn a_trial_that_is_given_up_leaves_room_for_the_next() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES_MAX {
            fail(&breaker, now);
        }
        let later = now + ms(1_000);
        breaker.admit(later).expect("the rest is over").end(Health::Unknown, later);
        drop(breaker.admit(later));
        assert!(breaker.admit(Instant::now().max(later)).is_ok());
    }

    #[test]
    fn calls_that_began_before_the_rest_change_nothing_when_they_end_in_it() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let early = breaker.admit(now).expect("nothing failed yet");
        for _ in 0..FAILURES_MAX {
            fail(&breaker, now);
        }
        early.end(Health::Well, now);
        assert_eq!(breaker.rests_for(now), Some(ms(1_000)));
    }
}
