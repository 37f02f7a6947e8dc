//! The scores of 500 made-up messages, as they stand in a file: the same on every machine and with every build.
//!
//! After a change that is meant to change scores, write the file anew: `GOLDEN=write cargo test --test golden`.

use std::fmt::Write;

use pillarbox_scorer::message::{Mailbox, Message};
use pillarbox_scorer::score;

const MESSAGES: u64 = 500;

const WORDS: [&str; 40] = [
    "meeting",
    "notes",
    "invoice",
    "free",
    "offer",
    "account",
    "verify",
    "password",
    "garden",
    "engine",
    "winner",
    "prize",
    "thanks",
    "Tuesday",
    "report",
    "bitcoin",
    "casino",
    "click",
    "here",
    "newsletter",
    "unsubscribe",
    "order",
    "parcel",
    "Grüße",
    "Rechnung",
    "bonjour",
    "commande",
    "привет",
    "заказ",
    "您好",
    "订单",
    "こんにちは",
    "طلبك",
    "urgent",
    "bank",
    "transfer",
    "million",
    "photo",
    "children",
    "school",
];
const HOSTS: [&str; 6] =
    ["analytical.example", "bit.ly", "192.0.2.7", "secure-login-bank.xyz", "www.engine.example", "xn--80ak6aa92e.com"];

/// Numbers that look random and are the same on each run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("below a usize")
    }

    fn words(&mut self, count: usize) -> String {
        (0..count).map(|_| WORDS[self.below(WORDS.len())]).collect::<Vec<_>>().join(" ")
    }
}

fn message(seed: u64) -> Message {
    let mut random = Random(seed);
    let mailbox = |name: &str, email: String| Mailbox { name: name.to_owned(), email };
    let subject_words = 1 + random.below(7);
    let subject = random.words(subject_words);
    let words = 3 + random.below(120);
    let text = random.words(words);
    let mut links = String::new();
    for _ in 0..random.below(6) {
        let (host, page, words) = (HOSTS[random.below(HOSTS.len())], random.below(99), random.words(2));
        links.extend(["<a href='https://", host, "/", &page.to_string(), "'>", &words, "</a> "]);
    }
    let html = (random.below(2) == 0)
        .then(|| format!("<html><body><p>{text}</p>{links}<img src='https://a.example/a.png'></body></html>"));
    Message {
        from: Some(mailbox("Ada", format!("ada@{}", HOSTS[random.below(HOSTS.len())]))),
        to: vec![mailbox("", "charles@engine.example".to_owned())],
        subject: Some(if random.below(5) == 0 { subject.to_uppercase() } else { subject }),
        text: (html.is_none() || random.below(2) == 0).then_some(text),
        html,
        ..Message::default()
    }
}

#[test]
fn five_hundred_messages_score_as_they_always_did() {
    let mut scores = String::new();
    for seed in 0..MESSAGES {
        let verdict = score(&message(seed), &[]).expect("it is small enough");
        let (_, probability) = verdict.attributes.first().expect("the model was asked");
        writeln!(scores, "{seed} {:.2} {probability} {}", verdict.spam_score, verdict.findings.len())
            .expect("a string");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.txt");
    if std::env::var("GOLDEN").as_deref() == Ok("write") {
        std::fs::write(file, &scores).expect("the file can be written");
    }
    let golden = std::fs::read_to_string(file).expect("the file is there");
    for (line, expected) in scores.lines().zip(golden.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(scores.len(), golden.len());
}
