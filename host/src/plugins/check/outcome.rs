//! What a normalizer read, against the bounds of the contract.

use serde_json::{Map, Value};

use super::{Checker, NAME_BYTES_MAX, Result, count, length, pairs_bytes, word};
use crate::plugins::declaration::{WORD_BYTES_MAX, shown};
use crate::plugins::limits::Limits;
use crate::plugins::normalizer::{Event, Outcome, Problem, Request};

/// `event.reason`, as the contract says.
const REASON_BYTES_MAX: usize = 1_024;
/// `event.custom-data`, as the contract says.
const CUSTOM_DATA_BYTES_MAX: usize = 16 * 1_024;
/// An address with everything that RFC 5321 allows, doubled for what sources write around it.
const ADDRESS_BYTES_MAX: usize = 1_024;

/// Bytes of what a normalizer is handed.
pub(in crate::plugins) fn request_bytes(request: &Request, settings: &[(String, String)]) -> usize {
    request.content_type.len()
        + request.body.len()
        + pairs_bytes(&request.headers)
        + pairs_bytes(&request.attributes)
        + pairs_bytes(settings)
}

/// Checks what a normalizer read from a request.
pub(in crate::plugins) fn outcome(limits: &Limits, request: &Request, outcome: &Outcome) -> Result {
    let check = Checker(limits);
    count("events", outcome.events.len(), limits.events_max)?;
    count("ignored items", outcome.ignored.len(), limits.events_max)?;
    check.attributes("the outcome", &outcome.attributes)?;
    for ignored in &outcome.ignored {
        // An item takes at least a byte of the request.
        if ignored.index as usize > request.body.len() {
            return Err(format!("an ignored item with the index {}, which is not there", ignored.index));
        }
        check.sentence("the reason of an ignored item", &ignored.reason)?;
    }
    for (index, told) in outcome.events.iter().enumerate() {
        event(check, told).map_err(|what| format!("{what}, in event {index}"))?;
    }
    Ok(())
}

fn event(check: Checker<'_>, event: &Event) -> Result {
    word("provider", &event.provider)?;
    optional("recipient", event.recipient.as_ref(), ADDRESS_BYTES_MAX)?;
    optional("reason", event.reason.as_ref(), REASON_BYTES_MAX)?;
    optional("class", event.class.as_ref(), WORD_BYTES_MAX)?;
    optional("complaint-type", event.complaint_type.as_ref(), NAME_BYTES_MAX)?;
    optional("provider-event-id", event.provider_event_id.as_ref(), NAME_BYTES_MAX)?;
    check.attributes("it", &event.attributes)?;
    count("recipient-alternatives", event.recipient_alternatives.len(), check.0.clues_max)?;
    for address in &event.recipient_alternatives {
        length("recipient-alternatives", address, ADDRESS_BYTES_MAX)?;
    }
    count("clues", event.clues.len(), check.0.clues_max)?;
    for clue in &event.clues {
        length("a clue", &clue.value, NAME_BYTES_MAX)?;
    }
    if let Some(code) = event.smtp_code.filter(|code| !(200..=599).contains(code)) {
        return Err(format!("the smtp-code {code}"));
    }
    if let Some(code) = event.enhanced_code.as_ref().filter(|code| !is_enhanced_code(code)) {
        return Err(format!("the enhanced-code {:?}", shown(code)));
    }
    event.custom_data.as_ref().map_or(Ok(()), |json| custom_data(json))
}

fn custom_data(json: &str) -> Result {
    length("custom-data", json, CUSTOM_DATA_BYTES_MAX)?;
    match serde_json::from_str::<Map<String, Value>>(json) {
        Ok(_) => Ok(()),
        Err(_) => Err("custom-data that is not a JSON object".into()),
    }
}

fn optional(what: &str, text: Option<&String>, bytes_max: usize) -> Result {
    text.map_or(Ok(()), |text| length(what, text, bytes_max))
}

/// `class.subject.detail` of RFC 3463 section 2: classes 2, 4 and 5, the others up to three digits.
fn is_enhanced_code(code: &str) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    match code.split('.').collect::<Vec<_>>().as_slice() {
        [class, subject, detail] => matches!(*class, "2" | "4" | "5") && is_number(subject) && is_number(detail),
        _ => false,
    }
}

/// Checks why a normalizer could not read a request.
pub(in crate::plugins) fn problem(limits: &Limits, problem: &Problem) -> Result {
    let check = Checker(limits);
    if !matches!(problem.code.as_str(), "invalid" | "unrecognized") {
        return Err(format!("a problem with the code {:?}", shown(&problem.code)));
    }
    check.filled_sentence("the message of a problem", &problem.message)?;
    length("the pointer of a problem", &problem.pointer, NAME_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::normalizer::{Clue, ClueKind, Ignored, Kind};

    fn bounced() -> Event {
        Event {
            kind: Kind::Bounce,
            bounce_type: None,
            recipient: None,
            recipient_alternatives: Vec::new(),
            reason: None,
            class: None,
            smtp_code: None,
            enhanced_code: None,
            feedback_type: None,
            complaint_type: None,
            occurred_at: None,
            provider: "rfc3464".into(),
            provider_event_id: None,
            clues: Vec::new(),
            custom_data: None,
            attributes: Vec::new(),
        }
    }

    #[track_caller]
    fn told(change: impl FnOnce(&mut Event), expected: std::result::Result<(), &str>) {
        let mut told = bounced();
        change(&mut told);
        assert_eq!(event(Checker(&Limits::default()), &told), expected.map_err(str::to_owned));
    }

    #[test]
    fn an_event_keeps_to_the_bounds_of_the_contract() {
        told(|_| {}, Ok(()));
        told(|event| event.reason = Some("x".repeat(1_024)), Ok(()));
        told(|event| event.reason = Some("x".repeat(1_025)), Err("reason has 1025 bytes of at most 1024"));
        told(|event| event.provider = String::new(), Err("provider is \"\", not a word in lower case"));
        told(|event| event.smtp_code = Some(200), Ok(()));
        told(|event| event.smtp_code = Some(199), Err("the smtp-code 199"));
        told(|event| event.smtp_code = Some(599), Ok(()));
        told(|event| event.smtp_code = Some(600), Err("the smtp-code 600"));
        told(|event| event.enhanced_code = Some("5.1.1".into()), Ok(()));
        told(|event| event.enhanced_code = Some("5.1".into()), Err("the enhanced-code \"5.1\""));
        told(|event| event.enhanced_code = Some("3.1.1".into()), Err("the enhanced-code \"3.1.1\""));
        let clue = Clue { kind: ClueKind::Verp, value: "a@example.com".into() };
        told(|event| event.clues = vec![clue.clone(); 64], Ok(()));
        told(|event| event.clues = vec![clue.clone(); 65], Err("65 clues of at most 64"));
    }

    #[test]
    fn custom_data_is_a_json_object_of_16_kib() {
        let object = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        told(|event| event.custom_data = Some(object(16_384)), Ok(()));
        let beyond = "custom-data has 16385 bytes of at most 16384";
        told(|event| event.custom_data = Some(object(16_385)), Err(beyond));
        for json in ["", "[]", "{", "{\"a\":1} x"] {
            told(|event| event.custom_data = Some(json.into()), Err("custom-data that is not a JSON object"));
        }
    }

    #[test]
    fn an_outcome_has_so_many_events_and_ignores_only_what_was_there() {
        let limits = Limits { events_max: 3, ..Limits::default() };
        let request = Request {
            content_type: String::new(),
            headers: Vec::new(),
            body: b"[]".to_vec(),
            received_at: 0,
            attributes: Vec::new(),
        };
        let with = |events, index| Outcome {
            events: vec![bounced(); events],
            ignored: vec![Ignored { index, reason: "Unknown.".into() }],
            attributes: Vec::new(),
        };
        assert_eq!(outcome(&limits, &request, &with(3, 2)), Ok(()));
        assert_eq!(outcome(&limits, &request, &with(4, 2)), Err("4 events of at most 3".into()));
        let beyond = "an ignored item with the index 3, which is not there";
        assert_eq!(outcome(&limits, &request, &with(3, 3)), Err(beyond.into()));
        let odd = Event { smtp_code: Some(1), ..bounced() };
        let outcome_with_odd = Outcome { events: vec![bounced(), odd], ignored: Vec::new(), attributes: Vec::new() };
        assert_eq!(outcome(&limits, &request, &outcome_with_odd), Err("the smtp-code 1, in event 1".into()));
    }

    #[test]
    fn a_problem_has_one_of_two_codes_and_says_something() {
        let of = |code: &str, message: &str| {
            let said = Problem { code: code.into(), message: message.into(), pointer: String::new() };
            problem(&Limits::default(), &said)
        };
        assert_eq!(of("invalid", "No."), Ok(()));
        assert_eq!(of("unrecognized", "Unknown."), Ok(()));
        assert_eq!(of("other", "No."), Err("a problem with the code \"other\"".into()));
        assert_eq!(of("invalid", ""), Err("the message of a problem is empty".into()));
    }
}
