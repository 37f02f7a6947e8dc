//! What an edge node counts. Its spool is its journal of hits, under the names that the journal has everywhere.

use super::collect::{build, hits, process, requests, seconds};
use super::text::{Form, Kind, Text};
use crate::edge::Edge;

/// The whole page.
pub(super) fn all(edge: &Edge, form: Form) -> String {
    let mut text = Text::new(form);
    build(&mut text);
    let now = edge.tracking.now();
    process(&edge.meters, (edge.is_ready(), now), &mut text);
    requests(&edge.meters, (&edge.in_flight, edge.config.requests_in_flight_max), &mut text);
    hits(&edge.tracking, edge.config.hit_journal_bytes_max, &mut text);
    way(edge, now, &mut text);
    text.finish()
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
