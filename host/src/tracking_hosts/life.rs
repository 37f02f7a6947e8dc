//! How a tracking host goes from one state to the next. Pure: what was seen and the time come as arguments.

use crate::acme::Certificate;
use crate::delivery::retry::jitter;
use crate::store::{TrackingHost, TrackingState};

const MINUTE_MS: i64 = 60 * 1_000;
/// How long after a first look that came to nothing the next one follows. Each further one takes twice as long.
const PATIENCE_MS_MIN: i64 = MINUTE_MS;
/// The longest of these waits.
const PATIENCE_MS_MAX: i64 = 6 * 60 * MINUTE_MS;
/// How often a host that is in use is looked at: whether its CNAME is still there, and when its certificate is renewed.
const LOOK_MS: i64 = 6 * 60 * MINUTE_MS;
/// Bytes of a reason. What others say may be longer.
const REASON_BYTES_MAX: usize = 1_000;

impl TrackingHost {
    /// The name servers did not tell. Nothing is known that was not before.
    pub(super) fn unanswered(&mut self, reason: &str, now: i64) {
        self.reason = Some(shortened(reason));
        self.wait(now, 0);
    }

    /// Its CNAME is not there, or leads elsewhere. New links must not begin with it.
    pub(super) fn missing(&mut self, reason: &str, now: i64) {
        if self.state != TrackingState::Pending {
            self.state = TrackingState::Pending;
            self.attempts = 0;
        }
        self.unanswered(reason, now);
    }

    /// Its CNAME leads here.
    pub(super) fn found(&mut self, now: i64) {
        self.seen_at = self.seen_at.or(Some(now));
        if self.state == TrackingState::Pending {
            self.state = if self.holds(now) { TrackingState::Active } else { TrackingState::Issuing };
            self.attempts = 0;
            self.reason = None;
        }
    }

    /// Nothing is in its way.
    pub(super) fn in_use(&mut self, now: i64) {
        self.state = TrackingState::Active;
        self.reason = None;
        self.attempts = 0;
        let look_at = now + LOOK_MS + LOOK_MS * jitter(self.id, 1) / 1_000;
        self.next_at = self.renew_at.map_or(look_at, |renew_at| look_at.min(renew_at).max(now + PATIENCE_MS_MIN));
    }

    /// Whether a certificate is to be asked for.
    pub(super) fn wants_certificate(&self, now: i64) -> bool {
        self.issued_at.is_none() || self.renew_at.is_some_and(|renew_at| renew_at <= now)
    }

    /// A certificate is asked for. One that has another meanwhile stays in use.
    pub(super) fn ordering(&mut self, now: i64) {
        if !self.holds(now) {
            self.state = TrackingState::Issuing;
        }
    }

    /// It got no certificate. One that has another stays in use until that ends.
    pub(super) fn refused(&mut self, reason: &str, later_ms: i64, now: i64) {
        self.state = if self.holds(now) { TrackingState::Active } else { TrackingState::Failed };
        self.reason = Some(shortened(reason));
        self.wait(now, later_ms);
    }

    /// It has a new certificate.
    pub(super) fn issued(&mut self, certificate: &Certificate, now: i64) {
        self.issued_at = Some(now);
        self.expires_at = Some(certificate.expires_at);
        self.renew_at = Some(certificate.renew_at());
        self.in_use(now);
    }

    /// The authority wants it to be renewed at some time between these. Each host has a place of its own in there.
    pub(super) fn renew_within(&mut self, (from, to): (i64, i64)) {
        let Some(expires_at) = self.expires_at else { return };
        let place = jitter(self.id, 2) + 100;
        let wished = from.saturating_add(to.saturating_sub(from).max(0) / 200 * place);
        self.renew_at = Some(wished.min(expires_at));
    }

    fn holds(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at > now)
    }

    fn wait(&mut self, now: i64, at_least_ms: i64) {
        self.attempts = self.attempts.saturating_add(1);
        let doublings = u32::try_from(self.attempts - 1).unwrap_or(u32::MAX).min(20);
        let wait = (PATIENCE_MS_MIN << doublings).min(PATIENCE_MS_MAX);
        let wait = wait + wait * jitter(self.id, self.attempts) / 1_000;
        self.next_at = now + wait.max(at_least_ms);
    }
}

fn shortened(reason: &str) -> String {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HOUR_MS: i64 = 60 * MINUTE_MS;
    const DAY_MS: i64 = 24 * HOUR_MS;
    const CERTIFICATE: Certificate = Certificate { begins_at: 0, expires_at: 90 * DAY_MS };

    fn host(id: u128) -> TrackingHost {
        TrackingHost {
            id: Uuid::from_u128(id),
            domain_id: Uuid::nil(),
            host: "click.acme.example".into(),
            state: TrackingState::Pending,
            reason: None,
            attempts: 0,
            next_at: 0,
            seen_at: None,
            issued_at: None,
            expires_at: None,
            renew_at: None,
            retired_at: None,
        }
    }

    fn is_about(millis: i64, middle: i64) -> bool {
        (millis - middle).abs() <= middle / 10
    }

    #[test]
    fn looks_that_come_to_nothing_follow_from_a_minute_to_six_hours_give_or_take_a_tenth() {
        let mut host = host(7);
        let mut waits = Vec::new();
        for now in 0..12 {
            host.missing("no CNAME", now);
            waits.push(host.next_at - now);
        }
        let minutes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360];
        assert!(waits.iter().zip(minutes).all(|(wait, middle)| is_about(*wait, middle * MINUTE_MS)), "{waits:?}");
        let first = |id: u128| {
            let mut host = super::tests::host(id);
            host.missing("no CNAME", 0);
            host.next_at
        };
        assert!((0..100).map(first).collect::<std::collections::BTreeSet<_>>().len() > 50, "they do not come together");
        host.attempts = i64::MAX - 1;
        host.missing("no CNAME", 0);
        assert!(is_about(host.next_at, 6 * HOUR_MS));
    }

    #[test]
    fn what_the_authority_asks_for_goes_before_our_own_patience() {
        let mut host = host(7);
        host.refused("too many", 48 * HOUR_MS, 5);
        assert_eq!((host.state, host.next_at), (TrackingState::Failed, 5 + 48 * HOUR_MS));
        host.refused("too many", 0, 5);
        assert!(is_about(host.next_at - 5, 2 * MINUTE_MS));
    }

    #[test]
    fn a_certificate_stays_in_use_while_its_renewal_fails() {
        let mut host = host(7);
        host.found(1);
        assert_eq!((host.state, host.seen_at), (TrackingState::Issuing, Some(1)));
        host.issued(&CERTIFICATE, 1);
        assert_eq!((host.state, host.renew_at), (TrackingState::Active, Some(60 * DAY_MS)));
        assert!(!host.wants_certificate(60 * DAY_MS - 1) && host.wants_certificate(60 * DAY_MS));
        for (now, state) in [
            (60 * DAY_MS, TrackingState::Active),
            (90 * DAY_MS - 1, TrackingState::Active),
            (90 * DAY_MS, TrackingState::Failed),
        ] {
            host.ordering(now);
            host.refused("it is away", 0, now);
            assert_eq!((host.state, host.reason.as_deref()), (state, Some("it is away")));
        }
    }

    #[test]
    fn a_host_that_is_in_use_is_looked_at_every_six_hours_and_when_it_is_renewed() {
        let mut host = host(7);
        host.issued(&CERTIFICATE, 0);
        assert!(is_about(host.next_at, 6 * HOUR_MS), "{}", host.next_at);
        host.in_use(60 * DAY_MS - HOUR_MS);
        assert_eq!(host.next_at, 60 * DAY_MS);
    }

    #[test]
    fn a_cname_that_goes_and_comes_back_brings_the_certificate_back_into_use() {
        let mut host = host(7);
        host.found(1);
        host.issued(&CERTIFICATE, 1);
        host.missing("it is gone", 2);
        assert_eq!((host.state, host.attempts, host.seen_at), (TrackingState::Pending, 1, Some(1)));
        host.found(3);
        assert_eq!((host.state, host.reason.as_deref(), host.seen_at), (TrackingState::Active, None, Some(1)));
    }

    #[test]
    fn name_servers_that_do_not_answer_change_no_state() {
        let mut host = host(7);
        host.found(1);
        host.issued(&CERTIFICATE, 1);
        host.unanswered("no answer", 2);
        assert_eq!((host.state, host.reason.as_deref()), (TrackingState::Active, Some("no answer")));
    }

    #[test]
    fn the_authoritys_wish_is_a_place_inside_its_window_and_before_the_end() {
        let renewals: Vec<_> = (0..100)
            .map(|id| {
                let mut host = host(id);
                host.issued(&CERTIFICATE, 0);
                host.renew_within((10 * DAY_MS, 12 * DAY_MS));
                host.renew_at.expect("it has one")
            })
            .collect();
        assert!(renewals.iter().all(|at| (10 * DAY_MS..=12 * DAY_MS).contains(at)), "{renewals:?}");
        assert!(renewals.iter().collect::<std::collections::BTreeSet<_>>().len() > 50);
        let mut host = host(7);
        host.issued(&CERTIFICATE, 0);
        host.renew_within((i64::MAX - 1, i64::MAX));
        assert_eq!(host.renew_at, Some(90 * DAY_MS));
        host.renew_within((5, 1));
        assert_eq!(host.renew_at, Some(5));
    }

    #[test]
    fn a_reason_is_kept_up_to_a_bound_and_never_cut_inside_a_character() {
        assert_eq!(shortened(&"x".repeat(REASON_BYTES_MAX)).len(), REASON_BYTES_MAX);
        assert_eq!(shortened(&"x".repeat(REASON_BYTES_MAX + 1)).len(), REASON_BYTES_MAX);
        assert_eq!(shortened(&"€".repeat(REASON_BYTES_MAX)).len(), 999);
    }
}
