//! Reports that somebody passed on.

use super::PARTS;
use super::header::field;
use super::mime::{Mail, Part};
use crate::text::prefix;

/// Beginnings of subjects of forwarded mails, in lower case.
const SUBJECTS: &[&str] = &["fw:", "fwd:", "tr:", "wg:", "rv:"];
/// So much of a quoted report is read, in bytes.
const QUOTED_BYTES_MAX: usize = 256 * 1024;

/// The report inside: an attached mail that has a report's machine-readable part, or one that is quoted in a
/// text, when the subject says that it is forwarded.
pub(super) fn inner(mail: &Mail) -> Option<String> {
    if has_report(mail) {
        return None;
    }
    let attached = mail.parts.iter().filter(|part| part.media == "message/rfc822");
    let mut reports = attached.filter(|part| has_report(&Mail::parse(&part.text)));
    reports.next().map(|part| part.text.to_string()).or_else(|| quoted(mail))
}

fn has_report(mail: &Mail) -> bool {
    mail.parts.iter().any(|part| PARTS.contains(&part.media.as_str()))
}

fn quoted(mail: &Mail) -> Option<String> {
    let subject = mail.headers.decoded("subject")?.to_lowercase();
    if !SUBJECTS.iter().any(|start| subject.starts_with(start)) {
        return None;
    }
    let is_text = |part: &&Part| part.media == "text/plain";
    let text = prefix(&mail.parts.iter().find(is_text)?.text, QUOTED_BYTES_MAX);
    let lines: Vec<&str> = text.lines().map(|line| line.trim_start_matches(['>', ' '])).collect();
    let is_from = |line: &&str| field(line).is_some_and(|(name, _)| name.eq_ignore_ascii_case("from"));
    let begin = lines.iter().position(is_from)?;
    Some(lines[begin..].join("\n"))
}
