//! Made-up honest mail in many languages: newsletters, receipts, password resets, digests, sales, letters.
//!
//! Old collections hold hardly any of it, so a model trained on them alone takes every newsletter for spam. The texts
//! stand in `honest/`, a file for each language; the pages around them are in `dress`. Everything follows from a seed.

use pillarbox_scorer::message::{Mailbox, Message};

use crate::dress::{self, Chrome};
use crate::regression::Random;

const TEXTS: &[(&str, &str)] = &[
    ("en", include_str!("../honest/en.txt")),
    ("de", include_str!("../honest/de.txt")),
    ("fr", include_str!("../honest/fr.txt")),
    ("es", include_str!("../honest/es.txt")),
    ("it", include_str!("../honest/it.txt")),
    ("pt", include_str!("../honest/pt.txt")),
    ("nl", include_str!("../honest/nl.txt")),
    ("pl", include_str!("../honest/pl.txt")),
    ("sv", include_str!("../honest/sv.txt")),
    ("cs", include_str!("../honest/cs.txt")),
    ("tr", include_str!("../honest/tr.txt")),
    ("ru", include_str!("../honest/ru.txt")),
    ("uk", include_str!("../honest/uk.txt")),
    ("zh", include_str!("../honest/zh.txt")),
    ("ja", include_str!("../honest/ja.txt")),
    ("ko", include_str!("../honest/ko.txt")),
    ("ar", include_str!("../honest/ar.txt")),
];

/// Of a hundred messages, so many are in English.
const ENGLISH_PERCENT: usize = 40;

const BRANDS: &[&str] = &[
    "Northfield Books",
    "Lumen",
    "Acorn & Oak",
    "Kettle",
    "Bluebird Travel",
    "Fern Street Market",
    "Parcelwise",
    "Tidewater",
    "Meridian Bank",
    "Cobalt",
    "Juniper Health",
    "Papertrail",
    "Hearth",
    "Quill",
    "Stadtwerk",
    "Maison Ardent",
    "Velo Club",
    "Orchard Software",
    "Pine Analytics",
    "Harbour Museum",
    "Little Loom",
    "Studio Norte",
    "Granary",
    "Skylark Air",
    "Ember",
    "Foxglove Garden",
    "Rivet",
    "Cinder",
    "Paloma",
    "Kite & Co",
    "Marlow Dental",
    "Greenline",
    "The Daily Proof",
    "Pixelsmith",
];
const NAMES: &[&str] = &[
    "Maria Lindqvist",
    "James Okafor",
    "Anna Brandt",
    "Li Wei",
    "Sofia Rossi",
    "Tom Becker",
    "Amina Diallo",
    "Yuki Tanaka",
    "Pedro Alves",
    "Claire Martin",
    "Olena Kovalenko",
    "Emre Kaya",
    "Jan de Vries",
    "Eva Novak",
    "Ravi Patel",
    "Grace Kim",
    "Omar Haddad",
    "Lucy Hall",
    "Daniel Ortiz",
    "Ingrid Berg",
];
const TOPICS: &[&str] = &[
    "slow cooking",
    "city cycling",
    "typography",
    "remote work",
    "the history of maps",
    "sourdough",
    "Postgres",
    "night trains",
    "houseplants",
    "open source",
    "design systems",
    "trail running",
    "accessibility",
    "family budgets",
    "beekeeping",
    "jazz",
    "machine learning",
    "renewable energy",
    "climate policy",
    "the housing market",
    "book cover design",
    "local elections",
    "the new art museum",
    "developer tools",
    "sleep",
    "marathon training",
    "inflation",
    "browser security",
    "museums",
    "coffee",
];
const SHORT_TOPICS: &[&str] =
    &["Yoga", "Jazz", "Linux", "Origami", "Espresso", "Python", "Design", "Kubernetes", "Sudoku", "Tango"];
const MONTHS: &[&str] =
    &["January", "March", "May", "June", "August", "October", "November", "December", "spring", "winter"];
const ENDS: &[&str] = &[
    "com", "com", "com", "org", "net", "io", "de", "fr", "co.uk", "es", "it", "nl", "eu", "co", "app", "dev", "shop",
    "jp", "cn", "ru",
];

/// The texts of a language.
struct Language {
    code: &'static str,
    chrome: Vec<(&'static str, Vec<&'static str>)>,
    kinds: Vec<Texts>,
}

/// The texts of one kind of mail.
#[derive(Default)]
struct Texts {
    name: &'static str,
    subjects: Vec<&'static str>,
    paragraphs: Vec<&'static str>,
}

fn languages() -> Vec<Language> {
    TEXTS.iter().map(|(code, text)| language(code, text)).collect()
}

fn language(code: &'static str, text: &'static str) -> Language {
    let mut language = Language { code, chrome: Vec::new(), kinds: Vec::new() };
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix('#') {
            language.kinds.push(Texts { name, ..Texts::default() });
            continue;
        }
        let (name, rest) = line.split_once('|').expect("each line of honest/ has a name and texts");
        match (name, language.kinds.last_mut()) {
            ("s", Some(kind)) => kind.subjects.extend(rest.split('|')),
            ("p", Some(kind)) => kind.paragraphs.push(rest),
            _ => language.chrome.push((name, rest.split('|').collect())),
        }
    }
    language
}

impl Language {
    fn one(&self, what: &str, random: &mut Random) -> &'static str {
        let (_, all) =
            self.chrome.iter().find(|(name, _)| *name == what).expect("each language has all the small texts");
        random.of_many(all)
    }
}

/// Who writes to whom about what, to fill the texts.
struct Scene {
    brand: String,
    site: String,
    name: String,
    topic: String,
    email: String,
}

/// Makes so many messages, with their language and kind.
pub fn make(count: usize, seed: u64) -> Vec<(String, Message)> {
    let languages = languages();
    let mut random = Random::of(seed);
    (0..count).map(|_| one(&languages, &mut random)).collect()
}

fn one(languages: &[Language], random: &mut Random) -> (String, Message) {
    let english = random.chance(ENGLISH_PERCENT);
    let language = if english { &languages[0] } else { &languages[1 + random.below(languages.len() - 1)] };
    let kind = &language.kinds[random.below(language.kinds.len())];
    let brand = brand(random);
    let site = site_of(&brand, random);
    let scene = Scene {
        name: random.of_many(NAMES).to_owned(),
        topic: if english { random.of_many(TOPICS) } else { random.of_many(SHORT_TOPICS) }.to_owned(),
        email: "reader@example.com".to_owned(),
        brand,
        site,
    };
    let is_letter = kind.name == "letter";
    let subject = fill(random.of_many(&kind.subjects), &scene, random);
    let mut paragraphs = Vec::new();
    if random.chance(70) {
        paragraphs.push(fill(language.one("greet", random), &scene, random));
    }
    let wanted = if matches!(kind.name, "newsletter" | "release" | "sale" | "digest" | "listing") {
        2 + random.below(9)
    } else {
        1 + random.below(4)
    };
    let mut order: Vec<usize> = (0..kind.paragraphs.len()).collect();
    random.shuffle(&mut order);
    for at in order.into_iter().take(wanted) {
        paragraphs.push(fill(kind.paragraphs[at], &scene, random));
    }
    // Real newsletters wander from one thing to another.
    if wanted > 4 {
        for _ in 0..random.below(6) {
            let other = &language.kinds[random.below(language.kinds.len())];
            paragraphs.push(fill(random.of_many(&other.paragraphs), &scene, random));
        }
    }
    if random.chance(60) {
        paragraphs.push(fill(language.one("sign", random), &scene, random));
        paragraphs.push(if is_letter || random.chance(30) { scene.name.clone() } else { scene.brand.clone() });
    }
    let mut small = |what| fill(language.one(what, random), &scene, &mut Random::of(7));
    let (unsubscribe, why, browser, rights) = (small("unsub"), small("why"), small("browser"), small("rights"));
    let buttons: Vec<String> = (0..4).map(|_| language.one("button", random).to_owned()).collect();
    let links: Vec<String> = (0..3).map(|_| language.one("link", random).to_owned()).collect();
    let chrome = Chrome {
        language: language.code.to_owned(),
        brand: scene.brand.clone(),
        site: scene.site.clone(),
        address: address(random),
        is_bulk: !is_letter && !matches!(kind.name, "reset" | "receipt" | "notice" | "shipping") || random.chance(10),
        unsubscribe,
        why,
        browser,
        rights,
        buttons,
        links,
        target: None,
    };
    let plain = is_letter && random.chance(75) || random.chance(8);
    let html = (!plain).then(|| dress::page(&subject, &paragraphs, &chrome, random));
    let text = (plain || random.chance(55)).then(|| dress::plain(&paragraphs, &chrome, random));
    let mailbox = sender(&scene, is_letter, random);
    let reply_to = random.chance(15).then(|| Mailbox { name: String::new(), email: format!("support@{}", scene.site) });
    let message = Message {
        from: Some(mailbox),
        reply_to,
        to: vec![Mailbox { name: String::new(), email: scene.email.clone() }],
        subject: Some(subject),
        html,
        text,
        headers: Vec::new(),
        attachments: Vec::new(),
    };
    (format!("{} {}", language.code, kind.name), message)
}

fn sender(scene: &Scene, is_letter: bool, random: &mut Random) -> Mailbox {
    if is_letter {
        let first = scene.name.split(' ').next().unwrap_or_default().to_lowercase();
        let domain = if random.chance(30) {
            random.of_many(&["gmail.com", "outlook.com", "web.de", "yahoo.com"])
        } else {
            scene.site.as_str()
        };
        return Mailbox { name: scene.name.clone(), email: format!("{first}@{domain}") };
    }
    let local = random.of_many(&[
        "hello",
        "news",
        "newsletter",
        "noreply",
        "no-reply",
        "info",
        "team",
        "support",
        "orders",
        "mail",
        "updates",
        "notifications",
        "billing",
    ]);
    let under = random.of_many(&["", "", "", "mail.", "news.", "e.", "email."]);
    let name = match random.below(4) {
        0 => format!("{} from {}", scene.name, scene.brand),
        1 => scene.name.clone(),
        _ => scene.brand.clone(),
    };
    Mailbox { name, email: format!("{local}@{under}{}", scene.site) }
}

/// A name that nobody else has: one of the list, or syllables.
pub fn brand(random: &mut Random) -> String {
    if random.chance(40) {
        return random.of_many(BRANDS).to_owned();
    }
    let mut name = String::new();
    for _ in 0..2 + random.below(2) {
        name.push_str(random.of_many(&[
            "lo", "ka", "mer", "tin", "sol", "ver", "ba", "no", "ri", "da", "pel", "un", "fi", "gra", "to", "mi",
            "zen", "ar",
        ]));
    }
    let mut letters = name.chars();
    let first = letters.next().map_or('A', |letter| letter.to_ascii_uppercase());
    format!("{first}{}", letters.as_str())
}

/// A domain for a name.
pub fn site_of(brand: &str, random: &mut Random) -> String {
    let label: String = brand.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    format!("{label}.{}", random.of_many(ENDS))
}

/// A postal address.
pub fn address(random: &mut Random) -> String {
    let number = 1 + random.below(900);
    let street = random.of_many(&[
        "Main Street",
        "Hauptstraße",
        "rue de Lyon",
        "Calle Mayor",
        "Market Square",
        "Harbour Road",
        "Via Roma",
        "Kerkstraat",
        "5th Avenue",
    ]);
    let town = random.of_many(&[
        "London N1 9GU",
        "10115 Berlin",
        "69001 Lyon",
        "28013 Madrid",
        "San Francisco, CA 94105",
        "20121 Milano",
        "Amsterdam",
        "New York, NY 10010",
        "Toronto, ON M5V 2T6",
    ]);
    format!("{number} {street}, {town}")
}

fn fill(text: &str, scene: &Scene, random: &mut Random) -> String {
    if !text.contains('{') {
        return text.to_owned();
    }
    let first_name = scene.name.split(' ').next().unwrap_or_default();
    let price = format!("{}{}.{:02}", random.of_many(&["$", "€", "£"]), 3 + random.below(250), random.below(100));
    let date = format!("{} {}", random.of_many(MONTHS), 1 + random.below(28));
    let time = format!("{}:{:02}", 8 + random.below(13), random.below(4) * 15);
    let order = format!("{}{}", random.of_many(&["#", "A-", "", "INV-", "DE"]), 1000 + random.below(900_000));
    let code = format!("{}", 100_000 + random.below(900_000));
    let number = (2 + random.below(70)).to_string();
    let other = BRANDS[random.below(BRANDS.len())];
    let values: [(&str, &str); 12] = [
        ("{name}", first_name),
        ("{brand}", &scene.brand),
        ("{site}", &scene.site),
        ("{topic}", &scene.topic),
        ("{email}", &scene.email),
        ("{month}", random.of_many(MONTHS)),
        ("{price}", &price),
        ("{date}", &date),
        ("{time}", &time),
        ("{order}", &order),
        ("{code}", &code),
        ("{n}", &number),
    ];
    let mut filled = text.replace("{other}", other).replace("{address}", "12 Harbour Road, London");
    for (mark, value) in values {
        filled = filled.replace(mark, value);
    }
    filled
}
