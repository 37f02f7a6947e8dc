//! What the service counts while it runs, and how Prometheus reads it.
//!
//! Every label has few values by its type: a route's template, a class of statuses, a kind of failure, an installed
//! version. What a caller sends is never one.

mod collect;
mod edge;
mod process;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{ACCEPT, CACHE_CONTROL, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::app::App;
use crate::edge::Edge;
use crate::error::Result;
use crate::reply::Reply;
use crate::router;
use crate::store::{Ending, InboxState};

/// Upper ends of the histogram of requests, in microseconds. What took longer is in one more bucket.
const REQUEST_BOUNDS_US: [u64; 13] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];
/// Classes of statuses: 1xx to 5xx.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// What a notification can come to.
const NOTIFICATION_STATES: [InboxState; 5] =
    [InboxState::Normalized, InboxState::Matched, InboxState::Unmatched, InboxState::Unparsed, InboxState::Refused];
/// What an attempt to hand a copy over can come to.
const ATTEMPT_OUTCOMES: [&str; 5] = ["delivered", "captured", "deferred", "bounced", "failed"];
/// What SMTP calls the kinds of its replies: 2xx, 4xx, 5xx.
const REPLIES: [&str; 3] = ["taken", "not_now", "refused"];
/// What a sign-in can come to.
const SIGN_INS: [&str; 2] = ["right", "wrong"];

/// The counters of one process. They begin at its start, which is what Prometheus expects of counters.
pub(crate) struct Meters {
    /// Milliseconds since 1970.
    started_at: i64,
    /// One for each of `router::TEMPLATES`.
    routes: Vec<RouteMeter>,
    notifications: [AtomicU64; NOTIFICATION_STATES.len()],
    attempts: [AtomicU64; ATTEMPT_OUTCOMES.len()],
    smtp_messages: [AtomicU64; REPLIES.len()],
    smtp_sign_ins: [AtomicU64; SIGN_INS.len()],
}

#[derive(Default)]
struct RouteMeter {
    by_class: [AtomicU64; CLASSES.len()],
    buckets: [AtomicU64; REQUEST_BOUNDS_US.len() + 1],
    duration_us: AtomicU64,
}

impl Meters {
    pub(crate) fn new(started_at: i64) -> Self {
        let routes = router::TEMPLATES.iter().map(|_| RouteMeter::default()).collect();
        Self {
            started_at,
            routes,
            notifications: Default::default(),
            attempts: Default::default(),
            smtp_messages: Default::default(),
            smtp_sign_ins: Default::default(),
        }
    }

    /// Counts a request of the API that was answered.
    pub(crate) fn count_request(&self, template: &str, status: u16, duration_us: u64) {
        let Some(at) = router::TEMPLATES.iter().position(|known| *known == template) else { return };
        let meter = &self.routes[at];
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        meter.by_class[class].fetch_add(1, Ordering::Relaxed);
        let bucket = REQUEST_BOUNDS_US.partition_point(|end_us| *end_us < duration_us);
        meter.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        meter.duration_us.fetch_add(duration_us, Ordering::Relaxed);
    }

    /// Counts a notification that was read for the first time.
    pub(crate) fn count_notification(&self, state: InboxState) {
        count(&self.notifications, &NOTIFICATION_STATES.map(InboxState::as_str), state.as_str());
    }

    /// Counts an attempt that was recorded.
    pub(crate) fn count_attempt(&self, ending: &Ending) {
        let outcome = match ending {
            Ending::Delivered => "delivered",
            Ending::Captured { .. } => "captured",
            Ending::Deferred { .. } => "deferred",
            Ending::Bounced(_) => "bounced",
            Ending::Failed => "failed",
        };
        count(&self.attempts, &ATTEMPT_OUTCOMES, outcome);
    }

    /// Counts a whole message that came by SMTP, by the code of its reply.
    pub(crate) fn count_smtp_message(&self, code: u16) {
        let kind = match code {
            ..400 => "taken",
            400..500 => "not_now",
            500.. => "refused",
        };
        count(&self.smtp_messages, &REPLIES, kind);
    }

    /// Counts somebody who gave a password by SMTP.
    pub(crate) fn count_smtp_sign_in(&self, is_right: bool) {
        count(&self.smtp_sign_ins, &SIGN_INS, if is_right { "right" } else { "wrong" });
    }
}

/// Adds one under this word. What is no word of ours has no label.
fn count(numbers: &[AtomicU64], words: &[&str], word: &str) {
    if let Some(at) = words.iter().position(|known| *known == word) {
        numbers[at].fetch_add(1, Ordering::Relaxed);
    }
}

/// The page that Prometheus reads, in the form that it asks for.
pub(crate) async fn page(app: &App, headers: &HeaderMap) -> Result<Reply> {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = text::Form::wanted(accepts);
    let metrics = collect::all(app, form).await?;
    let reply = Reply::new(StatusCode::OK, form.content_type(), metrics);
    Ok(reply.with(CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

/// The same of an edge node.
pub(crate) fn page_of_edge(edge: &Edge, headers: &HeaderMap) -> Reply {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = text::Form::wanted(accepts);
    let reply = Reply::new(StatusCode::OK, form.content_type(), edge::all(edge, form));
    reply.with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(numbers: &[AtomicU64]) -> Vec<u64> {
        numbers.iter().map(|number| number.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn a_request_is_counted_with_its_route_its_class_and_the_first_bucket_that_holds_it() {
        let meters = Meters::new(0);
        for (status, duration_us) in [(200, 0), (204, 500), (404, 501), (503, 10_000_001)] {
            meters.count_request("/api/send", status, duration_us);
        }
        meters.count_request("/made-up", 200, 1);
        let at = router::TEMPLATES.iter().position(|known| *known == "/api/send").expect("it is a route");
        let meter = &meters.routes[at];
        assert_eq!(now(&meter.by_class), [0, 2, 0, 1, 1]);
        assert_eq!(now(&meter.buckets)[..2], [2, 1]);
        assert_eq!(now(&meter.buckets)[REQUEST_BOUNDS_US.len()], 1);
        let all: u64 = meters.routes.iter().flat_map(|meter| now(&meter.by_class)).sum();
        assert_eq!(all, 4, "what is no route of ours has no label");
    }

    #[test]
    fn a_notification_is_counted_by_its_state() {
        let meters = Meters::new(0);
        meters.count_notification(InboxState::Unmatched);
        meters.count_notification(InboxState::Received);
        assert_eq!(now(&meters.notifications), [0, 0, 1, 0, 0], "one that waits came to nothing yet");
    }

    #[test]
    fn attempts_and_what_came_by_smtp_are_counted_by_what_they_came_to() {
        let meters = Meters::new(0);
        for ending in [Ending::Delivered, Ending::Deferred { next_at: 1 }, Ending::Failed, Ending::Delivered] {
            meters.count_attempt(&ending);
        }
        assert_eq!(now(&meters.attempts), [2, 0, 1, 0, 1]);
        for code in [250, 399, 400, 499, 500] {
            meters.count_smtp_message(code);
        }
        assert_eq!(now(&meters.smtp_messages), [2, 2, 1]);
        meters.count_smtp_sign_in(true);
        meters.count_smtp_sign_in(false);
        assert_eq!(now(&meters.smtp_sign_ins), [1, 1]);
    }
}
