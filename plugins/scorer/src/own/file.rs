//! From the entries of a file to rules, and what can be wrong with them, each with its line and name.

use std::borrow::Cow;

use super::entries::{self, Entry, Table, Value, Wrong};
use super::pattern::Pattern;
use super::{
    FILE_BYTES_MAX, HEADERS_MAX, ID_BYTES_MAX, OwnRule, OwnRules, PATTERN_CHARACTERS_MAX, PATTERNS_MAX, POINTS_MAX,
    Place, RULES_MAX, SENTENCE_BYTES_MAX, WORDINGS_MAX, WORDS_PER_WORDING_MAX,
};
use crate::verdict::Severity;
use crate::words::Words;

/// What a `where` begins with that names a header.
const HEADER: &str = "header:";

/// The sentence says what is wrong, with the line.
pub(super) fn read(text: &str) -> Result<OwnRules<'_>, String> {
    if text.len() > FILE_BYTES_MAX {
        return Err(format!("the file has {} bytes of at most {FILE_BYTES_MAX}", text.len()));
    }
    of_entries(text).map_err(|(at, what)| {
        let line = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line}: {what}")
    })
}

fn of_entries(text: &str) -> Result<OwnRules<'_>, Wrong> {
    let (entries, starts) = entries::of(text)?;
    if let Some(at) = starts.get(RULES_MAX) {
        return Err((*at, format!("there are more than {RULES_MAX} rules")));
    }
    let mut own = OwnRules::default();
    let mut drafts: Vec<Draft<'_>> = starts.iter().map(|_| Draft::default()).collect();
    for entry in entries {
        let at = entry.at;
        match entry.table {
            Table::Top if entry.name == "off" && own.off.is_empty() => own.off = list(entry)?,
            Table::Top => return Err((at, unknown(&entry.name, "off, once, before the tables [points] and [[rule]]"))),
            Table::Points if own.points(&entry.name).is_some() => return Err((at, twice(&entry.name))),
            Table::Points => own.points.push((entry.name.clone(), points(&entry)?)),
            Table::Rule(number) => drafts[number].take(entry)?,
        }
    }
    own.off.sort_unstable();
    let (mut wordings, mut patterns) = (0, 0);
    for (draft, at) in drafts.into_iter().zip(starts) {
        let rule = draft.rule().map_err(|what| (at, what))?;
        wordings += rule.wordings.len();
        patterns += usize::from(rule.pattern.is_some());
        if wordings > WORDINGS_MAX {
            return Err((at, format!("all rules together have more than {WORDINGS_MAX} wordings")));
        }
        if patterns > PATTERNS_MAX {
            return Err((at, format!("more than {PATTERNS_MAX} rules have a pattern")));
        }
        if own.rules.iter().any(|other| other.id == rule.id) {
            return Err((at, format!("there are two rules {}", rule.id)));
        }
        own.rules.push(rule);
    }
    Ok(own)
}

/// A rule of which not all is read.
#[derive(Default)]
struct Draft<'t> {
    id: Option<Cow<'t, str>>,
    places: Option<Vec<Place<'t>>>,
    wordings: Option<Vec<Vec<u64>>>,
    pattern: Option<Pattern>,
    points: Option<f64>,
    severity: Option<Severity>,
    message: Option<Cow<'t, str>>,
    suggestion: Option<Cow<'t, str>>,
}

impl<'t> Draft<'t> {
    fn take(&mut self, entry: Entry<'t>) -> Result<(), Wrong> {
        let (at, name) = (entry.at, entry.name.clone());
        let was_there = match &*name {
            "id" => self.id.replace(id(entry)?).is_some(),
            "where" => self.places.replace(places(entry)?).is_some(),
            "words" => self.wordings.replace(wordings(entry)?).is_some(),
            "pattern" => self.pattern.replace(pattern(entry)?).is_some(),
            "points" => self.points.replace(points(&entry)?).is_some(),
            "severity" => self.severity.replace(severity(entry)?).is_some(),
            "message" => self.message.replace(sentence(entry)?).is_some(),
            "suggestion" => self.suggestion.replace(sentence(entry)?).is_some(),
            _ => {
                let fields = "id, where, words, pattern, points, severity, message and suggestion";
                return Err((at, unknown(&name, fields)));
            }
        };
        if was_there { Err((at, twice(&name))) } else { Ok(()) }
    }

    fn rule(self) -> Result<OwnRule<'t>, String> {
        let id = self.id.ok_or("the rule has no id")?;
        let lacks = |what: &str| format!("the rule {id} has no {what}");
        if self.wordings.is_none() && self.pattern.is_none() {
            return Err(format!("the rule {id} has neither words nor a pattern"));
        }
        Ok(OwnRule {
            places: self.places.ok_or_else(|| lacks("where"))?,
            wordings: self.wordings.unwrap_or_default(),
            pattern: self.pattern,
            points: self.points.ok_or_else(|| lacks("points"))?,
            severity: self.severity.unwrap_or(Severity::Warning),
            message: self.message.ok_or_else(|| lacks("message"))?,
            suggestion: self.suggestion.unwrap_or_default(),
            id,
        })
    }
}

fn unknown(name: &str, known: &str) -> String {
    format!("{name} means nothing here; there is {known}")
}

fn twice(name: &str) -> String {
    format!("{name} stands twice")
}

/// A complaint about the value of an entry.
fn wrong<T>(at: usize, name: &str, what: impl std::fmt::Display) -> Result<T, Wrong> {
    Err((at, format!("{name} {what}")))
}

fn text(entry: Entry<'_>) -> Result<Cow<'_, str>, Wrong> {
    match entry.value {
        Value::Text(text) => Ok(text),
        _ => wrong(entry.at, &entry.name, "is no text in quotes"),
    }
}

/// A list of texts, or one text.
fn list(entry: Entry<'_>) -> Result<Vec<Cow<'_, str>>, Wrong> {
    match entry.value {
        Value::Text(text) => Ok(vec![text]),
        Value::List(list) => Ok(list),
        _ => wrong(entry.at, &entry.name, "is neither a text nor a list of texts"),
    }
}

fn points(entry: &Entry<'_>) -> Result<f64, Wrong> {
    match entry.value {
        Value::Number(points) if points.abs() <= POINTS_MAX => Ok(points),
        Value::Number(points) => {
            wrong(entry.at, &entry.name, format!("is {points}, not from -{POINTS_MAX} to {POINTS_MAX}"))
        }
        Value::Other(kind) => wrong(entry.at, &entry.name, format!("is a {kind}, not a number")),
        Value::Text(_) | Value::List(_) => wrong(entry.at, &entry.name, "is no number"),
    }
}

fn id(entry: Entry<'_>) -> Result<Cow<'_, str>, Wrong> {
    let at = entry.at;
    let id = text(entry)?;
    let is_id = id.len() <= ID_BYTES_MAX
        && id.starts_with(|first: char| first.is_ascii_uppercase())
        && id.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
    if is_id {
        return Ok(id);
    }
    wrong(at, "id", format!("is {id:?}, not a word of up to {ID_BYTES_MAX} upper-case letters, digits and underscores"))
}

fn severity(entry: Entry<'_>) -> Result<Severity, Wrong> {
    let at = entry.at;
    match &*text(entry)? {
        "error" => Ok(Severity::Error),
        "warning" => Ok(Severity::Warning),
        "info" => Ok(Severity::Info),
        other => wrong(at, "severity", format!("is {other:?}; it can be error, warning and info")),
    }
}

fn sentence(entry: Entry<'_>) -> Result<Cow<'_, str>, Wrong> {
    let (at, name) = (entry.at, entry.name.clone());
    let sentence = text(entry)?;
    if sentence.len() > SENTENCE_BYTES_MAX {
        return wrong(at, &name, format!("has {} bytes of at most {SENTENCE_BYTES_MAX}", sentence.len()));
    }
    if sentence.trim().is_empty() { wrong(at, &name, "is empty") } else { Ok(sentence) }
}

fn places(entry: Entry<'_>) -> Result<Vec<Place<'_>>, Wrong> {
    let at = entry.at;
    let mut places = Vec::new();
    for place in list(entry)? {
        places.push(match &*place {
            "subject" => Place::Subject,
            "text" => Place::Text,
            "html" => Place::Html,
            "link" => Place::Link,
            "from" => Place::From,
            other => {
                let is_name =
                    |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
                let Some(header) = other.strip_prefix(HEADER).filter(|name| is_name(name)) else {
                    let known = "it can be subject, text, html, link, from, and header: with the name of a header";
                    return wrong(at, "where", format!("is {other:?}; {known}"));
                };
                Place::Header(Cow::Owned(header.to_owned()))
            }
        });
    }
    if places.iter().filter(|place| matches!(place, Place::Header(_))).count() > HEADERS_MAX {
        return wrong(at, "where", format!("names more than {HEADERS_MAX} headers"));
    }
    if places.is_empty() { wrong(at, "where", "names no place") } else { Ok(places) }
}

fn wordings(entry: Entry<'_>) -> Result<Vec<Vec<u64>>, Wrong> {
    let at = entry.at;
    let mut wordings = Vec::new();
    for wording in list(entry)? {
        let words: Vec<u64> = Words::of(&wording).take(WORDS_PER_WORDING_MAX + 1).map(|word| word.hash).collect();
        if words.is_empty() {
            return wrong(at, "words", format!("has {wording:?}, in which there is no word"));
        }
        if words.len() > WORDS_PER_WORDING_MAX {
            return wrong(at, "words", format!("has a wording of more than {WORDS_PER_WORDING_MAX} words"));
        }
        wordings.push(words);
    }
    if wordings.is_empty() { wrong(at, "words", "is empty") } else { Ok(wordings) }
}

fn pattern(entry: Entry<'_>) -> Result<Pattern, Wrong> {
    let at = entry.at;
    let pattern = text(entry)?;
    let characters = pattern.chars().count();
    if characters > PATTERN_CHARACTERS_MAX {
        return wrong(at, "pattern", format!("has {characters} characters of at most {PATTERN_CHARACTERS_MAX}"));
    }
    if pattern.contains(char::is_whitespace) {
        return wrong(at, "pattern", "has a blank; it is held against single words");
    }
    if pattern.chars().all(|character| character == '*') {
        return wrong(at, "pattern", "fits everything");
    }
    Ok(Pattern::of(&pattern))
}
