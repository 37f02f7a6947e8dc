//! What a scorer found, against the message that it was given.

use std::collections::HashSet;

use super::{Checker, PAIR_BYTES, Result, count, pairs_bytes, points};
use crate::plugins::declaration::{POINTS_MAX, shown};
use crate::plugins::limits::Limits;
use crate::plugins::scorer::{Finding, Location, Message, Verdict};

/// The spam score of a verdict stays within plus and minus this.
const SPAM_SCORE_MAX: f64 = 1_000_000.0;

/// What a guest needs for one attachment, besides its texts and bytes.
const ATTACHMENT_BYTES: usize = 48;

/// Bytes of what a scorer is handed.
pub(in crate::plugins) fn message_bytes(message: &Message, settings: &[(String, String)]) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let mailboxes = message.from.iter().chain(&message.reply_to).chain(&message.to);
    let attachments = message.attachments.iter().map(|attachment| {
        ATTACHMENT_BYTES
            + attachment.filename.len()
            + attachment.content_type.len()
            + attachment.head.len()
            + pairs_bytes(&attachment.attributes)
    });
    text(&message.subject)
        + text(&message.html)
        + text(&message.text)
        + mailboxes.map(|mailbox| PAIR_BYTES + mailbox.name.len() + mailbox.email.len()).sum::<usize>()
        + attachments.sum::<usize>()
        + pairs_bytes(&message.headers)
        + pairs_bytes(&message.attributes)
        + pairs_bytes(settings)
}

/// Checks what a scorer found in a message, given the ids of its rules.
pub(in crate::plugins) fn verdict(
    limits: &Limits,
    rules: &HashSet<String>,
    message: &Message,
    verdict: &Verdict,
) -> Result {
    let check = Checker(limits);
    points("the spam score", verdict.spam_score, SPAM_SCORE_MAX)?;
    count("findings", verdict.findings.len(), limits.findings_max)?;
    check.attributes("the verdict", &verdict.attributes)?;
    for found in &verdict.findings {
        if !rules.contains(&found.rule) {
            return Err(format!("a finding of the rule {:?}, which it does not have", shown(&found.rule)));
        }
        finding(check, message, found).map_err(|what| format!("{what}, in a finding of the rule {}", found.rule))?;
    }
    Ok(())
}

fn finding(check: Checker<'_>, message: &Message, finding: &Finding) -> Result {
    points("points", finding.points, POINTS_MAX)?;
    check.sentence("message", &finding.message)?;
    check.sentence("suggestion", &finding.suggestion)?;
    check.attributes("it", &finding.attributes)?;
    finding.location.as_ref().map_or(Ok(()), |place| location(message, place))
}

fn location(message: &Message, place: &Location) -> Result {
    let part = shown(&place.part);
    let index = place.index as usize;
    let (text, is_one_of_many) = match place.part.as_str() {
        "from" => (message.from.as_ref().map(|mailbox| &mailbox.email), false),
        "reply-to" => (message.reply_to.as_ref().map(|mailbox| &mailbox.email), false),
        "to" => (message.to.get(index).map(|mailbox| &mailbox.email), true),
        "subject" => (message.subject.as_ref(), false),
        "html" => (message.html.as_ref(), false),
        "text" => (message.text.as_ref(), false),
        "headers" => (message.headers.get(index).map(|(_, value)| value), true),
        "attachments" => (message.attachments.get(index).map(|attachment| &attachment.filename), true),
        _ => return Err(format!("a location in {part:?}, which is no part of a message")),
    };
    if is_one_of_many && text.is_none() {
        return Err(format!("a location in number {index} of {part}, which is not there"));
    }
    if !is_one_of_many && index != 0 {
        return Err(format!("a location in number {index} of {part}, of which there is one"));
    }
    let (begin, length) = (place.offset as usize, place.length as usize);
    // A part that the message lacks can be pointed at, though not into.
    let text = text.map_or("", String::as_str);
    match begin.checked_add(length).and_then(|end| text.get(begin..end)) {
        Some(_) => Ok(()),
        None => Err(format!("a location {begin}+{length} that is outside {part} or inside a character")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            from: None,
            reply_to: None,
            to: Vec::new(),
            subject: Some("aä".into()),
            html: None,
            text: None,
            headers: vec![("X".into(), "value".into())],
            attachments: Vec::new(),
            attributes: Vec::new(),
        }
    }

    #[track_caller]
    fn points(part: &str, index: u32, offset: u32, length: u32, expected: std::result::Result<(), &str>) {
        let place = Location { part: part.into(), offset, length, index };
        assert_eq!(location(&message(), &place), expected.map_err(str::to_owned));
    }

    #[test]
    fn a_location_is_inside_its_part_and_on_characters() {
        points("subject", 0, 0, 3, Ok(()));
        points("subject", 0, 3, 0, Ok(()));
        points("subject", 0, 1, 1, Err("a location 1+1 that is outside subject or inside a character"));
        points("subject", 0, 2, 1, Err("a location 2+1 that is outside subject or inside a character"));
        points("subject", 0, 0, 4, Err("a location 0+4 that is outside subject or inside a character"));
        let far = "a location 4294967295+4294967295 that is outside subject or inside a character";
        points("subject", 0, u32::MAX, u32::MAX, Err(far));
        points("headers", 0, 0, 5, Ok(()));
        points("headers", 1, 0, 0, Err("a location in number 1 of headers, which is not there"));
        points("to", 0, 0, 0, Err("a location in number 0 of to, which is not there"));
        points("subject", 1, 0, 0, Err("a location in number 1 of subject, of which there is one"));
        points("body", 0, 0, 0, Err("a location in \"body\", which is no part of a message"));
    }

    #[test]
    fn a_part_that_is_missing_can_be_pointed_at_and_not_into() {
        points("text", 0, 0, 0, Ok(()));
        points("text", 0, 0, 1, Err("a location 0+1 that is outside text or inside a character"));
    }
}
