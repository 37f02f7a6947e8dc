//! Rules about how the head of a message is written. Headers that are absent are no offence: a draft has few.

use super::{Category, Rule};
use crate::facts::{Facts, header_place, quoted};
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Warning};
use crate::verdict::{Location, Part};

/// Headers of which RFC 5322 section 3.6 allows one, and those of MIME.
const SINGLE: [&str; 14] = [
    "Bcc",
    "Cc",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "In-Reply-To",
    "Message-ID",
    "MIME-Version",
    "References",
    "Reply-To",
    "Sender",
    "Subject",
    "To",
];

rules![
    Rule {
        id: "HEADER_DUPLICATE",
        category: Category::Headers,
        severity: Error,
        points: 0.8,
        description: "A header that may stand once stands several times (RFC 5322 section 3.6). Programs disagree on \
                      which one counts, and Gmail refuses such mail.",
        suggestion: "Keep one of them.",
        check: duplicate,
    },
    Rule {
        id: "HEADER_NAME_INVALID",
        category: Category::Headers,
        severity: Error,
        points: 0.5,
        description: "The name of a header has characters that a name may not have (RFC 5322 section 2.2).",
        suggestion: "Use letters, digits and hyphens.",
        check: name_invalid,
    },
    Rule {
        id: "HEADER_CONTROL_CHARACTER",
        category: Category::Headers,
        severity: Error,
        points: 1.0,
        description: "The value of a header has a line break or a null byte, which can forge further headers.",
        suggestion: "Remove it.",
        check: control_character,
    },
    Rule {
        id: "MESSAGE_ID_MALFORMED",
        category: Category::Headers,
        severity: Warning,
        points: 0.4,
        description: "The Message-ID is not one word with an @ in angle brackets (RFC 5322 section 3.6.4).",
        suggestion: "Leave it to the mail server, or write <something-unique@your-domain>.",
        check: message_id,
    },
    Rule {
        id: "DATE_MALFORMED",
        category: Category::Headers,
        severity: Warning,
        points: 0.4,
        description: "The Date header cannot be read (RFC 5322 section 3.3).",
        suggestion: "Leave it to the mail server.",
        check: date,
    },
    Rule {
        id: "PRIORITY_RAISED",
        category: Category::Headers,
        severity: Warning,
        points: 0.3,
        description: "The message calls itself urgent by a priority header. Mail to many never is.",
        suggestion: "Remove the priority header.",
        check: priority,
    },
];

fn duplicate(facts: &Facts<'_>, hits: &mut Hits) {
    for name in SINGLE {
        for (index, value) in facts.headers(name).skip(1) {
            hits.at(header_place(index, value), || format!("This is another {name} header."));
        }
    }
}

fn name_invalid(facts: &Facts<'_>, hits: &mut Hits) {
    let is_valid = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    for (index, (name, value)) in facts.message.headers.iter().enumerate().filter(|(_, (name, _))| !is_valid(name)) {
        hits.at(header_place(index, value), || format!("{} cannot be the name of a header.", quoted(name)));
    }
}

fn control_character(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, (name, value)) in facts.message.headers.iter().enumerate() {
        if let Some(at) = value.find(['\r', '\n', '\0']) {
            hits.at(Location::indexed(Part::Headers, index, at..at + 1), || {
                format!("The header {} has a control character.", quoted(name))
            });
        }
    }
}

fn message_id(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("Message-ID") {
        let inside = value.trim().strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        let is_word =
            |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
        let is_good = inside
            .and_then(|inside| inside.rsplit_once('@'))
            .is_some_and(|(left, right)| is_word(left) && is_word(right));
        if !is_good {
            hits.at(header_place(index, value), || format!("{} is not a message id.", quoted(value)));
        }
    }
}

fn date(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("Date") {
        if !is_date(value) {
            hits.at(header_place(index, value), || format!("{} is not a date.", quoted(value)));
        }
    }
}

/// Whether a value reads `[day,] 1 Jan 2026 12:00[:00] zone`, in the loose form that is still in use.
fn is_date(value: &str) -> bool {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let value = value.split_once(',').map_or(value, |(_, rest)| rest);
    let mut words = value.split_ascii_whitespace();
    let number = |word: Option<&str>, min: u32, max: u32| {
        word.and_then(|word| word.parse().ok()).is_some_and(|number: u32| (min..=max).contains(&number))
    };
    let day = number(words.next(), 1, 31);
    let month = words.next().is_some_and(|word| MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word)));
    let year = number(words.next(), 0, 9999);
    let time = words.next().is_some_and(|time| {
        let mut parts = time.split(':');
        let clock = number(parts.next(), 0, 23) && number(parts.next(), 0, 59);
        clock && parts.next().is_none_or(|second| number(Some(second), 0, 60)) && parts.next().is_none()
    });
    day && month && year && time
}

fn priority(facts: &Facts<'_>, hits: &mut Hits) {
    let raised = |value: &str, words: &[&str]| {
        words.iter().any(|word| value.trim().get(..word.len()).is_some_and(|v| v.eq_ignore_ascii_case(word)))
    };
    let named = [
        ("X-Priority", &["1", "2"][..]),
        ("X-MSMail-Priority", &["high"]),
        ("Importance", &["high"]),
        ("Priority", &["urgent"]),
    ];
    for (name, words) in named {
        for (index, value) in facts.headers(name).filter(|(_, value)| raised(value, words)) {
            hits.at(header_place(index, value), || format!("{name} says {}.", quoted(value)));
        }
    }
}
