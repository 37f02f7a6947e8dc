//! Rules about what law and mailbox providers ask of mail to many, above all RFC 8058.
//!
//! Only the rules about one-click unsubscribing judge a header that is absent, and only in mail that looks like bulk.

use super::{Category, Rule};
use crate::facts::{Facts, header_place, quoted};
use crate::tally::Hits;
use crate::url::{Scheme, Url};
use crate::verdict::Severity::{Error, Info, Warning};
use crate::wordlist::Topic;
use std::borrow::Cow;

/// Addresses of one List-Unsubscribe that are read.
const ADDRESSES_MAX: usize = 20;

rules![
    Rule {
        id: "LIST_UNSUBSCRIBE_MISSING",
        category: Category::Compliance,
        severity: Warning,
        points: 0.2,
        description: "The message looks like mail to many and has no List-Unsubscribe header. Gmail and Yahoo require \
                      it of bulk senders since 2024.",
        suggestion: "Add List-Unsubscribe with an https address, and List-Unsubscribe-Post (RFC 8058).",
        check: unsubscribe_missing,
    },
    Rule {
        id: "LIST_UNSUBSCRIBE_POST_MISSING",
        category: Category::Compliance,
        severity: Warning,
        points: 0.2,
        description: "There is a List-Unsubscribe header and no List-Unsubscribe-Post, so that readers cannot \
                      unsubscribe with one click (RFC 8058).",
        suggestion: "Add the header List-Unsubscribe-Post: List-Unsubscribe=One-Click.",
        check: post_missing,
    },
    Rule {
        id: "LIST_UNSUBSCRIBE_POST_MALFORMED",
        category: Category::Compliance,
        severity: Error,
        points: 0.3,
        description: "List-Unsubscribe-Post has another value than the only one that RFC 8058 section 3.1 allows.",
        suggestion: "Write List-Unsubscribe=One-Click.",
        check: post_malformed,
    },
    Rule {
        id: "LIST_UNSUBSCRIBE_POST_ALONE",
        category: Category::Compliance,
        severity: Error,
        points: 0.2,
        description: "There is a List-Unsubscribe-Post and no List-Unsubscribe to which it could belong (RFC 8058 \
                      section 3.1).",
        suggestion: "Add List-Unsubscribe with an https address.",
        check: post_alone,
    },
    Rule {
        id: "LIST_UNSUBSCRIBE_MALFORMED",
        category: Category::Compliance,
        severity: Error,
        points: 0.3,
        description: "List-Unsubscribe is not a list of addresses in angle brackets (RFC 2369 section 2).",
        suggestion: "Write <https://example.com/unsubscribe/token>, with the brackets.",
        check: unsubscribe_malformed,
    },
    Rule {
        id: "LIST_UNSUBSCRIBE_NOT_HTTPS",
        category: Category::Compliance,
        severity: Error,
        points: 0.3,
        description: "One click is offered, and List-Unsubscribe has no https address, which RFC 8058 section 3.1 \
                      requires.",
        suggestion: "Add an https address to List-Unsubscribe.",
        check: not_https,
    },
    Rule {
        id: "ONE_CLICK_UNSUBSCRIBE",
        category: Category::Compliance,
        severity: Info,
        points: -0.3,
        description: "The message can be unsubscribed with one click as RFC 8058 describes, which speaks for its \
                      sender.",
        suggestion: "Nothing needs to change.",
        check: one_click,
    },
    Rule {
        id: "LIST_ID_MALFORMED",
        category: Category::Compliance,
        severity: Warning,
        points: 0.1,
        description: "List-Id has no identifier in angle brackets (RFC 2919 section 2).",
        suggestion: "Write for example News <news.example.com>.",
        check: list_id,
    },
    Rule {
        id: "UNSUBSCRIBE_LINK_MISSING",
        category: Category::Compliance,
        severity: Warning,
        points: 0.3,
        description: "The message looks like mail to many, and its body does not tell how to unsubscribe. Law and \
                      providers ask for it.",
        suggestion: "Add a visible unsubscribe link.",
        check: link_missing,
    },
    Rule {
        id: "POSTAL_ADDRESS_MISSING",
        category: Category::Compliance,
        severity: Info,
        points: 0.0,
        description: "Mail to many has no postal address that could be recognized. The United States CAN-SPAM act \
                      asks for one in commercial mail.",
        suggestion: "Put the sender's postal address into the footer.",
        check: address_missing,
    },
];

fn unsubscribe_missing(facts: &Facts<'_>, hits: &mut Hits) {
    if let Some(reason) = facts.bulk.filter(|_| facts.header("List-Unsubscribe").is_none()) {
        hits.note(|| format!("There is no List-Unsubscribe header, and this looks like mail to many: {reason}."));
    }
}

fn post_missing(facts: &Facts<'_>, hits: &mut Hits) {
    let Some((index, value)) = facts.header("List-Unsubscribe") else { return };
    if facts.header("List-Unsubscribe-Post").is_none() {
        hits.at(header_place(index, value), || "There is no List-Unsubscribe-Post beside this header.".to_owned());
    }
}

fn post_malformed(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("List-Unsubscribe-Post").filter(|(_, value)| !is_one_click(value)) {
        hits.at(header_place(index, value), || format!("{} is not List-Unsubscribe=One-Click.", quoted(value)));
    }
}

fn post_alone(facts: &Facts<'_>, hits: &mut Hits) {
    let Some((index, value)) = facts.header("List-Unsubscribe-Post") else { return };
    if facts.header("List-Unsubscribe").is_none() {
        hits.at(header_place(index, value), || "There is no List-Unsubscribe to which this could belong.".to_owned());
    }
}

fn unsubscribe_malformed(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("List-Unsubscribe") {
        let mut all = addresses(value).peekable();
        let is_good = all.peek().is_some() && all.all(|url| url.is_web() || url.scheme == Scheme::Mailto);
        if !is_good {
            hits.at(header_place(index, value), || {
                format!("{} is not a list of addresses in angle brackets.", quoted(value))
            });
        }
    }
}

fn not_https(facts: &Facts<'_>, hits: &mut Hits) {
    let Some((index, value)) = facts.header("List-Unsubscribe") else { return };
    if facts.header("List-Unsubscribe-Post").is_some() && !has_https(value) {
        hits.at(header_place(index, value), || format!("There is no https address in {}.", quoted(value)));
    }
}

fn one_click(facts: &Facts<'_>, hits: &mut Hits) {
    let Some((index, value)) = facts.header("List-Unsubscribe") else { return };
    let offers = facts.header("List-Unsubscribe-Post").is_some_and(|(_, post)| is_one_click(post));
    if offers && has_https(value) {
        hits.at(header_place(index, value), || "Readers can unsubscribe with one click.".to_owned());
    }
}

fn list_id(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("List-Id") {
        let identifier = value.rsplit_once('<').and_then(|(_, rest)| rest.trim_end().strip_suffix('>'));
        if identifier.is_none_or(|id| id.is_empty() || id.contains(char::is_whitespace)) {
            hits.at(header_place(index, value), || format!("{} has no identifier in angle brackets.", quoted(value)));
        }
    }
}

fn link_missing(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(reason) = facts.bulk else { return };
    // A list for discussion is left by its header.
    if facts.header("List-Post").is_some() || facts.speaks_of(Topic::Unsubscribe) {
        return;
    }
    if !facts.links().any(|link| leads_to_unsubscribing(&link.url)) {
        hits.note(|| format!("The body has no way to unsubscribe, and this looks like mail to many: {reason}."));
    }
}

fn address_missing(facts: &Facts<'_>, hits: &mut Hits) {
    let (Some(_), Some(body)) = (facts.bulk, facts.body()) else { return };
    if !has_postal_code(&body.text) {
        hits.note(|| "No postal address was recognized.".to_owned());
    }
}

/// The addresses in angle brackets, taken apart.
fn addresses(value: &str) -> impl Iterator<Item = Url<'_>> {
    let pieces = value.split('<').skip(1).take(ADDRESSES_MAX);
    pieces.map(|piece| Url::parse(Cow::Borrowed(piece.split_once('>').map_or("", |(address, _)| address))))
}

fn has_https(value: &str) -> bool {
    addresses(value).any(|url| url.scheme == Scheme::Https && !url.host.is_empty())
}

fn is_one_click(value: &str) -> bool {
    value.trim() == "List-Unsubscribe=One-Click"
}

fn leads_to_unsubscribing(url: &Url<'_>) -> bool {
    const SIGNS: [&str; 12] = [
        "unsub",
        "optout",
        "opt-out",
        "opt_out",
        "abmeld",
        "desinscri",
        "desabonn",
        "afmeld",
        "preferences",
        "list-manage",
        "remove",
        "subscription",
    ];
    let text = url.text.to_ascii_lowercase();
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// Whether a text has four to six digits that stand like a postal code, beside a word with a capital.
fn has_postal_code(text: &str) -> bool {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '\u{b7}' | '|'));
    let mut words = words.filter(|word| !word.is_empty()).peekable();
    let mut before = "";
    while let Some(word) = words.next() {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_code =
            (4..=6).contains(&digits) && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_name = |word: &str| word.chars().next().is_some_and(char::is_uppercase);
        if is_code && (is_name(before) || words.peek().is_some_and(|next| is_name(next))) {
            return true;
        }
        before = word;
    }
    false
}
