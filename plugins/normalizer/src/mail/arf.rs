//! Feedback reports (RFC 5965), their kin that need telling apart (RFC 6430, RFC 6591), and the older ways of
//! passing on a complaint.

use super::address;
use super::clues;
use super::header::Headers;
use super::mime::Mail;
use super::report::Report;
use crate::text::reason_of;
use crate::time;
use crate::types::{Event, FeedbackType, Kind, Outcome};

const MEDIA: &str = "message/feedback-report";
/// Where Microsoft's older programme names the recipient, in the forwarded mail, in lower case.
const JMRP_RECIPIENT: &str = "x-hmxmroriginalrecipient";
/// Where reports name the recipient, best first.
const RECIPIENT_FIELDS: &[&str] = &["original-rcpt-to", "removal-recipient", "original-recipient", "final-recipient"];
/// Values of a recipient that was taken out, in lower case.
const REDACTED: &[&str] = &["redacted", "removed", "undisclosed", "hidden"];

/// Reads the report when it is one of these.
pub(crate) fn read(report: &Report) -> Option<Outcome> {
    let fields = feedback_fields(&report.mail);
    match fields {
        Some(fields) => Some(of_fields(report, &fields)),
        None => jmrp_recipient(report).map(|recipient| {
            let event = Event { feedback_type: Some(FeedbackType::Abuse), ..complaint(report, &Headers::default()) };
            Outcome::of(addressed(event, recipient))
        }),
    }
}

/// The fields of the report part, also when it came under another type.
fn feedback_fields(mail: &Mail) -> Option<Headers> {
    if let Some(part) = mail.part(MEDIA) {
        return Some(Headers::parse(&part.text).0);
    }
    let mislabelled =
        mail.parts.iter().filter(|part| part.media == "text/plain" || part.media == "message/delivery-status");
    mislabelled.map(|part| Headers::parse(&part.text).0).find(|fields| fields.has("feedback-type"))
}

fn of_fields(report: &Report, fields: &Headers) -> Outcome {
    let word = fields.get("feedback-type").unwrap_or_default().trim().to_ascii_lowercase();
    let mut outcome = Outcome::default();
    let feedback_type = match word.as_str() {
        "not-spam" => {
            outcome.ignore("A not-spam report says that the recipient wants this mail (RFC 6430)");
            return outcome;
        }
        "auth-failure" | "dmarc" | "dkim" | "spf" => {
            outcome.ignore(format!("A report of {word} is for the owner of the domain and no complaint (RFC 6591)"));
            return outcome;
        }
        "" | "abuse" => FeedbackType::Abuse,
        "fraud" => FeedbackType::Fraud,
        "virus" => FeedbackType::Virus,
        _ => FeedbackType::Other,
    };
    let event =
        Event { feedback_type: Some(feedback_type), complaint_type: reason_of(&word), ..complaint(report, fields) };
    let recipients = recipients(report, fields);
    if recipients.is_empty() {
        outcome.events.push(event);
    } else {
        outcome.events.extend(recipients.into_iter().map(|recipient| addressed(event.clone(), recipient)));
    }
    outcome
}

/// A redacted recipient is spelled as the report spells it, and marked.
fn addressed(mut event: Event, recipient: String) -> Event {
    if is_redacted(&recipient) {
        event.attributes.push(("redacted".into(), "recipient".into()));
    }
    Event { recipient: Some(recipient), ..event }
}

fn complaint(report: &Report, fields: &Headers) -> Event {
    let date = |name| fields.get(name).and_then(time::rfc5322);
    Event {
        kind: Kind::Complaint,
        occurred_at: report.date().or_else(|| date("received-date")).or_else(|| date("arrival-date")),
        provider: "arf".into(),
        provider_event_id: report.id(),
        clues: clues::of(report, fields),
        attributes: fields
            .get("user-agent")
            .and_then(reason_of)
            .map(|agent| ("user-agent".into(), agent))
            .into_iter()
            .collect(),
        ..Event::default()
    }
}

/// Those whom the report names; else the only one to whom the reported mail was written.
fn recipients(report: &Report, fields: &Headers) -> Vec<String> {
    for name in RECIPIENT_FIELDS {
        let mut named: Vec<String> = Vec::new();
        for address in fields.all(name).filter_map(address::in_field) {
            if !named.contains(&address) {
                named.push(address);
            }
        }
        if !named.is_empty() {
            return named;
        }
    }
    let to: Vec<String> = report.returned.all("to").flat_map(address::in_list).collect();
    let found = jmrp_recipient(report).or_else(|| if to.len() == 1 { to.into_iter().next() } else { None });
    found.into_iter().collect()
}

fn is_redacted(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    REDACTED.iter().any(|word| address.starts_with(word) || address.ends_with(word))
}

fn jmrp_recipient(report: &Report) -> Option<String> {
    let named = report.returned.get(JMRP_RECIPIENT).or_else(|| report.mail.headers.get(JMRP_RECIPIENT));
    named.and_then(address::in_field)
}
