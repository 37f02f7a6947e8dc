//! What a report holds by which the host may find the email it is about.

use super::address;
use super::header::Headers;
use super::report::{Report, message_id};
use crate::types::{Clue, ClueKind};

/// Our own header in every mail we send, in lower case.
const EMAIL_ID_HEADER: &str = "x-pillarbox-email-id";
/// Where a report says to which address it was sent. The envelope of a bounce goes to the envelope sender.
const REPORT_TO: &[&str] = &["to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to"];
/// Where the returned mail names its envelope sender.
const RETURNED_FROM: &[&str] = &["return-path", "x-envelope-from", "errors-to"];
/// Most clues of one kind.
const CLUES_OF_A_KIND_MAX: usize = 3;
/// Longest value of a clue, in bytes: the longest address (RFC 5321 section 4.5.3.1), and more than any of ours.
const CLUE_BYTES_MAX: usize = 320;

/// Every clue of a report, most trusted first. `fields` are those of a status or feedback report.
pub(crate) fn of(report: &Report, fields: &Headers) -> Vec<Clue> {
    let returned = &report.returned;
    let headers = &report.mail.headers;
    let mut clues = Vec::new();
    add(&mut clues, ClueKind::Header, returned.all(EMAIL_ID_HEADER).map(|value| value.trim().to_owned()));
    let sent_to = REPORT_TO.iter().flat_map(|name| headers.all(name)).flat_map(address::in_list);
    let sender_fields =
        fields.all("original-mail-from").chain(fields.all("x-postfix-sender")).filter_map(address::in_field);
    let senders = RETURNED_FROM.iter().flat_map(|name| returned.all(name)).flat_map(address::in_list);
    let envelope_senders = sent_to.chain(sender_fields).chain(senders).filter(|address| !address::is_server(address));
    add(&mut clues, ClueKind::Verp, envelope_senders);
    add(&mut clues, ClueKind::EnvelopeId, fields.all("original-envelope-id").map(|value| value.trim().to_owned()));
    add(&mut clues, ClueKind::MessageId, returned.all("message-id").map(message_id));
    if returned.is_empty() {
        // An answer names what it answers.
        let answered =
            headers.all("in-reply-to").chain(headers.get("references").and_then(|ids| ids.split_whitespace().last()));
        add(&mut clues, ClueKind::MessageId, answered.map(message_id));
    }
    clues
}

fn add(clues: &mut Vec<Clue>, kind: ClueKind, values: impl Iterator<Item = String>) {
    for value in values {
        let usable = (1..=CLUE_BYTES_MAX).contains(&value.len());
        let known = clues.iter().any(|clue| clue.kind == kind && clue.value == value);
        if usable && !known && clues.iter().filter(|clue| clue.kind == kind).count() < CLUES_OF_A_KIND_MAX {
            clues.push(Clue { kind, value });
        }
    }
}
