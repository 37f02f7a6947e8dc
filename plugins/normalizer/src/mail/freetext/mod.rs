//! Bounces that follow no standard: about half of those that arrive.
//!
//! They have a habit in common: they name an address at the beginning of a line, alone or before a colon, and
//! say below it what went wrong. Where one does not, its sentences are asked for the address that failed, and at
//! last the returned mail for whom it was written to.

mod recipients;
mod words;

use crate::classify::{Facts, classify};
use crate::codes::{enhanced_in, reply_in};
use crate::dialogue;
use crate::mail::address;
use crate::mail::clues;
use crate::mail::header::Headers;
use crate::mail::report::Report;
use crate::text::{prefix, reason_of};
use crate::types::{ClueKind, Event, Kind, Outcome};
use recipients::Entry;

/// Reads a report from a mail server: its name, an empty envelope sender or a field says so.
pub(crate) fn read_from_server(report: &Report) -> Option<Outcome> {
    let headers = &report.mail.headers;
    let from = headers.decoded("from").unwrap_or_default();
    let lower = from.to_lowercase();
    let by_name = address::in_list(&from).iter().any(|address| address::is_server(address))
        || words::SERVER_NAMES.iter().any(|name| lower.contains(name));
    let empty_path = headers.get("return-path").is_some_and(|path| path.trim() == "<>");
    let stated = headers.has("x-failed-recipients")
        || headers.get("content-type").is_some_and(|value| value.to_ascii_lowercase().contains("delivery-status"));
    let from_server = stated || by_name || (empty_path && is_bounce_subject(report));
    if from_server && (stated || says_failure(report)) { read(report) } else { None }
}

/// Reads a report from anyone else when its subject says what it is, or it returns a mail, and its text says that
/// mail could not be delivered or gives a server's answer.
pub(crate) fn read_from_anyone(report: &Report) -> Option<Outcome> {
    let said = report.said.to_lowercase();
    let is_unmistakable = words::UNMISTAKABLE.iter().any(|sentence| said.contains(sentence));
    let has_answer = || enhanced_in(&report.said).is_some() || reply_in(&report.said).is_some();
    let is_report = match (is_bounce_subject(report), !report.returned.is_empty()) {
        (true, true) => says_failure(report),
        (true, false) => is_unmistakable || has_answer(),
        (false, true) => is_unmistakable,
        (false, false) => false,
    };
    if is_report { read(report) } else { None }
}

/// An answer to a bounce is none.
fn is_bounce_subject(report: &Report) -> bool {
    let subject = report.subject();
    !subject.starts_with("re:") && words::SUBJECTS.iter().any(|part| subject.contains(part))
}

fn says_failure(report: &Report) -> bool {
    let said = report.said.to_lowercase();
    words::FAILURES.iter().chain(words::STILL_TRYING).any(|part| said.contains(part)) || is_bounce_subject(report)
}

fn read(report: &Report) -> Option<Outcome> {
    let kind = kind(report);
    let clues = clues::of(report, &Headers::default());
    let mut entries = recipients::entries(report);
    let is_about_a_mail = clues.iter().any(|clue| matches!(clue.kind, ClueKind::Header | ClueKind::MessageId));
    if entries.is_empty() && is_about_a_mail {
        // It names nobody, but the mail that it returns may have had one recipient only.
        entries.push(Entry { words: report.said.clone(), ..Entry::default() });
    }
    if entries.is_empty() {
        return None;
    }
    let events = entries.into_iter().map(|entry| {
        let is_carrier = entry.recipient.as_deref().is_some_and(dialogue::is_carrier);
        let unknown_is_vague = is_carrier || dialogue::is_after_data(&entry.words);
        let verdict = classify(&Facts { text: &entry.words, context: &report.said, status: None, unknown_is_vague });
        let mut event = Event {
            kind,
            recipient: entry.recipient,
            recipient_alternatives: entry.alternatives,
            reason: reason_of(&entry.words).or_else(|| reason_of(&report.said)),
            occurred_at: report.date(),
            provider: "mail".into(),
            provider_event_id: report.id(),
            clues: clues.clone(),
            ..Event::default()
        };
        verdict.describe(&mut event);
        event
    });
    Some(Outcome { events: events.collect(), ..Outcome::default() })
}

fn kind(report: &Report) -> Kind {
    let said = prefix(&report.said, recipients::WORDS_BYTES_MAX).to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    if says(words::STILL_TRYING) && !says(words::GIVEN_UP) { Kind::Deferred } else { Kind::Bounce }
}
