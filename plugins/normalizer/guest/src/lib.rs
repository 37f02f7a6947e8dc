//! The built-in normalizer plugin: the glue between its rules and WIT. Every rule is in `pillarbox-normalizer`.

use pillarbox_normalizer as rules;

wit_bindgen::generate!({ path: "../../../wit", world: "normalizer" });

use exports::pillarbox::plugin::webhook_normalizing as wit;
use pillarbox::plugin::types::{Description, Setting};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: pillarbox_bump::Bump = pillarbox_bump::Bump::new();

struct Normalizer;

export!(Normalizer);

impl wit::Guest for Normalizer {
    fn describe() -> Description {
        let rules::Description { name, version, summary, attributes } = rules::describe();
        Description { name, version, summary, attributes }
    }

    fn formats() -> Vec<wit::Format> {
        rules::formats().into_iter().map(format).collect()
    }

    fn normalize(request: wit::Request, settings: Vec<Setting>) -> Result<wit::Outcome, wit::Problem> {
        let wit::Request { content_type, headers, body, received_at, attributes } = request;
        let request = rules::Request { content_type, headers, body, received_at, attributes };
        rules::normalize(&request, &settings).map(outcome).map_err(problem)
    }
}

fn format(from: rules::Format) -> wit::Format {
    let rules::Format { name, description, content_types, attributes } = from;
    wit::Format { name, description, content_types, attributes }
}

fn problem(from: rules::Problem) -> wit::Problem {
    let rules::Problem { code, message, pointer } = from;
    wit::Problem { code, message, pointer }
}

fn outcome(from: rules::Outcome) -> wit::Outcome {
    let ignored = |rules::Ignored { index, reason }| wit::Ignored { index, reason };
    wit::Outcome {
        events: from.events.into_iter().map(event).collect(),
        ignored: from.ignored.into_iter().map(ignored).collect(),
        attributes: from.attributes,
    }
}

fn event(from: rules::Event) -> wit::Event {
    wit::Event {
        kind: kind(from.kind),
        bounce_type: from.bounce_type.map(bounce_type),
        recipient: from.recipient,
        recipient_alternatives: from.recipient_alternatives,
        reason: from.reason,
        class: from.class,
        smtp_code: from.smtp_code,
        enhanced_code: from.enhanced_code,
        feedback_type: from.feedback_type.map(feedback_type),
        complaint_type: from.complaint_type,
        occurred_at: from.occurred_at,
        provider: from.provider,
        provider_event_id: from.provider_event_id,
        clues: from.clues.into_iter().map(clue).collect(),
        custom_data: from.custom_data,
        attributes: from.attributes,
    }
}

fn clue(from: rules::Clue) -> wit::Clue {
    let kind = match from.kind {
        rules::ClueKind::EmailId => wit::ClueKind::EmailId,
        rules::ClueKind::Header => wit::ClueKind::Header,
        rules::ClueKind::Metadata => wit::ClueKind::Metadata,
        rules::ClueKind::Verp => wit::ClueKind::Verp,
        rules::ClueKind::EnvelopeId => wit::ClueKind::EnvelopeId,
        rules::ClueKind::ProviderMessageId => wit::ClueKind::ProviderMessageId,
        rules::ClueKind::MessageId => wit::ClueKind::MessageId,
    };
    wit::Clue { kind, value: from.value }
}

fn kind(from: rules::Kind) -> wit::Kind {
    match from {
        rules::Kind::Bounce => wit::Kind::Bounce,
        rules::Kind::Complaint => wit::Kind::Complaint,
        rules::Kind::Delivered => wit::Kind::Delivered,
        rules::Kind::Deferred => wit::Kind::Deferred,
        rules::Kind::Opened => wit::Kind::Opened,
        rules::Kind::Clicked => wit::Kind::Clicked,
        rules::Kind::Unsubscribed => wit::Kind::Unsubscribed,
        rules::Kind::Rejected => wit::Kind::Rejected,
        rules::Kind::Autoreply => wit::Kind::Autoreply,
        rules::Kind::Unknown => wit::Kind::Unknown,
    }
}

fn bounce_type(from: rules::BounceType) -> wit::BounceType {
    match from {
        rules::BounceType::Hard => wit::BounceType::Hard,
        rules::BounceType::Soft => wit::BounceType::Soft,
    }
}

fn feedback_type(from: rules::FeedbackType) -> wit::FeedbackType {
    match from {
        rules::FeedbackType::Abuse => wit::FeedbackType::Abuse,
        rules::FeedbackType::Fraud => wit::FeedbackType::Fraud,
        rules::FeedbackType::Virus => wit::FeedbackType::Virus,
        rules::FeedbackType::Other => wit::FeedbackType::Other,
    }
}
