//! How two answers to the same question differ.

use std::collections::BTreeMap;

use super::Band;
use super::normalizer::{Event, Outcome, Problem};
use super::scorer::Verdict;

/// What another version says otherwise. It holds nothing of the input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// Points before and after; 0 for normalizers.
    pub before: f64,
    /// See `before`.
    pub after: f64,
    /// Whether it comes to something else: another verdict, other events.
    pub is_flip: bool,
    /// Findings, or kinds of events, that only the other version has. A name stands once for each time.
    pub gained: Vec<String>,
    /// Those that it lacks.
    pub lost: Vec<String>,
}

impl Difference {
    /// How far the points are apart.
    pub fn points(&self) -> f64 {
        self.after - self.before
    }
}

/// Names of one kind that an example tells.
const NAMES_MAX: usize = 50;

/// How a scorer's verdict differs from another one on the same message.
pub fn verdicts(before: &Verdict, after: &Verdict) -> Difference {
    let names = |verdict: &Verdict| verdict.findings.iter().map(|finding| finding.rule.clone()).collect::<Vec<_>>();
    let (gained, lost) = gained_and_lost(names(before), names(after));
    Difference {
        before: before.spam_score,
        after: after.spam_score,
        is_flip: Band::of(before.spam_score) != Band::of(after.spam_score),
        gained,
        lost,
    }
}

/// How what a normalizer read differs from another reading of the same request.
pub fn outcomes(before: &Result<Outcome, Problem>, after: &Result<Outcome, Problem>) -> Difference {
    let names = |read: &Result<Outcome, Problem>| match read {
        Ok(outcome) => outcome.events.iter().map(kind_of).collect::<Vec<_>>(),
        Err(problem) => vec![problem.code.clone()],
    };
    let essence = |read: &Result<Outcome, Problem>| match read {
        Ok(outcome) => outcome.events.iter().map(|event| (kind_of(event), event.recipient.clone())).collect::<Vec<_>>(),
        Err(problem) => vec![(problem.code.clone(), None)],
    };
    let (gained, lost) = gained_and_lost(names(before), names(after));
    Difference { before: 0.0, after: 0.0, is_flip: essence(before) != essence(after), gained, lost }
}

/// An event in a word without its recipient: `bounce`, `bounce/hard`, `complaint/abuse`.
fn kind_of(event: &Event) -> String {
    let kind = format!("{:?}", event.kind).to_lowercase();
    let detail = event.bounce_type.map(|detail| format!("{detail:?}"));
    let detail = detail.or_else(|| event.feedback_type.map(|detail| format!("{detail:?}")));
    detail.map_or_else(|| short(&kind), |detail| format!("{}/{}", short(&kind), short(&detail.to_lowercase())))
}

/// The generated types print as `Kind::Bounce` or `Bounce`, depending on who made them.
fn short(word: &str) -> String {
    word.rsplit(':').next().unwrap_or(word).to_owned()
}

fn gained_and_lost(before: Vec<String>, after: Vec<String>) -> (Vec<String>, Vec<String>) {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for name in after {
        *counts.entry(name).or_default() += 1;
    }
    for name in before {
        *counts.entry(name).or_default() -= 1;
    }
    let pick = |sign: i64| {
        let more = counts.iter().filter(move |(_, count)| **count * sign > 0);
        let each = more.flat_map(|(name, count)| {
            std::iter::repeat_n(name.clone(), usize::try_from(count.abs()).unwrap_or(0).min(NAMES_MAX))
        });
        each.take(NAMES_MAX).collect::<Vec<_>>()
    };
    (pick(1), pick(-1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::normalizer::{BounceType, Kind};
    use crate::plugins::scorer::{Finding, Severity};

    fn verdict(spam_score: f64, rules: &[&str]) -> Verdict {
        let finding = |rule: &&str| Finding {
            rule: (*rule).to_owned(),
            severity: Severity::Info,
            points: 1.0,
            message: String::new(),
            suggestion: String::new(),
            location: None,
            attributes: Vec::new(),
        };
        Verdict { spam_score, findings: rules.iter().map(finding).collect(), attributes: Vec::new() }
    }

    #[test]
    fn verdicts_differ_in_points_in_what_they_come_to_and_in_findings() {
        let (mild, harsh) = (verdict(2.5, &["A", "B", "B"]), verdict(5.5, &["B", "C"]));
        let difference = verdicts(&mild, &harsh);
        assert!(difference.is_flip && (difference.points() - 3.0).abs() < 1e-9);
        assert_eq!((difference.gained, difference.lost), (vec!["C".into()], vec!["A".into(), "B".into()]));
        let same = verdicts(&mild, &mild);
        assert_eq!((same.is_flip, same.gained.len(), same.lost.len()), (false, 0, 0));
    }

    #[test]
    fn outcomes_differ_when_an_event_or_its_recipient_does_and_no_address_is_told() {
        let read = |kind, recipient: &str| {
            let event = Event {
                kind,
                bounce_type: Some(BounceType::Hard),
                recipient: Some(recipient.into()),
                recipient_alternatives: Vec::new(),
                reason: None,
                class: None,
                smtp_code: None,
                enhanced_code: None,
                feedback_type: None,
                complaint_type: None,
                occurred_at: None,
                provider: "x".into(),
                provider_event_id: None,
                clues: Vec::new(),
                custom_data: None,
                attributes: Vec::new(),
            };
            Ok(Outcome { events: vec![event], ignored: Vec::new(), attributes: Vec::new() })
        };
        let before = read(Kind::Bounce, "a@example.com");
        assert!(!outcomes(&before, &before.clone()).is_flip);
        let moved = outcomes(&before, &read(Kind::Bounce, "b@example.com"));
        assert!(moved.is_flip && moved.gained.is_empty() && moved.lost.is_empty());
        let other = outcomes(&before, &read(Kind::Complaint, "a@example.com"));
        assert_eq!((other.gained, other.lost), (vec!["complaint/hard".into()], vec!["bounce/hard".into()]));
        let problem = Problem { code: "unrecognized".into(), message: "No.".into(), pointer: String::new() };
        assert_eq!(outcomes(&before, &Err(problem)).gained, ["unrecognized"]);
    }
}
