//! Whole mails inside JSON and forms, as services that receive mail pass them on.

use serde_json::{Map, Value};

use super::squash::squash;
use crate::mail;
use crate::types::{Outcome, Request};

/// Names of a whole mail, in plain or in base64, squashed.
#[rustfmt::skip]
const RAW: &[&str] = &[
    "raw", "rawemail", "rawmessage", "rawmsg", "rawmime", "mime", "bodymime", "email", "message", "eml", "content",
    "rfc822", "source", "mail", "rawcontent", "originalemail", "data", "mimemessage", "rawmail", "body",
];
/// Names of a mail's text and of its header, squashed.
const TEXT: &[&str] = &["plain", "text", "textbody", "bodyplain", "body", "strippedtext", "textplain"];
const FROM: &[&str] = &["from", "sender", "fromemail", "mailfrom"];
const SUBJECT: &[&str] = &["subject"];
const HEADERS: &[&str] = &["headers", "messageheaders", "header"];
/// How deep a mail is looked for.
const DEPTH_MAX: usize = 5;
/// Shorter text is no mail.
const MAIL_BYTES_MIN: usize = 40;

/// Reads the first mail in a value, when it is a report.
pub(super) fn read(value: &Value, request: &Request) -> Option<Outcome> {
    let mail = raw(value, 0).or_else(|| taken_apart(value, 0))?;
    let request = Request {
        content_type: "message/rfc822".into(),
        body: mail,
        received_at: request.received_at,
        ..Request::default()
    };
    mail::normalize(&request).ok()
}

/// A mail as it came.
fn raw(value: &Value, depth: usize) -> Option<Vec<u8>> {
    let object = value.as_object().filter(|_| depth < DEPTH_MAX)?;
    let named = |(name, value): (&String, &Value)| {
        let text =
            value.as_str().filter(|text| text.len() >= MAIL_BYTES_MIN && RAW.contains(&squash(name).as_str()))?;
        if begins_like_mail(text) {
            return Some(text.as_bytes().to_vec());
        }
        let is_base64 = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&byte));
        let bytes = if is_base64 { mail::base64(text) } else { Vec::new() };
        let begin = bytes.get(..bytes.len().min(4_096)).map(String::from_utf8_lossy)?;
        begins_like_mail(&begin).then_some(bytes)
    };
    object.iter().find_map(named).or_else(|| object.values().find_map(|inner| raw(inner, depth + 1)))
}

/// Whether the first lines are fields of a mail.
fn begins_like_mail(text: &str) -> bool {
    const FIELDS: &[&str] = &[
        "return-path",
        "received",
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "delivered-to",
        "x-original-to",
        "dkim-signature",
        "auto-submitted",
        "x-failed-recipients",
        "arc-seal",
    ];
    let mut names = text.trim_start().lines().take(40).filter(|line| !line.starts_with([' ', '\t']));
    let is_field = |line: &str| {
        line.split_once(':').is_some_and(|(name, _)| FIELDS.contains(&name.trim().to_ascii_lowercase().as_str()))
    };
    names.by_ref().take(1).any(|line| is_field(line) || line.starts_with("From ")) && names.any(is_field)
}

/// A mail that was taken apart into its header and its text, put together again as far as a report needs it.
fn taken_apart(value: &Value, depth: usize) -> Option<Vec<u8>> {
    let object = value.as_object().filter(|_| depth < DEPTH_MAX)?;
    let text = text_of(object, TEXT);
    let from = text_of(object, FROM);
    let headers = HEADERS.iter().find_map(|name| field(object, name));
    if let Some(text) = text
        && (headers.is_some() || (from.is_some() && text_of(object, SUBJECT).is_some()))
    {
        let mut mail = String::new();
        let mut put = |name: &str, value: &str| {
            let one_line: String = value.split(['\r', '\n']).map(str::trim).collect::<Vec<_>>().join(" ");
            // The parts are gone, so what told how to find them is wrong now.
            if !name.is_empty() && !name.to_ascii_lowercase().starts_with("content-") && !name.contains(['\n', ':']) {
                mail.extend([name, ": ", &one_line, "\n"]);
            }
        };
        for (name, names) in [("From", FROM), ("Subject", SUBJECT), ("To", &["to", "recipient"] as &[&str])] {
            if let Some(value) = text_of(object, names) {
                put(name, value);
            }
        }
        match headers {
            Some(Value::Object(headers)) => {
                headers
                    .iter()
                    .for_each(|(name, value)| put(&name.replace('_', "-"), value.as_str().unwrap_or_default()));
            }
            Some(Value::Array(headers)) => {
                for header in headers {
                    let part = |names: [&str; 2], at: usize| {
                        let named = names.iter().find_map(|name| header.get(*name));
                        named.or_else(|| header.get(at)).and_then(Value::as_str).unwrap_or_default()
                    };
                    put(part(["name", "Name"], 0), part(["value", "Value"], 1));
                }
            }
            Some(Value::String(headers)) => {
                headers.lines().filter_map(|line| line.split_once(':')).for_each(|(name, value)| put(name, value));
            }
            _ => {}
        }
        return Some((mail + "\n" + text).into_bytes());
    }
    object.values().find_map(|inner| taken_apart(inner, depth + 1))
}

fn field<'a>(object: &'a Map<String, Value>, wanted: &str) -> Option<&'a Value> {
    object.iter().find(|(name, _)| squash(name) == wanted).map(|(_, value)| value)
}

fn text_of<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| field(object, name)?.as_str()).filter(|text| !text.trim().is_empty())
}
