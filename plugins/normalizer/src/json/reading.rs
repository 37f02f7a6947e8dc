//! What was read of one item, whoever wrote it, and the events that it makes.

use serde_json::Value;

use super::path;
use super::squash::squash;
use super::words::{Meaning, cause};
use crate::class::Class;
use crate::classify::{Facts, Verdict, classify};
use crate::codes::{Enhanced, reply_in};
use crate::dialogue;
use crate::mail::address;
use crate::mail::report::message_id;
use crate::text::{prefix, reason_of};
use crate::time;
use crate::types::{BounceType, Clue, ClueKind, Event, FeedbackType, Kind};

/// Largest [`Event::custom_data`] in bytes. What is larger is left out.
const CUSTOM_DATA_BYTES_MAX: usize = 16 * 1024;
/// Longest value of a clue, in bytes.
const CLUE_BYTES_MAX: usize = 320;
/// Most clues of an event.
const CLUES_MAX: usize = 12;
/// So much of a text is kept. What decides stands at the beginning.
pub(super) const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Most recipients of one item.
pub(super) const RECIPIENTS_MAX: usize = 1_000;
/// Our own header and the names by which our id is put into metadata, squashed.
const OUR_ID: &[&str] = &["pillarboxemailid", "xpillarboxemailid"];
/// What metadata may call our id besides, squashed.
const EMAIL_ID: &str = "emailid";

/// Classes for which the sender or the message is to blame, said so plainly that even a bounce that the source calls
/// hard says nothing about the address.
const SENDERS_FAULT: &[Class] = &[
    Class::AuthFailure,
    Class::ReverseDns,
    Class::SenderRefused,
    Class::Blocked,
    Class::Spam,
    Class::Virus,
    Class::RateLimited,
    Class::TooBig,
];
/// Classes of which the same is likely. They outweigh a source that merely gave up.
const LIKELY_SENDERS_FAULT: &[Class] =
    &[Class::Policy, Class::Content, Class::Security, Class::Loop, Class::Protocol, Class::Expired];

/// What was read of one item.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) provider: String,
    pub(super) meaning: Option<Meaning>,
    /// Whom it is about; an event for each.
    pub(super) recipients: Vec<String>,
    pub(super) alternatives: Vec<String>,
    /// The server's words, best first, and after them the source's own.
    pub(super) texts: Vec<String>,
    /// Words for the cause.
    pub(super) causes: Vec<String>,
    pub(super) status: Option<Enhanced>,
    pub(super) code: Option<u16>,
    pub(super) occurred_at: Option<i64>,
    pub(super) event_id: Option<String>,
    /// The source's own word for a complaint.
    pub(super) complaint_type: Option<String>,
    pub(super) clues: Vec<Clue>,
    pub(super) custom_data: Option<String>,
}

impl Reading {
    /// The events of this item; nothing when it is a step on the way.
    pub(super) fn events(self) -> Vec<Event> {
        let Some(meaning) = self.meaning else { return Vec::new() };
        let Some((kind, feedback_type)) = kind(meaning) else { return Vec::new() };
        let mut event = Event {
            kind,
            feedback_type,
            recipient_alternatives: self.alternatives.clone(),
            reason: self.texts.iter().find_map(|text| reason_of(text)),
            complaint_type: self.complaint_type.as_deref().and_then(reason_of).filter(|_| kind == Kind::Complaint),
            occurred_at: self.occurred_at,
            provider: self.provider.clone(),
            provider_event_id: self.event_id.as_deref().and_then(reason_of),
            clues: self.ordered_clues(),
            custom_data: self.custom_data.clone(),
            ..Event::default()
        };
        if matches!(kind, Kind::Bounce | Kind::Deferred | Kind::Rejected) {
            let verdict = self.verdict();
            verdict.describe(&mut event);
            event.bounce_type = bounce_type(meaning, &verdict);
        }
        if self.recipients.is_empty() {
            return vec![event];
        }
        let mut events = Vec::with_capacity(self.recipients.len());
        for recipient in self.recipients {
            events.push(Event { recipient: Some(recipient), ..event.clone() });
        }
        events
    }

    fn ordered_clues(&self) -> Vec<Clue> {
        let mut clues: Vec<Clue> = Vec::new();
        for clue in &self.clues {
            if (1..=CLUE_BYTES_MAX).contains(&clue.value.len()) && clues.len() < CLUES_MAX && !clues.contains(clue) {
                clues.push(clue.clone());
            }
        }
        clues.sort_by_key(|clue| clue.kind);
        clues
    }

    fn verdict(&self) -> Verdict {
        let words = self.texts.first().map_or("", String::as_str);
        let with_code = match self.code {
            Some(code) if reply_in(words).is_none() => format!("{code} {words}"),
            _ => words.to_owned(),
        };
        let context = self.texts.get(1..).unwrap_or_default().join("\n");
        let facts = Facts {
            text: &with_code,
            status: self.status,
            context: &context,
            unknown_is_vague: dialogue::is_after_data(words)
                || self.recipients.iter().any(|name| dialogue::is_carrier(name)),
        };
        let mut verdict = classify(&facts);
        if matches!(verdict.class, None | Some(Class::Undetermined))
            && let Some((class, word)) = self.causes.iter().find_map(|word| Some((cause(word)?, word)))
        {
            verdict.class = Some(class);
            verdict.evidence = reason_of(word);
            if verdict.bounce_type.is_none() || class.bounce_type() == BounceType::Hard {
                let is_temporary = self.code.is_some_and(|code| code < 500);
                verdict.bounce_type = Some(if is_temporary { BounceType::Soft } else { class.bounce_type() });
            }
        }
        verdict
    }

    /// Takes an id for a clue: one that looks like a Message-ID is one.
    pub(super) fn take_id(&mut self, id: &str) {
        if id.contains('@') {
            self.clues.push(Clue { kind: ClueKind::MessageId, value: message_id(id) });
            return;
        }
        // SendGrid puts behind the id of the message where it went.
        let bare = id.split_once(".filter").or_else(|| id.split_once(".recv")).map_or(id, |(bare, _)| bare);
        self.clues.push(Clue { kind: ClueKind::ProviderMessageId, value: bare.to_owned() });
    }

    /// Takes what we set when sending: our id for a clue, and all of it as custom data.
    pub(super) fn take_metadata(&mut self, metadata: &Value) {
        let Value::Object(object) = metadata else { return };
        for (name, value) in object {
            let name = squash(name);
            if (name == EMAIL_ID || OUR_ID.contains(&name.as_str()))
                && let Some(value) = path::text(value)
            {
                self.clues.push(Clue { kind: ClueKind::Metadata, value });
            }
        }
        let text = metadata.to_string();
        if self.custom_data.is_none() && !object.is_empty() && text.len() <= CUSTOM_DATA_BYTES_MAX {
            self.custom_data = Some(text);
        }
    }

    /// Takes our own header and the Message-ID from the header of the mail, in any of the shapes that sources give it:
    /// a list of `{name, value}`, a list of pairs, an object, or text.
    pub(super) fn take_headers(&mut self, headers: &Value) {
        let mut take = |name: &str, value: Option<&Value>| {
            let name = squash(name);
            let kind = match name.as_str() {
                name if OUR_ID.contains(&name) => ClueKind::Header,
                "messageid" => ClueKind::MessageId,
                _ => return,
            };
            if let Some(value) = value.and_then(path::text) {
                let value = if kind == ClueKind::MessageId { message_id(&value) } else { value };
                self.clues.push(Clue { kind, value });
            }
        };
        match headers {
            Value::Object(object) => object.iter().for_each(|(name, value)| take(name, Some(value))),
            Value::Array(list) => {
                for item in list {
                    match item {
                        Value::Array(pair) => take(pair.first().and_then(Value::as_str).unwrap_or(""), pair.get(1)),
                        Value::Object(object) => {
                            let field = |names: [&str; 2]| names.iter().find_map(|name| object.get(*name));
                            take(
                                field(["name", "Name"]).and_then(Value::as_str).unwrap_or(""),
                                field(["value", "Value"]),
                            );
                        }
                        _ => {}
                    }
                }
            }
            Value::String(text) => {
                let fields = text.lines().filter_map(|line| line.split_once(':'));
                fields.for_each(|(name, value)| take(name, Some(&Value::String(value.into()))));
            }
            _ => {}
        }
    }
}

/// The addresses in a value: one, or a list with commas between them.
pub(super) fn addresses(value: &Value) -> Vec<String> {
    let Some(text) = value.as_str() else { return Vec::new() };
    if text.matches('@').count() > 1 && text.contains([',', ';']) {
        return address::in_list(text);
    }
    address::in_field(text).into_iter().collect()
}

/// A time in any spelling: text, or a number of seconds, milliseconds, microseconds or nanoseconds.
pub(super) fn instant(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_f64().and_then(time::unix),
        Value::String(text) => {
            let text = prefix(text.trim(), 64);
            match text.parse::<f64>() {
                Ok(number) => time::unix(number),
                Err(_) => time::iso8601(text).or_else(|| time::rfc5322(text)),
            }
        }
        _ => None,
    }
}

/// An enhanced code: text that begins with it, or an object of its three numbers.
pub(super) fn status(value: &Value) -> Option<Enhanced> {
    match value {
        Value::String(text) => Enhanced::parse(text.trim()),
        Value::Object(object) => {
            let number = |name: &str| object.get(name)?.as_u64().and_then(|number| u16::try_from(number).ok());
            let code = Enhanced { class: number("class")?, subject: number("subject")?, detail: number("detail")? };
            matches!(code.class, 2 | 4 | 5).then_some(code)
        }
        _ => None,
    }
}

/// A reply code of a failure.
pub(super) fn code(value: &Value) -> Option<u16> {
    path::text(value)?.parse().ok().filter(|code| (400..600).contains(code))
}

fn kind(meaning: Meaning) -> Option<(Kind, Option<FeedbackType>)> {
    let kind = match meaning {
        Meaning::Hard | Meaning::Soft | Meaning::Permanent | Meaning::Bounce | Meaning::Failed => Kind::Bounce,
        Meaning::Complaint(feedback_type) => return Some((Kind::Complaint, Some(feedback_type))),
        Meaning::Refused => Kind::Rejected,
        Meaning::Delivered => Kind::Delivered,
        Meaning::Deferred => Kind::Deferred,
        Meaning::Opened => Kind::Opened,
        Meaning::Clicked => Kind::Clicked,
        Meaning::Unsubscribed => Kind::Unsubscribed,
        Meaning::Autoreply => Kind::Autoreply,
        Meaning::Nothing => return None,
    };
    Some((kind, None))
}

fn bounce_type(meaning: Meaning, verdict: &Verdict) -> Option<BounceType> {
    let class = verdict.class.unwrap_or(Class::Undetermined);
    let is_temporary = verdict.smtp_code.is_some_and(|code| code < 500);
    match meaning {
        Meaning::Soft => Some(BounceType::Soft),
        Meaning::Hard | Meaning::Permanent if SENDERS_FAULT.contains(&class) => Some(BounceType::Soft),
        Meaning::Permanent if is_temporary || LIKELY_SENDERS_FAULT.contains(&class) => Some(BounceType::Soft),
        Meaning::Hard | Meaning::Permanent => Some(BounceType::Hard),
        Meaning::Bounce | Meaning::Failed => verdict.bounce_type,
        _ => None,
    }
}
