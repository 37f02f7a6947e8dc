//! Our own JSON: the bodies of `POST /webhooks/bounce` and `POST /webhooks/complaint` as the reference documents
//! them.
//!
//! A missing id or a wrong type is the caller's mistake and is told with its place. An enum value that the
//! reference does not list is data: it is kept as it is, because refusing it would lose a real bounce.

use serde_json::{Map, Value};

use crate::classify::{Facts, classify};
use crate::text::reason_of;
use crate::time;
use crate::types::{BounceType, Clue, ClueKind, Event, FeedbackType, Kind, Outcome, Problem, Request};

/// Longest `emailId` in bytes. Ours have 36.
const EMAIL_ID_BYTES_MAX: usize = 256;
/// Largest `customData` in bytes, as compact JSON.
const CUSTOM_DATA_BYTES_MAX: usize = 16 * 1024;

type Object = Map<String, Value>;
type Result<T> = std::result::Result<T, Problem>;

/// Reads one object of ours.
pub(crate) fn normalize(request: &Request, object: &Object) -> Result<Outcome> {
    let email_id = email_id(object)?;
    let mut event = match kind(request, object)? {
        Kind::Complaint => complaint(object)?,
        _ => bounce(object)?,
    };
    event.recipient = string(object, "recipientEmail")?.map(bare).filter(|address| !address.is_empty());
    event.occurred_at = timestamp(object, &mut event.attributes)?;
    event.custom_data = custom_data(object)?;
    event.clues = vec![Clue { kind: ClueKind::EmailId, value: email_id }];
    event.provider = "pillarbox".into();
    Ok(Outcome::of(event))
}

/// The route decides; without one, the fields that only one of the two kinds has.
fn kind(request: &Request, object: &Object) -> Result<Kind> {
    let has = |names: &[&str]| names.iter().any(|&name| object.contains_key(name));
    match request.endpoint() {
        Some("bounce") => Ok(Kind::Bounce),
        Some("complaint") => Ok(Kind::Complaint),
        _ if has(&["feedbackType", "complaintType"]) => Ok(Kind::Complaint),
        _ if has(&["bounceType", "reason"]) => Ok(Kind::Bounce),
        _ => Err(Problem::invalid("", "Either bounceType or feedbackType must say what happened")),
    }
}

/// The answer that the reference gives word for word.
pub(crate) fn id_is_missing() -> Problem {
    Problem::invalid("/emailId", "emailId is required")
}

fn email_id(object: &Object) -> Result<String> {
    let email_id = string(object, "emailId")?.unwrap_or_default().trim();
    match email_id.len() {
        0 => Err(id_is_missing()),
        1..=EMAIL_ID_BYTES_MAX => Ok(email_id.to_owned()),
        _ => Err(Problem::invalid("/emailId", format!("emailId is longer than {EMAIL_ID_BYTES_MAX} bytes"))),
    }
}

fn bounce(object: &Object) -> Result<Event> {
    let stated = string(object, "bounceType")?;
    let reason = string(object, "reason")?.unwrap_or_default();
    let verdict = classify(&Facts { text: reason, ..Facts::default() });
    let mut event = Event { kind: Kind::Bounce, reason: reason_of(reason), ..Event::default() };
    verdict.describe(&mut event);
    match stated {
        Some(word) if word.eq_ignore_ascii_case("hard") => event.bounce_type = Some(BounceType::Hard),
        Some(word) if word.eq_ignore_ascii_case("soft") => event.bounce_type = Some(BounceType::Soft),
        Some(word) => event.attributes.push(("bounce-type".into(), word.into())),
        None => {}
    }
    Ok(event)
}

fn complaint(object: &Object) -> Result<Event> {
    let feedback_type = string(object, "feedbackType")?;
    let complaint_type = string(object, "complaintType")?;
    Ok(Event {
        kind: Kind::Complaint,
        feedback_type: feedback_type.map(|word| match word.to_ascii_lowercase().as_str() {
            "abuse" => FeedbackType::Abuse,
            "fraud" => FeedbackType::Fraud,
            "virus" => FeedbackType::Virus,
            _ => FeedbackType::Other,
        }),
        complaint_type: complaint_type.or(feedback_type).map(Into::into),
        ..Event::default()
    })
}

/// A date as RFC 3339 or RFC 5322 write it, or a Unix time. Text that is no date is kept as an attribute.
fn timestamp(object: &Object, attributes: &mut Vec<(String, String)>) -> Result<Option<i64>> {
    match object.get("timestamp") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(number.as_f64().and_then(time::unix)),
        Some(Value::String(text)) => {
            let instant = time::iso8601(text).or_else(|| time::rfc5322(text));
            if instant.is_none() && !text.trim().is_empty() {
                attributes.extend(reason_of(text).map(|text| ("timestamp".to_owned(), text)));
            }
            Ok(instant)
        }
        Some(_) => Err(Problem::invalid("/timestamp", "timestamp must be a string or a number")),
    }
}

fn custom_data(object: &Object) -> Result<Option<String>> {
    let text = match object.get("customData") {
        None | Some(Value::Null) => return Ok(None),
        Some(data @ Value::Object(_)) => data.to_string(),
        Some(_) => return Err(Problem::invalid("/customData", "customData must be an object")),
    };
    if text.len() > CUSTOM_DATA_BYTES_MAX {
        let message = format!("customData is larger than {CUSTOM_DATA_BYTES_MAX} bytes");
        return Err(Problem::invalid("/customData", message));
    }
    Ok(Some(text))
}

/// The text of a field; null counts as absent.
fn string<'a>(object: &'a Object, name: &str) -> Result<Option<&'a str>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::invalid(&format!("/{name}"), format!("{name} must be a string"))),
    }
}

fn bare(address: &str) -> String {
    address.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}
