//! What was found of one record, in words.

use super::super::fault::Fault;
use super::super::seen::Answer;
use super::super::text::{shown, shown_value};
use super::super::{Check, FOUND_MAX, Record, RecordStatus};
use super::wanted;

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) status: RecordStatus,
    pub(super) fault: Option<Fault>,
    pub(super) reason: Option<String>,
    pub(super) found: Vec<String>,
}

impl Finding {
    /// All is well.
    pub(super) fn good() -> Self {
        Self { status: RecordStatus::Verified, fault: None, reason: None, found: Vec::new() }
    }

    /// All is well, and could be better.
    pub(super) fn but(self, reason: String) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Something is wrong.
    pub(super) fn wrong(status: RecordStatus, fault: Fault, reason: String) -> Self {
        Self { status, fault: Some(fault), reason: Some(reason), found: Vec::new() }
    }

    /// Something else is there.
    pub(super) fn mismatch(reason: String) -> Self {
        Self::wrong(RecordStatus::Mismatch, Fault::Mismatch, reason)
    }

    /// Nothing is there.
    pub(super) fn missing(record: &Record) -> Self {
        let instead = match &record.alias {
            Some(alias) => format!(", or make that name an alias (CNAME) of {alias}"),
            None => String::new(),
        };
        let kind = record.kind.as_str();
        let reason = format!("No {kind} record was found at {}; add {}{instead}.", record.host, wanted(record));
        Self::wrong(RecordStatus::Missing, Fault::Missing, reason)
    }

    pub(super) fn is_good(&self) -> bool {
        self.status == RecordStatus::Verified
    }

    /// Shows the values of an answer, unless something else is shown already.
    pub(super) fn seen_in(mut self, answer: &Answer) -> Self {
        if self.found.is_empty() {
            self.found = answer.values().iter().take(FOUND_MAX).map(shown_value).collect();
        }
        self
    }

    /// Where an alias led to what is wrong, the alias is what is wrong.
    pub(super) fn behind(self, record: &Record, aliases: &[String]) -> Self {
        let (Some(last), Some(Fault::Missing | Fault::Mismatch)) = (aliases.last(), self.fault) else { return self };
        let allowed = match &record.alias {
            Some(alias) => format!(", or have it lead to {alias}"),
            None => String::new(),
        };
        let last = shown(last.as_bytes());
        let reason = format!(
            "{} is an alias (CNAME) of {last}, so only the records of {last} are seen there, and {} is not among them; \
             remove the CNAME and add the record{allowed}.",
            record.host,
            wanted(record),
        );
        let found = if self.found.is_empty() { vec![last] } else { self.found };
        Self { found, ..Self::wrong(RecordStatus::Conflict, Fault::CnameInTheWay, reason) }
    }

    pub(super) fn into_check(self, record: &Record) -> Check {
        let fault = self.fault.map(Fault::as_str);
        Check { record: record.clone(), status: self.status, fault, found: self.found, reason: self.reason }
    }
}
