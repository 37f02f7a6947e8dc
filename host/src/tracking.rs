//! What the tracking routes need: the keys of tokens, the journal of hits, and what was asked for with HEAD lately. The
//! service has it beside much else, an edge node beside little.

use std::borrow::Cow;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::Method;
use http::header::USER_AGENT;
use uuid::Uuid;

use crate::app::Clock;
use crate::config::{Config, HitOverflow};
use crate::heads::{Asked, Heads};
use crate::hits::{HitRecord, Hits};
use crate::ids::IdOrder;
use crate::mail::event::EventType;
use crate::mail::token::{Claims, KeyRing, Purpose};
use crate::peers::network;
use crate::request::Head;

/// Checks tokens and records hits.
pub(crate) struct Tracking {
    pub(crate) hits: Hits,
    tokens: Arc<ArcSwap<KeyRing>>,
    heads: Heads,
    /// What a pixel does when its open cannot be recorded.
    pub(crate) overflow: HitOverflow,
    id_order: IdOrder,
    clock: Clock,
}

impl Tracking {
    pub(crate) fn new(
        config: &Config,
        tokens: Arc<ArcSwap<KeyRing>>,
        hits: Hits,
        (id_order, clock): (IdOrder, Clock),
    ) -> Self {
        Self { hits, tokens, heads: Heads::default(), overflow: config.hit_overflow, id_order, clock }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// What a token says, when it is one of ours for this purpose.
    pub(crate) fn claims(&self, token: &str, purpose: Purpose) -> Option<Claims> {
        self.tokens.load().open(token, purpose)
    }

    /// Whether it is a HEAD, which records nothing and is remembered for a while.
    pub(crate) fn is_head(&self, claims: &Claims, event_type: EventType, head: &Head) -> bool {
        let is_head = head.method == Method::HEAD;
        if is_head {
            self.heads.note(asked(claims, event_type, head), self.now());
        }
        is_head
    }

    /// What is recorded of a request with a good token.
    pub(crate) fn hit<'a>(&self, claims: &'a Claims, event_type: EventType, head: &'a Head) -> HitRecord<'a> {
        let at = self.now();
        HitRecord {
            id: self.id(at),
            email_id: claims.email_id,
            event_type,
            source: None,
            at,
            head_before: event_type != EventType::Unsubscribed
                && self.heads.before(&asked(claims, event_type, head), at),
            canary: event_type == EventType::Clicked && claims.is_canary(),
            peer: Some(head.peer),
            user_agent: head.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes())),
            link: claims.link,
            destination: claims.destination.as_deref().map(Cow::Borrowed),
        }
    }

    fn id(&self, at: i64) -> Uuid {
        (self.id_order.ids_at(at))()
    }
}

fn asked(claims: &Claims, event_type: EventType, head: &Head) -> Asked {
    (claims.email_id, (event_type == EventType::Clicked).then_some(claims.link), network(head.peer))
}
