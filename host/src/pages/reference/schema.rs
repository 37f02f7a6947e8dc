//! Reading the schemas of an `OpenAPI` 3.1 document (JSON Schema 2020-12) for people.

use std::ptr;

use serde_json::Value as Json;

/// References that are followed one after another.
const HOPS_MAX: usize = 8;
/// Schemas that are looked through for the fields of one object.
const PARTS_MAX: usize = 64;
/// Values of an enum, or types of an alternative, that are named.
const NAMED_MAX: usize = 30;

/// The document, in which references are looked up.
#[derive(Clone, Copy)]
pub(super) struct Document<'d>(pub(super) &'d Json);

/// One field of an object.
pub(super) struct Field<'d> {
    pub(super) name: &'d str,
    pub(super) schema: &'d Json,
    /// In words.
    pub(super) type_name: String,
    pub(super) required: bool,
}

impl<'d> Document<'d> {
    /// What `$ref` leads to in this document; the value itself where there is none, or where it leads out or around.
    pub(super) fn resolve(self, mut value: &'d Json) -> &'d Json {
        for _ in 0..HOPS_MAX {
            let Some(found) = reference(value).and_then(|path| self.0.pointer(path.strip_prefix('#')?)) else { break };
            value = found;
        }
        value
    }

    /// The schema that a person would name: without references, and without an alternative that only allows `null`.
    /// Whether `null` is allowed comes with it.
    pub(super) fn plain(self, schema: &'d Json) -> (&'d Json, bool) {
        let mut nullable = false;
        let plain = self.layers(schema, &mut nullable).pop().unwrap_or(schema);
        (plain, nullable || types(plain).contains(&"null"))
    }

    /// What the schema or the first of the schemas that stand behind it says under a key.
    pub(super) fn said(self, schema: &'d Json, key: &str) -> Option<&'d Json> {
        self.layers(schema, &mut false).into_iter().find_map(|layer| layer.get(key))
    }

    /// From the schema to the [plain](Self::plain) one.
    fn layers(self, schema: &'d Json, nullable: &mut bool) -> Vec<&'d Json> {
        let mut layers = vec![schema, self.resolve(schema)];
        for _ in 0..HOPS_MAX {
            let Some(last) = layers.last().filter(|last| last.get("properties").is_none()) else { break };
            let Some(parts) = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| list(last, word)) else { break };
            let mut others = parts.iter().filter(|part| !is_null(part));
            let (Some(only), None) = (others.next(), others.next()) else { break };
            *nullable |= parts.len() > 1;
            layers.extend([only, self.resolve(only)]);
        }
        layers
    }

    /// The fields of an object, required ones first, otherwise in the order of the document. Those of alternatives are
    /// all there, and then none of theirs is required.
    pub(super) fn fields(self, schema: &'d Json) -> Vec<Field<'d>> {
        let mut fields: Vec<Field> = Vec::new();
        let mut parts = vec![(schema, true)];
        let mut seen: Vec<&Json> = Vec::new();
        while let Some((part, certain)) = parts.pop().filter(|_| seen.len() < PARTS_MAX) {
            let part = self.resolve(part);
            if seen.iter().any(|known| ptr::eq(*known, part)) {
                continue;
            }
            seen.push(part);
            let required = list(part, "required").unwrap_or_default();
            for (name, schema) in part.get("properties").and_then(Json::as_object).into_iter().flatten() {
                let required = certain && required.iter().any(|word| word == name);
                if !fields.iter().any(|field| field.name == name) {
                    fields.push(Field { name, schema, type_name: self.type_name(schema), required });
                }
            }
            for (word, certain) in [("anyOf", false), ("oneOf", false), ("allOf", certain)] {
                parts.extend(
                    list(part, word).unwrap_or_default().iter().rev().take(PARTS_MAX).map(|part| (part, certain)),
                );
            }
        }
        fields.sort_by_key(|field| !field.required);
        fields
    }

    /// The schema of the items, however deep the arrays nest, or of an object's values; the schema itself otherwise.
    pub(super) fn innermost(self, schema: &'d Json) -> &'d Json {
        let mut schema = schema;
        for _ in 0..HOPS_MAX {
            let plain = self.plain(schema).0;
            let inner = plain.get("items").or_else(|| {
                plain
                    .get("additionalProperties")
                    .filter(|values| values.is_object() && plain.get("properties").is_none())
            });
            let Some(inner) = inner.filter(|inner| inner.is_object()) else { break };
            schema = inner;
        }
        schema
    }

    /// The type in words: `string`, `array of object`, `integer or null`.
    pub(super) fn type_name(self, schema: &'d Json) -> String {
        self.type_name_within(schema, HOPS_MAX)
    }

    fn type_name_within(self, schema: &'d Json, depth: usize) -> String {
        let (plain, nullable) = self.plain(schema);
        let inner = |word: &str| {
            let inner = plain.get(word).filter(|inner| inner.is_object() && depth > 0)?;
            Some(self.type_name_within(inner, depth - 1))
        };
        let mut names: Vec<String> =
            types(plain).into_iter().filter(|name| *name != "null").map(str::to_owned).collect();
        if names.is_empty() {
            let alternatives = list(plain, "oneOf").or_else(|| list(plain, "anyOf")).filter(|_| depth > 0);
            for part in alternatives.unwrap_or_default().iter().filter(|part| !is_null(part)).take(NAMED_MAX) {
                let name = self.type_name_within(part, 0);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        if names.is_empty() {
            names.push(untyped(plain).to_owned());
        }
        for name in &mut names {
            match (name.as_str(), inner("items"), inner("additionalProperties")) {
                ("array", Some(items), _) => *name = format!("array of {items}"),
                ("object", _, Some(values)) if plain.get("properties").is_none() => {
                    *name = format!("object of {values}");
                }
                ("string", ..) => {
                    if let Some(format) = plain.get("format").and_then(Json::as_str) {
                        *name = format!("string, {format}");
                    }
                }
                _ => {}
            }
        }
        if nullable {
            names.push("null".to_owned());
        }
        names.join(" or ")
    }

    /// What the schema allows, in words: bounds, choices, the default. Each is a piece of Markdown.
    pub(super) fn bounds(self, schema: &'d Json) -> Vec<String> {
        let plain = self.plain(schema).0;
        let mut bounds = Vec::new();
        if let Some(choices) = list(plain, "enum") {
            let mut words: Vec<_> = choices.iter().filter(|word| !word.is_null()).take(NAMED_MAX).map(code).collect();
            if choices.len() > NAMED_MAX {
                words.push("…".to_owned());
            }
            bounds.push(format!("One of {}", words.join(", ")));
        }
        for (word, before, after) in [
            ("const", "Always ", ""),
            ("minLength", "At least ", " characters"),
            ("maxLength", "At most ", " characters"),
            ("minItems", "At least ", " items"),
            ("maxItems", "At most ", " items"),
            ("minProperties", "At least ", " fields"),
            ("maxProperties", "At most ", " fields"),
            ("minimum", "From ", ""),
            ("exclusiveMinimum", "More than ", ""),
            ("maximum", "Up to ", ""),
            ("exclusiveMaximum", "Less than ", ""),
            ("multipleOf", "A multiple of ", ""),
            ("pattern", "Matches ", ""),
            ("contentEncoding", "Encoded as ", ""),
            ("default", "Default ", ""),
        ] {
            match self.said(schema, word) {
                None | Some(Json::Null) => {}
                Some(Json::Number(number)) if word != "default" && word != "const" => {
                    let after = if number.as_u64() == Some(1) { after.trim_end_matches('s') } else { after };
                    bounds.push(format!("{before}{number}{after}"));
                }
                Some(value) => bounds.push(format!("{before}{}{after}", code(value))),
            }
        }
        bounds
    }

    /// What the schema is about, in Markdown.
    pub(super) fn description(self, schema: &'d Json) -> &'d str {
        self.said(schema, "description").and_then(Json::as_str).unwrap_or_default()
    }
}

/// The name that a schema is referred to by, through an array and past `null`.
pub(super) fn reference(schema: &Json) -> Option<&str> {
    schema.get("$ref")?.as_str()
}

/// A list under a key.
pub(super) fn list<'d>(value: &'d Json, key: &str) -> Option<&'d [Json]> {
    value.get(key)?.as_array().map(Vec::as_slice)
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().take(NAMED_MAX).filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What a schema without a type is most likely about.
fn untyped(schema: &Json) -> &'static str {
    let value = schema.get("const").or_else(|| list(schema, "enum")?.first());
    match value {
        Some(Json::String(_)) => "string",
        Some(Json::Number(_)) => "number",
        Some(Json::Bool(_)) => "boolean",
        _ if schema.get("properties").is_some() || schema.get("allOf").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "any value",
    }
}

fn is_null(schema: &Json) -> bool {
    schema.get("type").is_some_and(|name| name == "null")
}

/// A value as it stands in a request, as Markdown code.
fn code(value: &Json) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("`{}`", super::shortened(&text.replace('`', "'")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn named(schema: &Json, expected: &str) {
        let document = json!({ "components": { "schemas": {
            "Word": { "type": "string", "enum": ["a", "b"] },
            "Loop": { "$ref": "#/components/schemas/Loop" },
            "Tree": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } },
        } } });
        assert_eq!(Document(&document).type_name(schema), expected, "{schema}");
    }

    #[test]
    fn types_have_names() {
        named(&json!({ "type": "string" }), "string");
        named(&json!({ "type": "string", "format": "uuid" }), "string, uuid");
        named(&json!({ "type": ["integer", "null"] }), "integer or null");
        named(&json!({ "type": "array", "items": { "type": "object" } }), "array of object");
        named(&json!({ "type": "object", "additionalProperties": { "type": "string" } }), "object of string");
        named(&json!({ "$ref": "#/components/schemas/Word" }), "string");
        named(&json!({ "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Word" }] }), "string or null");
        named(&json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }), "string or integer");
        named(&json!({ "enum": [1, 2] }), "number");
        named(&json!({ "properties": {} }), "object");
    }

    #[test]
    fn strange_schemas_have_names_too() {
        named(&json!({}), "any value");
        named(&json!(true), "any value");
        named(&json!({ "type": 7 }), "any value");
        named(&json!({ "$ref": "#/components/schemas/Loop" }), "any value");
        named(&json!({ "$ref": "https://elsewhere.example/x" }), "any value");
        named(&json!({ "allOf": [], "oneOf": [] }), "object");
        named(&json!({ "$ref": "#/components/schemas/Tree" }), &format!("{}array", "array of ".repeat(HOPS_MAX)));
    }

    #[test]
    fn bounds_are_said_in_words() {
        let bounds = |schema: &Json| Document(&json!({})).bounds(schema).join("; ");
        assert_eq!(
            bounds(&json!({ "minLength": 1, "maxLength": 998, "default": "x" })),
            "At least 1 character; At most 998 characters; Default `x`"
        );
        assert_eq!(
            bounds(&json!({ "minimum": 1, "maximum": 1000, "default": 50 })),
            "From 1; Up to 1000; Default `50`"
        );
        assert_eq!(bounds(&json!({ "enum": ["a", null, "b"] })), "One of `a`, `b`");
        assert_eq!(bounds(&json!({ "default": null, "minimum": null })), "");
    }

    #[test]
    fn fields_of_all_parts_are_there_required_ones_first() {
        let schema = json!({
            "properties": { "a": {}, "b": {} }, "required": ["b"],
            "allOf": [{ "properties": { "c": {} }, "required": ["c"] }, { "$ref": "#" }],
            "oneOf": [{ "properties": { "d": {} }, "required": ["d"] }],
        });
        let document = json!({ "properties": { "e": {}, "a": {} }, "allOf": [{ "$ref": "#" }, { "$ref": "#" }] });
        let fields = Document(&document).fields(&schema);
        let names: Vec<_> = fields.iter().map(|field| (field.name, field.required)).collect();
        assert_eq!(names, [("b", true), ("c", true), ("a", false), ("e", false), ("d", false)]);
    }
}
