//! Calls without an answer, by kind, on each side.

use std::collections::BTreeMap;

use serde::Serialize;

use super::pairs::{Answer, Pair};
use crate::plugins::Tried;
use crate::plugins::error::Fault;

/// Failures of one kind.
#[derive(Debug, Serialize)]
pub struct FailuresOfKind {
    /// In one word.
    pub kind: &'static str,
    /// Inputs.
    pub count: u64,
    /// The first of them.
    pub example: FailureExample,
}

/// One failure.
#[derive(Debug, Serialize)]
pub struct FailureExample {
    /// The recording or file.
    pub input: String,
    /// What happened, continuing a sentence that begins with the plugin's name. Never what a message says.
    pub told: String,
}

/// Failures of both versions.
#[derive(Debug, Serialize)]
pub struct Failures {
    /// Inputs that the candidate gave no answer for and the other version did.
    pub new: u64,
    /// Inputs that the candidate answered and the other version did not.
    pub mended: u64,
    /// Most first.
    pub candidate: Vec<FailuresOfKind>,
    /// Most first.
    pub against: Vec<FailuresOfKind>,
}

/// Counts them.
#[derive(Default)]
pub(super) struct FailureCounter {
    new: u64,
    mended: u64,
    candidate: BTreeMap<&'static str, FailuresOfKind>,
    against: BTreeMap<&'static str, FailuresOfKind>,
}

impl FailureCounter {
    pub(super) fn add(&mut self, pair: &Pair) {
        match (&pair.before.result, &pair.after.result) {
            (Ok(_), Err(_)) => self.new += 1,
            (Err(_), Ok(_)) => self.mended += 1,
            (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
        }
        note(&mut self.against, &pair.name, &pair.before);
        note(&mut self.candidate, &pair.name, &pair.after);
    }

    pub(super) fn report(self) -> Failures {
        let sorted = |kinds: BTreeMap<_, FailuresOfKind>| {
            let mut kinds: Vec<_> = kinds.into_values().collect();
            kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
            kinds
        };
        Failures {
            new: self.new,
            mended: self.mended,
            candidate: sorted(self.candidate),
            against: sorted(self.against),
        }
    }
}

fn note(kinds: &mut BTreeMap<&'static str, FailuresOfKind>, input: &str, tried: &Tried<Answer>) {
    let Err(fault) = &tried.result else { return };
    let of_kind = kinds.entry(fault.kind()).or_insert_with(|| FailuresOfKind {
        kind: fault.kind(),
        count: 0,
        example: FailureExample { input: input.to_owned(), told: told(fault) },
    });
    of_kind.count += 1;
}

/// A fault without anything that a plugin may have taken from its input.
fn told(fault: &Fault) -> String {
    match fault {
        Fault::Refused(_) => "refused the input".into(),
        Fault::Nonsense(_) => without_quotes(&fault.to_string()),
        other => other.to_string(),
    }
}

/// The text with an ellipsis in the place of each quotation.
fn without_quotes(text: &str) -> String {
    let parts = text.split('"').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part } else { "“…”" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_without_what_the_plugin_quotes() {
        let nonsense = Fault::Nonsense("a finding of the rule \"ada@example.com\", which it does not have".into());
        let expected = "gave an answer that makes no sense: a finding of the rule “…”, which it does not have";
        assert_eq!(told(&nonsense), expected);
        assert_eq!(told(&Fault::Refused("Dear Ada".into())), "refused the input");
        assert_eq!(told(&Fault::Trapped("integer divide by zero".into())), "trapped: integer divide by zero");
    }
}
