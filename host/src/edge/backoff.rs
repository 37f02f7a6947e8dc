//! How long is waited before the origin is asked again.

use std::time::Duration;

use crate::secrets::random;

/// How long is waited after the first failure, and at most.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
pub(super) const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// How long is waited between attempts: ever longer, with chance, so that many nodes do not come back at once.
#[derive(Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(super) fn is_over(&self) -> bool {
        self.attempts == 0
    }

    pub(super) fn next(&mut self) -> Duration {
        let whole = BACKOFF_MIN.saturating_mul(1 << self.attempts.min(16)).min(BACKOFF_MAX);
        self.attempts = self.attempts.saturating_add(1);
        let [chance] = random::<1>().unwrap_or([255]);
        whole / 2 + whole / 2 * u32::from(chance) / 255
    }

    pub(super) fn longest(&mut self) -> Duration {
        self.attempts = self.attempts.max(16);
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_asked_ever_more_rarely_up_to_a_bound() {
        let mut backoff = Backoff::default();
        assert!(backoff.is_over());
        let mut whole = BACKOFF_MIN;
        for _ in 0..40 {
            let wait = backoff.next();
            assert!(whole / 2 <= wait && wait <= whole, "{wait:?} of {whole:?}");
            assert!(!backoff.is_over());
            whole = (whole * 2).min(BACKOFF_MAX);
        }
        assert!(backoff.longest() >= BACKOFF_MAX / 2);
    }
}
