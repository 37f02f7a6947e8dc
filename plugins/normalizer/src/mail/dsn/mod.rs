//! Delivery status notifications (RFC 3464, RFC 6533), and what real servers make of them.
//!
//! Every recipient group is an event of its own, and no group hides another.

mod status;

use std::collections::BTreeSet;

use crate::classify::{Facts, classify};
use crate::codes::Enhanced;
use crate::dialogue;
use crate::mail::address;
use crate::mail::clues;
use crate::mail::header::Headers;
use crate::mail::report::Report;
use crate::text::reason_of;
use crate::time;
use crate::types::{Event, Kind, Outcome};
use status::{FINAL, GROUPS_MAX, ORIGINAL, Status};

/// Reads the report when it has a status part that says something.
pub(crate) fn read(report: &Report) -> Option<Outcome> {
    let status = Status::of(&report.mail)?;
    let mut outcome = Outcome::default();
    let mut known = BTreeSet::new();
    let message = of_message(report, &status.message);
    // With several groups, the text at the top speaks of all of them.
    let context = if status.recipients.len() == 1 { report.said.as_str() } else { "" };
    for group in &status.recipients {
        let kind = match kind(group) {
            Ok(kind) => kind,
            Err(reason) => {
                outcome.ignore(reason);
                continue;
            }
        };
        let (recipient, recipient_alternatives) = recipients(report, group, status.recipients.len());
        if known.insert((kind, recipient.as_ref().map(|address| address.to_ascii_lowercase()))) {
            let event = Event { kind, recipient, recipient_alternatives, ..message.clone() };
            outcome.events.push(of_group(event, group, context));
        } else {
            outcome.ignore("The group repeats what another says of the same recipient");
        }
    }
    if status.is_cut {
        outcome.ignore(format!("The report has more than {GROUPS_MAX} groups; the rest was not read"));
    }
    Some(outcome)
}

/// What all events of the report share.
fn of_message(report: &Report, fields: &Headers) -> Event {
    let reporter = fields.get("reporting-mta").map(without_type).and_then(reason_of);
    Event {
        // Arrival-Date is when the original came; it is better than nothing.
        occurred_at: report.date().or_else(|| fields.get("arrival-date").and_then(time::rfc5322)),
        provider: "rfc3464".into(),
        provider_event_id: report.id(),
        clues: clues::of(report, fields),
        attributes: reporter.map(|reporter| ("reporting-mta".into(), reporter)).into_iter().collect(),
        ..Event::default()
    }
}

/// Adds what the group says.
fn of_group(mut event: Event, group: &Headers, context: &str) -> Event {
    let diagnostic = group.all("diagnostic-code").map(without_type).collect::<Vec<_>>().join(" ");
    let status = status_of(group);
    event.reason = reason_of(&diagnostic).or_else(|| group.get("status").and_then(reason_of));
    event.occurred_at = group.get("last-attempt-date").and_then(time::rfc5322).or(event.occurred_at);
    let remote = group.get("remote-mta").map(without_type).and_then(reason_of);
    let is_carrier = remote.iter().chain(&event.recipient).any(|name| dialogue::is_carrier(name));
    event.attributes.extend(remote.map(|remote| ("remote-mta".to_owned(), remote)));
    if event.kind == Kind::Delivered {
        event.enhanced_code = status.map(|status| status.to_string());
        return event;
    }
    let after_data = || dialogue::is_after_data(&diagnostic) || dialogue::is_after_data(context);
    let unknown_is_vague = is_carrier || after_data();
    classify(&Facts { text: remote_words(&diagnostic), status, context, unknown_is_vague }).describe(&mut event);
    event
}

/// What the group says happened, or why that is no event.
fn kind(group: &Headers) -> Result<Kind, String> {
    let action = group.get("action").unwrap_or_default().split([';', ' ', '(']).next().unwrap_or_default();
    let class = status_of(group).map(|code| code.class);
    match (action.to_ascii_lowercase().as_str(), class) {
        ("delayed" | "delay" | "deferred", _) => Ok(Kind::Deferred),
        ("delivered", _) | ("", Some(2)) => Ok(Kind::Delivered),
        (action @ ("relayed" | "expanded"), _) => {
            Err(format!("The message was {action}, which decides nothing yet (RFC 3464 section 2.3.3)"))
        }
        _ => Ok(Kind::Bounce),
    }
}

/// The recipient and what else it may be called. The original one is whom we wrote to; the final one may be a
/// local account or the end of a forward.
fn recipients(report: &Report, group: &Headers, groups: usize) -> (Option<String>, Vec<String>) {
    let mut named: Vec<String> = Vec::new();
    for name in [ORIGINAL, FINAL, "x-actual-recipient"] {
        // Sendmail puts the command of a pipe where the actual recipient belongs.
        let addresses = group.all(name).filter(|value| !value.contains('|')).filter_map(address::in_field);
        for address in addresses.take(2) {
            if !named.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                named.push(address);
            }
        }
    }
    if named.is_empty() && groups == 1 {
        let failed = report.mail.headers.all("x-failed-recipients").flat_map(address::in_list);
        let returned: Vec<String> = report.returned.all("to").flat_map(address::in_list).collect();
        let only = if returned.len() == 1 { returned } else { Vec::new() };
        named = failed.chain(only).take(1).collect();
    }
    let mut named = named.into_iter();
    (named.next(), named.collect())
}

fn status_of(group: &Headers) -> Option<Enhanced> {
    group.all("status").find_map(|status| Enhanced::parse(status.trim()))
}

/// The value behind the type that RFC 3464 puts before it (`smtp; 550 ...`).
fn without_type(value: &str) -> &str {
    let is_type =
        |kind: &str| !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    match value.split_once(';') {
        Some((kind, rest)) if is_type(kind.trim()) => rest.trim(),
        _ => value.trim(),
    }
}

/// Amazon SES puts words of its own before those of the remote server, which it quotes: `... 550-'5.7.1 ...'`.
fn remote_words(diagnostic: &str) -> &str {
    let quoted = diagnostic.find("-'").and_then(|at| diagnostic.get(at.checked_sub(3)?..));
    quoted.filter(|words| words.as_bytes()[..3].iter().all(u8::is_ascii_digit)).unwrap_or(diagnostic)
}
