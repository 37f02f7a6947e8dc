//! JSON bodies: tells whose they are.

use serde_json::{Map, Value};

use crate::native;
use crate::types::{Outcome, Problem, Request};

/// Whether a body is to be read as JSON: it begins like it, or came to one of our two own routes and does not
/// claim to be a mail.
pub(crate) fn is_meant(request: &Request) -> bool {
    const MAILS: &[&str] = &["message/", "multipart/", "text/", "application/octet-stream"];
    let first = without_mark(&request.body).iter().find(|byte| !byte.is_ascii_whitespace());
    let content_type = request.content_type.trim_start().to_ascii_lowercase();
    matches!(first, Some(b'{' | b'['))
        || (is_own_route(request) && !MAILS.iter().any(|start| content_type.starts_with(start)))
}

/// Reads a body that is meant to be JSON.
pub(crate) fn normalize(request: &Request) -> Result<Outcome, Problem> {
    let ours = is_own_route(request);
    let body = without_mark(&request.body).trim_ascii();
    if ours && body.is_empty() {
        return Err(native::id_is_missing());
    }
    let value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) if ours => return Err(Problem::invalid("", format!("The body is not JSON: {error}"))),
        Err(error) => return Err(Problem::unrecognized(format!("The body begins like JSON and is not: {error}"))),
    };
    match value {
        Value::Object(object) if ours || is_native(&object) => native::normalize(request, &object),
        _ if ours => Err(Problem::invalid("", "The body must be a JSON object")),
        _ => Err(Problem::unrecognized("This JSON is of no known kind")),
    }
}

fn is_own_route(request: &Request) -> bool {
    matches!(request.endpoint(), Some("bounce" | "complaint"))
}

/// Only our own format names an email by `emailId` at the top.
fn is_native(object: &Map<String, Value>) -> bool {
    object.contains_key("emailId")
}

/// The body behind a byte order mark, which some programs write before UTF-8.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}
