//! Rules about what a message is about: phrases that filters and readers know from unwanted mail.
//!
//! One phrase proves nothing, since honest people use each of them. Most rules ask for several different ones, and all
//! of them together stay under the limit of their category.

use super::{Category, Rule};
use crate::facts::{Facts, quoted_range};
use crate::tally::Hits;
use crate::verdict::Severity::Warning;
use crate::wordlist::Topic;

/// Phrases that are compared when different ones are counted.
const PHRASES_MAX: usize = 500;

rules![
    Rule {
        id: "WORDING_CREDENTIALS",
        category: Category::Wording,
        severity: Warning,
        points: 0.3,
        description: "The message asks to verify an account, an identity or a password. Phishing asks for nothing \
                      else, so filters look twice.",
        suggestion: "Say what happened and let readers go to your site by themselves.",
        check: |facts, hits| phrases(facts, hits, Topic::Credentials, 1, "asks for an account to be verified"),
    },
    Rule {
        id: "WORDING_ACCOUNT_THREAT",
        category: Category::Wording,
        severity: Warning,
        points: 0.5,
        description: "The message says that an account is suspended, full or in danger, the usual story of phishing.",
        suggestion: "Say plainly what happened and what readers can do, without a threat.",
        check: |facts, hits| phrases(facts, hits, Topic::Threat, 1, "says that an account is in danger"),
    },
    Rule {
        id: "WORDING_URGENCY",
        category: Category::Wording,
        severity: Warning,
        points: 0.4,
        description: "The message presses for time more than once. Fraud does, so that nobody thinks.",
        suggestion: "Name the date until which something holds, once.",
        check: |facts, hits| phrases(facts, hits, Topic::Urgency, 2, "presses for time"),
    },
    Rule {
        id: "WORDING_LOTTERY",
        category: Category::Wording,
        severity: Warning,
        points: 1.5,
        description: "The message speaks of lotteries and winnings in the words of advance-fee fraud.",
        suggestion: "Name your draw, its rules and its date in your own words.",
        check: |facts, hits| phrases(facts, hits, Topic::Lottery, 2, "speaks of lottery winnings"),
    },
    Rule {
        id: "WORDING_INHERITANCE",
        category: Category::Wording,
        severity: Warning,
        points: 1.5,
        description: "The message speaks of inheritances, confidential transfers and late clients in the words of \
                      advance-fee fraud.",
        suggestion: "Describe the matter without the phrases that fraud has worn out.",
        check: |facts, hits| phrases(facts, hits, Topic::Inheritance, 2, "speaks of a transfer or an inheritance"),
    },
    Rule {
        id: "WORDING_CRYPTO",
        category: Category::Wording,
        severity: Warning,
        points: 0.8,
        description: "The message promises profit with crypto currency or asks to connect a wallet.",
        suggestion: "Leave promises of profit out, and name the licence under which you offer this.",
        check: |facts, hits| phrases(facts, hits, Topic::Crypto, 1, "promises crypto profit"),
    },
    Rule {
        id: "WORDING_EXTORTION",
        category: Category::Wording,
        severity: Warning,
        points: 1.8,
        description: "The message speaks of hacking, recordings and payment in the words of extortion.",
        suggestion: "If you quote such a mail to warn of it, quote less of it.",
        check: |facts, hits| phrases(facts, hits, Topic::Extortion, 3, "speaks of recordings and payment"),
    },
    Rule {
        id: "WORDING_PHARMACY",
        category: Category::Wording,
        severity: Warning,
        points: 1.2,
        description: "The message names medicines or their effects as mail for illegal pharmacies does.",
        suggestion: "Name only what readers need to know, without a price and a promise beside it.",
        check: |facts, hits| phrases(facts, hits, Topic::Pharmacy, 2, "speaks of medicines"),
    },
    Rule {
        id: "WORDING_GAMBLING",
        category: Category::Wording,
        severity: Warning,
        points: 0.8,
        description: "The message speaks of casinos, bets and bonuses. Many providers filter such mail whoever sends \
                      it.",
        suggestion: "Send it only to readers who asked for it, and from a domain of its own.",
        check: |facts, hits| phrases(facts, hits, Topic::Gambling, 2, "speaks of gambling"),
    },
    Rule {
        id: "WORDING_ADULT",
        category: Category::Wording,
        severity: Warning,
        points: 1.2,
        description: "The message has sexual wording as unwanted mail has it.",
        suggestion: "Send such content only to readers who asked for it, and from a domain of its own.",
        check: |facts, hits| phrases(facts, hits, Topic::Adult, 2, "is sexual wording"),
    },
    Rule {
        id: "WORDING_EASY_MONEY",
        category: Category::Wording,
        severity: Warning,
        points: 0.8,
        description: "The message promises income without effort or degrees without study.",
        suggestion: "Say what the work is and what it pays.",
        check: |facts, hits| phrases(facts, hits, Topic::EasyMoney, 2, "promises easy money"),
    },
    Rule {
        id: "WORDING_DEBT",
        category: Category::Wording,
        severity: Warning,
        points: 0.6,
        description: "The message offers loans or relief from debt as unwanted mail does.",
        suggestion: "Name the lender, the rate and the terms, and leave slogans out.",
        check: |facts, hits| phrases(facts, hits, Topic::Debt, 2, "offers a loan"),
    },
    Rule {
        id: "WORDING_SALES_PRESSURE",
        category: Category::Wording,
        severity: Warning,
        points: 0.5,
        description: "The message strings together slogans that filters know, such as risk free and satisfaction \
                      guaranteed.",
        suggestion: "Keep one promise and explain it.",
        check: |facts, hits| phrases(facts, hits, Topic::Guarantee, 3, "uses a slogan"),
    },
    Rule {
        id: "WORDING_REPLICA",
        category: Category::Wording,
        severity: Warning,
        points: 1.0,
        description: "The message offers luxury watches or bags as sellers of counterfeits do.",
        suggestion: "Name the shop and the single product rather than a list of brands.",
        check: |facts, hits| phrases(facts, hits, Topic::Replica, 2, "names luxury goods"),
    },
    Rule {
        id: "WORDING_CHEAP_SOFTWARE",
        category: Category::Wording,
        severity: Warning,
        points: 1.0,
        description: "The message offers well-known software far below its price, as sellers of copies do.",
        suggestion: "Name the licence that is sold.",
        check: |facts, hits| phrases(facts, hits, Topic::CheapSoftware, 2, "offers cheap software"),
    },
    Rule {
        id: "WORDING_STOCK_TIP",
        category: Category::Wording,
        severity: Warning,
        points: 1.0,
        description: "The message praises a share in the words of those who want to sell theirs.",
        suggestion: "Give the analysis and its author rather than a target and a call to buy.",
        check: |facts, hits| phrases(facts, hits, Topic::StockTip, 3, "praises a share"),
    },
    Rule {
        id: "WORDING_WEIGHT_LOSS",
        category: Category::Wording,
        severity: Warning,
        points: 0.6,
        description: "The message promises the loss of weight.",
        suggestion: "Describe the programme rather than the result.",
        check: |facts, hits| phrases(facts, hits, Topic::WeightLoss, 2, "promises the loss of weight"),
    },
    Rule {
        id: "WORDING_SPAM_DISCLAIMER",
        category: Category::Wording,
        severity: Warning,
        points: 0.8,
        description: "The message says that it is not spam, or quotes a law that should make it lawful. Only unwanted \
                      mail does.",
        suggestion: "Leave the disclaimer out; a working unsubscribe link says more.",
        check: |facts, hits| phrases(facts, hits, Topic::Disclaimer, 1, "is what unwanted mail says in its defence"),
    },
    Rule {
        id: "WORDING_GENERIC_GREETING",
        category: Category::Wording,
        severity: Warning,
        points: 0.3,
        description: "The message greets nobody in particular: dear customer, dear friend. Readers take it for \
                      phishing.",
        suggestion: "Greet readers by name, or not at all.",
        check: |facts, hits| phrases(facts, hits, Topic::Greeting, 1, "greets nobody in particular"),
    },
    Rule {
        id: "WORDING_PRIZE",
        category: Category::Wording,
        severity: Warning,
        points: 0.7,
        description: "The message says that the reader has won or may claim a reward.",
        suggestion: "Say what the offer is and what is asked in return.",
        check: |facts, hits| phrases(facts, hits, Topic::Prize, 1, "promises a prize"),
    },
    Rule {
        id: "WORDING_PARCEL",
        category: Category::Wording,
        severity: Warning,
        points: 0.4,
        description: "The message speaks of a parcel that waits, fails or costs a fee, a story that phishing likes.",
        suggestion: "Name the carrier, the sender and the tracking number.",
        check: |facts, hits| phrases(facts, hits, Topic::Parcel, 1, "speaks of a parcel that waits"),
    },
    Rule {
        id: "WORDING_SEARCH_RANKING",
        category: Category::Wording,
        severity: Warning,
        points: 0.7,
        description: "The message offers search engine ranking or links in the words of unasked offers.",
        suggestion: "Write to people who asked, about their site in particular.",
        check: |facts, hits| phrases(facts, hits, Topic::SearchRanking, 2, "offers search ranking"),
    },
    Rule {
        id: "WORDING_PLACEHOLDER",
        category: Category::Wording,
        severity: Warning,
        points: 0.2,
        description: "Text that a designer left to be replaced is still there.",
        suggestion: "Replace it with what you want to say.",
        check: |facts, hits| phrases(facts, hits, Topic::Placeholder, 1, "is placeholder text"),
    },
    Rule {
        id: "WORDING_PHISHING",
        category: Category::Wording,
        severity: Warning,
        points: 1.8,
        description: "The message threatens an account and asks to verify it in the same breath, with a link to do \
                      so. That is how phishing reads, and filters decide by it.",
        suggestion: "Separate the news from the request, and let readers go to your site by themselves.",
        check: phishing,
    },
];

/// Reports the phrases of a topic when there are at least `different_min` different ones.
fn phrases(facts: &Facts<'_>, hits: &mut Hits, topic: Topic, different_min: usize, says: &str) {
    let mut seen: Vec<u16> = facts.topic(topic).map(|(_, hit)| hit.phrase).take(PHRASES_MAX).collect();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < different_min {
        return;
    }
    for (prose, hit) in facts.topic(topic) {
        hits.at(prose.place(hit.range.clone()), || format!("{} {says}.", quoted_range(&prose.text, &hit.range)));
    }
}

fn phishing(facts: &Facts<'_>, hits: &mut Hits) {
    let has_link = facts.links().any(|link| link.url.is_web() && !facts.is_own(&link.url.host));
    let threat = facts.topic(Topic::Threat).next();
    let request = facts.topic(Topic::Credentials).next();
    if let (true, Some((threat_prose, threat)), Some((prose, request))) = (has_link, threat, request) {
        hits.at(prose.place(request.range.clone()), || {
            format!(
                "{} stands beside {}, and a link leads to another domain than the sender's.",
                quoted_range(&prose.text, &request.range),
                quoted_range(&threat_prose.text, &threat.range),
            )
        });
    }
}
