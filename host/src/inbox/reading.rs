//! From what a normalizer says to events that the store can match.

use serde_json::{Map, Value as Json, json};

use crate::api::time::rfc3339;
use crate::app::App;
use crate::mail::address::EmailAddress;
use crate::mail::event::{BounceType, EventType};
use crate::plugins::normalizer;
use crate::store::{EmailClue, InboxState, NewArrival, Reading, ReportedEvent};

/// Headers in which a mail server says at which address of ours the mail arrived.
pub(super) const ENVELOPE_RECIPIENT: &[&str] = &["x-original-to", "x-envelope-to"];
/// What of a fetch is kept, by the names of events.
const OF_A_FETCH: [&str; 3] = ["ip", "user_agent", "url"];

/// A reading of something that says nothing to a normalizer.
pub(super) fn unparsed(problem: &normalizer::Problem, plugin: Option<String>) -> Reading {
    let failed = Some((InboxState::Unparsed, problem.message.clone()));
    Reading { plugin, outcome: json!(problem).to_string(), events: Vec::new(), failed }
}

/// A reading that failed.
pub(super) fn refusal(outcome: String, why: String, plugin: Option<String>) -> Reading {
    Reading { plugin, outcome, events: Vec::new(), failed: Some((InboxState::Refused, why)) }
}

/// The events of an outcome that are news about an email.
pub(super) fn events(app: &App, outcome: &normalizer::Outcome, arrival: &NewArrival) -> Vec<ReportedEvent> {
    let recipients = arrival.headers.iter().filter(|(name, _)| ENVELOPE_RECIPIENT.contains(&name.as_str()));
    let arrived_at: Vec<_> = recipients.filter_map(|(_, address)| app.bounce_addresses.open_address(address)).collect();
    let is_source = arrival.source_id.is_some();
    let reported = |(index, event): (usize, &normalizer::Event)| {
        let event_type = event_type(event.kind, is_source)?;
        let verp = event.clues.iter().filter(|clue| clue.kind == normalizer::ClueKind::Verp);
        let verp = verp.filter_map(|clue| app.bounce_addresses.open_address(&clue.value));
        let returned = arrived_at.iter().copied().chain(verp).map(EmailClue::Returned);
        let emails = returned.chain(email_clues(&event.clues)).collect();
        Some(reported_event(index, event, event_type, emails))
    };
    outcome.events.iter().enumerate().filter_map(reported).collect()
}

/// What an event of ours it is. Opens, clicks and unsubscriptions are our own to count, unless a source counts them.
fn event_type(kind: normalizer::Kind, is_source: bool) -> Option<EventType> {
    use normalizer::Kind;
    match kind {
        Kind::Bounce => Some(EventType::Bounced),
        Kind::Complaint => Some(EventType::Complained),
        Kind::Delivered => Some(EventType::Delivered),
        Kind::Deferred => Some(EventType::Deferred),
        Kind::Opened => is_source.then_some(EventType::Opened),
        Kind::Clicked => is_source.then_some(EventType::Clicked),
        Kind::Unsubscribed => is_source.then_some(EventType::Unsubscribed),
        Kind::Rejected | Kind::Autoreply | Kind::Unknown => None,
    }
}

fn reported_event(
    index: usize,
    event: &normalizer::Event,
    event_type: EventType,
    emails: Vec<EmailClue>,
) -> ReportedEvent {
    // What a provider blacked out names nobody; the email that it is about still does.
    let redacted = event.attributes.iter().any(|(name, value)| name == "redacted" && value == "recipient");
    let recipients = event.recipient.iter().chain(&event.recipient_alternatives).filter(|_| !redacted);
    ReportedEvent {
        index,
        emails,
        recipients: recipients.map(|address| address_key(address)).collect(),
        event_type,
        bounce_type: event.bounce_type.map(bounce_type),
        reason: event.reason.clone(),
        occurred_at: event.occurred_at,
        provider_event_id: event.provider_event_id.clone(),
        data: event_data(event, event_type),
    }
}

/// An address as recipients are kept: with an international domain or needless quotes it has several spellings.
fn address_key(address: &str) -> String {
    EmailAddress::parse(address).map_or_else(|_| address.to_owned(), |address| address.key())
}

/// What names an email, most trusted first, whatever order the plugin has: our own id, then Message-ID, ENVID and the
/// provider's name of it. Bounce addresses go before them all, in [`events`].
fn email_clues(clues: &[normalizer::Clue]) -> impl Iterator<Item = EmailClue> {
    use normalizer::ClueKind;
    let order = [
        ClueKind::EmailId,
        ClueKind::Header,
        ClueKind::Metadata,
        ClueKind::MessageId,
        ClueKind::EnvelopeId,
        ClueKind::ProviderMessageId,
    ];
    let of_kind = |kind| clues.iter().filter(move |clue| clue.kind == kind).filter_map(email_clue);
    order.into_iter().flat_map(of_kind)
}

fn email_clue(clue: &normalizer::Clue) -> Option<EmailClue> {
    use normalizer::ClueKind;
    let id = |by| clue.value.trim().parse().ok().map(|id| EmailClue::Id(id, by));
    match clue.kind {
        ClueKind::EmailId => id("email_id"),
        ClueKind::Header => id("header"),
        ClueKind::Metadata => id("metadata"),
        ClueKind::EnvelopeId => id("envelope_id"),
        ClueKind::MessageId => Some(EmailClue::MessageId(clue.value.clone())),
        ClueKind::ProviderMessageId => Some(EmailClue::ProviderMessageId(clue.value.clone())),
        ClueKind::Verp => None,
    }
}

/// An outcome as commands print it and the store keeps it.
pub(crate) fn outcome_json(outcome: &normalizer::Outcome) -> Json {
    let events: Vec<_> = outcome.events.iter().map(event_json).collect();
    let ignored = |item: &normalizer::Ignored| json!({ "index": item.index, "reason": item.reason });
    json!({ "events": events, "ignored": outcome.ignored.iter().map(ignored).collect::<Vec<_>>() })
}

fn event_json(event: &normalizer::Event) -> Json {
    use normalizer::{ClueKind, Kind};
    let kind = match event.kind {
        Kind::Bounce => "bounce",
        Kind::Complaint => "complaint",
        Kind::Delivered => "delivered",
        Kind::Deferred => "deferred",
        Kind::Opened => "opened",
        Kind::Clicked => "clicked",
        Kind::Unsubscribed => "unsubscribed",
        Kind::Rejected => "rejected",
        Kind::Autoreply => "autoreply",
        Kind::Unknown => "unknown",
    };
    let clue = |clue: &normalizer::Clue| {
        let kind = match clue.kind {
            ClueKind::EmailId => "email_id",
            ClueKind::Header => "header",
            ClueKind::Metadata => "metadata",
            ClueKind::Verp => "verp",
            ClueKind::EnvelopeId => "envelope_id",
            ClueKind::ProviderMessageId => "provider_message_id",
            ClueKind::MessageId => "message_id",
        };
        json!({ "kind": kind, "value": clue.value })
    };
    let evidence = event.attributes.iter().find(|(name, _)| name == "evidence").map(|(_, value)| value);
    json!({
        "kind": kind,
        "bounce_type": event.bounce_type.map(bounce_type).map(BounceType::as_str),
        "recipient": event.recipient,
        "recipient_alternatives": event.recipient_alternatives,
        "timestamp": event.occurred_at.map(rfc3339),
        "reason": event.reason,
        "class": event.class,
        "smtp_code": event.smtp_code,
        "enhanced_code": event.enhanced_code,
        "feedback_type": event.feedback_type.map(feedback_type),
        "complaint_type": event.complaint_type,
        "provider": event.provider,
        "provider_event_id": event.provider_event_id,
        "clues": event.clues.iter().map(clue).collect::<Vec<_>>(),
        "custom_data": event.custom_data.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok()),
        "evidence": evidence,
    })
}

fn bounce_type(bounce_type: normalizer::BounceType) -> BounceType {
    match bounce_type {
        normalizer::BounceType::Hard => BounceType::Hard,
        normalizer::BounceType::Soft => BounceType::Soft,
    }
}

fn feedback_type(feedback_type: normalizer::FeedbackType) -> &'static str {
    use normalizer::FeedbackType;
    match feedback_type {
        FeedbackType::Abuse => "abuse",
        FeedbackType::Fraud => "fraud",
        FeedbackType::Virus => "virus",
        FeedbackType::Other => "other",
    }
}

/// What of a report is stored with the event: all that is known, and nothing that is not.
fn event_data(event: &normalizer::Event, event_type: EventType) -> Json {
    let shown = [
        "bounce_type",
        "reason",
        "class",
        "smtp_code",
        "enhanced_code",
        "feedback_type",
        "complaint_type",
        "provider",
        "custom_data",
    ];
    let all = event_json(event);
    let known = shown.into_iter().filter(|name| !all[*name].is_null());
    let mut data: Map<_, _> = known.map(|name| (name.to_owned(), all[name].clone())).collect();
    if matches!(event_type, EventType::Opened | EventType::Clicked | EventType::Unsubscribed) {
        let attribute = |name: &str| event.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let told = |name: &str| attribute(name).map(String::as_str).or_else(|| all["custom_data"][name].as_str());
        data.extend(OF_A_FETCH.into_iter().filter_map(|name| Some((name.to_owned(), told(name)?.into()))));
    }
    data.into()
}

#[cfg(test)]
mod tests {
    use normalizer::{Clue, ClueKind, Kind};

    use super::*;

    const ID: &str = "018e4277-b940-7000-8000-000000000001";

    #[test]
    fn clues_are_tried_in_the_order_of_trust_whatever_order_the_plugin_has() {
        let clue = |(kind, value): (ClueKind, &str)| Clue { kind, value: value.into() };
        let told = [
            (ClueKind::ProviderMessageId, "provider's"),
            (ClueKind::EnvelopeId, ID),
            (ClueKind::MessageId, "first@example.com"),
            (ClueKind::Verp, "b-x@example.com"),
            (ClueKind::Metadata, ID),
            (ClueKind::Header, " 018e4277-b940-7000-8000-000000000001\r"),
            (ClueKind::EmailId, "no id"),
            (ClueKind::EmailId, ID),
            (ClueKind::MessageId, "second@example.com"),
        ];
        let told: Vec<_> = told.into_iter().map(clue).collect();
        let tried = email_clues(&told).map(|clue| match clue {
            EmailClue::Id(_, by) => by.to_owned(),
            EmailClue::MessageId(id) | EmailClue::ProviderMessageId(id) => id,
            EmailClue::Returned(_) => "a bounce address".to_owned(),
        });
        let order = "email_id header metadata first@example.com second@example.com envelope_id provider's";
        assert_eq!(tried.collect::<Vec<_>>().join(" "), order);
    }

    #[test]
    fn what_a_fetch_or_a_reader_does_is_news_from_sources_alone() {
        for (kind, from_anybody, from_a_source) in [
            (Kind::Bounce, Some(EventType::Bounced), Some(EventType::Bounced)),
            (Kind::Complaint, Some(EventType::Complained), Some(EventType::Complained)),
            (Kind::Delivered, Some(EventType::Delivered), Some(EventType::Delivered)),
            (Kind::Deferred, Some(EventType::Deferred), Some(EventType::Deferred)),
            (Kind::Opened, None, Some(EventType::Opened)),
            (Kind::Clicked, None, Some(EventType::Clicked)),
            (Kind::Unsubscribed, None, Some(EventType::Unsubscribed)),
            (Kind::Rejected, None, None),
            (Kind::Autoreply, None, None),
            (Kind::Unknown, None, None),
        ] {
            assert_eq!((event_type(kind, false), event_type(kind, true)), (from_anybody, from_a_source), "{kind:?}");
        }
    }
}
