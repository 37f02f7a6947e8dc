//! Examples made from schemas: the body of a request, and the command that sends it.

use serde_json::{Map, Value as Json};

use super::schema::{Document, list, reference};
use crate::pages::{Escaped, put};

/// How deep an example goes into objects and arrays.
const DEPTH_MAX: usize = 6;
/// Values in one example.
const VALUES_MAX: usize = 200;
/// Fields of an object that are shown when nothing tells which of them matter.
const FIELDS_SHOWN: usize = 3;

/// Which fields of an object an example has.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Extent {
    /// Those that a request must have, and those with an example of their own.
    Needed,
    /// All of them.
    Whole,
}

/// An example of what the schema describes.
pub(super) fn example(document: Document, schema: &Json, extent: Extent) -> Json {
    Maker { document, extent, values_left: VALUES_MAX, open: Vec::new() }.value("", schema)
}

/// An example that somebody wrote: next to the schema, or in it.
pub(super) fn written<'d>(document: Document<'d>, value: &'d Json) -> Option<&'d Json> {
    let several = document.said(value, "examples");
    let named = several.and_then(Json::as_object).and_then(|named| named.values().next());
    document
        .said(value, "example")
        .or_else(|| several?.as_array()?.first())
        .or_else(|| document.resolve(named?).get("value"))
}

struct Maker<'d> {
    document: Document<'d>,
    extent: Extent,
    values_left: usize,
    /// References that the value is in, so that what contains itself ends.
    open: Vec<&'d str>,
}

impl<'d> Maker<'d> {
    fn value(&mut self, name: &str, schema: &'d Json) -> Json {
        if let Some(written) = written(self.document, schema) {
            return written.clone();
        }
        let plain = self.document.plain(schema).0;
        let chosen = ["const", "default"].iter().find_map(|word| plain.get(*word)).filter(|value| !value.is_null());
        if let Some(chosen) = chosen.or_else(|| list(plain, "enum")?.iter().find(|value| !value.is_null())) {
            return chosen.clone();
        }
        if self.values_left == 0 || self.open.len() >= DEPTH_MAX {
            return Json::Null;
        }
        self.values_left -= 1;
        let inner = reference(schema).or_else(|| reference(plain)).unwrap_or_default();
        if !inner.is_empty() && self.open.contains(&inner) {
            return Json::Null;
        }
        self.open.push(inner);
        let value = self.of_type(name, plain);
        self.open.pop();
        value
    }

    fn of_type(&mut self, name: &str, plain: &'d Json) -> Json {
        let type_name = self.document.type_name(plain);
        match type_name.split([' ', ',']).next() {
            Some("object") => self.object(plain),
            Some("array") => {
                let item = plain.get("items").filter(|items| items.is_object()).map(|items| self.value(name, items));
                Json::Array(item.into_iter().filter(|item| !item.is_null()).collect())
            }
            Some("string") => Json::from(word(name, plain)),
            Some("integer" | "number") => plain.get("minimum").cloned().unwrap_or(Json::from(1)),
            Some("boolean") => Json::Bool(true),
            _ => list(plain, "oneOf")
                .or_else(|| list(plain, "anyOf"))
                .and_then(|parts| parts.first())
                .map_or(Json::Null, |first| self.value(name, first)),
        }
    }

    fn object(&mut self, plain: &'d Json) -> Json {
        let fields = self.document.fields(plain);
        let matters = |field: &&super::schema::Field| {
            field.required || written(self.document, field.schema).is_some() || self.extent == Extent::Whole
        };
        let mut shown: Vec<_> = fields.iter().filter(matters).collect();
        if shown.is_empty() {
            shown = fields.iter().take(FIELDS_SHOWN).collect();
        }
        let mut object = Map::new();
        for field in shown {
            let value = self.value(field.name, field.schema);
            object.insert(field.name.to_owned(), value);
        }
        if let Some(values) = plain.get("additionalProperties").filter(|values| values.is_object() && object.is_empty())
        {
            object.insert("name".to_owned(), self.value("", values));
        }
        Json::Object(object)
    }
}

/// A string that looks like what is meant.
fn word(name: &str, schema: &Json) -> String {
    let said = |key| schema.get(key).and_then(Json::as_str).unwrap_or_default();
    match (said("format"), said("contentEncoding"), name) {
        ("uuid", ..) => "01980a3e-5c1b-7d42-9f10-3b6f2a7c8e55",
        ("email", ..) | (_, _, "email" | "to" | "cc" | "bcc" | "address" | "recipient") => "ada@example.com",
        (_, _, "from" | "sender" | "reply_to" | "username") => "noreply@example.com",
        ("date-time", ..) => "2026-03-15T14:30:00Z",
        ("date", ..) => "2026-03-15",
        ("uri" | "uri-reference" | "url", ..) => "https://example.com/",
        (_, _, other) if other.ends_with("url") => "https://example.com/",
        ("hostname" | "idn-hostname", ..) | (_, _, "domain" | "host") => "example.com",
        ("ipv4", ..) => "192.0.2.1",
        (_, "base64", _) | ("byte" | "binary", ..) => "SGVsbG8sIEFkYS4=",
        (_, _, other) if other == "at" || other.ends_with("_at") || other.ends_with("timestamp") => {
            "2026-03-15T14:30:00Z"
        }
        _ => "string",
    }
    .to_owned()
}

/// Writes JSON over several lines as HTML, its parts marked for colours. For a shell, apostrophes are written so that
/// the whole can stand between two of them.
pub(super) fn put_json(out: &mut String, value: &Json, indent: usize, shell: bool) {
    let quoted = |text: &str| {
        let text = Json::from(super::shortened(text)).to_string();
        if shell { text.replace('\'', "'\\''") } else { text }
    };
    match value {
        Json::Object(object) if !object.is_empty() => {
            out.push('{');
            for (index, (name, value)) in object.iter().enumerate() {
                put_break(out, index, indent + 1);
                put!(out, "<span class=\"key\">{}</span>: ", Escaped(&quoted(name)));
                put_json(out, value, indent + 1, shell);
            }
            put!(out, "\n{}}}", "  ".repeat(indent));
        }
        Json::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                put_break(out, index, indent + 1);
                put_json(out, item, indent + 1, shell);
            }
            put!(out, "\n{}]", "  ".repeat(indent));
        }
        Json::String(text) => put!(out, "<span class=\"string\">{}</span>", Escaped(&quoted(text))),
        other => put!(out, "<span class=\"value\">{other}</span>"),
    }
}

fn put_break(out: &mut String, index: usize, indent: usize) {
    put!(out, "{}\n{}", if index == 0 { "" } else { "," }, "  ".repeat(indent));
}

/// A request as it is drawn up for `curl`.
pub(super) struct Command<'c> {
    /// In capitals.
    pub(super) method: &'c str,
    /// With examples in place of parameters.
    pub(super) url: &'c str,
    /// The line that authenticates, with a variable of the shell for the secret.
    pub(super) credentials: Option<&'c str>,
    /// `Name: value`.
    pub(super) headers: &'c [String],
    /// The body and its type.
    pub(super) body: Option<(&'c str, &'c Json)>,
}

/// Writes the command as HTML.
pub(super) fn put_curl(out: &mut String, command: &Command) {
    let Command { method, url, credentials, headers, body } = command;
    let url = apostrophized(url);
    match *method {
        "GET" => put!(out, "curl {}", Escaped(&url)),
        "HEAD" => put!(out, "curl --head {}", Escaped(&url)),
        method => put!(out, "curl -X {} {}", Escaped(method), Escaped(&url)),
    }
    if let Some(credentials) = credentials {
        // The double quotes let the shell fill in the variable.
        put!(out, " \\\n  -H {}", Escaped(&format!("\"{credentials}\"")));
    }
    let content_type = body.map(|(content_type, _)| format!("Content-Type: {content_type}"));
    for header in headers.iter().chain(content_type.as_slice()) {
        put!(out, " \\\n  -H {}", Escaped(&apostrophized(header)));
    }
    match body {
        None => {}
        Some((content_type, value)) if content_type.contains("json") => {
            out.push_str(" \\\n  -d &#39;");
            put_json(out, value, 0, true);
            out.push_str("&#39;");
        }
        Some((_, Json::String(text))) => put!(out, " \\\n  --data-binary {}", Escaped(&apostrophized(text))),
        Some(_) => out.push_str(" \\\n  --data-binary @file"),
    }
}

/// One word for the shell, between apostrophes unless it is plainly harmless.
fn apostrophized(text: &str) -> String {
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"/:.-_@%+=".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_harmless) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn makes(schema: &Json, expected: &Json) {
        assert_eq!(&example(Document(schema), schema, Extent::Needed), expected, "{schema}");
    }

    #[test]
    fn an_example_has_what_is_needed() {
        makes(
            &json!({ "type": "object", "required": ["to", "n"], "properties": {
                "to": { "type": "string", "format": "email" }, "n": { "type": "integer", "minimum": 5 },
                "cc": { "type": "string" }, "tag": { "type": "string", "example": "welcome" },
            } }),
            &json!({ "to": "ada@example.com", "n": 5, "tag": "welcome" }),
        );
        makes(
            &json!({ "properties": { "a": { "type": "boolean" }, "b": { "enum": ["x"] }, "c": { "const": 7 }, "d": {} } }),
            &json!({ "a": true, "b": "x", "c": 7 }),
        );
        makes(&json!({ "type": "object", "additionalProperties": { "type": "string" } }), &json!({ "name": "string" }));
        makes(
            &json!({ "type": "array", "items": { "type": "string", "format": "uuid" } }),
            &json!(["01980a3e-5c1b-7d42-9f10-3b6f2a7c8e55"]),
        );
        makes(&json!({ "oneOf": [{ "type": "null" }, { "type": "number" }] }), &json!(1));
    }

    #[test]
    fn an_example_of_what_contains_itself_ends() {
        makes(
            &json!({ "type": "object", "required": ["a"], "properties": { "a": { "$ref": "#" } } }),
            &json!({ "a": { "a": null } }),
        );
        makes(&json!({ "type": "array", "items": { "$ref": "#" } }), &json!([[]]));
    }

    #[test]
    fn an_example_is_bounded_in_values() {
        let mut properties = Map::new();
        for index in 0..50 {
            properties.insert(format!("f{index}"), json!({ "$ref": format!("#/{}", index % 2) }));
        }
        let object = json!({ "type": "object", "properties": properties });
        let document = json!({ "0": object, "1": object });
        let made = example(Document(&document), &object, Extent::Whole);
        assert!(made.to_string().len() < 50 * VALUES_MAX, "{}", made.to_string().len());
    }

    #[test]
    fn json_is_coloured_and_cannot_leave_its_quotes() {
        let mut out = String::new();
        put_json(&mut out, &json!({ "it's": ["</span>", 1, null, {}] }), 0, true);
        assert_eq!(
            out,
            "{\n  <span class=\"key\">&quot;it&#39;\\&#39;&#39;s&quot;</span>: [\n    \
             <span class=\"string\">&quot;&lt;/span&gt;&quot;</span>,\n    <span class=\"value\">1</span>,\n    \
             <span class=\"value\">null</span>,\n    <span class=\"value\">{}</span>\n  ]\n}"
        );
    }

    #[test]
    fn a_command_is_safe_to_paste() {
        let mut out = String::new();
        let body = json!("it's; rm");
        put_curl(
            &mut out,
            &Command {
                method: "POST",
                url: "https://a.example/?q='$(x)",
                credentials: Some("Authorization: Bearer $PILLARBOX_KEY"),
                headers: &["X-A: `b`".to_owned()],
                body: Some(("text/plain", &body)),
            },
        );
        assert_eq!(
            out.replace("&#39;", "'").replace("&quot;", "\""),
            "curl -X POST 'https://a.example/?q='\\''$(x)' \\\n  -H \"Authorization: Bearer $PILLARBOX_KEY\" \\\n  \
             -H 'X-A: `b`' \\\n  -H 'Content-Type: text/plain' \\\n  --data-binary 'it'\\''s; rm'"
        );
    }
}
