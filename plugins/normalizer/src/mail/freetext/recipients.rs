//! Whom a free text is about.

use std::collections::BTreeSet;

use super::words::{ANNOUNCEMENTS, BEFORE_RECIPIENT, LABELS};
use crate::mail::address;
use crate::mail::report::Report;
use crate::text::{prefix, suffix};

/// Most recipients of one report. One that names more is no report.
pub(super) const RECIPIENTS_MAX: usize = 100;
/// So much of the words about a recipient is taken for the reason.
pub(super) const WORDS_BYTES_MAX: usize = 4 * 1024;
/// So much of a line is searched for the address that it begins with.
const LINE_BYTES_MAX: usize = 1024;
/// So much of a line before an address is asked whether it introduces a recipient.
const INTRODUCTION_BYTES_MAX: usize = 200;

/// One recipient and what is said of it.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) recipient: Option<String>,
    /// Others that may mean the same.
    pub(super) alternatives: Vec<String>,
    pub(super) words: String,
}

impl Entry {
    /// A recipient of whom the whole text speaks.
    fn about(recipient: String, said: &str) -> Self {
        Self { recipient: Some(recipient), words: prefix(said.trim(), WORDS_BYTES_MAX).to_owned(), ..Self::default() }
    }
}

/// Whom the report is about, by the best way that finds anyone.
pub(super) fn entries(report: &Report) -> Vec<Entry> {
    let own = own_addresses(report);
    let is_own = |address: &str| address::is_server(address) || own.contains(&address.to_ascii_lowercase());
    let announced = behind_announcement(&report.said).unwrap_or(&report.said);
    let listed_first = listed(announced, &is_own);
    if !listed_first.is_empty() {
        return listed_first;
    }
    let failed = unique(report.mail.headers.all("x-failed-recipients").flat_map(address::in_list));
    let returned = ["to", "cc", "x-original-to"].iter().flat_map(|name| report.returned.all(name));
    let returned_to = unique(returned.flat_map(address::in_list));
    let only = if let [only] = returned_to.as_slice() { Some(only) } else { None };
    let nobody = |address: &str| address::is_server(address);
    // Each way is only gone when those before it find nobody.
    let ways: [&dyn Fn() -> Vec<Entry>; 6] = [
        &|| failed.iter().map(|recipient| Entry::about(recipient.clone(), &report.said)).collect(),
        &|| mentioned(behind_announcement(&report.said).unwrap_or_default(), &is_own, &returned_to),
        &|| listed(&report.said, &is_own),
        &|| mentioned(&report.said, &is_own, &returned_to),
        // Who writes to themselves bounces to themselves.
        &|| listed(announced, &nobody),
        &|| only.iter().map(|only| Entry::about((*only).clone(), &report.said)).collect(),
    ];
    ways.iter().map(|way| way()).find(|entries| !entries.is_empty()).unwrap_or_default()
}

/// What stands behind the line that announces the recipients, so that a summary of the mail before it is left
/// out.
fn behind_announcement(said: &str) -> Option<&str> {
    let mut at = 0;
    for line in said.split_inclusive('\n') {
        let lower = prefix(line, WORDS_BYTES_MAX).to_lowercase();
        if ANNOUNCEMENTS.iter().any(|words| lower.contains(words)) {
            return Some(&said[at..]);
        }
        at += line.len();
    }
    None
}

/// Whom the bounce came to and from, in lower case: those did not fail.
fn own_addresses(report: &Report) -> BTreeSet<String> {
    const OURS: &[&str] = &["to", "delivered-to", "x-original-to", "from", "reply-to", "cc"];
    const THEIRS: &[&str] = &["from", "sender", "return-path", "reply-to"];
    let report_side = OURS.iter().flat_map(|name| report.mail.headers.all(name));
    let returned_side = THEIRS.iter().flat_map(|name| report.returned.all(name));
    let addresses = report_side.chain(returned_side).flat_map(address::in_list);
    addresses.map(|address| address.to_ascii_lowercase()).collect()
}

/// Addresses that begin a line, each with the words up to the next one.
fn listed(said: &str, is_own: &dyn Fn(&str) -> bool) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut known = BTreeSet::new();
    for line in said.lines() {
        if let Some((address, rest)) = leading_address(line)
            && !is_own(address)
            && entries.len() < RECIPIENTS_MAX
            && known.insert(address.to_ascii_lowercase())
        {
            entries.push(Entry { recipient: Some(address.to_owned()), words: rest.to_owned(), ..Entry::default() });
            continue;
        }
        if let Some(entry) = entries.last_mut()
            && entry.words.len() < WORDS_BYTES_MAX
        {
            // What Sendmail calls the address that an alias was written for: that one is whom we wrote to.
            if let Some((_, from)) = line.split_once("(expanded from: ")
                && let Some(original) = address::in_field(from.trim_end_matches(')'))
                && known.insert(original.to_ascii_lowercase())
            {
                entry.alternatives.extend(entry.recipient.replace(original));
            }
            entry.words.push('\n');
            entry.words.push_str(line.trim());
        }
    }
    entries
}

/// The address at the beginning of a line and what follows, when nothing but punctuation or a label stands
/// before it and the line ends or pauses behind it.
fn leading_address(line: &str) -> Option<(&str, &str)> {
    let line = prefix(line, LINE_BYTES_MAX).trim();
    let &(start, address) = address::in_text(line).first()?;
    let before = line[..start].trim_matches(|c: char| !c.is_alphanumeric() && c != ':').to_ascii_lowercase();
    if !before.is_empty() && !LABELS.contains(&before.trim_start_matches(':').trim()) {
        return None;
    }
    let rest = line[start + address.len()..].trim_start_matches(['>', '"', '\'', ')', ']', '*']);
    // Some write it twice, as a name and as an address.
    let twice = rest.trim_start_matches([' ', '<']).strip_prefix(address).and_then(|rest| rest.strip_prefix('>'));
    let rest = twice.unwrap_or(rest);
    let pauses = rest.trim_start().is_empty()
        || rest.starts_with([':', ';', ',', '.', '\t', '('])
        || rest.starts_with(" :")
        || rest.starts_with(" -")
        || rest.starts_with(" (")
        || rest.starts_with(" on ")
        || rest.starts_with(" ...")
        || rest.starts_with("  ");
    let answer = rest.trim_start().as_bytes().first().is_some_and(u8::is_ascii_digit);
    (pauses || answer).then(|| (address, rest.trim_start_matches([':', ' ', '.', ',', '-', '\t'])))
}

/// Addresses in sentences: those that the returned mail was written to, else the first one behind words that
/// introduce a recipient, else the first one.
fn mentioned(said: &str, is_own: &dyn Fn(&str) -> bool, returned_to: &[String]) -> Vec<Entry> {
    let to: BTreeSet<String> = returned_to.iter().map(|address| address.to_ascii_lowercase()).collect();
    let (mut written_to, mut introduced, mut first) = (Vec::new(), None, None);
    for line in said.lines() {
        for (at, address) in address::in_text(line).into_iter().filter(|(_, address)| !is_own(address)) {
            if to.contains(&address.to_ascii_lowercase()) {
                written_to.push(address.to_owned());
            }
            let before = suffix(&line[..at], INTRODUCTION_BYTES_MAX).to_lowercase();
            if introduced.is_none() && BEFORE_RECIPIENT.iter().any(|word| before.contains(word)) {
                introduced = Some(address.to_owned());
            }
            first = first.or(Some(address.to_owned()));
        }
    }
    let found = if written_to.is_empty() { introduced.or(first).into_iter().collect() } else { written_to };
    unique(found.into_iter()).into_iter().map(|recipient| Entry::about(recipient, said)).collect()
}

/// Without repetitions, at most [`RECIPIENTS_MAX`].
fn unique(addresses: impl Iterator<Item = String>) -> Vec<String> {
    let mut known = BTreeSet::new();
    addresses.filter(|address| known.insert(address.to_ascii_lowercase())).take(RECIPIENTS_MAX).collect()
}
