//! JSON bodies and forms: tells whose they are, and reads each item by its owner's table or by what its fields are
//! called.

mod body;
mod envelope;
mod message;
mod path;
mod profile;
mod providers;
mod reading;
mod squash;
mod unknown;
mod words;

pub(crate) use profile::Profile;
pub(crate) use providers::PROFILES;

use serde_json::{Map, Value};

use crate::native;
use crate::types::{Event, Outcome, Problem, Request};
use path::all;

/// Most items of one request, and most events that come of them.
pub(crate) const ITEMS_MAX: usize = 10_000;
/// How many envelopes are taken off an item.
const ENVELOPES_MAX: usize = 4;
/// How an item of nobody's format is called.
pub(crate) const UNKNOWN: &str = "unknown";

/// Reads a body when it is JSON or a form: when it begins like JSON, when it is a form, or when it came to one of our
/// own two routes and does not claim to be a mail.
pub(crate) fn normalize(request: &Request) -> Option<Result<Outcome, Problem>> {
    const MAILS: &[&str] = &["message/", "multipart/", "text/", "application/octet-stream"];
    let ours = is_own_route(request);
    let body = without_mark(&request.body).trim_ascii();
    let content_type = request.content_type.trim_start().to_ascii_lowercase();
    if matches!(body.first(), Some(b'{' | b'[')) || (ours && !MAILS.iter().any(|start| content_type.starts_with(start)))
    {
        return Some(of_json(request, body, ours));
    }
    let form = body::form(&request.content_type, body)?;
    Some(of_value(request, form))
}

fn of_json(request: &Request, body: &[u8], ours: bool) -> Result<Outcome, Problem> {
    if ours && body.is_empty() {
        return Err(native::id_is_missing());
    }
    if body::is_too_much(body) {
        return Err(Problem::unrecognized("The body holds more values than are read; send it in several requests"));
    }
    let value = match body::json(body) {
        Ok(value) => value,
        Err(error) if ours => return Err(Problem::invalid("", format!("The body is not JSON: {error}"))),
        Err(error) => return Err(Problem::unrecognized(format!("The body begins like JSON and is not: {error}"))),
    };
    match &value {
        Value::Object(object) if ours => native::normalize(request, object),
        _ if ours => Err(Problem::invalid("", "The body must be a JSON object")),
        Value::Object(object) if is_native(object) => {
            native::normalize(request, object).or_else(|problem| of_value(request, value).map_err(|_| problem))
        }
        _ => of_value(request, value),
    }
}

/// Reads the JSON that a text begins with, whatever stands behind it.
pub(crate) fn read_first(request: &Request) -> Option<Outcome> {
    let value = serde_json::Deserializer::from_slice(&request.body).into_iter().next()?.ok()?;
    of_value(request, value).ok()
}

fn is_own_route(request: &Request) -> bool {
    matches!(request.endpoint(), Some("bounce" | "complaint"))
}

/// Only our own format names an email by `emailId` at the top, and no event.
fn is_native(object: &Map<String, Value>) -> bool {
    object.contains_key("emailId") && !["event", "eventType", "type"].iter().any(|name| object.contains_key(*name))
}

/// The body behind a byte order mark, which some programs write before UTF-8.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn of_value(request: &Request, mut value: Value) -> Result<Outcome, Problem> {
    body::unfold(&mut value);
    let mut reader = Reader { request, outcome: Outcome::default(), profile: 0, foreign: 0 };
    if is_hollow(&value) {
        reader.outcome.ignore("The request holds no event");
        return Ok(reader.outcome);
    }
    for item in all(&value, "").into_iter().take(ITEMS_MAX) {
        reader.read(item, 0);
    }
    let Reader { outcome, foreign, .. } = reader;
    if outcome.events.is_empty() && outcome.ignored.len() == foreign && outcome.attributes.is_empty() {
        return Err(Problem::unrecognized("Nothing in this request says that something happened to a mail"));
    }
    Ok(outcome)
}

/// Reads items into an outcome.
struct Reader<'a> {
    request: &'a Request,
    outcome: Outcome,
    /// Which profile read the item before: the next is likely of the same.
    profile: usize,
    /// Items that are nobody's.
    foreign: usize,
}

impl Reader<'_> {
    fn read(&mut self, item: &Value, envelopes: usize) {
        if self.outcome.events.len() + self.outcome.ignored.len() >= ITEMS_MAX {
            return;
        }
        if let Some(Outcome { ignored, attributes, .. }) = envelope::handshake(item) {
            self.outcome.attributes.extend(attributes);
            for ignored in ignored {
                self.outcome.ignore(ignored.reason);
            }
            return;
        }
        if envelopes < ENVELOPES_MAX {
            if let Some(sns) = envelope::sns(item) {
                if sns.message.is_string() {
                    self.outcome.ignore("Amazon SNS carries a text that is no event");
                    return;
                }
                let before = self.outcome.events.len();
                self.read(sns.message, envelopes + 1);
                // SNS repeats a message with the same id; SES writes the same id of a report in a second message.
                for event in &mut self.outcome.events[before..] {
                    event.provider_event_id = sns.id.clone().or(event.provider_event_id.take());
                    event.occurred_at = event.occurred_at.or(sns.sent_at);
                }
                return;
            }
            if let Some(inner) = envelope::inner(item) {
                all(inner, "").into_iter().take(ITEMS_MAX).for_each(|item| self.read(item, envelopes + 1));
                return;
            }
        }
        match self.profile_of(item) {
            Some(profile) => {
                for single in singles(profile, item) {
                    match profile.read(single).filter(|_| profile.is_of(single)) {
                        Some(readings) => self.take(readings.into_iter().flat_map(reading::Reading::events).collect()),
                        None => self.read_unknown(single, profile.name),
                    }
                }
            }
            None => self.read_unknown(item, UNKNOWN),
        }
    }

    /// Whose an item is; the one of the item before is asked first.
    fn profile_of(&mut self, item: &Value) -> Option<&'static Profile> {
        let is_of = |profile: &Profile| singles(profile, item).first().is_some_and(|single| profile.is_of(single));
        if !is_of(&PROFILES[self.profile]) {
            self.profile = PROFILES.iter().position(is_of)?;
        }
        Some(&PROFILES[self.profile])
    }

    fn take(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            self.outcome.ignore("It tells a step on the way, and nothing that is decided");
        }
        let room = ITEMS_MAX - self.outcome.events.len().min(ITEMS_MAX);
        self.outcome.events.extend(events.into_iter().take(room));
    }

    fn read_unknown(&mut self, value: &Value, provider: &str) {
        if is_hollow(value) {
            self.outcome.ignore("It is empty");
            return;
        }
        for item in unknown::items(value, ITEMS_MAX) {
            let reading = unknown::read(&item, provider);
            let is_told = reading.as_ref().is_some_and(|reading| reading.meaning != Some(words::Meaning::Nothing));
            if !is_told && let Some(outcome) = message::read(item.value, self.request) {
                self.take(outcome.events);
                for ignored in outcome.ignored {
                    self.outcome.ignore(ignored.reason);
                }
                continue;
            }
            if let Some(reading) = reading {
                self.take(reading.events());
            } else {
                self.foreign += usize::from(provider == UNKNOWN);
                self.outcome.ignore("Nothing in it says that something happened to a mail");
            }
        }
    }
}

/// The events of an item by a profile: the list that it holds, or the item itself when it came without that list.
fn singles<'a>(profile: &Profile, item: &'a Value) -> Vec<&'a Value> {
    if profile.items.is_empty() || (profile.bare && profile.is_of(item)) {
        return vec![item];
    }
    all(item, profile.items)
}

/// Whether there is no value in it at all.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().all(is_hollow),
        Value::Object(object) => object.values().all(is_hollow),
        Value::Null => true,
        _ => false,
    }
}
