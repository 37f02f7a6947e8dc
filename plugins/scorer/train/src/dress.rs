//! Puts texts into pages as mail builders write them, and takes them out again.
//!
//! Ham and spam are dressed alike, so that the model learns what is said and not which html it came in.

use std::fmt::Write;

use pillarbox_scorer::message::Message;

use crate::made_up;
use crate::regression::Random;

/// Paragraphs of a message that is dressed.
const PARAGRAPHS_MAX: usize = 40;

/// Of a hundred messages, so many are built as mail was twenty years ago, when the newsletters of the archives were sent.
pub(crate) const OLD_PERCENT: usize = 25;

/// Everything around the text.
pub struct Chrome {
    /// Code of the language.
    pub language: String,
    /// Who sends it.
    pub brand: String,
    /// Their domain.
    pub site: String,
    /// Their postal address.
    pub address: String,
    /// Whether it goes to many.
    pub is_bulk: bool,
    /// Label of the link.
    pub unsubscribe: String,
    /// Why the reader got it.
    pub why: String,
    /// Label of the link to the online version.
    pub browser: String,
    /// What stands at the very end.
    pub rights: String,
    /// Labels of buttons.
    pub buttons: Vec<String>,
    /// Labels of links in the footer.
    pub links: Vec<String>,
    /// Where every link leads, when it is not the sender's site.
    pub target: Option<String>,
    /// The domain of most links, when they do not lead to the sender's own: that of a service that counts clicks, of another
    /// company, or what stands in a template until somebody fills it in.
    pub through: Option<String>,
    /// Whether it is built as mail was before links were encrypted.
    pub is_old: bool,
}

/// Where companies are found beside their own site, and what the link to it is called.
const SOCIAL: &[(&str, &str)] = &[
    ("Facebook", "https://www.facebook.com/"),
    ("Instagram", "https://www.instagram.com/"),
    ("Twitter", "https://twitter.com/"),
    ("LinkedIn", "https://www.linkedin.com/company/"),
    ("YouTube", "https://www.youtube.com/@"),
    ("Pinterest", "https://www.pinterest.com/"),
    ("X", "https://x.com/"),
    ("TikTok", "https://www.tiktok.com/@"),
    ("GitHub", "https://github.com/"),
];

/// The start of a style sheet as it is copied from page to page.
const RESET: &str = "html,body{margin:0 auto!important;padding:0!important;height:100%!important;width:100%!important} \
    *{-ms-text-size-adjust:100%;-webkit-text-size-adjust:100%} div[style*=\"margin: 16px 0\"]{margin:0!important} \
    table,td{mso-table-lspace:0pt!important;mso-table-rspace:0pt!important} table{border-spacing:0!important;border-collapse:collapse!important;table-layout:fixed!important;margin:0 auto!important} \
    img{-ms-interpolation-mode:bicubic;border:0;height:auto;line-height:100%;outline:none;text-decoration:none} a{text-decoration:none} \
    a[x-apple-data-detectors],.unstyle-auto-detected-links a{border-bottom:0!important;cursor:default!important;color:inherit!important;text-decoration:none!important;font-size:inherit!important;font-family:inherit!important;font-weight:inherit!important;line-height:inherit!important} \
    .ReadMsgBody{width:100%} .ExternalClass{width:100%} .ExternalClass,.ExternalClass p,.ExternalClass span,.ExternalClass td,.ExternalClass div{line-height:100%} \
    @media screen and (max-width:600px){.email-container{width:100%!important;margin:auto!important} .fluid{max-width:100%!important;height:auto!important} .stack-column,.stack-column-center{display:block!important;width:100%!important;max-width:100%!important;direction:ltr!important} .center-on-narrow{text-align:center!important;display:block!important;float:none!important} .email-container p{font-size:17px!important}}";

impl Chrome {
    fn href(&self, random: &mut Random) -> String {
        if let Some(target) = &self.target {
            return target.clone();
        }
        let site = self.through.as_deref().unwrap_or(&self.site);
        let word = random.of_many(&[
            "shop", "blog", "account", "orders", "news", "events", "help", "p", "read", "app", "docs", "invite",
            "store",
        ]);
        if self.is_old {
            let number = 100 + random.below(900_000);
            return match random.below(8) {
                0 => format!("http://www.{site}/{word}/index.html"),
                1 => format!("http://www.{site}/{word}.asp?id={number}"),
                2 => format!("http://{site}/cgi-bin/{word}.cgi?e=reader@example.com&m={number}"),
                3 => format!("http://click.{site}/m.asp?i={number}"),
                4 => format!("http://clicks.{site}/Click?q={}", token(random, 40)),
                5 => format!("http://www.{site}/{word}.php?u={number}&c={}", token(random, 16)),
                6 => format!("http://ads.{site}/{}/{number}", random.below(99)),
                _ => format!("http://www.{site}/"),
            };
        }
        match random.below(8) {
            0 | 1 => format!("https://{site}/{word}"),
            2 => format!(
                "https://www.{site}/{word}/{}?utm_source=newsletter&utm_medium=email&utm_campaign={word}",
                100 + random.below(9000)
            ),
            3 => format!("https://click.{site}/{}", token(random, 60)),
            4 => format!("https://email.{site}/c/{}", token(random, 90)),
            5 => format!(
                "https://{}/{}",
                random.of_many(&[
                    "u123456.ct.sendgrid.net/ls/click?upn=",
                    "example.us7.list-manage.com/track/click?u=",
                    "substack.com/redirect",
                    "clicks.mlsend.com/td/c",
                    "hubspotlinks.com/Ctc/2L",
                    "trk.klclick.com/ls/click?upn=",
                    "links.mail.intercom.io/e/c",
                    "ablink.e.example.org/ss/c"
                ]),
                token(random, 120)
            ),
            6 => format!("https://app.{site}/{word}/{}", token(random, 12)),
            _ => format!("https://{site}"),
        }
    }

    fn picture(&self, random: &mut Random) -> String {
        let site = &self.site;
        let name = random.of_many(&["header", "logo", "hero", "photo", "product", "banner", "icon", "team"]);
        if self.is_old {
            return format!(
                "http://{}.{site}/{name}{}.gif",
                random.of_many(&["images", "www", "graphics"]),
                random.below(9)
            );
        }
        match random.below(5) {
            0 => format!("https://cdn.{site}/{name}.png"),
            1 => format!("https://images.{site}/{}/{name}@2x.jpg", random.below(99)),
            2 => format!("https://mcusercontent.com/{}/images/{}.png", token(random, 20), token(random, 24)),
            3 => format!("https://s3.amazonaws.com/{}/{name}.jpg", token(random, 10)),
            _ => format!("https://www.{site}/static/{name}.png"),
        }
    }
}

pub(crate) fn token(random: &mut Random, length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    (0..length).map(|_| char::from(LETTERS[random.below(LETTERS.len())])).collect()
}

/// The text alone.
pub fn plain(paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    if chrome.is_bulk && random.chance(35) {
        return bulletin(paragraphs, chrome, random);
    }
    let mut text = paragraphs.join("\n\n");
    if chrome.is_bulk {
        if random.chance(70) {
            let _ = write!(text, "\n\n{}: {}", chrome.buttons[0], chrome.href(random));
        }
        let _ =
            write!(text, "\n\n--\n{}\n{}\n{}: {}", chrome.why, chrome.address, chrome.unsubscribe, chrome.href(random));
    } else if random.chance(25) {
        let _ = write!(text, "\n\n{}", chrome.href(random));
    }
    text.push('\n');
    text
}

/// A text that goes to many, with rules between its parts and an address under most of them.
fn bulletin(paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let rule = random.of_many(&["=====", "-----", "*****", "~~~~~", "_____"]).repeat(6 + random.below(8));
    let mut text = format!("{rule}\n{}\n{rule}\n\n", chrome.brand.to_uppercase());
    for (at, paragraph) in paragraphs.iter().enumerate() {
        if random.chance(30) {
            let _ = writeln!(text, "{}. {}", at + 1, chrome.buttons[at % chrome.buttons.len()].to_uppercase());
        }
        let _ = writeln!(text, "{paragraph}");
        if random.chance(55) {
            let _ = writeln!(text, "{}{}", random.of_many(&["", "", "> ", "-> "]), chrome.href(random));
        }
        text.push_str(if random.chance(25) { "\n--\n\n" } else { "\n" });
    }
    let _ =
        write!(text, "{rule}\n{}\n{}: {}\n{}\n", chrome.why, chrome.unsubscribe, chrome.href(random), chrome.address);
    text.push_str(&chrome.rights);
    text.push('\n');
    text
}

/// A page in one of the ways in which pages of mail are built.
pub fn page(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let subject = escaped(subject);
    let paragraphs: Vec<String> = paragraphs.iter().map(|text| escaped(text)).collect();
    if chrome.is_old && random.chance(60) {
        return flyer(&subject, &paragraphs, chrome, random);
    }
    match random.below(14) {
        10 | 11 => hero(&subject, &paragraphs, chrome, random),
        12 => cards(&subject, &paragraphs, chrome, random),
        13 => lines(&subject, &paragraphs, chrome, random),
        0 => letter(&paragraphs, chrome, random),
        1 => word(&paragraphs, chrome, random),
        2 | 3 => table(&subject, &paragraphs, chrome, random),
        4 => columns(&subject, &paragraphs, chrome, random),
        5 => components(&subject, &paragraphs, chrome, random),
        6 => essay(&subject, &paragraphs, chrome, random),
        7 => grid(&subject, &paragraphs, chrome, random),
        8 => bare(&paragraphs, chrome, random),
        _ => classes(&subject, &paragraphs, chrome, random),
    }
}

/// A picture that leads away, and next to no words.
pub(crate) fn picture(chrome: &Chrome, random: &mut Random) -> String {
    let mut html = String::from("<html><body><center>");
    for _ in 0..=random.below(2) {
        image(&mut html, chrome, random, 600);
        html.push_str("<br>");
    }
    if random.chance(50) {
        let _ = write!(html, "<a href=\"{}\">{}</a>", chrome.href(random), chrome.unsubscribe);
    }
    html.push_str("</center></body></html>");
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What a program writes that knows three tags.
pub(crate) fn bare(paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = String::new();
    for text in paragraphs {
        let _ = write!(html, "<p>{text}</p>");
    }
    if random.chance(40) {
        let _ = write!(html, "<p><a href=\"{}\">{}</a></p>", chrome.href(random), chrome.buttons[0]);
    }
    if chrome.is_bulk {
        let _ = write!(html, "<p><a href=\"{}\">{}</a></p>", chrome.href(random), chrome.unsubscribe);
    }
    html
}

/// What a person writes in a mail program.
fn letter(paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = String::from("<div dir=\"ltr\">");
    for text in paragraphs {
        let _ = write!(html, "<div>{text}</div><div><br></div>");
    }
    if random.chance(40) {
        let _ = write!(html, "<a href=\"{}\">{}</a>", chrome.href(random), chrome.buttons[0]);
    }
    if chrome.is_bulk {
        footer(&mut html, chrome, random);
    }
    html.push_str("</div>");
    html
}

/// What a word processor makes of it.
fn word(paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = String::from(
        "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\"><head><meta http-equiv=\"Content-Type\" content=\"text/html; \
         charset=utf-8\"><style><!-- p.MsoNormal {margin:0cm; font-family:\"Calibri\",sans-serif;} --></style></head><body lang=\"EN-US\" link=\"#0563C1\">\n<div class=\"WordSection1\">",
    );
    for text in paragraphs {
        let _ = write!(
            html,
            "<p class=\"MsoNormal\"><span lang=\"EN-GB\">{text}<o:p></o:p></span></p>\n<p class=\"MsoNormal\"><o:p>&nbsp;</o:p></p>\n"
        );
    }
    if random.chance(30) {
        let _ = write!(html, "<p class=\"MsoNormal\"><a href=\"{}\">{}</a></p>", chrome.href(random), chrome.site);
    }
    html.push_str("</div></body></html>");
    html
}

fn begin(subject: &str, chrome: &Chrome, random: &mut Random, style: &str) -> String {
    let doctype = random.of_many(&[
        "<!DOCTYPE html>",
        "<!doctype html>",
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">",
        "",
    ]);
    let language = if random.chance(60) { format!(" lang=\"{}\"", chrome.language) } else { String::new() };
    let title = if random.chance(60) { format!("<title>{subject}</title>") } else { String::new() };
    format!(
        "{doctype}<html{language}><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{title}\
         <style>{style}</style></head>"
    )
}

fn preheader(html: &mut String, paragraphs: &[String], random: &mut Random) {
    if random.chance(60)
        && let Some(text) = paragraphs.get(1).or(paragraphs.first())
    {
        let hiding = random.of_many(&[
            "display:none;max-height:0;overflow:hidden",
            "display:none!important;visibility:hidden;mso-hide:all;font-size:1px;color:#ffffff;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden",
            "display:none",
        ]);
        let filler = if random.chance(40) { "&#847; &zwnj; &nbsp; &#8199; ".repeat(12) } else { String::new() };
        let _ = write!(html, "<div style=\"{hiding}\">{text}{filler}</div>");
    }
}

fn button(html: &mut String, chrome: &Chrome, random: &mut Random) {
    let label = &chrome.buttons[random.below(chrome.buttons.len())];
    let colour = random.of_many(&["#0055ff", "#111111", "#e4572e", "#2a9d8f", "#5f51e8", "#ff6600"]);
    let _ = write!(
        html,
        "<table role=\"presentation\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"center\" bgcolor=\"{colour}\" style=\"border-radius:4px\">\
         <a href=\"{}\" target=\"_blank\" style=\"color:#ffffff;background-color:{colour};display:inline-block;padding:12px 24px;text-decoration:none\">{label}</a></td></tr></table>",
        chrome.href(random)
    );
}

fn image(html: &mut String, chrome: &Chrome, random: &mut Random, width: usize) {
    let alt = match random.below(3) {
        0 => " alt=\"\"".to_owned(),
        1 => format!(" alt=\"{}\"", escaped(&chrome.brand)),
        _ => String::new(),
    };
    let _ = write!(
        html,
        "<a href=\"{}\"><img src=\"{}\"{alt} width=\"{width}\" border=\"0\" style=\"display:block;max-width:100%\"></a>",
        chrome.href(random),
        chrome.picture(random)
    );
}

/// Small pictures that lead to where the sender is found beside their own site. Deceivers let them lead where all leads,
/// or copy them as they are.
fn social(html: &mut String, chrome: &Chrome, random: &mut Random) {
    let is_copied = chrome.target.is_none() || random.chance(40);
    if chrome.is_old || !is_copied {
        for _ in 0..2 + random.below(4) {
            image(html, chrome, random, 24);
        }
        return;
    }
    let label: String = chrome.brand.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let first = random.below(SOCIAL.len());
    for (name, place) in SOCIAL.iter().cycle().skip(first).take(2 + random.below(4)) {
        let _ = write!(html, "<a href=\"{place}{label}\">");
        if random.chance(75) {
            let _ = write!(
                html,
                "<img src=\"{}\" alt=\"{name}\" width=\"24\" height=\"24\" style=\"display:inline-block\">",
                chrome.picture(random)
            );
        } else {
            html.push_str(name);
        }
        html.push_str("</a> ");
    }
}

fn footer(html: &mut String, chrome: &Chrome, random: &mut Random) {
    let _ = write!(html, "<div style=\"font-size:12px;color:#888888;text-align:center;padding:24px\">");
    if random.chance(50) {
        social(html, chrome, random);
    }
    let _ = write!(html, "<p>{}</p>", escaped(&chrome.why));
    for label in &chrome.links {
        let _ = write!(html, "<a href=\"{}\" style=\"color:#888888\">{label}</a> | ", chrome.href(random));
    }
    let _ = write!(
        html,
        "<a href=\"{}\" style=\"color:#888888\">{}</a><p>{}<br>{}</p></div>",
        chrome.href(random),
        chrome.unsubscribe,
        escaped(&chrome.address),
        escaped(&chrome.rights)
    );
    if random.chance(55) {
        let _ = write!(
            html,
            "<img src=\"https://{}/o/{}.gif\" width=\"1\" height=\"1\" alt=\"\">",
            chrome.site,
            token(random, 30)
        );
    }
}

fn finish(html: &mut String, chrome: &Chrome, random: &mut Random) {
    if chrome.is_bulk || random.chance(25) {
        footer(html, chrome, random);
    } else if random.chance(60) {
        let _ = write!(
            html,
            "<p style=\"font-size:12px;color:#999\">{} &middot; {}</p>",
            escaped(&chrome.brand),
            escaped(&chrome.address)
        );
    }
}

/// One table of 600 pixels, as since ever.
fn table(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = begin(
        subject,
        chrome,
        random,
        "body{margin:0;padding:0} @media only screen and (max-width:600px){.container{width:100%!important}}",
    );
    html.push_str("<body bgcolor=\"#f4f4f4\" style=\"margin:0;padding:0;background-color:#f4f4f4\">");
    preheader(&mut html, paragraphs, random);
    html.push_str("<table width=\"100%\" border=\"0\" cellspacing=\"0\" cellpadding=\"0\"><tr><td align=\"center\"><table class=\"container\" width=\"600\" border=\"0\" cellspacing=\"0\" cellpadding=\"0\" style=\"background:#ffffff\">");
    if random.chance(40) {
        let _ = write!(
            html,
            "<tr><td align=\"right\" style=\"font-size:11px\"><a href=\"{}\">{}</a></td></tr>",
            chrome.href(random),
            chrome.browser
        );
    }
    html.push_str("<tr><td align=\"center\" style=\"padding:24px\">");
    image(&mut html, chrome, random, 160);
    html.push_str("</td></tr>");
    if random.chance(50) {
        html.push_str("<tr><td>");
        image(&mut html, chrome, random, 600);
        html.push_str("</td></tr>");
    }
    let _ = write!(
        html,
        "<tr><td style=\"padding:0 32px;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;color:#333333\"><h1 style=\"font-size:24px\">{subject}</h1>"
    );
    for (at, text) in paragraphs.iter().enumerate() {
        let _ = write!(html, "<p>{text}</p>");
        if at % 3 == 1 {
            button(&mut html, chrome, random);
        }
    }
    html.push_str("</td></tr></table>");
    finish(&mut html, chrome, random);
    html.push_str("</td></tr></table></body></html>");
    html
}

/// Columns of `div` with conditional comments for Outlook around them.
fn columns(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = begin(
        subject,
        chrome,
        random,
        "#outlook a{padding:0} body{margin:0;-webkit-text-size-adjust:100%} table,td{border-collapse:collapse} @media only screen and (min-width:480px){.column-per-100{width:100%!important;max-width:100%}}",
    );
    html.push_str("<body style=\"word-spacing:normal;background-color:#fafafa\">");
    preheader(&mut html, paragraphs, random);
    html.push_str("<div style=\"background-color:#fafafa\">");
    for text in std::iter::once(&format!("<strong>{subject}</strong>")).chain(paragraphs) {
        html.push_str("<!--[if mso | IE]><table align=\"center\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\" style=\"width:600px\" width=\"600\"><tr><td style=\"line-height:0px;font-size:0px\"><![endif]--><div style=\"margin:0px auto;max-width:600px\"><table align=\"center\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\" role=\"presentation\" style=\"width:100%\"><tbody><tr><td style=\"direction:ltr;font-size:0px;padding:20px 0;text-align:center\"><div class=\"column-per-100\" style=\"font-size:0px;text-align:left;display:inline-block;vertical-align:top;width:100%\">");
        if random.chance(30) {
            image(&mut html, chrome, random, 550);
        }
        let _ = write!(
            html,
            "<div style=\"font-family:Ubuntu,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.6;text-align:left;color:#222222\">{text}</div>"
        );
        if random.chance(30) {
            button(&mut html, chrome, random);
        }
        html.push_str("</div></td></tr></tbody></table></div><!--[if mso | IE]></td></tr></table><![endif]-->");
    }
    finish(&mut html, chrome, random);
    html.push_str("</div></body></html>");
    html
}

/// What component libraries render.
fn components(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = begin(
        subject,
        chrome,
        random,
        "@font-face{font-family:'Inter';src:url(https://fonts.example.com/inter.woff2)}",
    );
    html.push_str("<body style=\"background-color:#ffffff;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,sans-serif\">");
    preheader(&mut html, paragraphs, random);
    html.push_str("<table align=\"center\" width=\"100%\" border=\"0\" cellPadding=\"0\" cellSpacing=\"0\" role=\"presentation\" style=\"max-width:37.5em;margin:0 auto;padding:20px 0 48px\"><tbody><tr style=\"width:100%\"><td>");
    let _ = write!(
        html,
        "<img alt=\"{}\" src=\"{}\" style=\"display:block;outline:none;border:none\" width=\"48\" height=\"48\"/>",
        escaped(&chrome.brand),
        chrome.picture(random)
    );
    if random.chance(60) {
        let _ = write!(html, "<h1 style=\"font-size:24px;letter-spacing:-0.5px;color:#484848\">{subject}</h1>");
    }
    for (at, text) in paragraphs.iter().enumerate() {
        let _ = write!(html, "<p style=\"font-size:16px;line-height:26px;margin:16px 0\">{text}</p>");
        if at == 1 {
            let _ = write!(
                html,
                "<a href=\"{}\" target=\"_blank\" style=\"line-height:100%;text-decoration:none;display:block;max-width:100%;background-color:#5F51E8;border-radius:3px;color:#fff;padding:12px\"><span><!--[if mso]><i style=\"mso-font-width:300%;mso-text-raise:18\" hidden>&#8202;&#8202;</i><![endif]--></span><span style=\"max-width:100%;display:inline-block\">{}</span></a>",
                chrome.href(random),
                chrome.buttons[0]
            );
        }
    }
    let _ = write!(html, "<hr style=\"width:100%;border:none;border-top:1px solid #eaeaea\"/>");
    finish(&mut html, chrome, random);
    html.push_str("</td></tr></tbody></table></body></html>");
    html
}

/// Long text with pictures between, as writers' platforms send it.
fn essay(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = begin(subject, chrome, random, "@media (max-width:650px){.post{padding:0 16px}} a{color:#1a1a1a}");
    html.push_str("<body>");
    preheader(&mut html, paragraphs, random);
    let _ = write!(
        html,
        "<div class=\"post typography\" style=\"max-width:550px;margin:auto;font-family:Georgia,serif;font-size:18px\"><p style=\"font-size:12px\"><a href=\"{}\">{}</a></p><h1><a href=\"{}\" style=\"color:#1a1a1a;text-decoration:none\">{subject}</a></h1>",
        chrome.href(random),
        chrome.browser,
        chrome.href(random)
    );
    for text in paragraphs {
        let linked = match text.split_once(' ') {
            Some((first, rest)) if random.chance(40) => {
                format!("<a href=\"{}\" rel>{first}</a> {rest}", chrome.href(random))
            }
            _ => text.clone(),
        };
        let _ = write!(html, "<p style=\"margin:0 0 20px 0;color:#363737;line-height:26px\">{linked}</p>");
        if random.chance(25) {
            let _ = write!(
                html,
                "<figure style=\"margin:0 auto\"><img src=\"{}\" alt=\"\" width=\"550\"><figcaption>{}</figcaption></figure>",
                chrome.picture(random),
                escaped(&chrome.brand)
            );
        }
        if random.chance(12) {
            let _ = write!(html, "<h2>{}</h2><ul>", chrome.buttons[0]);
            for label in &chrome.links {
                let _ = write!(html, "<li><a href=\"{}\">{label}</a></li>", chrome.href(random));
            }
            html.push_str("</ul>");
        }
    }
    html.push_str("</div>");
    finish(&mut html, chrome, random);
    html.push_str("</body></html>");
    html
}

/// Pictures of things in rows, with a line under each.
fn grid(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = begin(subject, chrome, random, "img{border:0} .mobile{display:none}");
    html.push_str("<body style=\"margin:0\">");
    preheader(&mut html, paragraphs, random);
    html.push_str("<center><table width=\"640\" cellpadding=\"0\" cellspacing=\"0\"><tr><td>");
    image(&mut html, chrome, random, 640);
    let _ = write!(html, "<h2 align=\"center\">{subject}</h2></td></tr><tr><td><table width=\"100%\"><tr>");
    for (at, text) in paragraphs.iter().enumerate() {
        html.push_str("<td width=\"50%\" valign=\"top\" style=\"padding:8px;font-family:Helvetica\">");
        image(&mut html, chrome, random, 300);
        let _ = write!(
            html,
            "<br><font face=\"Helvetica\" size=\"2\">{text}</font><br><a href=\"{}\"><b>{}</b></a></td>",
            chrome.href(random),
            chrome.buttons[at % chrome.buttons.len()]
        );
        if at % 2 == 1 {
            html.push_str("</tr><tr>");
        }
    }
    html.push_str("</tr></table></td></tr></table></center>");
    finish(&mut html, chrome, random);
    html.push_str("</body></html>");
    html
}

/// Nested tables whose looks stand in classes.
fn classes(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = begin(
        subject,
        chrome,
        random,
        ".body{background:#fff} .email-masthead{padding:25px 0;text-align:center} .content-cell{padding:35px} .button{background-color:#3869D4;color:#FFF;display:inline-block} p.sub{font-size:13px} @media (prefers-color-scheme:dark){body{background-color:#333!important;color:#FFF!important}}",
    );
    html.push_str("<body>");
    if let Some(text) = paragraphs.first().filter(|_| random.chance(50)) {
        let _ = write!(html, "<span class=\"preheader\" style=\"display:none\">{text}</span>");
    }
    let _ = write!(
        html,
        "<table class=\"email-wrapper\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" role=\"presentation\"><tr><td align=\"center\"><table class=\"email-content\" width=\"100%\" role=\"presentation\"><tr><td class=\"email-masthead\"><a href=\"{}\" class=\"email-masthead_name\">{}</a></td></tr><tr><td class=\"email-body\"><table class=\"email-body_inner\" align=\"center\" width=\"570\" role=\"presentation\"><tr><td class=\"content-cell\"><div class=\"f-fallback\"><h1>{subject}</h1>",
        chrome.href(random),
        escaped(&chrome.brand)
    );
    for (at, text) in paragraphs.iter().enumerate() {
        let _ = write!(html, "<p>{text}</p>");
        if at == 1 {
            let _ = write!(
                html,
                "<table class=\"body-action\" align=\"center\"><tr><td><a href=\"{}\" class=\"f-fallback button\" target=\"_blank\">{}</a></td></tr></table>",
                chrome.href(random),
                chrome.buttons[0]
            );
        }
        if at == 2 && random.chance(30) {
            html.push_str("<table class=\"purchase\" width=\"100%\"><tr><th align=\"left\"><p>1</p></th><th align=\"right\"><p>$9.00</p></th></tr><tr><td>Linen shirt</td><td align=\"right\">$49.00</td></tr><tr><td>Total</td><td align=\"right\">$58.00</td></tr></table>");
        }
    }
    html.push_str("</div></td></tr></table></td></tr><tr><td>");
    finish(&mut html, chrome, random);
    html.push_str("</td></tr></table></td></tr></table></body></html>");
    html
}

/// A large picture, a line in large letters and a button, then two or three things beside each other.
fn hero(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = begin(subject, chrome, random, RESET);
    let colour = random.of_many(&["#222222", "#f1f1f1", "#eef2f7", "#ffffff", "#fbeed5"]);
    let _ = write!(
        html,
        "<body width=\"100%\" style=\"margin:0;padding:0!important;mso-line-height-rule:exactly;background-color:{colour}\"><center style=\"width:100%;background-color:{colour}\"><!--[if mso | IE]><table role=\"presentation\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\" width=\"100%\" style=\"background-color:{colour}\"><tr><td><![endif]-->"
    );
    preheader(&mut html, paragraphs, random);
    html.push_str("<table align=\"center\" role=\"presentation\" cellspacing=\"0\" cellpadding=\"0\" border=\"0\" width=\"600\" class=\"email-container\"><tr><td style=\"padding:20px 0;text-align:center\">");
    image(&mut html, chrome, random, 200);
    html.push_str("</td></tr>");
    if random.chance(40) {
        html.push_str("<tr><td style=\"padding:0 0 20px;text-align:center;font-family:sans-serif;font-size:14px\">");
        for label in &chrome.links {
            let _ =
                write!(html, "<a href=\"{}\" style=\"color:#555555;padding:0 12px\">{label}</a>", chrome.href(random));
        }
        html.push_str("</td></tr>");
    }
    html.push_str("<tr><td style=\"background-color:#ffffff\">");
    let _ = write!(
        html,
        "<img src=\"{}\" width=\"600\" height=\"\" alt=\"{}\" border=\"0\" style=\"width:100%;max-width:600px;height:auto;background:#dddddd;display:block\" class=\"fluid\">",
        chrome.picture(random),
        random.of_many(&["", "Header", "alt_text", "Hero image", "Banner"])
    );
    let (first, others) = paragraphs.split_at(paragraphs.len().min(2));
    let title = if random.chance(30) { subject.to_uppercase() } else { subject.to_owned() };
    let _ = write!(
        html,
        "</td></tr><tr><td style=\"background-color:#ffffff;padding:40px;text-align:center;font-family:sans-serif;color:#555555\"><h1 style=\"margin:0 0 10px;font-size:30px;line-height:36px;color:#333333\">{title}</h1>"
    );
    for text in first {
        let _ = write!(html, "<p style=\"margin:0 0 10px;font-size:16px;line-height:24px\">{text}</p>");
    }
    big_button(&mut html, chrome, random);
    html.push_str("</td></tr>");
    let beside = 2 + random.below(2);
    for row in others.chunks(beside) {
        html.push_str("<tr><td style=\"padding:10px;background-color:#ffffff\"><table role=\"presentation\" cellspacing=\"0\" cellpadding=\"0\" border=\"0\" width=\"100%\"><tr>");
        for text in row {
            let _ = write!(
                html,
                "<td class=\"stack-column-center\" valign=\"top\" width=\"{}%\" style=\"padding:10px;font-family:sans-serif;font-size:15px;line-height:20px;color:#555555\">",
                100 / beside
            );
            if random.chance(60) {
                image(&mut html, chrome, random, 560 / beside);
            }
            let _ = write!(html, "<p style=\"margin:0 0 10px\">{text}</p>");
            if random.chance(40) {
                let label = &chrome.buttons[random.below(chrome.buttons.len())];
                let _ = write!(
                    html,
                    "<a href=\"{}\" style=\"color:#0b79d0\"><strong>{label}</strong></a>",
                    chrome.href(random)
                );
            }
            html.push_str("</td>");
        }
        html.push_str("</tr></table></td></tr>");
    }
    html.push_str("</table>");
    finish(&mut html, chrome, random);
    html.push_str("<!--[if mso | IE]></td></tr></table><![endif]--></center></body></html>");
    html
}

/// A button that Outlook draws too.
fn big_button(html: &mut String, chrome: &Chrome, random: &mut Random) {
    let label = &chrome.buttons[random.below(chrome.buttons.len())];
    let label = if random.chance(30) { label.to_uppercase() } else { label.clone() };
    let colour = random.of_many(&["#222222", "#0b79d0", "#d6336c", "#2b8a3e", "#f59f00"]);
    let href = chrome.href(random);
    let _ = write!(
        html,
        "<div><!--[if mso]><v:roundrect xmlns:v=\"urn:schemas-microsoft-com:vml\" xmlns:w=\"urn:schemas-microsoft-com:office:word\" href=\"{href}\" style=\"height:48px;v-text-anchor:middle;width:220px\" arcsize=\"8%\" stroke=\"f\" fillcolor=\"{colour}\"><w:anchorlock/><center style=\"color:#ffffff;font-family:sans-serif;font-size:16px;font-weight:bold\">{label}</center></v:roundrect><![endif]--><!--[if !mso]><!-- --><a href=\"{href}\" style=\"background-color:{colour};border-radius:4px;color:#ffffff;display:inline-block;font-family:sans-serif;font-size:16px;font-weight:bold;line-height:48px;text-align:center;width:220px;-webkit-text-size-adjust:none;mso-hide:all\">{label}</a><!--<![endif]--></div>"
    );
}

/// Things in frames, three in a row.
fn cards(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = begin(subject, chrome, random, RESET);
    html.push_str("<body style=\"margin:0;background-color:#f6f6f6\">");
    preheader(&mut html, paragraphs, random);
    let _ = write!(
        html,
        "<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"center\"><table role=\"presentation\" width=\"640\" cellpadding=\"0\" cellspacing=\"0\"><tr><td align=\"right\" style=\"font:11px Arial\"><a href=\"{}\">{}</a></td></tr><tr><td align=\"center\" style=\"padding:24px\">",
        chrome.href(random),
        chrome.browser
    );
    image(&mut html, chrome, random, 180);
    let _ = write!(html, "<h2 style=\"font:bold 26px Georgia,serif\">{subject}</h2></td></tr>");
    for row in paragraphs.chunks(3) {
        html.push_str("<tr><td style=\"font-size:0;text-align:center\"><!--[if mso]><table role=\"presentation\" width=\"100%\"><tr><![endif]-->");
        for text in row {
            html.push_str("<!--[if mso]><td style=\"width:213px\" valign=\"top\"><![endif]--><div style=\"display:inline-block;width:100%;max-width:213px;vertical-align:top\"><table role=\"presentation\" width=\"100%\"><tr><td style=\"padding:8px;font:14px/20px Arial;text-align:left;border:1px solid #e5e5e5\">");
            image(&mut html, chrome, random, 195);
            let label = &chrome.buttons[random.below(chrome.buttons.len())];
            let _ = write!(
                html,
                "<p>{text}</p><a href=\"{}\" style=\"display:block;border:1px solid #111111;padding:8px;text-align:center;color:#111111\">{label}</a></td></tr></table></div><!--[if mso]></td><![endif]-->",
                chrome.href(random)
            );
        }
        html.push_str("<!--[if mso]></tr></table><![endif]--></td></tr>");
    }
    html.push_str("</table>");
    finish(&mut html, chrome, random);
    html.push_str("</td></tr></table></body></html>");
    html
}

/// Lines of a table with rules between, as receipts and reports have them.
fn lines(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let style = "table{border-collapse:collapse} .items td{border-bottom:1px solid #eeeeee;padding:10px 0} .total{font-weight:bold}";
    let mut html = begin(subject, chrome, random, style);
    let _ = write!(
        html,
        "<body style=\"font-family:Helvetica,Arial,sans-serif;color:#1d1c1d\"><table align=\"center\" width=\"560\"><tr><td style=\"padding:32px 0\"><a href=\"{}\"><strong>{}</strong></a></td><td align=\"right\">{}</td></tr><tr><td colspan=\"2\"><h1 style=\"font-size:22px\">{subject}</h1></td></tr></table><table class=\"items\" align=\"center\" width=\"560\">",
        chrome.href(random),
        escaped(&chrome.brand),
        made_up::address(random)
    );
    for text in paragraphs {
        let _ = write!(html, "<tr><td>{text}</td>");
        if random.chance(40) {
            let _ = write!(html, "<td align=\"right\">${}.{:02}</td>", random.below(300), random.below(100));
        }
        html.push_str("</tr>");
    }
    if random.chance(50) {
        let _ = write!(
            html,
            "<tr class=\"total\"><td>Total</td><td align=\"right\">${}.00</td></tr>",
            10 + random.below(900)
        );
    }
    html.push_str("</table>");
    if random.chance(50) {
        button(&mut html, chrome, random);
    }
    finish(&mut html, chrome, random);
    html.push_str("</body></html>");
    html
}

/// Tables in tables with fonts and tiny pictures to hold them apart, as pages were built before style sheets.
fn flyer(subject: &str, paragraphs: &[String], chrome: &Chrome, random: &mut Random) -> String {
    let mut html = format!(
        "<HTML><HEAD><TITLE>{subject}</TITLE></HEAD><BODY BGCOLOR=\"#FFFFFF\" LINK=\"#003399\" TOPMARGIN=\"0\"><CENTER><TABLE WIDTH=\"600\" BORDER=\"0\" CELLPADDING=\"0\" CELLSPACING=\"0\"><TR><TD BGCOLOR=\"{}\">",
        random.of_many(&["#003366", "#CC0000", "#FFCC00", "#FFFFFF"])
    );
    image(&mut html, chrome, random, 468);
    let _ = write!(
        html,
        "</TD></TR><TR><TD><FONT FACE=\"Arial, Helvetica\" SIZE=\"4\"><B>{subject}</B></FONT><BR></TD></TR></TABLE>"
    );
    let spacer = format!("<IMG SRC=\"http://images.{}/spacer.gif\" WIDTH=\"1\" HEIGHT=\"8\">", chrome.site);
    html.push_str("<TABLE WIDTH=\"600\" BORDER=\"0\" CELLPADDING=\"4\"><TR>");
    if random.chance(50) {
        html.push_str("<TD WIDTH=\"140\" VALIGN=\"top\" BGCOLOR=\"#EEEEEE\"><FONT FACE=\"Arial\" SIZE=\"1\">");
        for label in chrome.links.iter().chain(&chrome.buttons) {
            let _ = write!(html, "<A HREF=\"{}\">{label}</A><BR>{spacer}<BR>", chrome.href(random));
        }
        html.push_str("</FONT></TD>");
    }
    html.push_str("<TD VALIGN=\"top\"><FONT FACE=\"Verdana, Arial\" SIZE=\"2\">");
    for text in paragraphs {
        let _ = write!(html, "{text}<BR>");
        if random.chance(35) {
            let label = &chrome.buttons[random.below(chrome.buttons.len())];
            let _ = write!(html, "<A HREF=\"{}\"><B>{label}</B></A><BR>", chrome.href(random));
        }
        let _ = write!(html, "{spacer}<BR>");
    }
    html.push_str("</FONT></TD></TR></TABLE><FONT FACE=\"Arial\" SIZE=\"1\">");
    finish(&mut html, chrome, random);
    html.push_str("</FONT></CENTER></BODY></HTML>");
    html
}

/// The same words in another page. `None` when there are none.
pub fn dressed(message: &Message, random: &mut Random) -> Option<Message> {
    let text = shown(message)?;
    let paragraphs = paragraphs(&text);
    if paragraphs.is_empty() {
        return None;
    }
    let brand = made_up::brand(random);
    let site = match message.from.as_ref().and_then(|from| from.email.split_once('@')) {
        Some((_, domain)) if random.chance(50) => domain.to_owned(),
        _ => made_up::site_of(&brand, random),
    };
    let chrome = Chrome {
        language: "en".to_owned(),
        brand,
        site,
        address: made_up::address(random),
        is_bulk: random.chance(50),
        unsubscribe: random.of_many(&["Unsubscribe", "Manage preferences", "unsubscribe here", "Opt out"]).to_owned(),
        why: random
            .of_many(&[
                "You are receiving this email because you opted in.",
                "This message was sent to you by the sender below.",
                "",
            ])
            .to_owned(),
        browser: "View in browser".to_owned(),
        rights: random.of_many(&["All rights reserved.", ""]).to_owned(),
        buttons: ["Read more", "View", "Open", "Click here"].map(str::to_owned).to_vec(),
        links: ["Privacy", "Contact"].map(str::to_owned).to_vec(),
        target: address_in(&text),
        through: None,
        is_old: random.chance(OLD_PERCENT),
    };
    let html = page(message.subject.as_deref().unwrap_or_default(), &paragraphs, &chrome, random);
    let text = random.chance(40).then(|| plain(&paragraphs, &chrome, random));
    Some(Message { html: Some(html), text, ..message.clone() })
}

fn shown(message: &Message) -> Option<String> {
    let html = message.html.as_deref().map(pillarbox_scorer::visible_text);
    html.filter(|text| !text.trim().is_empty()).or_else(|| message.text.clone()).filter(|text| text.trim().len() > 20)
}

fn paragraphs(text: &str) -> Vec<String> {
    let blocks = text.split("\n\n").map(|block| block.split_whitespace().collect::<Vec<_>>().join(" "));
    blocks.filter(|block| !block.is_empty()).take(PARAGRAPHS_MAX).collect()
}

fn address_in(text: &str) -> Option<String> {
    let start = text.find("http://").or_else(|| text.find("https://"))?;
    let rest = &text[start..];
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ')')).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}
