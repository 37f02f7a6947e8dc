//! The rules of Pillarbox's built-in scorer: what in a message makes filters suspicious or readers leave.
//!
//! ```text
//! message → Page (html, read once) → Facts (words, links, signs) → each Rule → model → Tally → Verdict
//! ```
//!
//! Everything that costs time in proportion to the message is done once, before the first rule is asked; a rule is
//! a line in a table under `rules/` and a function that looks at the facts. The learned `model` looks at
//! the same facts and adds what the rules do not say.
//!
//! Nothing here looks at a clock, a network or chance: the same message with the same settings has the same verdict.

mod byte_set;
mod facts;
mod hosts;
mod html;
mod link;
mod merge_tags;
pub mod message;
pub mod model;
mod obfuscation;
pub mod own;
mod phrases;
mod prose;
mod punycode;
pub mod rules;
mod scripts;
pub mod settings;
mod tally;
mod url;
pub mod verdict;
mod wordlist;
mod words;

use facts::Facts;
use html::page::Page;
use message::Message;
use rules::{Inquiry, Rule};
use settings::Settings;
use tally::Tally;
use verdict::Verdict;

/// Bytes of a message, all its texts and names together, that are judged. Nearly every mailbox provider refuses less.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of html that are read; what comes after is not looked at. Forty times what Gmail shows.
pub const HTML_BYTES_READ_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a text, of what a page shows and of a subject that are read; what comes after is not looked at.
pub const TEXT_BYTES_READ_MAX: usize = 1024 * 1024;

/// What a plugin says of itself.
pub struct Description {
    /// The same for all versions.
    pub name: &'static str,
    /// Semantic version.
    pub version: &'static str,
    /// One sentence for the operator who chooses between plugins.
    pub summary: &'static str,
}

/// Who this plugin is.
#[must_use]
pub fn describe() -> Description {
    Description {
        name: "pillarbox-rules",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Judges mail before it is sent by documented rules, limited per category, and by a model that has learned \
                  from spam and from honest mail; the score is the sum of the findings.",
    }
}

/// Every rule, in the order of the documentation.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::TABLES.iter().copied().flatten().chain([&own::RULE, &model::RULE])
}

/// What a model is trained with.
pub struct Learnable {
    /// Features in the order in which they are met, some of them several times.
    pub features: Vec<(model::features::Kind, u64)>,
    /// Points of all rules.
    pub points: f64,
    /// Points of the rules that the model's judgement takes the place of.
    pub light_points: f64,
}

/// What a model learns of a message.
#[must_use]
pub fn learnable(message: &Message) -> Learnable {
    let settings = Settings::read(&[]);
    let page = page_of(message);
    let facts = Facts::of(message, page.as_ref(), &settings);
    let mut tally = tally_of(&facts, &settings);
    let mut features = Vec::new();
    model::features::of(&facts, &tally.rules(), &mut |kind, hash, _| features.push((kind, hash)));
    let points = tally.points();
    Learnable { features, points: points.all(), light_points: points.light() }
}

/// What a reader sees of a page.
#[must_use]
pub fn visible_text(html: &str) -> String {
    Page::read(html).visible.text
}

/// Judges a message.
///
/// `settings` are described in the README of the plugin; unknown names and values that make no sense are passed over. A file of
/// rules that makes no sense is named in the verdict's attribute `settings-error`.
///
/// # Errors
/// A sentence for the operator, when the message is larger than [`MESSAGE_BYTES_MAX`].
pub fn score(message: &Message, settings: &[(String, String)]) -> Result<Verdict, String> {
    if message.bytes() > MESSAGE_BYTES_MAX {
        return Err(format!("The message is larger than the {MESSAGE_BYTES_MAX} bytes that are judged."));
    }
    let settings = Settings::read(settings);
    let page = page_of(message);
    let facts = Facts::of(message, page.as_ref(), &settings);
    let mut tally = tally_of(&facts, &settings);
    let wrong = settings.wrong.iter().map(|wrong| ("settings-error".to_owned(), wrong.clone()));
    if settings.leaves_out(model::RULE.id) {
        let mut verdict = tally.verdict();
        verdict.attributes.extend(wrong);
        return Ok(verdict);
    }
    // The model judges by the rules as they are; what the operator changed counts beside its judgement.
    let mut untouched = settings.changes_rules().then(|| tally_of(&facts, &Settings::read(&[])));
    let of_rules = untouched.as_mut().unwrap_or(&mut tally);
    let opinion = model::judge(&facts, &of_rules.rules(), of_rules.points().light());
    tally.add(&model::RULE, opinion.points, opinion.hits);
    let mut verdict = tally.verdict();
    let probability = model::probability(verdict.spam_score);
    verdict.attributes.push(("probability".to_owned(), format!("{probability:.3}")));
    verdict.attributes.extend(wrong);
    Ok(verdict)
}

/// Says in a sentence what is wrong with settings, for whoever is about to set them.
///
/// # Errors
/// The sentence; of a file of rules it names the line and the field.
pub fn check_settings(settings: &[(String, String)]) -> Result<(), String> {
    settings::check(settings)
}

fn page_of(message: &Message) -> Option<Page<'_>> {
    message.html.as_deref().map(|html| Page::read(beginning(html, HTML_BYTES_READ_MAX)))
}

/// As much of a text as is read.
fn beginning(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn tally_of(facts: &Facts<'_>, settings: &Settings<'_>) -> Tally {
    let mut inquiry = Inquiry { facts, settings, tally: Tally::default() };
    rules::ask(&mut inquiry);
    let mut tally = inquiry.tally;
    settings.own.find(facts, &mut tally);
    tally
}
