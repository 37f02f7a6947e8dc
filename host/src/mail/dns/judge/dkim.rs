//! A key that mail is signed with (RFC 6376 section 3.6.1).

use super::super::fault::Fault;
use super::super::seen::Answer;
use super::super::text::{bare, quote_bytes};
use super::super::{Record, RecordStatus};
use super::finding::Finding;
use super::ownership::quoted;
use super::wanted;
use crate::mail::dkim::TXT_STRING_BYTES_MAX;

/// Parts of a key that are put together again to see that it was cut.
const PARTS_MAX: usize = 4;

/// There has to be one key, and it has to be ours.
pub(super) fn read(record: &Record, answer: &Answer) -> Finding {
    let texts = answer.texts();
    let host = &record.host;
    if texts.len() > 1 {
        let whole = texts.iter().any(|text| bare(text) == bare(record.value.as_bytes()));
        if !whole && is_split(record, &texts) {
            let reason = format!(
                "The key at {host} stands in {} records, so verifiers see a part of it; make it one record of {} strings, \
                 or enter it as one long value.",
                texts.len(),
                record.strings().len(),
            );
            return Finding::wrong(RecordStatus::Mismatch, Fault::Split, reason);
        }
        let reason = format!(
            "{} records stand at {host}, and verifiers may take any of them for the key; remove all but {}.",
            texts.len(),
            wanted(record),
        );
        return Finding::wrong(RecordStatus::Conflict, Fault::Duplicate, reason);
    }
    texts.first().map_or_else(|| Finding::missing(record), |text| key(record, text))
}

fn key(record: &Record, text: &[u8]) -> Finding {
    let host = &record.host;
    let value = record.value.as_bytes();
    let is_plain = !text.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\') || !byte.is_ascii());
    if !is_plain && bare(text) == bare(value) {
        return quoted(record, text);
    }
    let found = Tags::of(text);
    let ours = Tags::of(value);
    let (found_key, our_key) = (found.get("p").unwrap_or_default(), ours.get("p").unwrap_or_default());
    if found_key == our_key {
        return fitting(record, &found, &ours);
    }
    if found.get("p").is_some_and(|key| key.is_empty()) {
        let reason = format!("The key at {host} was revoked: its p= is empty. Replace it by {}.", wanted(record));
        return Finding::wrong(RecordStatus::Mismatch, Fault::Revoked, reason);
    }
    let cut = bare(text);
    if !found_key.is_empty() && our_key.starts_with(&found_key) || bare(value).starts_with(&cut) && !cut.is_empty() {
        let (bytes, whole) = (text.len(), value.len());
        let why = if (TXT_STRING_BYTES_MAX - 1..=TXT_STRING_BYTES_MAX + 1).contains(&bytes) {
            "a string of a TXT record holds 255 bytes, so the value has to be entered as several strings of one record"
        } else {
            "it was cut where it was entered"
        };
        let reason = format!(
            "The key at {host} ends after {bytes} of {whole} bytes: {why}. Enter the whole of {}.",
            wanted(record)
        );
        return Finding::wrong(RecordStatus::Mismatch, Fault::Truncated, reason);
    }
    Finding::mismatch(format!(
        "At {host} stands {}, which is not the key that mail is signed with; replace it by {}.",
        quote_bytes(text),
        wanted(record),
    ))
}

/// The key is ours: whether what stands around it lets it be used.
fn fitting(record: &Record, found: &Tags, ours: &Tags) -> Finding {
    let kind = found.get("k").unwrap_or_else(|| "rsa".into());
    let wrong = |tag: &str, why: &str| {
        let host = &record.host;
        Finding::mismatch(format!(
            "The key at {host} is right, but its {tag} {why}; replace the record by {}.",
            wanted(record)
        ))
    };
    let lists = |tag: &str, word: &[&str]| {
        found
            .get(tag)
            .is_none_or(|list| list.split(':').any(|item| word.iter().any(|word| item.eq_ignore_ascii_case(word))))
    };
    if Some(&kind) != ours.get("k").as_ref() {
        return wrong("k=", "names another kind of key");
    }
    if found.get("v").is_some_and(|version| version != "DKIM1") || found.0.iter().skip(1).any(|(name, _)| name == "v") {
        return wrong("v=", "is not DKIM1 at its beginning");
    }
    if !lists("h", &["sha256"]) {
        return wrong("h=", "does not allow SHA-256");
    }
    if !lists("s", &["*", "email"]) {
        return wrong("s=", "does not allow mail");
    }
    let is_trial = found.get("t").is_some_and(|flags| flags.split(':').any(|flag| flag == "y"));
    if is_trial {
        let reason =
            format!("The record at {} says t=y, so receivers take its signatures for a trial; remove it.", record.host);
        return Finding::good().but(reason);
    }
    Finding::good()
}

/// Whether these texts are one value that was cut, in any order.
fn is_split(record: &Record, texts: &[Vec<u8>]) -> bool {
    if texts.len() > PARTS_MAX {
        return false;
    }
    let value = bare(record.value.as_bytes());
    let mut parts: Vec<_> = texts.iter().map(|text| bare(text)).collect();
    let mut rest = value.as_str();
    // Each part is taken where it fits next, the longest first, so that none takes the place of a longer one.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    while let Some(at) = parts.iter().position(|part| !part.is_empty() && rest.starts_with(part.as_str())) {
        rest = &rest[parts.swap_remove(at).len()..];
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    }
    rest.is_empty() && parts.is_empty()
}

/// A list of tags (section 3.2), without the spaces inside values.
pub(super) struct Tags(pub(super) Vec<(String, String)>);

impl Tags {
    pub(super) fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let tags = text.split(';').filter_map(|tag| tag.split_once('='));
        let tags = tags.map(|(name, value)| {
            (name.trim().to_owned(), value.chars().filter(|character| !character.is_whitespace()).collect())
        });
        Self(tags.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
    }
}
