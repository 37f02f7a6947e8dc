//! What differs between the events that two normalizers read from the same notifications.

use std::collections::BTreeMap;

use serde::Serialize;

use super::pairs::{Answer, Pair};
use super::scorer::percent;
use crate::plugins::normalizer::{Event, Outcome, Problem};

/// Events gained, lost and changed.
#[derive(Debug, Serialize)]
pub struct Events {
    /// Inputs that both answered.
    pub compared: u64,
    /// Of them, those with the same events, as far as the changes below go.
    pub same: u64,
    /// Those with other events.
    pub flips: u64,
    /// Of a hundred that were compared.
    pub flips_percent: f64,
    /// Events of the other version.
    pub before: u64,
    /// Events of the candidate.
    pub after: u64,
    /// Events whose codes, clues, times or words differ, and nothing else. They are no flips.
    pub differ_in_detail: u64,
    /// Only kinds of change with any.
    pub changes: Vec<ChangesOfKind>,
}

/// Changes of one kind.
#[derive(Debug, Serialize)]
pub struct ChangesOfKind {
    /// `gained`, `lost`, `kind`, `recipient`, `bounce_type`, `class`, `unreadable` (the candidate cannot read what the
    /// other version does) or `readable`.
    pub change: &'static str,
    /// Events; inputs where it is about reading.
    pub count: u64,
    /// The first ones.
    pub examples: Vec<ChangeExample>,
}

/// One change.
#[derive(Debug, Serialize)]
pub struct ChangeExample {
    /// The recording or file.
    pub input: String,
    /// What the other version says, in a word; absent for what names a person.
    pub before: Option<String>,
    /// What the candidate says.
    pub after: Option<String>,
}

/// The order in which changes are told.
const CHANGES: [&str; 8] = ["unreadable", "readable", "lost", "gained", "kind", "recipient", "bounce_type", "class"];

/// Takes pair after pair.
pub(super) struct NormalizerComparison {
    examples_max: usize,
    compared: u64,
    flips: u64,
    before: u64,
    after: u64,
    differ_in_detail: u64,
    changes: BTreeMap<&'static str, ChangesOfKind>,
}

impl NormalizerComparison {
    pub(super) fn new(examples_max: usize) -> Self {
        let (compared, flips, before, after, differ_in_detail) = (0, 0, 0, 0, 0);
        Self { examples_max, compared, flips, before, after, differ_in_detail, changes: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, pair: &Pair) {
        let (Ok(Answer::Read(before)), Ok(Answer::Read(after))) = (&pair.before.result, &pair.after.result) else {
            return;
        };
        self.compared += 1;
        self.before += count(before);
        self.after += count(after);
        let changed_before = self.changes.values().map(|change| change.count).sum::<u64>();
        match (before, after) {
            (Ok(before), Ok(after)) => self.compare_events(&pair.name, &before.events, &after.events),
            (Ok(_), Err(problem)) => self.note(&pair.name, "unreadable", (None, Some(problem.code.clone()))),
            (Err(problem), Ok(_)) => self.note(&pair.name, "readable", (Some(problem.code.clone()), None)),
            (Err(before), Err(after)) if before.code != after.code => {
                self.note(&pair.name, "kind", (Some(before.code.clone()), Some(after.code.clone())));
            }
            (Err(_), Err(_)) => {}
        }
        let changed = self.changes.values().map(|change| change.count).sum::<u64>();
        self.flips += u64::from(changed > changed_before);
    }

    fn compare_events(&mut self, input: &str, before: &[Event], after: &[Event]) {
        let (pairs, lost, gained) = matched(before, after);
        for event in lost {
            self.note(input, "lost", (Some(kind(event)), None));
        }
        for event in gained {
            self.note(input, "gained", (None, Some(kind(event))));
        }
        for (old, new) in pairs {
            let mut is_changed = false;
            let mut compare = |this: &mut Self, what, old: Option<String>, new: Option<String>| {
                if old != new {
                    is_changed = true;
                    // A recipient is a person.
                    let shown = if what == "recipient" { (None, None) } else { (old, new) };
                    this.note(input, what, shown);
                }
            };
            compare(self, "kind", Some(kind(old)), Some(kind(new)));
            compare(self, "recipient", recipient(old), recipient(new));
            compare(self, "bounce_type", bounce_type(old), bounce_type(new));
            compare(self, "class", old.class.clone(), new.class.clone());
            self.differ_in_detail += u64::from(!is_changed && old != new);
        }
    }

    fn note(&mut self, input: &str, change: &'static str, (before, after): (Option<String>, Option<String>)) {
        let noted = self.changes.entry(change).or_insert(ChangesOfKind { change, count: 0, examples: Vec::new() });
        noted.count += 1;
        if noted.examples.len() < self.examples_max {
            noted.examples.push(ChangeExample { input: input.to_owned(), before, after });
        }
    }

    pub(super) fn report(mut self) -> Events {
        Events {
            compared: self.compared,
            same: self.compared - self.flips,
            flips: self.flips,
            flips_percent: percent(self.flips, self.compared),
            before: self.before,
            after: self.after,
            differ_in_detail: self.differ_in_detail,
            changes: CHANGES.iter().filter_map(|change| self.changes.remove(change)).collect(),
        }
    }
}

fn count(answer: &Result<Outcome, Problem>) -> u64 {
    answer.as_ref().map_or(0, |outcome| outcome.events.len() as u64)
}

/// Events of both that are about the same: of the same recipient and kind first, then of the same recipient, then in
/// order. What is left has no counterpart.
fn matched<'a>(
    before: &'a [Event],
    after: &'a [Event],
) -> (Vec<(&'a Event, &'a Event)>, Vec<&'a Event>, Vec<&'a Event>) {
    let (mut lost, mut gained): (Vec<_>, Vec<_>) = (before.iter().collect(), after.iter().collect());
    let mut pairs = Vec::new();
    let likenesses: [fn(&Event, &Event) -> bool; 3] = [
        |old, new| recipient(old) == recipient(new) && old.kind == new.kind,
        |old, new| recipient(old) == recipient(new),
        |_, _| true,
    ];
    for alike in likenesses {
        lost.retain(|old| {
            let Some(at) = gained.iter().position(|new| alike(old, new)) else { return true };
            pairs.push((*old, gained.remove(at)));
            false
        });
    }
    (pairs, lost, gained)
}

fn recipient(event: &Event) -> Option<String> {
    event.recipient.as_deref().map(str::to_lowercase)
}

fn kind(event: &Event) -> String {
    format!("{:?}", event.kind).trim_start_matches("Kind::").to_lowercase()
}

fn bounce_type(event: &Event) -> Option<String> {
    event.bounce_type.map(|of| format!("{of:?}").trim_start_matches("BounceType::").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::Tried;
    use crate::plugins::normalizer::{BounceType, Kind};

    fn event(recipient: &str, kind: Kind) -> Event {
        Event {
            kind,
            bounce_type: Some(BounceType::Hard),
            recipient: Some(recipient.into()),
            recipient_alternatives: Vec::new(),
            reason: None,
            class: Some("user-unknown".into()),
            smtp_code: Some(550),
            enhanced_code: None,
            feedback_type: None,
            complaint_type: None,
            occurred_at: None,
            provider: "rfc3464".into(),
            provider_event_id: None,
            clues: Vec::new(),
            custom_data: None,
            attributes: Vec::new(),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is one of two answers")]
    fn read(events: Vec<Event>) -> Result<Outcome, Problem> {
        Ok(Outcome { events, ignored: Vec::new(), attributes: Vec::new() })
    }

    fn compare(before: Result<Outcome, Problem>, after: Result<Outcome, Problem>) -> Events {
        let tried = |answer| {
            let result = Ok(Answer::Read(answer));
            Tried { duration_us: 1, cpu_us: 1, memory_bytes: 1, fuel: None, result }
        };
        let mut comparison = NormalizerComparison::new(1);
        comparison.add(&Pair { name: "a".into(), before: tried(before), after: tried(after) });
        comparison.report()
    }

    fn counts(events: &Events) -> Vec<(&str, u64)> {
        events.changes.iter().map(|change| (change.change, change.count)).collect()
    }

    #[test]
    fn events_are_matched_by_their_recipient_before_they_are_compared() {
        let (ada, bob) = (event("ada@example.com", Kind::Bounce), event("bob@example.com", Kind::Bounce));
        let turned = compare(read(vec![ada.clone(), bob.clone()]), read(vec![bob.clone(), ada.clone()]));
        assert_eq!((turned.same, turned.flips, counts(&turned)), (1, 0, vec![]));
        let lost = compare(read(vec![ada.clone(), bob.clone()]), read(vec![bob.clone()]));
        assert_eq!((lost.flips, counts(&lost)), (1, vec![("lost", 1)]));
        let gained = compare(read(Vec::new()), read(vec![ada.clone(), bob]));
        assert_eq!((gained.flips, counts(&gained)), (1, vec![("gained", 2)]));
        assert_eq!((gained.before, gained.after, gained.changes[0].examples.len()), (0, 2, 1));
        let upper = event("ADA@example.com", Kind::Bounce);
        assert_eq!(compare(read(vec![ada]), read(vec![upper])).differ_in_detail, 1, "a spelling is a detail");
    }

    #[test]
    fn each_change_of_an_event_has_its_name_and_none_shows_a_recipient() {
        let ada = event("ada@example.com", Kind::Bounce);
        let soft = Event { bounce_type: Some(BounceType::Soft), class: None, ..ada.clone() };
        let changed = compare(read(vec![ada.clone()]), read(vec![soft]));
        assert_eq!(counts(&changed), [("bounce_type", 1), ("class", 1)]);
        let example = &changed.changes[0].examples[0];
        assert_eq!((example.before.as_deref(), example.after.as_deref()), (Some("hard"), Some("soft")));
        let other = compare(read(vec![ada.clone()]), read(vec![event("bob@example.com", Kind::Complaint)]));
        assert_eq!(counts(&other), [("kind", 1), ("recipient", 1)]);
        assert!(!format!("{other:?}").contains("example.com"));
        let detail = compare(read(vec![ada.clone()]), read(vec![Event { smtp_code: None, ..ada }]));
        assert_eq!((detail.flips, detail.differ_in_detail, counts(&detail)), (0, 1, vec![]));
    }

    #[test]
    fn what_only_one_can_read_is_told() {
        let problem = || Err(Problem { code: "unrecognized".into(), message: "?".into(), pointer: String::new() });
        let events = || read(vec![event("ada@example.com", Kind::Bounce)]);
        assert_eq!(counts(&compare(events(), problem())), [("unreadable", 1)]);
        assert_eq!(counts(&compare(problem(), events())), [("readable", 1)]);
        assert_eq!(compare(problem(), problem()).same, 1);
    }
}
