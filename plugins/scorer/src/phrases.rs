//! Wordings that mean something to a rule, and a way to find all of them while walking over a text once.
//!
//! The index over their first words is computed by the compiler: a plugin is started afresh for each message, so
//! whatever is built at start would be built every time.

use std::ops::Range;

use crate::wordlist::{PHRASES, Topic};
use crate::words::{self, Word, Words};

/// A phrase that stands in a text.
#[derive(Clone, Debug)]
pub(crate) struct PhraseHit {
    pub(crate) topic: Topic,
    pub(crate) range: Range<usize>,
    /// The same for the same phrase.
    pub(crate) phrase: u16,
}

/// Hands over the phrases that start with `word`: of each topic the longest.
pub(crate) fn starting_with(text: &str, word: &Word, mut found: impl FnMut(PhraseHit)) {
    let Some(mut next) = INDEX.first(word.hash) else { return };
    let mut longest: Option<PhraseHit> = None;
    while let Some(entry) = INDEX.phrases.get(next as usize) {
        let phrase = std::mem::replace(&mut next, entry.next);
        let (topic, wordings) = PHRASES[entry.group as usize];
        let Some(end) = end_of(wordings[entry.place as usize], text, word) else { continue };
        // Phrases of one topic follow each other.
        if longest.as_ref().is_some_and(|longest| longest.topic == topic && longest.range.end >= end) {
            continue;
        }
        let hit = PhraseHit { topic, range: word.range.start..end, phrase };
        if let Some(done) = longest.replace(hit).filter(|done| done.topic != topic) {
            found(done);
        }
    }
    longest.into_iter().for_each(found);
}

/// Where the phrase ends that starts with `word`, if it stands there with nothing but blanks and marks between.
fn end_of(phrase: &str, text: &str, word: &Word) -> Option<usize> {
    let mut rest = Words::from(text, word.range.end);
    let mut end = word.range.end;
    for wanted in phrase.split(' ').skip(1) {
        let follower = rest.next().filter(|follower| follower.hash == words::hash(wanted))?;
        if follower.range.start - end > GAP_BYTES_MAX {
            return None;
        }
        end = follower.range.end;
    }
    Some(end)
}

/// Bytes between two words of a phrase, enough for a line break and its indentation.
const GAP_BYTES_MAX: usize = 24;

const SLOTS: usize = 2048;
const NONE: u16 = u16::MAX;
const COUNT: usize = count();

// Free slots end a search.
const _: () = assert!(COUNT < SLOTS);

/// An open-addressed table from the first word's hash to the phrases that begin with it.
struct Index {
    slots: [u16; SLOTS],
    phrases: [Entry; COUNT],
}

#[derive(Clone, Copy)]
struct Entry {
    first_word: u64,
    group: u8,
    place: u8,
    /// The next phrase with the same first word.
    next: u16,
}

static INDEX: Index = index();

impl Index {
    fn first(&self, hash: u64) -> Option<u16> {
        let mut slot = slot_of(hash);
        while self.slots[slot] != NONE {
            let head = self.slots[slot];
            if self.phrases[head as usize].first_word == hash {
                return Some(head);
            }
            slot = (slot + 1) % SLOTS;
        }
        None
    }
}

#[allow(clippy::cast_possible_truncation, reason = "only the low bits count")]
const fn slot_of(hash: u64) -> usize {
    ((hash >> 32) ^ hash) as usize % SLOTS
}

const fn count() -> usize {
    let mut total = 0;
    let mut group = 0;
    while group < PHRASES.len() {
        total += PHRASES[group].1.len();
        group += 1;
    }
    total
}

#[allow(clippy::cast_possible_truncation, reason = "the sizes are asserted")]
const fn index() -> Index {
    let nothing = Entry { first_word: 0, group: 0, place: 0, next: NONE };
    let mut index = Index { slots: [NONE; SLOTS], phrases: [nothing; COUNT] };
    let mut at = 0;
    let mut group = 0;
    while group < PHRASES.len() {
        let wordings = PHRASES[group].1;
        assert!(wordings.len() <= u8::MAX as usize, "`place` counts them");
        let mut place = 0;
        while place < wordings.len() {
            let bytes = wordings[place].as_bytes();
            let mut end = 0;
            while end < bytes.len() && bytes[end] != b' ' {
                end += 1;
            }
            let hash = words::hash_bytes(bytes, 0, end);
            let mut slot = slot_of(hash);
            while index.slots[slot] != NONE && index.phrases[index.slots[slot] as usize].first_word != hash {
                slot = (slot + 1) % SLOTS;
            }
            index.phrases[at] =
                Entry { first_word: hash, group: group as u8, place: place as u8, next: index.slots[slot] };
            index.slots[slot] = at as u16;
            at += 1;
            place += 1;
        }
        group += 1;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phrase_is_found_where_it_stands() {
        for &(topic, wordings) in PHRASES {
            assert_eq!(PHRASES.iter().filter(|(other, _)| *other == topic).count(), 1, "{topic:?} stands twice");
            for wording in wordings {
                let text = format!("So, {}!", capitals(wording));
                let mut topics = Vec::new();
                for word in Words::of(&text) {
                    starting_with(&text, &word, |hit| topics.push(hit.topic));
                }
                assert!(topics.contains(&topic), "{wording:?} is not found: is it written as the table asks?");
            }
        }
    }

    /// Letter by letter, since a sharp s has no capital of one letter.
    fn capitals(text: &str) -> String {
        text.chars()
            .map(|c| Some(c.to_uppercase()).filter(|all| all.len() == 1).and_then(|mut all| all.next()).unwrap_or(c))
            .collect()
    }

    #[test]
    fn a_phrase_is_found_across_lines_marks_and_unseen_characters() {
        check("Please verify\r\n   your\taccount.", Some(&(7..30)));
        check("Ver\u{200b}ify your account", Some(&(0..22)));
        check("verify (your) account", Some(&(0..21)));
        check("verify yours account", None);
        check("verify your", None);
    }

    #[track_caller]
    fn check(text: &str, range: Option<&Range<usize>>) {
        let mut ranges = Vec::new();
        for word in Words::of(text) {
            starting_with(text, &word, |hit| ranges.push(hit.range));
        }
        assert_eq!(ranges.first(), range);
    }
}
