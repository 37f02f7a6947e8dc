//! What an edge node counts. Its spool is its journal of hits, under the names that the journal has everywhere.

use super::collect::{build, hits, process, requests, seconds};
use super::text::{Form, Kind, Text};
use crate::edge::{Edge, SHED_REASONS};

/// The whole page.
pub(super) fn all(edge: &Edge, form: Form) -> String {
    let mut text = Text::new(form);
    build(&mut text);
    let now = edge.tracking.now();
    process(&edge.meters, (edge.is_ready(), now), &mut text);
    requests(&edge.meters, (&edge.in_flight, edge.config.requests_in_flight_max), &mut text);
    hits(&edge.tracking, edge.config.hit_journal_bytes_max, &mut text);
    way(edge, now, &mut text);
    notifications(edge, now, &mut text);
    text.finish()
}

/// What providers posted, where the node takes that.
fn notifications(edge: &Edge, now: i64, text: &mut Text) {
    let Some((spool, seen)) = edge.notifications() else { return };
    let help = "Notifications that the origin does not have yet.";
    text.family(Kind::Gauge, "pillarbox_edge_notifications", help);
    text.count(&[], spool.rows as u64);
    text.family(Kind::Gauge, "pillarbox_edge_notifications_limit", "How many there may be of them.");
    text.count(&[], edge.config.edge_webhooks_max as u64);
    text.family(Kind::Gauge, "pillarbox_edge_notification_bytes", "Bytes of them.");
    text.count(&[], spool.bytes);
    text.family(Kind::Gauge, "pillarbox_edge_notification_limit_bytes", "Bytes that they may have.");
    text.count(&[], edge.config.edge_webhook_bytes_max);
    text.family(Kind::Gauge, "pillarbox_edge_notification_lag_seconds", "Age of the oldest of them.");
    text.value(&[], seconds(spool.oldest_at.map_or(0, |oldest_at| (now - oldest_at).max(0))));
    text.family(Kind::Counter, "pillarbox_edge_notifications_handed_over", "Notifications that the origin has.");
    text.count(&[], seen.taken);
    let help = "Notifications that the origin refused, because they are not genuine or their source is gone.";
    text.family(Kind::Counter, "pillarbox_edge_notifications_refused", help);
    text.count(&[], seen.refused);
    let help = "Notifications that were damaged; they lie in the folder refused.";
    text.family(Kind::Counter, "pillarbox_edge_notifications_set_aside", help);
    text.count(&[], seen.set_aside);
    let help = "Notifications that were not taken and answered with 503, by reason.";
    text.family(Kind::Counter, "pillarbox_edge_notifications_shed", help);
    for (reason, count) in SHED_REASONS.iter().zip(spool.shed) {
        text.count(&[("reason", reason)], count);
    }
}

/// The way to the origin.
fn way(edge: &Edge, now: i64, text: &mut Text) {
    let seen = edge.progress();
    text.family(Kind::Counter, "pillarbox_edge_handed_over_records", "Hits that the origin has.");
    text.count(&[], seen.records);
    text.family(Kind::Counter, "pillarbox_edge_handed_over_batches", "Batches that they were handed over in.");
    text.count(&[], seen.batches);
    let help = "Batches that the origin refused for what they are; they lie in the folder refused.";
    text.family(Kind::Counter, "pillarbox_edge_refused_batches", help);
    text.count(&[], seen.refused_batches);
    text.family(Kind::Gauge, "pillarbox_edge_origin_answers", "1 while the origin answers.");
    text.count(&[], u64::from(seen.answered_at > 0 && seen.backoff_ms == 0));
    let help = "Wait before the origin is asked again, while it does not answer.";
    text.family(Kind::Gauge, "pillarbox_edge_backoff_seconds", help);
    text.value(&[], seconds(i64::try_from(seen.backoff_ms).unwrap_or(i64::MAX)));
    let help = "Time since the origin answered last; since 1970 when it never did.";
    text.family(Kind::Gauge, "pillarbox_edge_origin_silent_seconds", help);
    text.value(&[], seconds(now - seen.answered_at));
    text.family(Kind::Gauge, "pillarbox_edge_revoked", "1 once the origin has revoked this node.");
    text.count(&[], u64::from(seen.is_revoked));
}
