//! Made-up deceit: what is said in `deceit/`, from borrowed names, with links that lead elsewhere.

use pillarbox_scorer::message::{Mailbox, Message};

use crate::dress::{self, token};
use crate::made_up::{self, KNOWN, Language, Scene, fill};
use crate::regression::Random;

/// What is sent without a page most of the time.
const PLAIN: [&str; 6] = ["advance", "threat", "boss", "brief", "jobs", "outreach"];

/// What is sent as a picture now and then.
const PICTURES: [&str; 7] = ["reward", "pills", "offer", "dating", "pump", "bogus", "claims"];

/// Letters that look like others.
const DISGUISES: &[(char, char)] = &[
    ('a', 'а'),
    ('e', 'е'),
    ('o', 'о'),
    ('c', 'с'),
    ('p', 'р'),
    ('i', 'і'),
    ('A', 'Α'),
    ('U', 'ᴜ'),
    ('x', 'х'),
    ('y', 'у'),
];

/// One message in a language, with what it is.
pub(crate) fn one(language: &Language, random: &mut Random) -> (String, Message) {
    let kind = &language.deceit[random.below(language.deceit.len())];
    let is_plain_kind = PLAIN.contains(&kind.name);
    let (brand, own) = if random.chance(60) {
        let (brand, site) = KNOWN[random.below(KNOWN.len())];
        (brand.to_owned(), Some(site))
    } else {
        (made_up::brand(random), None)
    };
    let site = elsewhere(&brand, random);
    let scene = Scene::between(language, brand, site.clone(), random);
    let mut subject = fill(random.of_many(&kind.subjects), &scene, random);
    let mut paragraphs = Vec::new();
    if random.chance(50) {
        paragraphs.push(fill(language.one("greet", random), &scene, random));
    }
    let wanted = if kind.name == "brief" { 1 } else { 1 + random.below(5) };
    paragraphs.extend(scene.paragraphs(kind, wanted, random));
    if random.chance(40) {
        paragraphs.push(fill(language.one("sign", random), &scene, random));
        paragraphs.push(if random.chance(50) { scene.brand.clone() } else { scene.name.clone() });
    }
    if random.chance(15) {
        subject = disguised(&subject, random);
        for text in &mut paragraphs {
            *text = disguised(text, random);
        }
    }
    let is_bulk = !is_plain_kind && random.chance(45);
    let mut chrome = scene.chrome(language, is_bulk, random);
    chrome.target = Some(target(&scene.brand, random));
    let is_picture = PICTURES.contains(&kind.name) && random.chance(25);
    let plain = !is_picture && (is_plain_kind && random.chance(75) || random.chance(10));
    let html = (!plain).then(|| {
        if is_picture { dress::picture(&chrome, random) } else { dress::page(&subject, &paragraphs, &chrome, random) }
    });
    let text = (plain || random.chance(30)).then(|| {
        if is_plain_kind && random.chance(70) {
            paragraphs.join("\n\n")
        } else {
            dress::plain(&paragraphs, &chrome, random)
        }
    });
    let attached = kind.name == "document" && random.chance(45) || kind.name == "brief" && random.chance(30);
    let attachments = attached.then(|| {
        made_up::file(random.of_many(&[
            "Invoice.html",
            "document.pdf",
            "PO.zip",
            "payment.htm",
            "scan.docx",
            "fatura.pdf",
        ]))
    });
    let message = Message {
        from: made_up::is_from_known(random).then(|| sender(&scene, own, random)),
        reply_to: random
            .chance(12)
            .then(|| Mailbox { name: String::new(), email: format!("{}@gmail.com", token(random, 9).to_lowercase()) }),
        to: vec![Mailbox { name: String::new(), email: scene.email.clone() }],
        subject: Some(subject),
        html,
        text,
        headers: Vec::new(),
        attachments: attachments.into_iter().collect(),
    };
    (format!("{} {}", language.code, kind.name), message)
}

/// A domain that is not the one of the name.
fn elsewhere(brand: &str, random: &mut Random) -> String {
    let name: String = brand.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let other = made_up::brand(random);
    match random.below(6) {
        0 => format!("{name}-{}.{}", random.of_many(&["secure", "support", "verify", "account", "info"]), end(random)),
        1 => format!("{}.{}", token(random, 8).to_lowercase().replace(['-', '_'], "x"), end(random)),
        2 => {
            format!("{}.{}.{}", random.of_many(&["mail", "serv1", "e", "post"]), name, made_up::site_of(&other, random))
        }
        _ => made_up::site_of(&other, random),
    }
}

fn end(random: &mut Random) -> &str {
    random
        .of_many(&["shop", "xyz", "top", "online", "ru", "life", "click", "info", "com", "net", "site", "live", "cfd"])
}

/// Where the links lead.
fn target(brand: &str, random: &mut Random) -> String {
    let site = elsewhere(brand, random);
    let code = token(random, 7);
    match random.below(9) {
        0 => format!(
            "https://{}/{code}",
            random.of_many(&["bit.ly", "t.ly", "tinyurl.com", "t.co", "cutt.ly", "rb.gy", "is.gd"])
        ),
        1 => format!(
            "https://{}.{}/",
            token(random, 10).to_lowercase().replace('_', "-"),
            random.of_many(&[
                "web.app",
                "pages.dev",
                "weebly.com",
                "blogspot.com",
                "github.io",
                "r2.dev",
                "netlify.app",
                "wixsite.com"
            ])
        ),
        2 => format!(
            "http://{}.{}.{}.{}/{code}",
            11 + random.below(200),
            random.below(256),
            random.below(256),
            1 + random.below(254)
        ),
        3 => format!("https://storage.googleapis.com/{code}/index.html#{}", token(random, 30)),
        4 => format!("https://{site}/wp-content/plugins/{code}/?email=reader@example.com"),
        5 => format!("http://{site}/{}/login.php", random.of_many(&["secure", "verify", "update", "account"])),
        6 => format!("https://u{}.ct.sendgrid.net/ls/click?upn={}", 10_000 + random.below(90_000), token(random, 100)),
        _ => format!("http://{site}/{code}"),
    }
}

fn sender(scene: &Scene, own: Option<&str>, random: &mut Random) -> Mailbox {
    let domain = match random.below(10) {
        0 | 1 => random.of_many(&["gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "163.com"]).to_owned(),
        2 => own.unwrap_or(&scene.site).to_owned(),
        3 => made_up::site_of(&made_up::brand(random), random),
        _ => scene.site.clone(),
    };
    let first = scene.name.split(' ').next().unwrap_or_default().to_lowercase();
    let local = match random.below(4) {
        0 => first,
        1 => token(random, 10).to_lowercase(),
        _ => random
            .of_many(&["support", "noreply", "info", "service", "admin", "security", "contact", "news", "alert"])
            .to_owned(),
    };
    let name = match random.below(6) {
        0 => String::new(),
        1 => scene.name.clone(),
        2 => format!(
            "{} {}",
            scene.brand,
            random.of_many(&["Support", "Security", "Rewards", "Team", "Service", "Alert"])
        ),
        3 => scene.brand.to_uppercase(),
        _ => scene.brand.clone(),
    };
    Mailbox { name, email: format!("{local}@{domain}") }
}

/// The same to the eye and another to a filter.
fn disguised(text: &str, random: &mut Random) -> String {
    let bold = random.chance(30);
    let letter = |letter: char, random: &mut Random| match letter {
        'a'..='z' if bold => char::from_u32(0x1d41a + (letter as u32 - 'a' as u32)).unwrap_or(letter),
        'A'..='Z' if bold => char::from_u32(0x1d400 + (letter as u32 - 'A' as u32)).unwrap_or(letter),
        _ if random.chance(60) => DISGUISES.iter().find(|(from, _)| *from == letter).map_or(letter, |(_, to)| *to),
        _ => letter,
    };
    text.chars().map(|one| letter(one, random)).collect()
}
