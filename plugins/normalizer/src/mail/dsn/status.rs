//! The status part taken apart into what it says of the message and of each recipient.

use crate::mail::header::{Headers, field};
use crate::mail::mime::{Mail, Part};

const MEDIA: &[&str] = &["message/delivery-status", "message/global-delivery-status"];
/// Most recipient groups that are read.
pub(super) const GROUPS_MAX: usize = 1_000;
/// Most runs of fields between empty lines. A group has one; a few servers write three.
const RUNS_MAX: usize = 3 * GROUPS_MAX;

/// Field names, in lower case.
pub(super) const FINAL: &str = "final-recipient";
pub(super) const ORIGINAL: &str = "original-recipient";

/// A status report taken apart.
#[derive(Default)]
pub(super) struct Status {
    /// What is said of the message.
    pub(super) message: Headers,
    /// What is said of each recipient.
    pub(super) recipients: Vec<Headers>,
    /// Whether there are more groups than [`GROUPS_MAX`].
    pub(super) is_cut: bool,
}

impl Status {
    /// The first status in a mail that names anyone or anything that happened.
    pub(super) fn of(mail: &Mail) -> Option<Self> {
        mail.parts.iter().find_map(|part| {
            let stated = MEDIA.contains(&part.media.as_str());
            let text = if stated { Some(&*part.text) } else { in_other_part(part) };
            text.map(Self::parse).filter(|status| !status.recipients.is_empty())
        })
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut status = Self::default();
        let mut rest = text;
        for _ in 0..RUNS_MAX {
            let (fields, after) = Headers::parse(rest);
            if after.is_empty() && fields.is_empty() {
                break;
            }
            if fields.is_empty() {
                // No field: on to the next line.
                rest = after.split_once('\n').map_or("", |(_, after)| after);
            } else {
                rest = after;
                status.take(fields);
            }
        }
        status.is_cut = status.recipients.len() > GROUPS_MAX || !rest.trim().is_empty();
        status.recipients.truncate(GROUPS_MAX);
        if status.recipients.is_empty() && status.message.has("action") {
            status.recipients.push(std::mem::take(&mut status.message));
        }
        status
    }

    /// Puts the fields between two empty lines where they belong.
    fn take(&mut self, fields: Headers) {
        let last = self.recipients.last_mut();
        if fields.has(FINAL) || fields.has(ORIGINAL) {
            match last {
                // An empty line between Original-Recipient and Final-Recipient.
                Some(last) if !last.has(FINAL) && !last.has("action") && !fields.has(ORIGINAL) => last.append(fields),
                _ => self.recipients.extend(fields.split_at_second(if fields.has(FINAL) { FINAL } else { ORIGINAL })),
            }
            return;
        }
        match last {
            // An empty line inside a group.
            Some(last) if !["action", "status", "diagnostic-code"].iter().all(|name| last.has(name)) => {
                last.append(fields);
            }
            _ => self.message.append(fields),
        }
    }
}

/// The status inside a part of another type, from its first field on: some servers, and many mail programs on the
/// way, make one text of all parts.
fn in_other_part<'a>(part: &'a Part) -> Option<&'a str> {
    const FIRST: &[&str] = &["reporting-mta", "original-envelope-id", "arrival-date", ORIGINAL, FINAL, "action"];
    if !part.media.starts_with("text/") && !part.media.starts_with("multipart/") {
        return None;
    }
    let mut begin = None;
    let mut at = 0;
    for line in part.text.split_inclusive('\n') {
        let name = field(line).map(|(name, _)| name.to_ascii_lowercase()).unwrap_or_default();
        if FIRST.contains(&name.as_str()) {
            begin = begin.or(Some(at));
            if name == FINAL {
                return begin.map(|begin| &part.text[begin..]);
            }
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let status = Status::parse(text);
        let group = |group: &Headers| {
            let fields = [ORIGINAL, FINAL, "action"].iter().flat_map(|name| group.all(name));
            fields.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(status.recipients.iter().map(group).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn groups_are_put_together_and_taken_apart() {
        check("Reporting-MTA: x\n\nFinal-Recipient: a\nAction: failed\n\nFinal-Recipient: b\n", &["a failed", "b"]);
        check("Reporting-MTA: x\nFinal-Recipient: a\nAction: failed\nFinal-Recipient: b\n", &["a failed", "b"]);
        check("Original-Recipient: o\n\nFinal-Recipient: a\n\nAction: failed\n", &["o a failed"]);
        check("noise\n\nmore noise\nFinal-Recipient: a\nAction: failed\n", &["a failed"]);
        check("Reporting-MTA: x\nAction: failed\nStatus: 5.0.0\n", &["failed"]);
        check("Reporting-MTA: x\n", &[]);
        check("", &[]);
    }

    #[test]
    fn groups_have_an_end_and_it_is_told() {
        let groups = |count: usize| Status::parse(&"Final-Recipient: a\nAction: failed\n\n".repeat(count));
        assert_eq!((groups(GROUPS_MAX).recipients.len(), groups(GROUPS_MAX).is_cut), (GROUPS_MAX, false));
        assert_eq!((groups(GROUPS_MAX + 1).recipients.len(), groups(GROUPS_MAX + 1).is_cut), (GROUPS_MAX, true));
    }
}
