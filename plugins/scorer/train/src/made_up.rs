//! Made-up mail in many languages: honest newsletters, receipts, password resets, digests, sales, letters, and deceit
//! that sounds alike.
//!
//! Old collections hold hardly any of it, so a model trained on them alone takes every newsletter for spam. Were only
//! the honest half made up, the model would take whatever is built like it for honest. The texts stand in `honest/` and
//! `deceit/`, a file for each language; the pages around them are in `dress`. Everything follows from a seed.

use pillarbox_scorer::message::{Attachment, Mailbox, Message};

use crate::deceit;
use crate::dress::{self, Chrome};
use crate::regression::Random;

/// Of each language its code, what honest people write, and what others do.
const TEXTS: &[(&str, &str, &str)] = &[
    ("en", include_str!("../honest/en.txt"), include_str!("../deceit/en.txt")),
    ("de", include_str!("../honest/de.txt"), include_str!("../deceit/de.txt")),
    ("fr", include_str!("../honest/fr.txt"), include_str!("../deceit/fr.txt")),
    ("es", include_str!("../honest/es.txt"), include_str!("../deceit/es.txt")),
    ("it", include_str!("../honest/it.txt"), include_str!("../deceit/it.txt")),
    ("pt", include_str!("../honest/pt.txt"), include_str!("../deceit/pt.txt")),
    ("nl", include_str!("../honest/nl.txt"), include_str!("../deceit/nl.txt")),
    ("pl", include_str!("../honest/pl.txt"), include_str!("../deceit/pl.txt")),
    ("sv", include_str!("../honest/sv.txt"), ""),
    ("cs", include_str!("../honest/cs.txt"), ""),
    ("tr", include_str!("../honest/tr.txt"), ""),
    ("ru", include_str!("../honest/ru.txt"), include_str!("../deceit/ru.txt")),
    ("uk", include_str!("../honest/uk.txt"), ""),
    ("zh", include_str!("../honest/zh.txt"), include_str!("../deceit/zh.txt")),
    ("ja", include_str!("../honest/ja.txt"), include_str!("../deceit/ja.txt")),
    ("ko", include_str!("../honest/ko.txt"), ""),
    ("ar", include_str!("../honest/ar.txt"), ""),
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
const FIRST_WORDS: &[&str] = &[
    "Silver", "Maple", "Old Mill", "Summit", "Urban", "Prime", "Coastal", "Golden", "Nordic", "Bright", "Cedar",
    "Union",
];
const SECOND_WORDS: &[&str] = &[
    "Outdoors",
    "Bank",
    "Kitchen",
    "Supply",
    "Studio",
    "Motors",
    "Insurance",
    "Pharmacy",
    "Sports",
    "Media",
    "Theatre",
    "Toys",
    "Electronics",
    "Hotels",
    "Academy",
    "Wines",
];
/// Companies that everybody knows, and their domains. Deceivers borrow the names; the companies write too.
pub(crate) const KNOWN: &[(&str, &str)] = &[
    ("PayPal", "paypal.com"),
    ("Amazon", "amazon.com"),
    ("Netflix", "netflix.com"),
    ("Apple", "apple.com"),
    ("Microsoft", "microsoft.com"),
    ("Google", "google.com"),
    ("Facebook", "facebookmail.com"),
    ("LinkedIn", "linkedin.com"),
    ("DHL", "dhl.com"),
    ("UPS", "ups.com"),
    ("FedEx", "fedex.com"),
    ("eBay", "ebay.com"),
    ("Spotify", "spotify.com"),
    ("Dropbox", "dropbox.com"),
    ("DocuSign", "docusign.net"),
    ("GitHub", "github.com"),
    ("Coinbase", "coinbase.com"),
    ("Binance", "binance.com"),
    ("Trezor", "trezor.io"),
    ("Zoom", "zoom.us"),
    ("Uber", "uber.com"),
    ("Airbnb", "airbnb.com"),
    ("Booking.com", "booking.com"),
    ("IKEA", "ikea.com"),
    ("Steam", "steampowered.com"),
    ("Walmart", "walmart.com"),
    ("Costco", "costco.com"),
    ("Telekom", "telekom.de"),
    ("Orange", "orange.fr"),
    ("Santander", "santander.com"),
    ("Itaú", "itau.com.br"),
    ("Bradesco", "bradesco.com.br"),
    ("Correios", "correios.com.br"),
    ("Mercado Pago", "mercadopago.com"),
    ("CaixaBank", "caixabank.es"),
    ("Postbank", "postbank.de"),
    ("Lidl", "lidl.de"),
    ("Carrefour", "carrefour.fr"),
    ("楽天", "rakuten.co.jp"),
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
const PRODUCTS: &[&str] = &[
    "Linen shirt",
    "a pair of running shoes",
    "Wool blanket",
    "Desk lamp",
    "Espresso machine",
    "Garden chair",
    "wireless headphones",
    "Digital camera",
    "Rucksack, 30 litres",
    "Ceramic mug",
    "Rain jacket",
    "Laptop, 14 inches",
    "Cordless drill",
    "Face cream",
    "Bedside table",
    "Wall calendar",
    "a box of tea",
    "Children's bicycle",
    "Smart watch",
    "USB cable, 2 m",
];
const MONTHS: &[&str] =
    &["January", "March", "May", "June", "August", "October", "November", "December", "spring", "winter"];
const ENDS: &[&str] = &[
    "com", "com", "com", "com", "com", "com", "com", "com", "com", "com", "org", "net", "io", "de", "fr", "co.uk",
    "es", "it", "nl", "eu", "co", "app", "dev", "shop", "jp", "cn", "ru",
];

/// The texts of a language.
pub(crate) struct Language {
    pub(crate) code: &'static str,
    chrome: Vec<(&'static str, Vec<&'static str>)>,
    pub(crate) kinds: Vec<Texts>,
    pub(crate) deceit: Vec<Texts>,
}

/// The texts of one kind of mail.
#[derive(Default)]
pub(crate) struct Texts {
    pub(crate) name: &'static str,
    pub(crate) subjects: Vec<&'static str>,
    pub(crate) paragraphs: Vec<&'static str>,
}

fn languages() -> Vec<Language> {
    TEXTS
        .iter()
        .map(|(code, honest, deceit)| Language { deceit: language(code, deceit).kinds, ..language(code, honest) })
        .collect()
}

fn language(code: &'static str, text: &'static str) -> Language {
    let mut language = Language { code, chrome: Vec::new(), kinds: Vec::new(), deceit: Vec::new() };
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
    pub(crate) fn one(&self, what: &str, random: &mut Random) -> &'static str {
        let (_, all) =
            self.chrome.iter().find(|(name, _)| *name == what).expect("each language has all the small texts");
        random.of_many(all)
    }
}

/// Who writes to whom about what, to fill the texts.
pub(crate) struct Scene {
    pub(crate) brand: String,
    pub(crate) site: String,
    pub(crate) name: String,
    pub(crate) topic: String,
    pub(crate) email: String,
}

/// Makes so many honest messages, with their language and kind.
pub fn honest(count: usize, seed: u64) -> Vec<(String, Message)> {
    let languages = languages();
    let mut random = Random::of(seed);
    (0..count).map(|_| one(&languages, &mut random)).collect()
}

/// Makes so many deceitful messages, with their language and kind.
pub fn deceitful(count: usize, seed: u64) -> Vec<(String, Message)> {
    let languages: Vec<Language> = languages().into_iter().filter(|one| !one.deceit.is_empty()).collect();
    let mut random = Random::of(seed);
    (0..count).map(|_| deceit::one(pick(&languages, &mut random), &mut random)).collect()
}

fn pick<'l>(languages: &'l [Language], random: &mut Random) -> &'l Language {
    let english = random.chance(ENGLISH_PERCENT);
    if english { &languages[0] } else { &languages[1 + random.below(languages.len() - 1)] }
}

/// What people write to each other.
const LETTERS: [&str; 4] = ["letter", "office", "brief", "billing"];

/// Of a hundred messages, so many are of those kinds at least.
const LETTERS_PERCENT: usize = 22;

fn kind<'l>(language: &'l Language, random: &mut Random) -> &'l Texts {
    let letters: Vec<&Texts> = language.kinds.iter().filter(|kind| LETTERS.contains(&kind.name)).collect();
    if !letters.is_empty() && random.chance(LETTERS_PERCENT) {
        letters[random.below(letters.len())]
    } else {
        &language.kinds[random.below(language.kinds.len())]
    }
}

/// What wanders from one thing to another.
const LONG: [&str; 32] = [
    "newsletter",
    "headlines",
    "lorem",
    "cart",
    "points",
    "holiday",
    "deals",
    "invest",
    "stars",
    "tv",
    "panel",
    "training",
    "beauty",
    "release",
    "sale",
    "digest",
    "listing",
    "promo",
    "aktion",
    "alert",
    "press",
    "games",
    "linkroll",
    "fashion",
    "kitchen",
    "journeys",
    "money",
    "civic",
    "wellness",
    "campus",
    "stage",
    "dispatch",
];

/// What concerns one reader alone.
const SINGLE: [&str; 18] = [
    "order", "trip", "ticket", "token", "reset", "receipt", "notice", "shipping", "secure", "bank", "account",
    "careers", "notice2", "hinweis", "avis", "avvisi", "bericht", "identity",
];

impl Scene {
    fn of(language: &Language, is_letter: bool, random: &mut Random) -> Scene {
        let (brand, site) = if !is_letter && random.chance(KNOWN_PERCENT) {
            let (brand, site) = KNOWN[random.below(KNOWN.len())];
            (brand.to_owned(), site.to_owned())
        } else {
            let brand = brand(random);
            let site = site_of(&brand, random);
            (brand, site)
        };
        Scene::between(language, brand, site, random)
    }

    /// Somebody under a name writes to the reader.
    pub(crate) fn between(language: &Language, brand: String, site: String, random: &mut Random) -> Scene {
        let topics = if language.code == "en" { TOPICS } else { SHORT_TOPICS };
        Scene {
            name: random.of_many(NAMES).to_owned(),
            topic: random.of_many(topics).to_owned(),
            email: "reader@example.com".to_owned(),
            brand,
            site,
        }
    }

    /// The small texts around a letter or a page.
    pub(crate) fn chrome(&self, language: &Language, is_bulk: bool, random: &mut Random) -> Chrome {
        let mut small = |what| fill(language.one(what, random), self, &mut Random::of(7));
        let (unsubscribe, why, browser, rights) = (small("unsub"), small("why"), small("browser"), small("rights"));
        Chrome {
            language: language.code.to_owned(),
            brand: self.brand.clone(),
            site: self.site.clone(),
            address: address(random),
            is_bulk,
            unsubscribe,
            why,
            browser,
            rights,
            buttons: (0..4).map(|_| language.one("button", random).to_owned()).collect(),
            links: (0..3).map(|_| language.one("link", random).to_owned()).collect(),
            target: None,
            through: random.chance(THROUGH_PERCENT).then(|| through(random)),
            is_old: random.chance(dress::OLD_PERCENT),
        }
    }

    /// So many of the paragraphs of a kind, in any order.
    pub(crate) fn paragraphs(&self, kind: &Texts, wanted: usize, random: &mut Random) -> Vec<String> {
        let mut order: Vec<usize> = (0..kind.paragraphs.len()).collect();
        random.shuffle(&mut order);
        order.into_iter().take(wanted).map(|at| fill(kind.paragraphs[at], self, random)).collect()
    }
}

/// Whether a draft says who it is from: some are judged before that is known.
pub(crate) fn is_from_known(random: &mut Random) -> bool {
    !random.chance(10)
}

/// Of a hundred honest companies, so many are known to everybody.
const KNOWN_PERCENT: usize = 20;

fn one(languages: &[Language], random: &mut Random) -> (String, Message) {
    let language = pick(languages, random);
    let kind = kind(language, random);
    let is_letter = LETTERS.contains(&kind.name);
    let is_brief = kind.name == "brief";
    let scene = Scene::of(language, is_letter, random);
    let subject = fill(random.of_many(&kind.subjects), &scene, random);
    let mut paragraphs = Vec::new();
    if random.chance(if is_brief { 15 } else { 70 }) {
        paragraphs.push(fill(language.one("greet", random), &scene, random));
    }
    let wanted = match kind.name {
        "brief" => 1,
        name if LONG.contains(&name) => 2 + random.below(9),
        _ => 1 + random.below(4),
    };
    paragraphs.extend(scene.paragraphs(kind, wanted, random));
    // Real newsletters wander from one thing to another.
    if wanted > 4 {
        for _ in 0..random.below(6) {
            let other = &language.kinds[random.below(language.kinds.len())];
            paragraphs.push(fill(random.of_many(&other.paragraphs), &scene, random));
        }
    }
    if random.chance(if is_brief { 20 } else { 60 }) {
        paragraphs.push(fill(language.one("sign", random), &scene, random));
        paragraphs.push(if is_letter || random.chance(30) { scene.name.clone() } else { scene.brand.clone() });
    }
    if is_letter && random.chance(20) {
        let before = scene.paragraphs(kind, 2, random);
        paragraphs.push(format!("{} wrote:\n> {}", random.of_many(NAMES), before.join("\n> ")));
    }
    let is_bulk = !is_letter && !SINGLE.contains(&kind.name) || random.chance(if is_brief { 0 } else { 10 });
    let chrome = scene.chrome(language, is_bulk, random);
    let plain = is_letter && random.chance(if is_brief { 50 } else { 75 }) || random.chance(8);
    let html = (!plain).then(|| {
        if is_brief && random.chance(60) {
            dress::bare(&paragraphs, &chrome, random)
        } else {
            dress::page(&subject, &paragraphs, &chrome, random)
        }
    });
    let text = (plain || random.chance(55)).then(|| dress::plain(&paragraphs, &chrome, random));
    let mailbox = sender(&scene, is_letter, random);
    let reply_to = random.chance(15).then(|| Mailbox { name: String::new(), email: format!("support@{}", scene.site) });
    let attached = match kind.name {
        "office" | "billing" => random.chance(50),
        "receipt" | "letter" | "bank" => random.chance(15),
        _ => false,
    };
    let attachments = attached
        .then(|| file(random.of_many(&["invoice.pdf", "Contract.docx", "report.xlsx", "IMG_2041.jpg", "invite.ics"])));
    let message = Message {
        from: is_from_known(random).then_some(mailbox),
        reply_to,
        to: vec![Mailbox { name: String::new(), email: scene.email.clone() }],
        subject: Some(subject),
        html,
        text,
        headers: Vec::new(),
        attachments: attachments.into_iter().collect(),
    };
    (format!("{} {}", language.code, kind.name), message)
}

/// An attachment with a name.
pub(crate) fn file(name: &str) -> Attachment {
    let kind = match name.rsplit_once('.').map_or("", |(_, end)| end) {
        "pdf" => "application/pdf",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "jpg" => "image/jpeg",
        "ics" => "text/calendar",
        "htm" | "html" => "text/html",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    };
    Attachment {
        filename: name.to_owned(),
        content_type: kind.to_owned(),
        size: 48_000,
        head: Vec::new(),
        inline: false,
    }
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
    let number = 10 + random.below(90_000);
    // Senders of many letters read in the address which one came back.
    let numbered = match random.below(4) {
        0 => format!("{local}{number}"),
        1 => format!("{local}-{number}-{}", random.below(99)),
        2 => format!("bounce.{number}.{}", dress::token(random, 6).to_lowercase()),
        _ => format!("reply-{number}"),
    };
    let local = if random.chance(14) { numbered.as_str() } else { local };
    let under = random.of_many(&["", "", "", "mail.", "news.", "e.", "email.", "online.", "mailings.", "lists."]);
    let name = match random.below(4) {
        0 => format!("{} from {}", scene.name, scene.brand),
        1 => scene.name.clone(),
        _ => scene.brand.clone(),
    };
    Mailbox { name, email: format!("{local}@{under}{}", scene.site) }
}

/// Of a hundred messages, so many have links to another domain than the sender's.
const THROUGH_PERCENT: usize = 25;

/// See [`Chrome::through`].
fn through(random: &mut Random) -> String {
    match random.below(3) {
        0 => site_of(&brand(random), random),
        1 => random
            .of_many(&["example.com", "example.org", "google.com", "mysite.com", "github.com", "domain.com"])
            .to_owned(),
        _ => random
            .of_many(&[
                "list-manage.com",
                "cmail20.com",
                "sendgrid.net",
                "mailchi.mp",
                "hubspotemail.net",
                "rs6.net",
                "mlsend.com",
            ])
            .to_owned(),
    }
}

/// A name that nobody else has: one of the list, two words, or syllables.
pub fn brand(random: &mut Random) -> String {
    if random.chance(35) {
        return random.of_many(BRANDS).to_owned();
    }
    if random.chance(40) {
        return format!("{} {}", random.of_many(FIRST_WORDS), random.of_many(SECOND_WORDS));
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

pub(crate) fn fill(text: &str, scene: &Scene, random: &mut Random) -> String {
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
    let values: [(&str, &str); 13] = [
        ("{product}", random.of_many(PRODUCTS)),
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
