//! Where own rules find something. Each text is walked once for the wordings of all rules, and once for each pattern.

use std::ops::Range;

use super::{OwnRule, OwnRules, Place, RULE};
use crate::facts::Facts;
use crate::tally::{Hits, Own, PLACES_PER_RULE_MAX, Tally};
use crate::verdict::{Location, Part};
use crate::words::Words;

/// Signs around a word that are not part of it.
const AROUND: &[char] =
    &['.', ',', ';', ':', '!', '?', '(', ')', '[', ']', '{', '}', '"', '\'', '<', '>', '\u{201c}', '\u{201d}'];

impl OwnRules<'_> {
    /// Adds what the rules find.
    pub(crate) fn find(&self, facts: &Facts<'_>, tally: &mut Tally) {
        if self.rules.is_empty() {
            return;
        }
        let mut search = Search::of(&self.rules);
        if let Some(prose) = &facts.subject {
            search.text(|rule| rule.places.contains(&Place::Subject), &prose.text, |range| prose.place(range));
        }
        if let Some(prose) = &facts.text {
            search.text(|rule| rule.places.contains(&Place::Text), &prose.text, |range| prose.place(range));
        }
        if let Some(prose) = &facts.shown {
            search.text(|rule| rule.places.contains(&Place::Html), &prose.text, |range| prose.place(range));
        }
        if self.rules.iter().any(|rule| rule.places.contains(&Place::Link)) {
            for link in facts.links() {
                search.text(|rule| rule.places.contains(&Place::Link), &link.url.text, |_| link.place());
            }
        }
        if let Some(from) = &facts.message.from {
            search.text(
                |rule| rule.places.contains(&Place::From),
                &from.email,
                |range| Location::within(Part::From, range),
            );
            let whole = 0..from.email.len();
            search.text(
                |rule| rule.places.contains(&Place::From),
                &from.name,
                |_| Location::within(Part::From, whole.clone()),
            );
        }
        for (index, (name, value)) in facts.message.headers.iter().enumerate() {
            let looks = |rule: &OwnRule<'_>| {
                rule.places
                    .iter()
                    .any(|place| matches!(place, Place::Header(header) if header.eq_ignore_ascii_case(name)))
            };
            search.text(looks, value, |range| Location::indexed(Part::Headers, index, range));
        }
        for (rule, hits) in self.rules.iter().zip(search.hits) {
            let own = Own {
                id: rule.id.clone().into_owned(),
                severity: rule.severity,
                suggestion: rule.suggestion.clone().into_owned(),
            };
            tally.add_own(&RULE, own, rule.points, hits);
        }
    }
}

/// Rules, and what they have found so far.
struct Search<'r, 't> {
    rules: &'r [OwnRule<'t>],
    /// The first word of each wording, and where it stands: rule and wording. Sorted.
    first_words: Vec<(u64, usize, usize)>,
    hits: Vec<Hits>,
    /// How many places each rule has found.
    places: Vec<usize>,
}

impl<'r, 't> Search<'r, 't> {
    fn of(rules: &'r [OwnRule<'t>]) -> Search<'r, 't> {
        let wordings = rules.iter().enumerate().flat_map(|(rule, own)| {
            own.wordings.iter().enumerate().map(move |(wording, words)| (words[0], rule, wording))
        });
        let mut first_words: Vec<_> = wordings.collect();
        first_words.sort_unstable();
        let hits = rules.iter().map(|_| Hits::default()).collect();
        Search { rules, first_words, hits, places: vec![0; rules.len()] }
    }

    /// Has the rules that look there look at a text. `place` says where in the message a stretch of it is.
    fn text(&mut self, looks: impl Fn(&OwnRule<'_>) -> bool, text: &str, place: impl Fn(Range<usize>) -> Location) {
        let wanted = |rule: &&OwnRule<'_>| looks(rule);
        if self.rules.iter().filter(wanted).any(|rule| !rule.wordings.is_empty()) {
            self.wordings(&looks, text, &place);
        }
        for number in 0..self.rules.len() {
            let rule = &self.rules[number];
            let Some(pattern) = rule.pattern.as_ref().filter(|_| looks(rule)) else { continue };
            for written in text.split_whitespace() {
                let word = written.trim_matches(AROUND);
                if pattern.fits(word) || (word.len() < written.len() && pattern.fits(written)) {
                    let start = word.as_ptr().addr() - text.as_ptr().addr();
                    self.found(number, place(start..start + word.len()));
                    if self.places[number] == PLACES_PER_RULE_MAX {
                        break;
                    }
                }
            }
        }
    }

    fn wordings(
        &mut self,
        looks: &impl Fn(&OwnRule<'_>) -> bool,
        text: &str,
        place: &impl Fn(Range<usize>) -> Location,
    ) {
        for word in Words::of(text) {
            let from = self.first_words.partition_point(|(hash, ..)| *hash < word.hash);
            for at in from..self.first_words.len() {
                let (hash, number, wording) = self.first_words[at];
                if hash != word.hash {
                    break;
                }
                let rule = &self.rules[number];
                if self.places[number] == PLACES_PER_RULE_MAX || !looks(rule) {
                    continue;
                }
                if let Some(end) = end_of(&rule.wordings[wording][1..], text, word.range.end) {
                    self.found(number, place(word.range.start..end));
                }
            }
        }
    }

    fn found(&mut self, number: usize, place: Location) {
        if self.places[number] < PLACES_PER_RULE_MAX {
            self.places[number] += 1;
            let message = &self.rules[number].message;
            self.hits[number].at(place, || message.clone().into_owned());
        }
    }
}

/// Where a wording ends whose further words are these, if they follow.
fn end_of(further: &[u64], text: &str, from: usize) -> Option<usize> {
    let mut end = from;
    let mut words = Words::from(text, from);
    for wanted in further {
        let word = words.next().filter(|word| word.hash == *wanted)?;
        end = word.range.end;
    }
    Some(end)
}
