//! Rules about how a message is written, whatever it says.

use super::{Category, Rule};
use crate::byte_set::ByteSet;
use crate::facts::{Facts, quoted, quoted_range};
use crate::merge_tags;
use crate::obfuscation;
use crate::scripts;
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Warning};

/// Letters from which on capitals are counted.
const SHOUTING_LETTERS_MIN: usize = 150;

/// Of 100 letters, how many are capitals when a whole body shouts.
const SHOUTING_PERCENT_MIN: usize = 50;

/// Marks in a row that make a run, and runs that are too many.
const RUN_MARKS_MIN: usize = 3;
const RUNS_MIN: usize = 2;

/// Bytes that a mark can begin with: the last is that of the euro sign.
static MARKS: ByteSet = ByteSet::of(b"!$\xe2");

rules![
    Rule {
        id: "WORDING_OBFUSCATED",
        category: Category::Wording,
        severity: Warning,
        points: 1.8,
        description: "A word that filters look for is written so that they should miss it, such as v1agra or \
                      c.a.s.i.n.o.",
        suggestion: "Write the word as it is, or leave it out.",
        check: obfuscated,
    },
    Rule {
        id: "WORDING_MIXED_ALPHABETS",
        category: Category::Wording,
        severity: Warning,
        points: 1.5,
        description: "A word mixes Latin letters with Cyrillic or Greek ones that look the same.",
        suggestion: "Type the word anew in one alphabet.",
        check: mixed_alphabets,
    },
    Rule {
        id: "WORDING_INVISIBLE_CHARACTERS",
        category: Category::Wording,
        severity: Warning,
        points: 1.2,
        description: "Words have characters inside that nobody sees, as if to hide them from filters.",
        suggestion: "Remove the zero-width characters, which often come with pasted text.",
        check: invisible_characters,
    },
    Rule {
        id: "WORDING_DIRECTION_OVERRIDE",
        category: Category::Wording,
        severity: Warning,
        points: 0.8,
        description: "The body has characters that force the reading direction, which can make an address read \
                      backwards (UTR #36, section 2.5).",
        suggestion: "Remove the control characters.",
        check: direction_override,
    },
    Rule {
        id: "WORDING_MERGE_TAG",
        category: Category::Wording,
        severity: Error,
        points: 0.3,
        description: "A template tag such as {{name}} or *|FNAME|* was not filled in. Readers will see it.",
        suggestion: "Fill the tag in, or give it a default.",
        check: merge_tag,
    },
    Rule {
        id: "WORDING_SHOUTING",
        category: Category::Wording,
        severity: Warning,
        points: 0.5,
        description: "A large part of the body is in capitals.",
        suggestion: "Write in sentence case and use bold for what matters.",
        check: shouting,
    },
    Rule {
        id: "WORDING_EXCLAMATION",
        category: Category::Wording,
        severity: Warning,
        points: 0.3,
        description: "The body has several runs of exclamation marks, or of currency signs.",
        suggestion: "End sentences with one mark.",
        check: exclamation,
    },
];

fn obfuscated(facts: &Facts<'_>, hits: &mut Hits) {
    for prose in facts.prose() {
        for (range, word) in obfuscation::find(prose) {
            hits.at(prose.place(range.clone()), || {
                format!("{} stands for \u{201c}{word}\u{201d}.", quoted_range(&prose.text, &range))
            });
        }
    }
}

fn mixed_alphabets(facts: &Facts<'_>, hits: &mut Hits) {
    for prose in facts.prose() {
        for range in &prose.disguised_words {
            hits.at(prose.place(range.clone()), || {
                let word = &prose.text[range.clone()];
                let letter = word.chars().find(|c| scripts::is_lookalike(*c)).unwrap_or_default();
                format!("{} has the letter U+{:04X} among Latin ones.", quoted(word), u32::from(letter))
            });
        }
    }
}

fn invisible_characters(facts: &Facts<'_>, hits: &mut Hits) {
    for prose in facts.shown.iter().chain(&facts.text) {
        for range in &prose.torn_words {
            hits.at(prose.place(range.clone()), || {
                format!("There are unseen characters inside {}.", quoted_range(&prose.text, range))
            });
        }
    }
}

fn direction_override(facts: &Facts<'_>, hits: &mut Hits) {
    for prose in facts.shown.iter().chain(&facts.text).filter(|prose| prose.has_any(b"\xad\xae")) {
        for (at, character) in prose.text.match_indices(['\u{202d}', '\u{202e}']) {
            hits.at(prose.place(at..at + character.len()), || {
                "A character that nobody sees forces the reading direction here.".to_owned()
            });
        }
    }
}

fn merge_tag(facts: &Facts<'_>, hits: &mut Hits) {
    for prose in facts.shown.iter().chain(&facts.text).filter(|prose| prose.has_any(merge_tags::STARTS)) {
        for range in merge_tags::find(&prose.text) {
            hits.at(prose.place(range.clone()), || format!("{} was not filled in.", quoted_range(&prose.text, &range)));
        }
    }
}

fn shouting(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(body) = facts.body() else { return };
    if body.letters >= SHOUTING_LETTERS_MIN && body.capitals * 100 >= body.letters * SHOUTING_PERCENT_MIN {
        hits.note(|| format!("{} % of the letters of the body are capitals.", body.capitals * 100 / body.letters));
    }
}

fn exclamation(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(body) = facts.body().filter(|body| body.has_any("!$\u{20ac}".as_bytes())) else { return };
    let mut runs = Vec::new();
    let mut rest = 0;
    while let Some(start) = MARKS.find(body.text.as_bytes(), rest) {
        let run = &body.text[start..];
        let end = run.find(|c| !matches!(c, '!' | '$' | '\u{20ac}')).unwrap_or(run.len());
        // Another character can begin with the first byte of the euro sign; it has as many.
        rest = start + if end == 0 { '\u{20ac}'.len_utf8() } else { end };
        if run[..end].chars().count() >= RUN_MARKS_MIN {
            runs.push(start..rest);
        }
    }
    if runs.len() >= RUNS_MIN {
        for range in runs {
            hits.at(body.place(range.clone()), || format!("{} is a run of marks.", quoted_range(&body.text, &range)));
        }
    }
}
