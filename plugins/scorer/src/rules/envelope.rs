//! Rules about addresses and headers: who writes, to whom, and what programs are told.

use super::{Category, Rule};
use crate::facts::{Facts, domain_of, header_place, quoted};
use crate::hosts;
use crate::scripts;
use crate::tally::Hits;
use crate::verdict::Severity::{Info, Warning};
use crate::verdict::{Location, Part};

/// Bytes of a line of a message (RFC 5322 section 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// Headers that a message may have before it looks forwarded around in circles.
const HEADERS_MAX: usize = 100;

/// Characters of a name that lists show.
const NAME_CHARACTERS_MAX: usize = 60;

/// Capitals from which on a name shouts.
const NAME_CAPITALS_MIN: usize = 12;

/// Digits of a mailbox that look made by a machine.
const ADDRESS_DIGITS_MIN: usize = 6;

rules![
    Rule {
        id: "HEADER_LONG",
        category: Category::Headers,
        severity: Warning,
        points: 0.2,
        description: "A header is longer than the 998 bytes of a line (RFC 5322 section 2.1.1), and some servers refuse it.",
        suggestion: "Shorten the header, or fold it.",
        check: long,
    },
    Rule {
        id: "HEADERS_MANY",
        category: Category::Headers,
        severity: Info,
        points: 0.1,
        description: "The message has more than a hundred headers.",
        suggestion: "Leave out what nobody reads.",
        check: many,
    },
    Rule {
        id: "HEADER_BCC",
        category: Category::Headers,
        severity: Warning,
        points: 0.3,
        description: "The message has a Bcc header, which shows everybody who shall stay hidden.",
        suggestion: "Remove the header and keep the recipients in the envelope.",
        check: bcc,
    },
    Rule {
        id: "READ_RECEIPT_IN_BULK",
        category: Category::Headers,
        severity: Warning,
        points: 0.3,
        description: "Mail to many asks each reader for a receipt, which mail programs show as a warning.",
        suggestion: "Remove Disposition-Notification-To.",
        check: receipt,
    },
    Rule {
        id: "SENDER_OTHER_DOMAIN",
        category: Category::Headers,
        severity: Info,
        points: 0.1,
        description: "The Sender header is of another domain than From, so mail programs show 'on behalf of'.",
        suggestion: "Send from the domain of the author.",
        check: sender_other,
    },
    Rule {
        id: "PRECEDENCE_JUNK",
        category: Category::Headers,
        severity: Warning,
        points: 0.3,
        description: "The message calls itself junk.",
        suggestion: "Use Precedence: bulk or list, or none.",
        check: junk,
    },
    Rule {
        id: "FROM_NAME_LONG",
        category: Category::Headers,
        severity: Info,
        points: 0.1,
        description: "The sender's name is longer than lists show.",
        suggestion: "Shorten the name.",
        check: name_long,
    },
    Rule {
        id: "FROM_NAME_SHOUTING",
        category: Category::Headers,
        severity: Info,
        points: 0.3,
        description: "The sender's name is in capitals.",
        suggestion: "Write the name as names are written.",
        check: name_shouting,
    },
    Rule {
        id: "FROM_NAME_EMOJI",
        category: Category::Headers,
        severity: Info,
        points: 0.2,
        description: "The sender's name has a picture in it, as those have who compete for attention.",
        suggestion: "Use the name alone.",
        check: name_emoji,
    },
    Rule {
        id: "FROM_ADDRESS_DIGITS",
        category: Category::Headers,
        severity: Info,
        points: 0.4,
        description: "The sender's mailbox has many digits, as mailboxes have that machines make up.",
        suggestion: "Use a mailbox with a name.",
        check: address_digits,
    },
    Rule {
        id: "FROM_RISKY_END",
        category: Category::Headers,
        severity: Info,
        points: 0.5,
        description: "The sender's domain ends in one that is given away or mostly abused.",
        suggestion: "Send from a domain with a better reputation.",
        check: risky_end,
    },
    Rule {
        id: "FROM_PUNYCODE",
        category: Category::Headers,
        severity: Warning,
        points: 0.4,
        description: "The sender's domain has letters beyond ASCII, with which names of others are imitated.",
        suggestion: "Send from a domain of ASCII letters.",
        check: punycode,
    },
    Rule {
        id: "REPLY_TO_INVALID",
        category: Category::Headers,
        severity: Warning,
        points: 0.4,
        description: "Answers go to something that is no address.",
        suggestion: "Give a whole address, or remove Reply-To.",
        check: reply_invalid,
    },
    Rule {
        id: "TO_SENDER",
        category: Category::Headers,
        severity: Info,
        points: 0.3,
        description: "The message goes to its own sender, as mail does that hides its recipients.",
        suggestion: "Address each recipient.",
        check: to_sender,
    },
];

fn long(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, (name, value)) in facts.message.headers.iter().enumerate() {
        let longest = value.split_ascii_whitespace().map(str::len).max().unwrap_or_default();
        if longest > LINE_BYTES_MAX {
            hits.at(header_place(index, value), || format!("{} cannot be folded into lines.", quoted(name)));
        }
    }
}

fn many(facts: &Facts<'_>, hits: &mut Hits) {
    let count = facts.message.headers.len();
    if count > HEADERS_MAX {
        hits.note(|| format!("The message has {count} headers."));
    }
}

fn bcc(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("Bcc") {
        hits.at(header_place(index, value), || "Everybody can read who is hidden here.".to_owned());
    }
}

fn receipt(facts: &Facts<'_>, hits: &mut Hits) {
    if facts.bulk.is_none() {
        return;
    }
    for (index, value) in facts.headers("Disposition-Notification-To") {
        hits.at(header_place(index, value), || "Every reader is asked for a receipt.".to_owned());
    }
}

fn sender_other(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("Sender") {
        let domain = domain_of(value.trim());
        if domain.is_some_and(|domain| facts.from_domain.is_some() && !facts.is_own(&domain.to_ascii_lowercase())) {
            hits.at(header_place(index, value), || format!("{} is not of the sender's domain.", quoted(value)));
        }
    }
}

fn junk(facts: &Facts<'_>, hits: &mut Hits) {
    for (index, value) in facts.headers("Precedence").filter(|(_, value)| value.trim().eq_ignore_ascii_case("junk")) {
        hits.at(header_place(index, value), || "The message calls itself junk.".to_owned());
    }
}

/// Reports the sender when there is one and something holds of it.
fn sender(facts: &Facts<'_>, hits: &mut Hits, holds: impl Fn(&str, &str) -> bool, sentence: &str) {
    if let Some(from) = facts.message.from.as_ref().filter(|from| holds(&from.name, &from.email)) {
        hits.at(Location::within(Part::From, 0..from.email.len()), || sentence.to_owned());
    }
}

fn name_long(facts: &Facts<'_>, hits: &mut Hits) {
    let is_long = |name: &str, _: &str| name.chars().nth(NAME_CHARACTERS_MAX).is_some();
    sender(facts, hits, is_long, "The sender's name is cut in lists.");
}

fn name_shouting(facts: &Facts<'_>, hits: &mut Hits) {
    let shouts = |name: &str, _: &str| {
        name.chars().filter(|c| c.is_uppercase()).count() >= NAME_CAPITALS_MIN && !name.contains(char::is_lowercase)
    };
    sender(facts, hits, shouts, "The sender's name is in capitals.");
}

fn name_emoji(facts: &Facts<'_>, hits: &mut Hits) {
    sender(facts, hits, |name, _| name.contains(scripts::is_emoji), "The sender's name has a picture in it.");
}

fn address_digits(facts: &Facts<'_>, hits: &mut Hits) {
    let has_many = |_: &str, email: &str| {
        let local = email.split('@').next().unwrap_or_default();
        local.bytes().filter(u8::is_ascii_digit).count() >= ADDRESS_DIGITS_MIN
    };
    sender(facts, hits, has_many, "The sender's mailbox is mostly digits.");
}

fn risky_end(facts: &Facts<'_>, hits: &mut Hits) {
    let is_risky = facts.from_domain.as_deref().is_some_and(hosts::has_risky_end);
    sender(facts, hits, |_, _| is_risky, "The end of the sender's domain is mostly abused.");
}

fn punycode(facts: &Facts<'_>, hits: &mut Hits) {
    let is_foreign = facts
        .from_domain
        .as_deref()
        .is_some_and(|domain| !domain.is_ascii() || domain.split('.').any(|label| label.starts_with("xn--")));
    sender(facts, hits, |_, _| is_foreign, "The sender's domain has letters beyond ASCII.");
}

fn reply_invalid(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(reply_to) = &facts.message.reply_to else { return };
    let is_address = reply_to.email.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.contains(char::is_whitespace)
    });
    if !is_address {
        hits.at(Location::within(Part::ReplyTo, 0..reply_to.email.len()), || {
            format!("{} is no address.", quoted(&reply_to.email))
        });
    }
}

fn to_sender(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(from) = &facts.message.from else { return };
    for (index, to) in facts.message.to.iter().enumerate() {
        if facts.message.to.len() == 1 && !to.email.is_empty() && to.email.eq_ignore_ascii_case(&from.email) {
            hits.at(Location::indexed(Part::To, index, 0..to.email.len()), || {
                "The message goes to its own sender.".to_owned()
            });
        }
    }
}
