//! From a body to JSON values: JSON, JSON a line, forms of both kinds, and what stands inside strings.

use serde_json::{Map, Value};

use crate::mail::{base64, multipart_form};

/// How deep JSON inside strings of JSON is read. Lambda, SQS and SNS together make three.
const INSIDE_MAX: usize = 4;
/// How deep objects are searched for strings that hold JSON.
const DEPTH_MAX: usize = 12;
/// Most fields of a form, and lines of JSON.
const ITEMS_MAX: usize = 10_000;
/// Longest name of a field of a form.
const NAME_BYTES_MAX: usize = 256;
/// How many brackets of a form's name are read: `data[reason]` has one.
const BRACKETS_MAX: usize = 8;

/// Most values of one body: what a call's memory holds, and more than 10,000 events of usual size have.
const VALUES_MAX: usize = 150_000;

type Object = Map<String, Value>;

/// Whether a body has more values than are read, told by its punctuation.
pub(super) fn is_too_much(body: &[u8]) -> bool {
    let (mut values, mut in_string, mut escaped) = (1, false, false);
    for &byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values > VALUES_MAX
}

/// JSON, or several JSON values one after the other, which become a list.
pub(super) fn json(body: &[u8]) -> Result<Value, serde_json::Error> {
    let one = serde_json::from_slice(body);
    let Err(error) = one else { return one };
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_slice(body).into_iter::<Value>().take(ITEMS_MAX) {
        match value {
            Ok(value) if value.is_object() || value.is_array() => values.push(value),
            _ => return Err(error),
        }
    }
    if values.is_empty() { Err(error) } else { Ok(Value::Array(values)) }
}

/// The fields of a form, when the content type says that it is one, or the body looks like nothing else.
pub(super) fn form(content_type: &str, body: &[u8]) -> Option<Value> {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let fields = match media.as_str() {
        "multipart/form-data" => multipart_form(content_type, body, ITEMS_MAX),
        "application/x-www-form-urlencoded" => urlencoded(body),
        _ if looks_urlencoded(body) => urlencoded(body),
        _ => return None,
    };
    if fields.is_empty() {
        return None;
    }
    let mut object = Object::new();
    for (name, value) in fields {
        put(&mut object, &name, value);
    }
    Some(Value::Object(object))
}

/// One line of names and values without blanks.
fn looks_urlencoded(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    let name = body.split(|&byte| byte == b'=').next().unwrap_or_default();
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.len() < body.len()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.%[]".contains(byte));
    is_name && body.contains(&b'&') && !body.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'<')
}

fn urlencoded(body: &[u8]) -> Vec<(String, String)> {
    let pairs = body.trim_ascii().split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).take(ITEMS_MAX);
    pairs
        .map(|pair| {
            let at = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            (unescape(&pair[..at]), unescape(pair.get(at + 1..).unwrap_or_default()))
        })
        .collect()
}

fn unescape(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        let escaped = if *byte == b'%' { after.get(..2).and_then(hex) } else { None };
        match (escaped, byte) {
            (Some(value), _) => {
                bytes.push(value);
                rest = &after[2..];
            }
            (None, b'+') => bytes.push(b' '),
            (None, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(digits[0])? * 16 + digit(digits[1])?;
    u8::try_from(value).ok()
}

/// Puts a field where its brackets say: `data[reason]` into the object `data`. Of repeated fields the last one wins, as
/// Mailgun signs them; `name[]` makes a list.
fn put(object: &mut Object, name: &str, value: String) {
    if name.len() > NAME_BYTES_MAX {
        return;
    }
    let mut keys = name.split('[').map(|key| key.trim_end_matches(']')).take(BRACKETS_MAX);
    let mut place = object.entry(keys.next().unwrap_or_default()).or_insert(Value::Null);
    for key in keys {
        if key.is_empty() {
            if !place.is_array() {
                *place = Value::Array(Vec::new());
            }
            let Value::Array(list) = place else { return };
            list.push(Value::Null);
            let Some(end) = list.last_mut() else { return };
            place = end;
        } else {
            if !place.is_object() {
                *place = Value::Object(Object::new());
            }
            let Value::Object(inner) = place else { return };
            place = inner.entry(key).or_insert(Value::Null);
        }
    }
    *place = Value::String(value);
}

/// Replaces strings that hold JSON, plain or in base64, by what they hold, and objects whose names are numbers by
/// lists.
pub(super) fn unfold(value: &mut Value) {
    walk(value, 0, 0, "");
}

fn walk(value: &mut Value, depth: usize, inside: usize, name: &str) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                walk(value, depth + 1, inside, name);
            }
            let numbered = !object.is_empty() && object.keys().all(|key| key.bytes().all(|byte| byte.is_ascii_digit()));
            if numbered {
                let list = std::mem::take(object).into_iter().map(|(_, value)| value).collect();
                *value = Value::Array(list);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| walk(value, depth + 1, inside, name)),
        Value::String(text) if inside < INSIDE_MAX => {
            if let Some(mut held) = held(text, name) {
                walk(&mut held, depth, inside + 1, name);
                *value = held;
            }
        }
        _ => {}
    }
}

/// The JSON in a string.
fn held(text: &str, name: &str) -> Option<Value> {
    /// Names of fields that envelopes put base64 into.
    const ENCODED: &[&str] = &["data", "data_base64", "payload", "body", "message", "event", "content"];
    /// Shorter base64 holds no event.
    const ENCODED_BYTES_MIN: usize = 24;
    let trimmed = text.trim();
    let parsed = |text: &[u8]| serde_json::from_slice(text).ok().filter(|value: &Value| !is_empty(value));
    if trimmed.starts_with(['{', '[']) {
        return parsed(trimmed.as_bytes());
    }
    // `{"` and `[{` in base64.
    let encoded = trimmed.len() >= ENCODED_BYTES_MIN
        && trimmed.starts_with(['e', 'W'])
        && ENCODED.contains(&name)
        && trimmed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=\r\n".contains(&byte));
    if !encoded {
        return None;
    }
    let bytes = base64(trimmed);
    if matches!(bytes.first(), Some(b'{' | b'[')) { parsed(&bytes) } else { None }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.is_empty(),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_form(body: &str, expected: Value) {
        assert_eq!(form("application/x-www-form-urlencoded", body.as_bytes()), Some(expected), "{body}");
    }

    #[test]
    fn a_form_is_an_object() {
        check_form("a=1&b=x%40y.z+%2&c", json!({ "a": "1", "b": "x@y.z %2", "c": "" }));
        check_form(
            "type=cleaned&data[reason]=hard&data[email]=a%40b.c",
            json!({
                "type": "cleaned", "data": { "reason": "hard", "email": "a@b.c" }
            }),
        );
        check_form("a=1&a=2&b[]=3&b[]=4", json!({ "a": "2", "b": ["3", "4"] }));
        check_form("a[=1&b[][c]=2&=3&a[b=4", json!({ "a": { "b": "4" }, "b": [{ "c": "2" }], "": "3" }));
        assert_eq!(form("application/x-www-form-urlencoded", b""), None);
        assert!(form("", b"event=bounce&email=a%40b.c").is_some());
        assert_eq!(form("", b"Subject: a=b&c"), None);
    }

    #[test]
    fn values_have_an_end() {
        let list = |values: usize| format!("[{}]", vec!["1"; values].join(","));
        // The list is one of them.
        assert!(!is_too_much(list(VALUES_MAX - 1).as_bytes()));
        assert!(is_too_much(list(VALUES_MAX).as_bytes()));
        assert!(!is_too_much(format!("[\"{}\\\",,\"]", ",".repeat(VALUES_MAX)).as_bytes()));
    }

    #[test]
    fn json_comes_by_the_line_too() {
        assert_eq!(json(b"{\"a\":1}\n{\"a\":2}\n").unwrap(), json!([{ "a": 1 }, { "a": 2 }]));
        assert!(json(b"{\"a\":1}\n{\"a\":").is_err());
        assert!(json(b"{\"a\":").is_err());
        assert!(json(b"").is_err());
    }

    #[test]
    fn what_is_inside_strings_is_unfolded() {
        let mut value = json!({ "Message": "{\"a\": \"{\\\"b\\\": 1}\"}", "tag": "[internal] Error", "empty": "{}" });
        unfold(&mut value);
        assert_eq!(value, json!({ "Message": { "a": { "b": 1 } }, "tag": "[internal] Error", "empty": "{}" }));
        let mut value = json!({ "message": { "data": "eyJldmVudCI6ImJvdW5jZSIsImEiOiIifQ==" }, "0": "x" });
        unfold(&mut value);
        assert_eq!(value["message"]["data"], json!({ "event": "bounce", "a": "" }));
        let mut value = json!({ "events": { "0": { "a": 1 }, "1": { "a": 2 } } });
        unfold(&mut value);
        assert_eq!(value, json!({ "events": [{ "a": 1 }, { "a": 2 }] }));
    }

    #[test]
    fn unfolding_has_an_end() {
        let fold = |times: usize| (0..times).fold(json!({ "a": 1 }), |value, _| json!({ "a": value.to_string() }));
        let mut inner = fold(INSIDE_MAX);
        unfold(&mut inner);
        assert_eq!(inner.pointer(&"/a".repeat(INSIDE_MAX + 1)), Some(&json!(1)));
        let mut inner = fold(INSIDE_MAX + 1);
        unfold(&mut inner);
        assert!(inner.pointer(&"/a".repeat(INSIDE_MAX + 1)).is_some_and(Value::is_string));
    }
}
