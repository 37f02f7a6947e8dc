//! Places in JSON, as the tables write them.
//!
//! A path is names with dots between them; `*` stands for every name, and lists are walked into. A name may not hold
//! a dot itself.

use serde_json::Value;

use super::reading::TEXT_BYTES_MAX;
use super::squash::WORD_BYTES_MAX;
use crate::text::prefix;

/// Most values of one path.
pub(super) const VALUES_MAX: usize = 10_000;

/// Every value at a path, those of lists one by one.
pub(super) fn all<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    collect(value, path, &mut found);
    found
}

/// The first value at a path that is not null.
pub(super) fn first<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    // Nearly every path is one of objects in objects, which needs no list.
    let mut place = value;
    for name in path.split('.') {
        match place {
            Value::Object(object) if name != "*" => place = object.get(name)?,
            _ => return all(value, path).into_iter().next(),
        }
    }
    if place.is_array() { all(place, "").into_iter().next() } else { Some(place).filter(|value| !value.is_null()) }
}

fn collect<'a>(value: &'a Value, path: &str, found: &mut Vec<&'a Value>) {
    if found.len() >= VALUES_MAX {
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|value| collect(value, path, found)),
        Value::Null => {}
        value if path.is_empty() => found.push(value),
        Value::Object(object) => {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            if name == "*" {
                object.values().for_each(|value| collect(value, rest, found));
            } else if let Some(value) = object.get(name) {
                collect(value, rest, found);
            }
        }
        _ => {}
    }
}

/// A string, number or truth value as text; nothing for the rest and for blanks.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => prefix(text.trim(), TEXT_BYTES_MAX).to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Whether a mark of a table is there. `a|b` is either, `a=x` asks for a value, and `a=x*` for how it begins.
pub(super) fn has(value: &Value, mark: &str) -> bool {
    mark.split('|').any(|mark| match mark.split_once('=') {
        None => first(value, mark).is_some(),
        Some((path, wanted)) => first(value, path).and_then(text).is_some_and(|text| equals(&text, wanted)),
    })
}

/// Compares without case; `*` at the end stands for anything.
pub(super) fn equals(text: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start)),
        None => text.len() <= WORD_BYTES_MAX && text.eq_ignore_ascii_case(wanted),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let value = json!({ "a": [{ "b": 1 }, { "b": [2, null, 3] }, 4], "c": { "d": null, "e": "x" }, "f": [] });
        assert_eq!(all(&value, "a.b"), [&json!(1), &json!(2), &json!(3)]);
        assert_eq!(first(&value, "a.b"), Some(&json!(1)));
        assert_eq!(first(&value, "c.*"), Some(&json!("x")));
        for path in ["c.d", "f", "c.e.x", "z", "a.b.c"] {
            assert_eq!(first(&value, path), None, "{path}");
        }
    }

    #[test]
    fn a_mark_asks_for_a_place_or_a_value() {
        let value = json!({ "type": "email.bounced", "n": 10, "x": null });
        for mark in ["type", "z|n", "type=email.*", "type=EMAIL.BOUNCED", "n=10"] {
            assert!(has(&value, mark), "{mark}");
        }
        for mark in ["x", "type=email", "n=1", "z=*"] {
            assert!(!has(&value, mark), "{mark}");
        }
    }

    #[test]
    fn values_have_an_end() {
        assert_eq!(all(&json!(vec![1; VALUES_MAX]), "").len(), VALUES_MAX);
        assert_eq!(all(&json!(vec![1; VALUES_MAX + 1]), "").len(), VALUES_MAX);
    }
}
