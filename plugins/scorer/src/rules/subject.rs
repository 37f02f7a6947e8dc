//! Rules about the subject line, the first and often the only thing that is read.

use super::{Category, Rule};
use crate::facts::{Facts, quoted, quoted_range};
use crate::merge_tags;
use crate::prose::Prose;
use crate::scripts;
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Info, Warning};
use crate::wordlist::Topic;

/// Letters from which on capitals are counted; below, acronyms decide.
const SHOUTING_LETTERS_MIN: usize = 10;

/// Of 100 letters, how many are capitals when someone shouts.
const SHOUTING_PERCENT_MIN: usize = 80;

/// Characters of a subject that are shown on most screens.
const LENGTH_CHARACTERS_MAX: usize = 120;

/// Pictures that a subject bears.
const EMOJI_MAX: usize = 3;

/// Recipients whose address is looked for.
const RECIPIENTS_MAX: usize = 20;

/// Blanks in a row that push something out of sight.
const GAP_BLANKS_MIN: usize = 6;

rules![
    Rule {
        id: "SUBJECT_MISSING",
        category: Category::Subject,
        severity: Warning,
        points: 0.5,
        description: "The message has no subject, or an empty one. Readers pass it over and filters count it.",
        suggestion: "Write a subject that says what the message is about.",
        check: missing,
    },
    Rule {
        id: "SUBJECT_SHOUTING",
        category: Category::Subject,
        severity: Warning,
        points: 0.8,
        description: "Nearly all letters of the subject are capitals. It reads as shouting, and filters have \
                      counted it since the first ones.",
        suggestion: "Write the subject in sentence case.",
        check: shouting,
    },
    Rule {
        id: "SUBJECT_EXCLAMATION",
        category: Category::Subject,
        severity: Warning,
        points: 0.4,
        description: "The subject has exclamation or question marks in a row, or three and more of them.",
        suggestion: "Use at most one exclamation mark in the subject.",
        check: exclamation,
    },
    Rule {
        id: "SUBJECT_LONG",
        category: Category::Subject,
        severity: Info,
        points: 0.0,
        description: "The subject is longer than 120 characters. Mail programs show about 60, telephones 40.",
        suggestion: "Shorten the subject and put what matters first.",
        check: long,
    },
    Rule {
        id: "SUBJECT_FAKE_REPLY",
        category: Category::Subject,
        severity: Warning,
        points: 1.0,
        description: "Mail to many begins its subject with Re: or Fwd: though it answers nothing. Readers feel \
                      deceived, and United States law forbids misleading subjects.",
        suggestion: "Take the Re: or Fwd: out of the subject.",
        check: fake_reply,
    },
    Rule {
        id: "SUBJECT_EMOJI_CROWD",
        category: Category::Subject,
        severity: Warning,
        points: 0.3,
        description: "The subject has more than three emoji. One can help; a crowd of them is what unwanted mail does.",
        suggestion: "Keep one emoji at most, where it adds meaning.",
        check: emoji_crowd,
    },
    Rule {
        id: "SUBJECT_MONEY_CLAIM",
        category: Category::Subject,
        severity: Warning,
        points: 0.4,
        description: "The subject names a large sum of money, a common mark of fraud.",
        suggestion: "Leave the sum to the body, where it has its context.",
        check: money_claim,
    },
    Rule {
        id: "SUBJECT_SALES_CLAIM",
        category: Category::Subject,
        severity: Warning,
        points: 0.4,
        description: "The subject makes a claim that filters know from unwanted mail, such as 100% free or act now.",
        suggestion: "Say what is offered instead of how good it is.",
        check: sales_claim,
    },
    Rule {
        id: "SUBJECT_MERGE_TAG",
        category: Category::Subject,
        severity: Error,
        points: 0.8,
        description: "A template tag such as {{name}} or *|FNAME|* stands in the subject and was not filled in.",
        suggestion: "Fill the tag in, or give it a default.",
        check: merge_tag,
    },
    Rule {
        id: "SUBJECT_SPACED_LETTERS",
        category: Category::Subject,
        severity: Warning,
        points: 1.0,
        description: "A word of the subject is written letter by letter, as if to hide it from filters.",
        suggestion: "Write the word without blanks.",
        check: spaced_letters,
    },
    Rule {
        id: "SUBJECT_GAP",
        category: Category::Subject,
        severity: Warning,
        points: 0.5,
        description: "The subject has many blanks in a row, which push what follows out of sight.",
        suggestion: "Use single blanks.",
        check: gap,
    },
    Rule {
        id: "SUBJECT_NAMES_RECIPIENT_ADDRESS",
        category: Category::Subject,
        severity: Warning,
        points: 1.0,
        description: "The recipient's mail address stands in the subject. Phishing does that to look personal.",
        suggestion: "Use the recipient's name, or nothing.",
        check: recipient_address,
    },
    Rule {
        id: "SUBJECT_CONTROL_CHARACTER",
        category: Category::Subject,
        severity: Error,
        points: 1.0,
        description: "The subject has a line break or another control character, which can forge headers (RFC 5322 \
                      section 2.2).",
        suggestion: "Remove the control character.",
        check: control_character,
    },
    Rule {
        id: "SUBJECT_INVISIBLE_CHARACTER",
        category: Category::Subject,
        severity: Warning,
        points: 1.2,
        description: "The subject has characters inside words that nobody sees, or that turn the reading direction.",
        suggestion: "Type the subject anew, without pasted formatting.",
        check: invisible_character,
    },
];

fn missing(facts: &Facts<'_>, hits: &mut Hits) {
    if facts.message.subject.as_deref().is_none_or(|subject| subject.trim().is_empty()) {
        hits.note(|| "The message has no subject.".to_owned());
    }
}

fn shouting(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let is_loud = subject.letters >= SHOUTING_LETTERS_MIN
        && subject.words >= 3
        && subject.capitals * 100 >= subject.letters * SHOUTING_PERCENT_MIN;
    if is_loud {
        let percent = subject.capitals * 100 / subject.letters;
        hits.at(whole(subject), || format!("{percent} % of the letters in the subject are capitals."));
    }
}

fn exclamation(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let is_mark = |c: char| matches!(c, '!' | '?' | '\u{ff01}' | '\u{203c}' | '\u{2757}');
    let first = subject.text.find(is_mark).unwrap_or(0);
    let run = subject.text[first..].find(|c| !is_mark(c)).map_or(subject.text.len(), |end| first + end);
    let exclamations = subject.text.chars().filter(|c| is_mark(*c) && *c != '?').count();
    if exclamations > 0 && (run > first + 1 || exclamations >= 3) {
        hits.at(subject.place(first..run), || {
            format!("The subject has {exclamations} exclamation marks or several in a row.")
        });
    }
}

fn long(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let characters = subject.text.chars().count();
    if characters > LENGTH_CHARACTERS_MAX {
        hits.at(whole(subject), || format!("The subject has {characters} characters."));
    }
}

fn fake_reply(facts: &Facts<'_>, hits: &mut Hits) {
    let (Some(subject), Some(reason)) = (&facts.subject, facts.bulk) else { return };
    if facts.header("In-Reply-To").is_some()
        || facts.header("References").is_some()
        || facts.header("List-Post").is_some()
    {
        return;
    }
    // Quoted text in a body is what a real answer has.
    if facts.text.as_ref().is_some_and(|text| text.text.contains("\n>")) {
        return;
    }
    let prefixes = ["re:", "fw:", "fwd:", "aw:", "wg:", "sv:", "tr:"];
    let text = subject.text.as_ref();
    let found =
        prefixes.iter().find(|prefix| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)));
    if let Some(prefix) = found {
        let written = &text[..prefix.len()];
        hits.at(subject.place(0..prefix.len()), || {
            format!("The subject begins with {}, but this is mail to many: {reason}.", quoted(written))
        });
    }
}

fn emoji_crowd(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let count = subject.text.chars().filter(|c| scripts::is_emoji(*c)).count();
    if count > EMOJI_MAX {
        hits.at(whole(subject), || format!("The subject has {count} emoji."));
    }
}

fn money_claim(facts: &Facts<'_>, hits: &mut Hits) {
    const DIGITS_MIN: usize = 5;
    let Some(subject) = &facts.subject else { return };
    for (at, sign) in subject.text.match_indices(['$', '\u{20ac}', '\u{a3}']) {
        let amount = &subject.text[at + sign.len()..];
        let end = amount.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',' | ' ')).unwrap_or(amount.len());
        let whole_units = amount[..end].trim_end_matches(['.', ',', ' ']);
        let cents = whole_units.len().checked_sub(3).filter(|place| whole_units.as_bytes()[*place] == b'.');
        let digits = whole_units[..cents.unwrap_or(whole_units.len())].bytes().filter(u8::is_ascii_digit).count();
        let range = at..at + sign.len() + whole_units.len();
        let in_millions = amount[end..].get(..7).is_some_and(|word| word.eq_ignore_ascii_case("million"));
        if digits >= DIGITS_MIN || (digits > 0 && in_millions) {
            hits.at(subject.place(range.clone()), || {
                format!("The subject names the sum {}.", quoted_range(&subject.text, &range))
            });
        }
    }
}

fn sales_claim(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let claims = [Topic::Guarantee, Topic::Prize, Topic::Urgency];
    for hit in claims.into_iter().flat_map(|topic| subject.hits(topic)) {
        hits.at(subject.place(hit.range.clone()), || {
            format!("The subject says {}.", quoted_range(&subject.text, &hit.range))
        });
    }
}

fn merge_tag(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    for range in merge_tags::find(&subject.text) {
        hits.at(subject.place(range.clone()), || {
            format!("{} in the subject was not filled in.", quoted_range(&subject.text, &range))
        });
    }
}

fn spaced_letters(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    for range in &subject.spaced_words {
        hits.at(subject.place(range.clone()), || {
            format!("{} is written letter by letter.", quoted_range(&subject.text, range))
        });
    }
}

fn gap(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let text = subject.text.trim_end();
    let mut start = 0;
    for (at, character) in text.char_indices() {
        if !matches!(character, ' ' | '\t' | '\u{a0}' | '\u{3000}') {
            let blanks = text[start..at].chars().count();
            if start > 0 && blanks >= GAP_BLANKS_MIN {
                hits.at(subject.place(start..at), || format!("The subject has {blanks} blanks in a row."));
            }
            start = at + character.len_utf8();
        }
    }
}

fn recipient_address(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let lower = subject.text.to_ascii_lowercase();
    for recipient in facts.message.to.iter().take(RECIPIENTS_MAX).filter(|to| to.email.contains('@')) {
        if let Some(at) = lower.find(&recipient.email.to_ascii_lowercase()) {
            hits.at(subject.place(at..at + recipient.email.len()), || {
                "The subject has the recipient's address in it.".to_owned()
            });
            return;
        }
    }
}

fn control_character(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    for (at, character) in subject.text.char_indices().filter(|(_, c)| c.is_control() && *c != '\t') {
        hits.at(subject.place(at..at + character.len_utf8()), || {
            format!("The subject has the control character U+{:04X}.", u32::from(character))
        });
    }
}

fn invisible_character(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    for range in &subject.torn_words {
        hits.at(subject.place(range.clone()), || {
            format!("There are unseen characters inside {}.", quoted_range(&subject.text, range))
        });
    }
    for (at, character) in subject.text.char_indices().filter(|(_, c)| scripts::turns_direction(*c)) {
        hits.at(subject.place(at..at + character.len_utf8()), || {
            format!("U+{:04X} turns the reading direction of the subject.", u32::from(character))
        });
    }
}

fn whole(subject: &Prose<'_>) -> crate::verdict::Location {
    subject.place(0..subject.text.len())
}
