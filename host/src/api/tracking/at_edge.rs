//! Unsubscriptions at an edge node, which has no database: the wish is recorded like a hit, and comes true at home.

use http::StatusCode;

use super::{not_ours, page, source};
use crate::mail::event::EventType;
use crate::mail::token::Purpose;
use crate::pages;
use crate::reply::Reply;
use crate::request::Head;
use crate::tracking::Tracking;

/// Asks the reader to confirm. Whom the email went to is known at home alone.
pub(crate) fn confirm_unsubscribe_at_edge(tracking: &Tracking, token: &str) -> Reply {
    match tracking.claims(token, Purpose::Unsubscribe) {
        Some(_) => page(StatusCode::OK, pages::unsubscribe::confirm(None)),
        None => not_ours(),
    }
}

/// Unsubscribes. It is answered with 200 once it cannot be lost any more; until the origin has it, mail may still be sent.
pub(crate) async fn unsubscribe_at_edge(tracking: &Tracking, token: &str, head: &Head, body: &[u8]) -> Reply {
    let Some(claims) = tracking.claims(token, Purpose::Unsubscribe) else { return not_ours() };
    let mut hit = tracking.hit(&claims, EventType::Unsubscribed, head);
    hit.source = Some(source(body));
    // Whoever does not get through must know, and try again.
    if !tracking.hits.record(&hit).await {
        return unavailable();
    }
    page(StatusCode::OK, pages::unsubscribe::done(None))
}

/// Says that it cannot be done now.
pub(crate) fn unavailable() -> Reply {
    page(StatusCode::SERVICE_UNAVAILABLE, pages::unsubscribe::not_now())
}
