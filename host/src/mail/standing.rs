//! What a check of its records makes of a domain, and when it is checked again.

use serde::{Deserialize, Serialize};

use super::event::words;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// The first wait while something is waited for.
const WAIT_MS_MIN: i64 = MINUTE_MS;
/// The longest one.
const WAIT_MS_MAX: i64 = 6 * HOUR_MS;
/// How long something is waited for.
pub const WAITED_MS_MAX: i64 = 72 * HOUR_MS;
/// How often a domain is looked at with which all is well.
const DAY_MS: i64 = 24 * HOUR_MS;
/// A wait is this much shorter or longer at the most, in thousandths, so that domains that were added together are not
/// checked together for ever.
const JITTER_PER_MILLE: i64 = 100;

words! {
    /// Whether a customer may send from a domain.
    DomainStatus {
        /// It waits for its records.
        Pending = "pending",
        /// Mail may be sent from it.
        Verified = "verified",
        /// Its records were not found in time, or are gone for too long.
        Failed = "failed",
    }
}

/// Where a domain stands. Times are in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Whether it may send.
    pub status: DomainStatus,
    /// Whether somebody gave his word for it, whatever the DNS says.
    pub is_vouched: bool,
    /// When the checks of a domain that is not verified began.
    pub checks_began_at: i64,
    /// Since when a required record of a verified domain is not as it should be.
    pub failing_since: Option<i64>,
}

/// What a check saw of the required records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seen {
    /// Every one is as it should be.
    Good,
    /// At least one is not.
    Bad,
    /// Nobody who was asked could tell of one of them, and of the others none is wrong.
    Unknown,
}

/// What a check changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// It may send.
    Verified,
    /// A record is not as it should be; it still sends.
    Warned,
    /// All is well again.
    Recovered,
    /// It may send no more: a record was wrong for longer than the grace.
    Failed,
    /// It was never verified, and is looked at no more.
    GivenUp,
}

/// Where a domain stands after a check. One that a person asked for begins the time anew in which it must be verified.
pub fn after(before: Standing, seen: Seen, by_hand: bool, grace_ms: i64, now: i64) -> (Standing, Option<Turn>) {
    use DomainStatus::{Failed, Pending, Verified};
    match (before.status, seen) {
        (Verified, Seen::Good) => {
            let turn = before.failing_since.map(|_| Turn::Recovered);
            (Standing { failing_since: None, ..before }, turn)
        }
        (Verified, Seen::Bad) => match before.failing_since {
            None => (Standing { failing_since: Some(now), ..before }, Some(Turn::Warned)),
            Some(since) if !before.is_vouched && now - since >= grace_ms => {
                let failed = Standing { status: Failed, failing_since: None, checks_began_at: now, ..before };
                (failed, Some(Turn::Failed))
            }
            Some(_) => (before, None),
        },
        (Pending | Failed, Seen::Good) => {
            (Standing { status: Verified, is_vouched: false, failing_since: None, ..before }, Some(Turn::Verified))
        }
        (Pending | Failed, _) if by_hand => (Standing { status: Pending, checks_began_at: now, ..before }, None),
        (Pending, Seen::Bad) if now - before.checks_began_at >= WAITED_MS_MAX => {
            (Standing { status: Failed, ..before }, Some(Turn::GivenUp))
        }
        // Nobody could tell, or there is time left.
        (Verified, Seen::Unknown) | (Pending | Failed, _) => (before, None),
    }
}

/// When a domain that was just looked at is checked next; `None` for never by itself. `key_since` is since when a new key
/// of it waits for its record, `chance` some bits that differ from domain to domain.
pub fn next_check(standing: &Standing, key_since: Option<i64>, chance: u64, now: i64) -> Option<i64> {
    let paced = |since: i64| (now - since).clamp(WAIT_MS_MIN, WAIT_MS_MAX);
    let waited_out = |since: i64| now - since >= WAITED_MS_MAX;
    let of_status = match standing.status {
        DomainStatus::Verified => match standing.failing_since {
            Some(since) => Some(paced(since)),
            None => (!standing.is_vouched).then_some(DAY_MS),
        },
        DomainStatus::Pending => Some(paced(standing.checks_began_at)),
        DomainStatus::Failed => (!waited_out(standing.checks_began_at)).then_some(paced(standing.checks_began_at)),
    };
    let of_key = key_since.map(|since| if waited_out(since) { DAY_MS } else { paced(since) });
    let wait = [of_status, of_key].into_iter().flatten().min()?;
    Some(now + wait + wait * jitter(chance, now) / 1_000)
}

/// Thousandths between the bounds, the same each time for one domain and moment.
fn jitter(chance: u64, now: i64) -> i64 {
    let mixed = (chance ^ now.unsigned_abs()).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    i64::try_from(mixed % 201).unwrap_or(0) - JITTER_PER_MILLE
}

#[cfg(test)]
mod tests {
    use super::DomainStatus::{Failed, Pending, Verified};
    use super::*;

    const GRACE: i64 = 72 * HOUR_MS;

    fn standing(status: DomainStatus) -> Standing {
        Standing { status, is_vouched: false, checks_began_at: 0, failing_since: None }
    }

    #[track_caller]
    fn check(before: Standing, seen: Seen, now: i64, expected: (Standing, Option<Turn>)) {
        assert_eq!(after(before, seen, false, GRACE, now), expected);
    }

    #[test]
    fn a_domain_is_verified_once_all_is_there_and_given_up_after_three_days() {
        let waits = standing(Pending);
        check(waits, Seen::Good, 5, (standing(Verified), Some(Turn::Verified)));
        check(waits, Seen::Bad, WAITED_MS_MAX - 1, (waits, None));
        check(waits, Seen::Bad, WAITED_MS_MAX, (standing(Failed), Some(Turn::GivenUp)));
        check(waits, Seen::Unknown, WAITED_MS_MAX, (waits, None));
        check(standing(Failed), Seen::Good, WAITED_MS_MAX, (standing(Verified), Some(Turn::Verified)));
    }

    #[test]
    fn a_check_by_hand_begins_the_time_anew() {
        let now = WAITED_MS_MAX + 7;
        let anew = Standing { checks_began_at: now, ..standing(Pending) };
        for status in [Pending, Failed] {
            for seen in [Seen::Bad, Seen::Unknown] {
                assert_eq!(after(standing(status), seen, true, GRACE, now), (anew, None));
            }
        }
    }

    #[test]
    fn a_verified_domain_fails_after_the_grace_and_not_before() {
        let well = standing(Verified);
        let failing = Standing { failing_since: Some(10), ..well };
        check(well, Seen::Bad, 10, (failing, Some(Turn::Warned)));
        check(failing, Seen::Bad, 10 + GRACE - 1, (failing, None));
        let failed = Standing { checks_began_at: 10 + GRACE, ..standing(Failed) };
        check(failing, Seen::Bad, 10 + GRACE, (failed, Some(Turn::Failed)));
        check(failing, Seen::Good, 10 + GRACE, (well, Some(Turn::Recovered)));
        check(well, Seen::Good, 10, (well, None));
    }

    #[test]
    fn an_outage_of_the_dns_never_fails_a_domain() {
        let failing = Standing { failing_since: Some(10), ..standing(Verified) };
        check(failing, Seen::Unknown, 10 * GRACE, (failing, None));
        check(standing(Verified), Seen::Unknown, 10 * GRACE, (standing(Verified), None));
    }

    #[test]
    fn who_was_vouched_for_is_warned_and_never_fails() {
        let vouched = Standing { is_vouched: true, ..standing(Verified) };
        let failing = Standing { failing_since: Some(10), ..vouched };
        check(vouched, Seen::Bad, 10, (failing, Some(Turn::Warned)));
        check(failing, Seen::Bad, 10 * GRACE, (failing, None));
    }

    #[track_caller]
    fn waits(standing: &Standing, key_since: Option<i64>, now: i64, expected: Option<i64>) {
        for chance in [0, 1, 7, u64::MAX] {
            let wait = next_check(standing, key_since, chance, now).map(|at| at - now);
            let is_near = match (wait, expected) {
                (Some(wait), Some(expected)) => (wait - expected).abs() * 10 <= expected,
                (wait, expected) => wait == expected,
            };
            assert!(is_near, "{wait:?} at {now}, and not {expected:?}");
        }
    }

    #[test]
    fn waits_double_from_a_minute_to_six_hours_for_three_days() {
        let waiting = standing(Pending);
        for (now, wait) in [(0, MINUTE_MS), (MINUTE_MS, MINUTE_MS), (2 * MINUTE_MS, 2 * MINUTE_MS), (HOUR_MS, HOUR_MS)]
        {
            waits(&waiting, None, now, Some(wait));
        }
        waits(&waiting, None, 71 * HOUR_MS, Some(6 * HOUR_MS));
        waits(&waiting, None, WAITED_MS_MAX, Some(6 * HOUR_MS));
        waits(&standing(Failed), None, WAITED_MS_MAX - 1, Some(6 * HOUR_MS));
        waits(&standing(Failed), None, WAITED_MS_MAX, None);
    }

    #[test]
    fn a_verified_domain_is_looked_at_daily_and_more_often_while_something_is_wrong() {
        let well = standing(Verified);
        waits(&well, None, 0, Some(DAY_MS));
        waits(&Standing { failing_since: Some(0), ..well }, None, 5 * MINUTE_MS, Some(5 * MINUTE_MS));
        let vouched = Standing { is_vouched: true, ..well };
        waits(&vouched, None, 0, None);
        waits(&vouched, Some(0), HOUR_MS, Some(HOUR_MS));
        waits(&well, Some(0), WAITED_MS_MAX, Some(DAY_MS));
    }

    #[test]
    fn domains_that_were_added_together_are_not_checked_together() {
        let times: std::collections::BTreeSet<_> =
            (0..100).filter_map(|chance| next_check(&standing(Verified), None, chance, 0)).collect();
        assert!(times.len() > 50, "{}", times.len());
    }
}
