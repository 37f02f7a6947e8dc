//! The text that shows who rules the zone.

use super::super::fault::Fault;
use super::super::records::OWNERSHIP_PREFIX;
use super::super::seen::Answer;
use super::super::text::{bare, quote, quote_bytes};
use super::super::{Record, RecordStatus};
use super::finding::Finding;
use super::wanted;

/// Other texts may stand beside it.
pub(super) fn read(record: &Record, answer: &Answer) -> Finding {
    let texts = answer.texts();
    let value = record.value.as_bytes();
    if texts.iter().any(|text| text.trim_ascii() == value) {
        return Finding::good();
    }
    if let Some(text) = texts.iter().find(|text| bare(text) == bare(value)) {
        return quoted(record, text);
    }
    let ours = texts.iter().find(|text| text.starts_with(OWNERSHIP_PREFIX.as_bytes()));
    let reason = match ours {
        Some(text) if value.starts_with(text) => {
            let reason = format!(
                "At {} stands {}, which is only the beginning of {}; enter the whole value.",
                record.host,
                quote_bytes(text),
                quote(&record.value),
            );
            return Finding::wrong(RecordStatus::Mismatch, Fault::Truncated, reason);
        }
        Some(text) => format!(
            "At {} stands {}, which is the token of another account or of an earlier try; replace it by {}.",
            record.host,
            quote_bytes(text),
            quote(&record.value),
        ),
        None => format!("At {} stands another text; add {}, the other may stay.", record.host, wanted(record)),
    };
    Finding::mismatch(reason)
}

/// A text that is right but for quotes, backslashes or spaces.
pub(super) fn quoted(record: &Record, text: &[u8]) -> Finding {
    let reason = format!(
        "At {} stands {}, with quotes, backslashes or spaces that are not part of the value; enter it without them: {}.",
        record.host,
        quote_bytes(text),
        quote(&record.value),
    );
    Finding::wrong(RecordStatus::Mismatch, Fault::BadlyQuoted, reason)
}
