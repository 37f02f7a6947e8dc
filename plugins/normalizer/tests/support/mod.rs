//! What several test binaries share.

use pillarbox_normalizer::{BounceType, Event, Outcome, Request, normalize};

/// Reads a body without a content type.
#[track_caller]
pub fn read(body: &str) -> Outcome {
    read_as("", body)
}

#[track_caller]
pub fn read_as(content_type: &str, body: &str) -> Outcome {
    let request = Request { content_type: content_type.into(), body: body.as_bytes().to_vec(), ..Request::default() };
    normalize(&request, &[]).unwrap_or_else(|problem| panic!("{body}: {problem:?}"))
}

/// The only event of a body.
#[track_caller]
pub fn one(body: &str) -> Event {
    let mut outcome = read(body);
    assert_eq!(outcome.events.len(), 1, "{body}: {outcome:?}");
    outcome.events.remove(0)
}

/// What an event says in short: who told it, its kind, hard or soft, whom, and why.
pub fn short(event: &Event) -> String {
    let bounce_type = match event.bounce_type {
        Some(BounceType::Hard) => "hard",
        Some(BounceType::Soft) => "soft",
        None => "-",
    };
    let why = event.feedback_type.map(|word| format!("{word:?}")).or_else(|| event.class.clone());
    let recipient = event.recipient.as_deref().unwrap_or("-");
    format!("{} {:?} {bounce_type} {recipient} {}", event.provider, event.kind, why.as_deref().unwrap_or("-"))
}

#[track_caller]
pub fn check_as(content_type: &str, body: &str, expected: &[&str]) {
    let outcome = read_as(content_type, body);
    assert_eq!(outcome.events.iter().map(short).collect::<Vec<_>>(), expected, "{body}\n{outcome:#?}");
    assert!(!outcome.events.is_empty() || !outcome.ignored.is_empty(), "{body}: nothing is said of it");
}
