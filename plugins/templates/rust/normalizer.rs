//! A normalizer: it gets a notification about mail that was sent and says what it means. The contract is
//! wit/normalizer.wit.
//!
//! It has no clock, no network and no files: the same request always means the same. This one reads the notifications
//! of a provider that we made up, `[{"type": "bounce", "email": "ada@example.com", "detail": "550 5.1.1 ..."}]`;
//! put yours in its place.

wit_bindgen::generate!({ path: "wit", world: "normalizer" });

use exports::pillarbox::plugin::webhook_normalizing::{
    BounceType, Clue, ClueKind, Event, FeedbackType, Format, Guest, Ignored, Kind, Outcome, Problem, Request,
};
use pillarbox::plugin::types::Description;

/// One notification, as the provider spells it.
#[derive(serde::Deserialize)]
struct Notice {
    r#type: String,
    email: String,
    detail: Option<String>,
    id: Option<String>,
    message_id: Option<String>,
    at_ms: Option<i64>,
}

struct Normalizer;

export!(Normalizer);

impl Guest for Normalizer {
    fn describe() -> Description {
        Description {
            name: "{{name}}".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads the notifications of Example Mail.".into(),
            attributes: vec![],
        }
    }

    fn formats() -> Vec<Format> {
        vec![Format {
            name: "example".into(),
            description: "Notifications of Example Mail: a JSON list of bounces, complaints and deliveries.".into(),
            content_types: vec!["application/json".into()],
            attributes: vec![],
        }]
    }

    fn normalize(request: Request, _settings: Vec<(String, String)>) -> Result<Outcome, Problem> {
        let items: Vec<serde_json::Value> = serde_json::from_slice(&request.body).map_err(|_| Problem {
            // Not ours to complain about: it may be meant for another plugin.
            code: "unrecognized".into(),
            message: "It is not a JSON list.".into(),
            pointer: String::new(),
        })?;
        let mut outcome = Outcome { events: vec![], ignored: vec![], attributes: vec![] };
        for (index, item) in (0..).zip(items) {
            // One bad item never hides the others.
            match serde_json::from_value(item).map_err(|error| error.to_string()).and_then(event) {
                Ok(event) => outcome.events.push(event),
                Err(reason) => outcome.ignored.push(Ignored { index, reason }),
            }
        }
        Ok(outcome)
    }
}

fn event(notice: Notice) -> Result<Event, String> {
    let kind = match notice.r#type.as_str() {
        "bounce" => Kind::Bounce,
        "complaint" => Kind::Complaint,
        "delivery" => Kind::Delivered,
        other => return Err(format!("The type {other:?} is not known.")),
    };
    let enhanced_code = notice.detail.as_deref().and_then(enhanced_code);
    let bounce_type = enhanced_code.as_deref().filter(|_| kind == Kind::Bounce).and_then(|code| match &code[..1] {
        "5" => Some(BounceType::Hard),
        "4" => Some(BounceType::Soft),
        _ => None,
    });
    let clue = |value| Clue { kind: ClueKind::MessageId, value };
    Ok(Event {
        kind,
        bounce_type,
        recipient: Some(notice.email),
        recipient_alternatives: vec![],
        smtp_code: notice.detail.as_deref().and_then(|detail| detail.get(..3)?.parse().ok()),
        reason: notice.detail,
        class: None,
        enhanced_code,
        feedback_type: (kind == Kind::Complaint).then_some(FeedbackType::Abuse),
        complaint_type: None,
        occurred_at: notice.at_ms,
        provider: "example".into(),
        provider_event_id: notice.id,
        clues: notice.message_id.map(clue).into_iter().collect(),
        custom_data: None,
        attributes: vec![],
    })
}

/// `5.1.1` in `550 5.1.1 user unknown` (RFC 3463).
fn enhanced_code(detail: &str) -> Option<String> {
    let is_code = |word: &&str| {
        let parts: Vec<_> = word.split('.').collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u16>().is_ok())
    };
    detail.split_whitespace().find(is_code).map(str::to_owned)
}
