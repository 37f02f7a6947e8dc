//! A scorer: it gets a message and says what a reader or a mail filter would dislike. The contract is wit/scorer.wit.
//!
//! It has no clock, no network and no files: the same message always gets the same verdict.

wit_bindgen::generate!({ path: "wit", world: "scorer" });

use exports::pillarbox::plugin::content_scoring::{Finding, Guest, Location, Message, Rule, Severity, Verdict};
use pillarbox::plugin::types::Description;

const PHRASES_BY_DEFAULT: &str = "act now, risk free, you have won";
const SHORTENERS: [&str; 5] = ["bit.ly", "goo.gl", "is.gd", "t.ly", "tinyurl.com"];

struct Scorer;

export!(Scorer);

impl Guest for Scorer {
    fn describe() -> Description {
        // A setting is declared by an attribute. The host checks what an operator gives, and hands it over as text.
        let phrases = format!(
            r#"{{"type":"text","default":"{PHRASES_BY_DEFAULT}","description":"Phrases to look for, with commas between"}}"#
        );
        Description {
            name: "{{name}}".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Looks for pressing phrases and shortened links.".into(),
            attributes: vec![("setting:phrases".into(), phrases)],
        }
    }

    fn rules() -> Vec<Rule> {
        vec![phrase(), link_shortened(), subject_missing()]
    }

    fn score(message: Message, settings: Vec<(String, String)>) -> Result<Verdict, String> {
        let given = settings.iter().find(|(name, _)| name == "phrases");
        let phrases = given.map_or(PHRASES_BY_DEFAULT, |(_, value)| value);
        let mut findings = Vec::new();
        for (part, text) in [("subject", &message.subject), ("html", &message.html), ("text", &message.text)] {
            let text = text.as_deref().unwrap_or_default();
            look_for_phrases(part, text, phrases, &mut findings);
            look_for_links(part, text, &mut findings);
        }
        if message.subject.is_none_or(|subject| subject.trim().is_empty()) {
            findings.push(finding(subject_missing(), "The message has no subject.".into(), "subject", 0, 0));
        }
        Ok(Verdict { spam_score: findings.iter().map(|found| found.points).sum(), findings, attributes: vec![] })
    }
}

fn phrase() -> Rule {
    Rule {
        id: "PHRASE".into(),
        category: "wording".into(),
        severity: Severity::Info,
        points: 1.0,
        description: "Looks for phrases that press the reader. The setting `phrases` names them.".into(),
        suggestion: "Say what the reader gets instead.".into(),
        attributes: vec![],
    }
}

fn link_shortened() -> Rule {
    Rule {
        id: "LINK_SHORTENED".into(),
        category: "links".into(),
        severity: Severity::Error,
        points: 1.5,
        description: "Looks for links through a shortener, which hide where they lead; filters distrust them.".into(),
        suggestion: "Link to your own site.".into(),
        attributes: vec![],
    }
}

fn subject_missing() -> Rule {
    Rule {
        id: "SUBJECT_MISSING".into(),
        category: "subject".into(),
        severity: Severity::Warning,
        points: 0.5,
        description: "Looks for a message without a subject.".into(),
        suggestion: "Say in the subject what the message is about.".into(),
        attributes: vec![],
    }
}

fn look_for_phrases(part: &str, text: &str, phrases: &str, findings: &mut Vec<Finding>) {
    // In ASCII alone, so that lower case is as long as upper case and a place in one is a place in the other.
    let lower = text.to_ascii_lowercase();
    for wanted in phrases.split(',').map(str::trim).filter(|wanted| !wanted.is_empty()) {
        if let Some(at) = lower.find(&wanted.to_ascii_lowercase()) {
            let message = format!("“{}” presses the reader.", &text[at..at + wanted.len()]);
            findings.push(finding(phrase(), message, part, at, wanted.len()));
        }
    }
}

fn look_for_links(part: &str, text: &str, findings: &mut Vec<Finding>) {
    for (at, mark) in text.match_indices("://") {
        let begin = at + mark.len();
        let is_of_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let length = text.as_bytes()[begin..].iter().take_while(|byte| is_of_host(byte)).count();
        let host = &text[begin..begin + length];
        if SHORTENERS.iter().any(|shortener| host.eq_ignore_ascii_case(shortener)) {
            let message = format!("“{host}” hides where the link leads.");
            findings.push(finding(link_shortened(), message, part, begin, length));
        }
    }
}

/// What a rule found, in so many bytes of that part.
fn finding(rule: Rule, message: String, part: &str, offset: usize, length: usize) -> Finding {
    Finding {
        rule: rule.id,
        severity: rule.severity,
        points: rule.points,
        message,
        suggestion: rule.suggestion,
        location: Some(Location { part: part.into(), offset: offset as u32, length: length as u32, index: 0 }),
        attributes: vec![],
    }
}
