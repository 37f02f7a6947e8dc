//! The report about a message: how mail filters would take it, what to change, and where that stands.
//!
//! The message may come from anybody, and so may the words of a plugin: everything is shown as text, within bounds, and
//! html is never more than its source.

mod findings;
mod gauge;
mod letter;

use serde::Deserialize;

use super::visitor::heading;
use super::{Escaped, Section, Visitor, layout, put};
use crate::mail::parsed::ParsedMessage;
use crate::mail::pieces::{Location as At, Place, places};

/// Findings on a page, those with most points.
const FINDINGS_SHOWN_MAX: usize = 200;
/// Suggestions above them.
const SUGGESTIONS_SHOWN_MAX: usize = 5;
/// Bytes of a message that the form takes back to be changed.
pub const GIVEN_BYTES_MAX: usize = 64 * 1024;

/// A judgement, as the command tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct Judged {
    /// 0 to 100, higher is better.
    pub score: u8,
    /// 5.0 and more is spam.
    pub spam_score: f64,
    /// `pass`, `review` or `reject`.
    pub verdict: String,
    /// How likely the message is spam, 0 to 1; `None` when the scorer does not say.
    pub probability: Option<f64>,
    /// Most points first.
    pub findings: Vec<Finding>,
    /// Who judged.
    pub plugins: Vec<Plugin>,
    /// Whether somebody else answered in the place of a plugin that failed.
    #[serde(default)]
    pub degraded: bool,
}

/// One thing that a rule found.
#[derive(Debug, Clone, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// One word; may be empty.
    pub category: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// What it adds.
    pub points: f64,
    /// What was found, in a sentence.
    pub message: String,
    /// What to change, in a sentence.
    pub suggestion: String,
    /// Where it stands.
    pub location: Option<Location>,
}

/// A place, in bytes of a part.
#[derive(Debug, Clone, Deserialize)]
pub struct Location {
    /// As the contract of plugins calls it.
    pub part: String,
    /// Where it begins.
    pub offset: usize,
    /// How long it is.
    pub length: usize,
    /// Which header, recipient or file, from 0.
    #[serde(default)]
    pub index: usize,
}

/// What one plugin did.
#[derive(Debug, Clone, Deserialize)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How long it took.
    pub duration_us: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// The form that a message is given by.
#[derive(Debug, Clone, Default)]
pub struct FormView {
    /// What stands in it already.
    pub given: String,
    /// Why the last try failed.
    pub wrong: Option<String>,
    /// Bytes of a message that are taken.
    pub message_bytes_max: usize,
    /// Who looks, with a session.
    pub visitor: Visitor,
}

/// A judgement and the message that it is about.
#[derive(Debug, Clone)]
pub struct ReportView {
    /// It.
    pub judged: Judged,
    /// The message, taken apart as the plugins got it.
    pub message: ParsedMessage,
    /// The message as it was given.
    pub given: Vec<u8>,
    /// Bytes of a message that are taken.
    pub message_bytes_max: usize,
    /// Who looks; a program has no session.
    pub visitor: Visitor,
}

/// The findings that are shown, numbered from 1, each with its place where it has one.
struct Shown<'v> {
    findings: &'v [Finding],
    places: Vec<Option<Place<'v>>>,
}

/// Asks for a message.
pub fn form(view: &FormView) -> String {
    let told = "How mail filters would take a message, and what to change before it is sent. Nothing of it is kept.";
    let mut body = heading("Score", told, &view.visitor, "/score");
    if let Some(wrong) = &view.wrong {
        put!(&mut body, "<p class=\"alarm\" role=\"alert\">{}</p>", Escaped(wrong));
    }
    put_form(&mut body, &view.given, view.message_bytes_max, &view.visitor);
    layout("Score", Some(Section::Score), &body)
}

fn put_form(body: &mut String, given: &str, message_bytes_max: usize, visitor: &Visitor) {
    let Some(token) = &visitor.form_token else { return };
    put!(
        body,
        "<form class=\"paste\" method=\"post\" action=\"/score\" enctype=\"multipart/form-data\">\
         <input type=\"hidden\" name=\"form\" value=\"{}\">\
         <label for=\"message\">Message <span class=\"quiet\">(its source: the headers, an empty line, and what follows)\
         </span></label>\
         <textarea id=\"message\" name=\"message\" rows=\"14\" spellcheck=\"false\" autocomplete=\"off\">\n{}</textarea>\
         <label for=\"file\">Or a file <span class=\"quiet\">(.eml, at most {} MiB; it goes before what is pasted)</span>\
         </label><input id=\"file\" name=\"file\" type=\"file\" accept=\".eml,message/rfc822\">\
         <div class=\"choices\"><button type=\"submit\">Judge</button>\
         <a class=\"button\" href=\"/rules\">See all rules</a></div></form>",
        Escaped(token),
        Escaped(given),
        message_bytes_max.div_ceil(1024 * 1024)
    );
}

/// The report about a message.
pub fn report(view: &ReportView) -> String {
    let judged = &view.judged;
    let shown = Shown::of(&judged.findings[..judged.findings.len().min(FINDINGS_SHOWN_MAX)], &view.message);
    let subject = view.message.subject.as_deref().map(str::trim).filter(|subject| !subject.is_empty());
    let title = super::cut(subject.unwrap_or("A message without a subject"), letter::VALUE_SHOWN_BYTES_MAX);
    let mut body = String::from("<p class=\"back\"><a href=\"/score\">← Judge another message</a></p>");
    body.push_str(&heading(title, means(&judged.verdict), &view.visitor, "/score"));
    if judged.degraded {
        body.push_str("<p class=\"alarm\">A plugin failed, and another one answered in its place.</p>");
    }
    body.push_str("<div class=\"judgement\">");
    gauge::put(&mut body, judged);
    findings::put_suggestions(&mut body, &shown);
    body.push_str("</div>");
    findings::put(&mut body, &shown, judged.findings.len());
    letter::put(&mut body, &shown, &view.message);
    put_again(&mut body, view);
    layout(&format!("Score of {title}"), Some(Section::Score), &body)
}

/// The form again with the message in it, for who wants to try a change.
fn put_again(body: &mut String, view: &ReportView) {
    let text = std::str::from_utf8(&view.given).ok().filter(|text| text.len() <= GIVEN_BYTES_MAX);
    let Some(given) = text.filter(|_| view.visitor.form_token.is_some()) else { return };
    body.push_str("<section aria-labelledby=\"again\"><h2 id=\"again\">Change it and judge it again</h2>");
    put_form(body, given, view.message_bytes_max, &view.visitor);
    body.push_str("</section>");
}

/// What a verdict means to who wants to send the message.
fn means(verdict: &str) -> &'static str {
    match verdict {
        "pass" => "Mail filters will hardly take offence at it.",
        "review" => "Some mail filters will be suspicious of it.",
        _ => "Mail filters will take it for spam.",
    }
}

/// A probability for people: never quite certain, as nothing is.
pub(crate) fn chance(probability: f64) -> String {
    match 100.0 * probability {
        percent if percent < 1.0 => "less than 1\u{a0}%".into(),
        percent if percent > 99.0 => "more than 99\u{a0}%".into(),
        percent => format!("{percent:.0}\u{a0}%"),
    }
}

/// Points for people: as many decimals as they have, two at most.
pub(super) fn points(points: f64) -> String {
    let text = format!("{:.2}", points + 0.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.replace('-', "\u{2212}") }
}

/// The colour only repeats what the word says.
pub(super) fn severity_badge(severity: &str) -> String {
    let tone = match severity {
        "error" => "bad",
        "warning" => "wait",
        _ => "plain",
    };
    format!("<span class=\"badge {tone}\">{}</span>", Escaped(severity))
}

impl<'v> Shown<'v> {
    fn of(findings: &'v [Finding], message: &'v ParsedMessage) -> Self {
        let at = |location: &'v Location| {
            let Location { part, offset, length, index } = location;
            At { part, index: *index, offset: *offset, length: *length }
        };
        let locations: Vec<_> = findings.iter().map(|finding| finding.location.as_ref().map(at)).collect();
        Self { findings, places: places(message, &locations) }
    }

    /// Each with its number and its place.
    fn numbered(&self) -> impl Iterator<Item = (usize, &'v Finding, Option<&Place<'v>>)> {
        let both = self.findings.iter().zip(&self.places).enumerate();
        both.map(|(at, (finding, place))| (at + 1, finding, place.as_ref()))
    }
}

#[cfg(test)]
mod tests;
