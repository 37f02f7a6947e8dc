//! Rules about text that came through a wrong encoding, and subjects that are not text.

use super::{Category, Rule};
use crate::facts::{Facts, quoted_range};
use crate::prose::Prose;
use crate::tally::Hits;
use crate::verdict::Severity::{Info, Warning};

/// What UTF-8 looks like that was read as Latin-1 or Windows-1252.
const MOJIBAKE: [&str; 8] = [
    "\u{c3}\u{a4}",
    "\u{c3}\u{b6}",
    "\u{c3}\u{bc}",
    "\u{c3}\u{a9}",
    "\u{c3}\u{a8}",
    "\u{c3}\u{b1}",
    "\u{e2}\u{20ac}\u{2122}",
    "\u{e2}\u{20ac}\u{153}",
];

/// Escapes of quoted-printable that are left in a text, for it to count as undecoded.
const UNDECODED_MIN: usize = 3;

/// Links of the html, none of which the text part has.
const LINKS_MIN: usize = 2;

/// Words in which text parts ask for a better mail program, in lower case.
const EXCUSES: [&str; 4] =
    ["does not support html", "doesn't support html", "view this email in html", "unterst\u{fc}tzt kein html"];

rules![
    Rule {
        id: "SUBJECT_LINK",
        category: Category::Subject,
        severity: Warning,
        points: 0.4,
        description: "The subject has an address of the web in it. It cannot be clicked, and filters count it.",
        suggestion: "Put the link into the body.",
        check: subject_link,
    },
    Rule {
        id: "SUBJECT_TEST",
        category: Category::Subject,
        severity: Info,
        points: 0.0,
        description: "The subject says that this is a test.",
        suggestion: "Write the subject that readers shall see.",
        check: subject_test,
    },
    Rule {
        id: "SUBJECT_MIXED_ALPHABETS",
        category: Category::Subject,
        severity: Warning,
        points: 1.2,
        description: "A word of the subject mixes Latin letters with Cyrillic or Greek ones that look the same.",
        suggestion: "Type the word anew in one alphabet.",
        check: subject_mixed,
    },
    Rule {
        id: "SUBJECT_ENCODED_WORD",
        category: Category::Subject,
        severity: Warning,
        points: 0.5,
        description: "The subject shows an encoded word (RFC 2047) that was encoded twice.",
        suggestion: "Hand over the subject as plain text.",
        check: subject_encoded,
    },
    Rule {
        id: "SUBJECT_MOJIBAKE",
        category: Category::Subject,
        severity: Warning,
        points: 0.4,
        description: "The subject was read in a wrong encoding: its accents are pairs of signs.",
        suggestion: "Hand over the subject as UTF-8.",
        check: subject_mojibake,
    },
    Rule {
        id: "SUBJECT_MARKUP",
        category: Category::Subject,
        severity: Info,
        points: 0.2,
        description: "The subject has tags or character references of html, which are shown as they stand.",
        suggestion: "Write the subject as plain text.",
        check: subject_markup,
    },
    Rule {
        id: "BODY_MOJIBAKE",
        category: Category::Structure,
        severity: Warning,
        points: 0.3,
        description: "The text was read in a wrong encoding: its accents are pairs of signs.",
        suggestion: "Save the template as UTF-8 and declare it.",
        check: body_mojibake,
    },
    Rule {
        id: "BODY_REPLACEMENT_CHARACTER",
        category: Category::Structure,
        severity: Info,
        points: 0.1,
        description: "The text has the sign that stands for what could not be read.",
        suggestion: "Find where the text was decoded wrongly.",
        check: replacement,
    },
    Rule {
        id: "BODY_UNDECODED",
        category: Category::Structure,
        severity: Warning,
        points: 0.4,
        description: "The text shows escapes of quoted-printable, such as =3D, that should have been decoded.",
        suggestion: "Encode the body once.",
        check: undecoded,
    },
    Rule {
        id: "BODY_BASE64",
        category: Category::Structure,
        severity: Warning,
        points: 0.6,
        description: "The text has a long run of letters and digits without a blank, as when base64 is shown instead of what it says.",
        suggestion: "Encode the body once, and attach files as files.",
        check: base64,
    },
    Rule {
        id: "TEXT_LINKS_MISSING",
        category: Category::Structure,
        severity: Info,
        points: 0.0,
        description: "The html has links and the text part has none, so its readers cannot follow.",
        suggestion: "Write the addresses into the text part.",
        check: text_links_missing,
    },
    Rule {
        id: "TEXT_PART_EXCUSE",
        category: Category::Structure,
        severity: Info,
        points: 0.1,
        description: "The text part says that the reader's mail program cannot show html, instead of what the html says.",
        suggestion: "Say in the text part what the html says.",
        check: excuse,
    },
];

fn subject_link(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let lower = subject.text.to_ascii_lowercase();
    if let Some(start) = ["http://", "https://", "www."].iter().filter_map(|start| lower.find(start)).min() {
        let end = subject.text[start..].find(char::is_whitespace).map_or(subject.text.len(), |length| start + length);
        hits.at(subject.place(start..end), || {
            format!("{} stands in the subject.", quoted_range(&subject.text, &(start..end)))
        });
    }
}

fn subject_test(facts: &Facts<'_>, hits: &mut Hits) {
    const TESTS: [&str; 6] = ["test", "testing", "test email", "test mail", "test message", "this is a test"];
    let Some(subject) = &facts.subject else { return };
    let plain = subject.text.trim().trim_end_matches(['!', '.', '?']).to_lowercase();
    if TESTS.contains(&plain.as_str()) {
        hits.at(subject.place(0..subject.text.len()), || "The subject says that this is a test.".to_owned());
    }
}

fn subject_mixed(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    for range in &subject.disguised_words {
        hits.at(subject.place(range.clone()), || {
            format!("{} mixes two alphabets.", quoted_range(&subject.text, range))
        });
    }
}

fn subject_encoded(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(subject) = &facts.subject else { return };
    let Some(start) = subject.text.find("=?") else { return };
    let rest = &subject.text[start..];
    let is_word = rest.split('?').nth(2).is_some_and(|kind| matches!(kind, "B" | "b" | "Q" | "q"));
    if let Some(length) = rest.find("?=").filter(|_| is_word) {
        hits.at(subject.place(start..start + length + 2), || "This was encoded twice.".to_owned());
    }
}

fn subject_mojibake(facts: &Facts<'_>, hits: &mut Hits) {
    facts.subject.iter().for_each(|subject| mojibake(subject, hits));
}

fn subject_markup(facts: &Facts<'_>, hits: &mut Hits) {
    const SIGNS: [&str; 8] = ["&amp;", "&nbsp;", "&quot;", "&#39;", "<b>", "<br", "<span", "</"];
    let Some(subject) = &facts.subject else { return };
    for (at, sign) in SIGNS.iter().filter_map(|sign| subject.text.find(sign).map(|at| (at, sign))) {
        hits.at(subject.place(at..at + sign.len()), || format!("Readers see {sign} in the subject."));
    }
}

fn body_mojibake(facts: &Facts<'_>, hits: &mut Hits) {
    facts.body().into_iter().for_each(|body| mojibake(body, hits));
}

fn mojibake(prose: &Prose<'_>, hits: &mut Hits) {
    // All of them begin with U+00C3 or U+00E2.
    if !(prose.has_any(b"\xc3") && prose.has_any(b"\x83\xa2")) {
        return;
    }
    for (at, pair) in MOJIBAKE.iter().filter_map(|pair| prose.text.find(pair).map(|at| (at, pair))) {
        hits.at(prose.place(at..at + pair.len()), || format!("{pair} is one letter in a wrong encoding."));
    }
}

fn replacement(facts: &Facts<'_>, hits: &mut Hits) {
    for prose in facts.prose().filter(|prose| prose.has_any(b"\xef")) {
        for (at, sign) in prose.text.match_indices('\u{fffd}') {
            hits.at(prose.place(at..at + sign.len()), || "Something could not be read here.".to_owned());
        }
    }
}

fn undecoded(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(body) = facts.body() else { return };
    let is_escape = |at: usize| {
        body.text.as_bytes().get(at + 1..at + 3).is_some_and(|two| {
            matches!(two, b"3D" | b"20" | b"C3" | b"E2" | b"09") || two.iter().all(|byte| matches!(byte, b'A'..=b'F'))
        })
    };
    let mut escapes = body.text.match_indices('=').map(|(at, _)| at).filter(|at| is_escape(*at));
    if let Some(first) = escapes.next()
        && escapes.count() + 1 >= UNDECODED_MIN
    {
        hits.at(body.place(first..first + 3), || "The text is still encoded from here on.".to_owned());
    }
}

fn base64(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(body) = facts.body() else { return };
    for range in &body.long_words {
        hits.at(body.place(range.clone()), || format!("{} letters and digits follow each other.", range.len()));
    }
}

fn text_links_missing(facts: &Facts<'_>, hits: &mut Hits) {
    let (Some(page), Some(text)) = (facts.page, &facts.text) else { return };
    let of_page = page.links.iter().filter(|link| link.url.is_web()).count();
    let has_address = || text.text.contains("://") || text.text.contains("www.");
    if of_page >= LINKS_MIN && !text.is_blank() && !has_address() {
        hits.note(|| format!("The html has {of_page} links and the text part none."));
    }
}

fn excuse(facts: &Facts<'_>, hits: &mut Hits) {
    let (Some(_), Some(text)) = (facts.page, &facts.text) else { return };
    let lower = text.text.to_ascii_lowercase();
    for (at, excuse) in EXCUSES.iter().filter_map(|excuse| lower.find(excuse).map(|at| (at, excuse))) {
        hits.at(text.place(at..at + excuse.len()), || "The text part only asks for another mail program.".to_owned());
    }
}
