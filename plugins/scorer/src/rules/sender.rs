//! Rules about who a message says it is from and where answers go.

use super::{Category, Rule};
use crate::facts::{Facts, domain_of, quoted};
use crate::hosts;
use crate::scripts;
use crate::tally::Hits;
use crate::verdict::Severity::{Error, Info, Warning};
use crate::verdict::{Location, Part};
use crate::words::{self, Words};

/// Bytes of a display name that are looked at.
const NAME_BYTES_MAX: usize = 1000;

rules![
    Rule {
        id: "FROM_MISSING",
        category: Category::Headers,
        severity: Error,
        points: 1.0,
        description: "The message was given with its headers and has no From (RFC 5322 section 3.6.2). Providers \
                      refuse it.",
        suggestion: "Add the sender's address.",
        check: missing,
    },
    Rule {
        id: "FROM_INVALID",
        category: Category::Headers,
        severity: Error,
        points: 0.8,
        description: "The sender's address is not one: it lacks the @ or what belongs on either side of it.",
        suggestion: "Write the address as local@domain.",
        check: invalid,
    },
    Rule {
        id: "FROM_NAME_OTHER_ADDRESS",
        category: Category::Headers,
        severity: Error,
        points: 1.8,
        description: "The sender's display name is an address of another domain. Many programs show only the name, so \
                      phishing does this.",
        suggestion: "Put a name there, or the address that the message is from.",
        check: name_other_address,
    },
    Rule {
        id: "FROM_NAME_BRAND",
        category: Category::Headers,
        severity: Warning,
        points: 1.5,
        description: "The sender's display name has a known brand, and the address is not under that brand's domain.",
        suggestion: "Send from the brand's domain, or under your own name.",
        check: name_brand,
    },
    Rule {
        id: "FROM_NAME_DISGUISED",
        category: Category::Headers,
        severity: Error,
        points: 1.5,
        description: "The sender's display name has unseen characters or letters of two alphabets that look the same.",
        suggestion: "Type the name anew.",
        check: name_disguised,
    },
    Rule {
        id: "FROM_FREE_MAIL_COMPANY",
        category: Category::Headers,
        severity: Warning,
        points: 0.6,
        description: "The sender's name reads like a company and the address is at a free mail provider.",
        suggestion: "Send from a domain of the company.",
        check: free_mail_company,
    },
    Rule {
        id: "FROM_NO_REPLY",
        category: Category::Headers,
        severity: Info,
        points: 0.0,
        description: "The sender's address says that nobody reads answers. Answers help reputation, and readers like \
                      to be heard.",
        suggestion: "Use an address that somebody reads.",
        check: no_reply,
    },
    Rule {
        id: "REPLY_TO_FREE_MAIL",
        category: Category::Headers,
        severity: Warning,
        points: 1.0,
        description: "Answers go to a free mail address though the sender has a domain, a mark of fraud by request.",
        suggestion: "Take answers at the sender's domain.",
        check: reply_free_mail,
    },
    Rule {
        id: "REPLY_TO_OTHER_DOMAIN",
        category: Category::Headers,
        severity: Info,
        points: 0.1,
        description: "Answers go to another domain than the sender's.",
        suggestion: "Take answers at the sender's domain if you can.",
        check: reply_other_domain,
    },
];

fn missing(facts: &Facts<'_>, hits: &mut Hits) {
    if facts.message.from.is_none() && !facts.message.headers.is_empty() {
        hits.note(|| "The message has no From.".to_owned());
    }
}

fn invalid(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(from) = &facts.message.from else { return };
    let is_good = from.email.rsplit_once('@').is_some_and(|(local, domain)| {
        let is_name =
            domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
        !local.is_empty() && (is_name || domain.starts_with('[')) && !domain.contains(char::is_whitespace)
    });
    if !is_good {
        hits.at(address_place(Part::From, &from.email), || format!("{} is not an address.", quoted(&from.email)));
    }
}

fn name_other_address(facts: &Facts<'_>, hits: &mut Hits) {
    let Some((name, email)) = sender(facts) else { return };
    let Some(from_domain) = &facts.from_domain else { return };
    let candidates = name.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '"' | '\'' | ','));
    let shown = candidates
        .filter_map(domain_of)
        .find(|domain| hosts::has_known_end(domain) && !hosts::same_owner(domain, from_domain));
    if let Some(shown) = shown {
        hits.at(address_place(Part::From, email), || {
            format!("The name shows an address at {} and the message is from {}.", quoted(shown), quoted(from_domain))
        });
    }
}

fn name_brand(facts: &Facts<'_>, hits: &mut Hits) {
    let (Some((name, email)), Some(domain)) = (sender(facts), &facts.from_domain) else { return };
    let Some(brand) = hosts::brand_in(name) else { return };
    let joined: String = brand.split(' ').collect();
    if !hosts::owner(domain).contains(&joined) {
        hits.at(address_place(Part::From, email), || {
            format!("The name has {} in it and the message is from {}.", quoted(brand), quoted(domain))
        });
    }
}

fn name_disguised(facts: &Facts<'_>, hits: &mut Hits) {
    let Some((name, email)) = sender(facts) else { return };
    let turned = name.contains(scripts::turns_direction);
    let odd_word = Words::of(name).map(|word| &name[word.range]).find(|word| {
        let torn = word.chars().any(scripts::is_invisible) && word.bytes().filter(u8::is_ascii_alphabetic).count() >= 2;
        scripts::is_disguised(word) || torn
    });
    if turned || odd_word.is_some() {
        hits.at(address_place(Part::From, email), || {
            format!("The sender's name {} is not what it looks like.", quoted(name))
        });
    }
}

fn free_mail_company(facts: &Facts<'_>, hits: &mut Hits) {
    const COMPANY_WORDS: [u64; 20] = [
        words::hash("bank"),
        words::hash("billing"),
        words::hash("company"),
        words::hash("corp"),
        words::hash("corporation"),
        words::hash("customer"),
        words::hash("department"),
        words::hash("gmbh"),
        words::hash("helpdesk"),
        words::hash("inc"),
        words::hash("international"),
        words::hash("limited"),
        words::hash("llc"),
        words::hash("lottery"),
        words::hash("ltd"),
        words::hash("notification"),
        words::hash("security"),
        words::hash("service"),
        words::hash("services"),
        words::hash("support"),
    ];
    let (Some((name, email)), Some(domain)) = (sender(facts), &facts.from_domain) else { return };
    let word = Words::of(name).find(|word| COMPANY_WORDS.contains(&word.hash));
    if let Some(word) = word.filter(|_| hosts::is_free_mail(domain)) {
        hits.at(address_place(Part::From, email), || {
            format!("The name has {} in it and the address is at {}.", quoted(&name[word.range]), quoted(domain))
        });
    }
}

fn no_reply(facts: &Facts<'_>, hits: &mut Hits) {
    let Some(from) = &facts.message.from else { return };
    let local: String =
        from.email.split('@').next().unwrap_or_default().to_ascii_lowercase().replace(['-', '_', '.'], "");
    if (local.contains("noreply") || local.contains("donotreply")) && facts.message.reply_to.is_none() {
        hits.at(address_place(Part::From, &from.email), || "Nobody reads answers to this address.".to_owned());
    }
}

fn reply_free_mail(facts: &Facts<'_>, hits: &mut Hits) {
    let Some((from_domain, email, domain)) = answers_elsewhere(facts) else { return };
    if hosts::is_free_mail(domain) && !hosts::is_free_mail(from_domain) {
        hits.at(address_place(Part::ReplyTo, email), || {
            format!("The message is from {} and answers go to {}.", quoted(from_domain), quoted(domain))
        });
    }
}

fn reply_other_domain(facts: &Facts<'_>, hits: &mut Hits) {
    let Some((from_domain, email, domain)) = answers_elsewhere(facts) else { return };
    if !hosts::is_free_mail(domain) {
        hits.at(address_place(Part::ReplyTo, email), || {
            format!("The message is from {} and answers go to {}.", quoted(from_domain), quoted(domain))
        });
    }
}

/// The sender's domain, and the address for answers and its domain where another owner has it.
fn answers_elsewhere<'f>(facts: &'f Facts<'_>) -> Option<(&'f str, &'f str, &'f str)> {
    let from_domain = facts.from_domain.as_deref()?;
    let email = facts.message.reply_to.as_ref()?.email.as_str();
    let domain = domain_of(email)?;
    (!hosts::same_owner(from_domain, domain)).then_some((from_domain, email, domain))
}

/// The sender's display name, as far as it is looked at, and address.
fn sender<'f>(facts: &'f Facts<'_>) -> Option<(&'f str, &'f str)> {
    let from = facts.message.from.as_ref()?;
    let mut end = from.name.len().min(NAME_BYTES_MAX);
    while !from.name.is_char_boundary(end) {
        end -= 1;
    }
    Some((&from.name[..end], &from.email))
}

fn address_place(part: Part, email: &str) -> Location {
    Location::within(part, 0..email.len())
}
