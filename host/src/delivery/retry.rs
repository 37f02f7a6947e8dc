//! When a copy that was deferred is tried again.

use std::time::Duration;

use uuid::Uuid;

/// How long after its first attempt was due a copy is tried at all, in milliseconds: 48 hours.
const TRIED_MS_MAX: i64 = 48 * 60 * 60 * 1_000;
/// A wait is this much shorter or longer at the most, in thousandths, so that what was deferred together does not come
/// back together.
const JITTER_PER_MILLE: i64 = 100;

/// When the next attempt is, in milliseconds; `None` when none is left.
///
/// `after` says when each further attempt follows the first one, `ended` counts the attempts so far.
pub(super) fn next_at(after: &[Duration], ended: i64, email: Uuid, began_at: i64, now: i64) -> Option<i64> {
    let number = usize::try_from(ended).ok()?;
    let next = after.get(number.checked_sub(1)?)?;
    let before = number.checked_sub(2).map_or(Duration::ZERO, |place| after[place]);
    // From now and not from the first attempt, so that attempts which were held up do not all follow at once.
    let wait = i64::try_from(next.saturating_sub(before).as_millis()).ok()?;
    let at = now + wait + wait * jitter(email, ended) / 1_000;
    (at - began_at <= TRIED_MS_MAX).then_some(at)
}

/// Thousandths between the bounds, the same each time for one attempt of one email, or of whatever else has an id.
pub(crate) fn jitter(id: Uuid, ended: i64) -> i64 {
    let (_, random) = id.as_u64_pair();
    let mixed = (random ^ ended.unsigned_abs()).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    i64::try_from(mixed % 201).unwrap_or(0) - JITTER_PER_MILLE
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;
    const AFTER: [Duration; 4] =
        [Duration::from_mins(15), Duration::from_hours(1), Duration::from_hours(4), Duration::from_hours(24)];

    fn wait(ended: i64, email: u128) -> Option<i64> {
        next_at(&AFTER, ended, Uuid::from_u128(email), 0, 1_000).map(|at| at - 1_000)
    }

    #[track_caller]
    fn check(ended: i64, minutes: i64) {
        let middle = minutes * MINUTE_MS;
        let waits: Vec<_> = (0..1_000).map(|email| wait(ended, email).expect("another attempt is left")).collect();
        assert!(waits.iter().all(|wait| (wait - middle).abs() <= middle / 10), "{ended}: {waits:?}");
        let spread = waits.iter().max().expect("there are some") - waits.iter().min().expect("there are some");
        assert!(spread > middle / 10, "{ended}: all come back within {spread} ms");
    }

    #[test]
    fn each_attempt_follows_at_its_time_give_or_take_a_tenth() {
        check(1, 15);
        check(2, 45);
        check(3, 3 * 60);
        check(4, 20 * 60);
    }

    #[test]
    fn after_five_attempts_none_is_left() {
        assert!(wait(4, 7).is_some());
        assert_eq!(wait(5, 7), None);
    }

    #[test]
    fn nothing_is_tried_beyond_two_days() {
        let hour = 60 * MINUTE_MS;
        let late = |hours: i64| next_at(&AFTER, 4, Uuid::from_u128(7), 0, hours * hour);
        assert!(late(25).is_some());
        assert_eq!(late(31), None);
    }
}
