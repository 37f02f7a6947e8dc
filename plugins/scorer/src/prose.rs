//! Text for people, from the subject or a body, with everything that one walk over its words finds out.

use std::borrow::Cow;
use std::ops::Range;

use crate::html::visible::Visible;
use crate::phrases::{self, PhraseHit};
use crate::scripts;
use crate::verdict::{Location, Part};
use crate::wordlist::{TOPICS, Topic};
use crate::words::{Word, Words};

/// Phrases of one topic that are kept.
const HITS_PER_TOPIC_MAX: usize = 40;

/// Odd words of one text that are kept.
const ODD_WORDS_MAX: usize = 50;

/// Single letters in a row that make a word written letter by letter.
const SPACED_LETTERS_MIN: usize = 4;

/// Words that say something about what a text is about are at least this long.
const TELLING_BYTES_MIN: usize = 4;

/// Letters and digits without a blank that no word has.
const LONG_BYTES_MIN: usize = 300;

/// Bits of the sketch by which two texts are compared.
const SKETCH_BITS: usize = 1 << 14;

/// A text and what its words say.
pub(crate) struct Prose<'m> {
    pub(crate) text: Cow<'m, str>,
    part: Part,
    /// The way back to the html, if the text was taken from a page.
    page: Option<&'m Visible>,
    pub(crate) words: usize,
    hits: Vec<PhraseHit>,
    hits_by_topic: [usize; TOPICS],
    last_ends: [usize; TOPICS],
    pub(crate) letters: usize,
    pub(crate) capitals: usize,
    /// Words with characters inside that nobody sees.
    pub(crate) torn_words: Vec<Range<usize>>,
    /// Words with letters of two alphabets that look alike.
    pub(crate) disguised_words: Vec<Range<usize>>,
    /// Words that mix letters and digits.
    pub(crate) digit_words: Vec<Range<usize>>,
    /// ASCII words that no language has, they are so long.
    pub(crate) long_words: Vec<Range<usize>>,
    /// Words written letter by letter, `f r e e`.
    pub(crate) spaced_words: Vec<Range<usize>>,
    spaced_run: SpacedRun,
    sketch: Vec<u64>,
    telling_words: Vec<u16>,
    /// Which bytes stand between the words of the text, and in those that have others than ASCII.
    signs: [bool; 256],
}

/// Single letters that follow each other with one character between.
#[derive(Default)]
struct SpacedRun {
    range: Range<usize>,
    letters: usize,
}

impl<'m> Prose<'m> {
    /// Text that stands in the message as it is.
    pub(crate) fn plain(part: Part, text: &'m str) -> Prose<'m> {
        Prose::read(part, Cow::Borrowed(text), None)
    }

    /// Text that a page shows.
    pub(crate) fn shown(visible: &'m Visible) -> Prose<'m> {
        let text = crate::beginning(&visible.text, crate::TEXT_BYTES_READ_MAX);
        Prose::read(Part::Html, Cow::Borrowed(text), Some(visible))
    }

    /// Where in the message a stretch of the text stands.
    pub(crate) fn place(&self, range: Range<usize>) -> Location {
        let range = match self.page {
            Some(visible) => visible.source(range),
            None => range,
        };
        Location::within(self.part, range)
    }

    pub(crate) fn hits(&self, topic: Topic) -> impl Iterator<Item = &PhraseHit> {
        self.hits.iter().filter(move |hit| hit.topic == topic)
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.words == 0
    }

    /// Whether the text has any of these bytes, which are no ASCII letters, digits or apostrophes. Most texts lack most signs,
    /// and then nobody need search for them.
    pub(crate) fn has_any(&self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| self.signs[usize::from(*byte)])
    }

    /// How many of 100 telling words of this text stand in the other. `None` when there are too few to say.
    pub(crate) fn shared_percent(&self, other: &Prose<'_>, words_min: usize) -> Option<usize> {
        let all = self.telling_words.len();
        if all < words_min || other.telling_words.len() < words_min {
            return None;
        }
        Some(self.telling_words.iter().filter(|word| other.has(**word)).count() * 100 / all)
    }

    fn has(&self, word: u16) -> bool {
        self.sketch[usize::from(word) / 64] & (1 << (word % 64)) != 0
    }

    fn read(part: Part, text: Cow<'m, str>, page: Option<&'m Visible>) -> Prose<'m> {
        let mut prose = Prose {
            text: Cow::Borrowed(""),
            part,
            page,
            words: 0,
            hits: Vec::new(),
            hits_by_topic: [0; TOPICS],
            last_ends: [0; TOPICS],
            letters: 0,
            capitals: 0,
            torn_words: Vec::new(),
            disguised_words: Vec::new(),
            digit_words: Vec::new(),
            long_words: Vec::new(),
            spaced_words: Vec::new(),
            spaced_run: SpacedRun::default(),
            sketch: vec![0; SKETCH_BITS / 64],
            telling_words: Vec::new(),
            signs: [false; 256],
        };
        let mut end = 0;
        for word in Words::of(&text) {
            prose.signs(&text[end..word.range.start]);
            end = word.range.end;
            prose.word(&text, &word);
        }
        prose.signs(&text[end..]);
        prose.end_spaced_run();
        prose.text = text;
        prose
    }

    fn word(&mut self, text: &str, word: &Word) {
        self.words += 1;
        phrases::starting_with(text, word, |hit| self.phrase(hit));
        self.letters += word.letters;
        self.capitals += word.capitals;
        if word.letters > 0 && word.digits > 0 {
            keep(&mut self.digit_words, word);
        }
        if word.is_ascii && word.range.len() >= LONG_BYTES_MIN {
            keep(&mut self.long_words, word);
        }
        self.follow_spaced_run(word);
        if !word.is_ascii {
            let written = &text[word.range.clone()];
            self.signs(written);
            self.foreign_word(written, word);
        }
        if word.range.len() >= TELLING_BYTES_MIN {
            self.sketch_word(word.hash);
        }
    }

    fn signs(&mut self, text: &str) {
        for byte in text.bytes() {
            self.signs[usize::from(byte)] = true;
        }
    }

    fn phrase(&mut self, hit: PhraseHit) {
        let count = &mut self.hits_by_topic[hit.topic as usize];
        // "Dear valued" and "valued customer" are one phrase to a reader.
        let overlaps = self.last_ends[hit.topic as usize] > hit.range.start;
        if !overlaps && *count < HITS_PER_TOPIC_MAX {
            *count += 1;
            self.last_ends[hit.topic as usize] = hit.range.end;
            self.hits.push(hit);
        }
    }

    fn follow_spaced_run(&mut self, word: &Word) {
        let single = word.range.len() == 1 && word.letters == 1;
        let follows = self.spaced_run.letters > 0 && word.range.start == self.spaced_run.range.end + 1;
        if single && follows {
            self.spaced_run.range.end = word.range.end;
            self.spaced_run.letters += 1;
        } else {
            self.end_spaced_run();
            self.spaced_run = SpacedRun { range: word.range.clone(), letters: usize::from(single) };
        }
    }

    fn end_spaced_run(&mut self) {
        if self.spaced_run.letters >= SPACED_LETTERS_MIN && self.spaced_words.len() < ODD_WORDS_MAX {
            self.spaced_words.push(self.spaced_run.range.clone());
        }
    }

    fn foreign_word(&mut self, written: &str, word: &Word) {
        let letters = written.chars().filter(char::is_ascii_alphabetic).count();
        if letters >= 2 && written.chars().any(|c| scripts::is_invisible(c) && c != '\u{ad}') {
            keep(&mut self.torn_words, word);
        }
        if scripts::is_disguised(written) {
            keep(&mut self.disguised_words, word);
        }
        let other = written.chars().filter(|c| !c.is_ascii() && c.is_alphabetic());
        for character in other {
            self.letters += 1;
            self.capitals += usize::from(character.is_uppercase());
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "14 bits are taken")]
    fn sketch_word(&mut self, hash: u64) {
        let bit = ((hash >> 40) ^ hash) as usize % SKETCH_BITS;
        self.sketch[bit / 64] |= 1 << (bit % 64);
        if self.telling_words.len() < SKETCH_BITS {
            self.telling_words.push(bit as u16);
        }
    }
}

fn keep(words: &mut Vec<Range<usize>>, word: &Word) {
    if words.len() < ODD_WORDS_MAX {
        words.push(word.range.clone());
    }
}
