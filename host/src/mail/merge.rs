//! Mail merge: `{{name}}` in a template becomes the value that a recipient has under that name.
//!
//! There is nothing else: no conditions, no loops, no lookups. What looks like a placeholder but is none, such as
//! `{{#each}}` or a brace in a style sheet, stays as it was written.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde_json::{Map, Value};

/// The longest name of a placeholder.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest text that merging makes, so that a large value repeated often cannot fill the memory.
pub const OUTPUT_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Spaces on each side between braces and name.
const SPACES_MAX: usize = 16;

/// What a value must not be able to do where it is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Become markup: `& < > " '` turn into character references.
    Html,
    /// Nothing; it is plain text.
    Plain,
    /// Begin a line: for the subject. A value with a line break or another control character is an error.
    Line,
}

/// Puts values in the place of their names. Text, numbers and booleans are written as they are, `null` as nothing.
/// The template's own text is never changed, and values are not looked at for further placeholders.
pub fn merge(template: &str, vars: &Map<String, Value>, escape: Escape) -> Result<String, MergeError> {
    let mut merged = String::with_capacity(template.len());
    let mut written = 0;
    for Placeholder { name, start, end } in placeholders(template) {
        append(&mut merged, &template[written..start])?;
        let value = vars.get(name).ok_or_else(|| MergeError::Unknown { name: name.to_owned(), offset: start })?;
        let text = as_text(value).ok_or_else(|| MergeError::NotText { name: name.to_owned(), offset: start })?;
        append_value(&mut merged, name, &text, escape)?;
        written = end;
    }
    append(&mut merged, &template[written..])?;
    Ok(merged)
}

/// Whether there is anything to merge.
pub fn has_placeholders(template: &str) -> bool {
    placeholders(template).next().is_some()
}

struct Placeholder<'a> {
    name: &'a str,
    start: usize,
    end: usize,
}

/// Every placeholder in order. Each `{{` is looked at once and not beyond the longest possible placeholder, so a
/// text of nothing but braces takes linear time.
fn placeholders(template: &str) -> impl Iterator<Item = Placeholder<'_>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(found) = template[from..].find("{{") {
            let start = from + found;
            if let Some((name, length)) = name_within(&template[start + 2..]) {
                from = start + 2 + length;
                return Some(Placeholder { name, start, end: from });
            }
            // `{{{name}}` is a brace and a placeholder.
            from = start + 1;
        }
        None
    })
}

/// Reads `name}}` with spaces around the name: the name, and how long it all is.
fn name_within(text: &str) -> Option<(&str, usize)> {
    let spaces = |text: &str| text.bytes().take(SPACES_MAX + 1).take_while(|&byte| byte == b' ').count();
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let start = spaces(text);
    let name_bytes = text[start..].bytes().take(NAME_BYTES_MAX + 1).take_while(in_name).count();
    let end = start + name_bytes;
    let after = spaces(&text[end..]);
    let fits = (1..=NAME_BYTES_MAX).contains(&name_bytes) && start <= SPACES_MAX && after <= SPACES_MAX;
    (fits && text[end + after..].starts_with("}}")).then(|| (&text[start..end], end + after + 2))
}

fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => Some(Cow::Borrowed("")),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn append_value(merged: &mut String, name: &str, text: &str, escape: Escape) -> Result<(), MergeError> {
    match escape {
        Escape::Line if text.chars().any(char::is_control) => Err(MergeError::LineBreak { name: name.to_owned() }),
        Escape::Plain | Escape::Line => append(merged, text),
        Escape::Html => {
            let mut written = 0;
            for (at, character) in text.match_indices(['&', '<', '>', '"', '\'']) {
                append(merged, &text[written..at])?;
                append(merged, reference(character))?;
                written = at + 1;
            }
            append(merged, &text[written..])
        }
    }
}

fn reference(character: &str) -> &'static str {
    match character {
        "&" => "&amp;",
        "<" => "&lt;",
        ">" => "&gt;",
        "\"" => "&quot;",
        _ => "&#39;",
    }
}

fn append(merged: &mut String, text: &str) -> Result<(), MergeError> {
    if merged.len() + text.len() > OUTPUT_BYTES_MAX {
        return Err(MergeError::TooLong);
    }
    merged.push_str(text);
    Ok(())
}

/// Why a template could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeError {
    /// No value has this name.
    Unknown {
        /// As it stands between the braces.
        name: String,
        /// Where its braces begin, in bytes of the template.
        offset: usize,
    },
    /// The value is an object or a list.
    NotText {
        /// As it stands between the braces.
        name: String,
        /// Where its braces begin, in bytes of the template.
        offset: usize,
    },
    /// A value for the subject that is more than a line.
    LineBreak {
        /// The name of the value.
        name: String,
    },
    /// More than [`OUTPUT_BYTES_MAX`].
    TooLong,
}

impl Error for MergeError {}

impl fmt::Display for MergeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, offset } => {
                write!(
                    out,
                    "vars has no value named \"{name}\", which stands at byte {offset}; add it, null for nothing"
                )
            }
            Self::NotText { name, offset } => write!(
                out,
                "the value named \"{name}\", which stands at byte {offset}, is an object or a list; give text, a number, a boolean or null"
            ),
            Self::LineBreak { name } => write!(
                out,
                "the value named \"{name}\" has a line break or another control character, and the subject is a single line"
            ),
            Self::TooLong => write!(out, "the merged text is longer than {OUTPUT_BYTES_MAX} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn vars(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    fn ada() -> Map<String, Value> {
        vars(
            &json!({"name": "Ada", "n": 3, "yes": true, "none": null, "a.b-c_d": "deep", "list": [1], "html": "<b>&\"'"}),
        )
    }

    #[track_caller]
    fn becomes(template: &str, expected: &str) {
        assert_eq!(merge(template, &ada(), Escape::Plain).as_deref(), Ok(expected));
    }

    #[test]
    fn a_name_becomes_its_value() {
        becomes("Dear {{name}},", "Dear Ada,");
        becomes("{{ name }}{{n}}{{  yes}}[{{none}}]{{a.b-c_d}}", "Ada3true[]deep");
        becomes("{{{name}}}", "{Ada}");
        becomes("{{html}}", "<b>&\"'");
        becomes("Grüße, {{name}}! 日本", "Grüße, Ada! 日本");
    }

    #[test]
    fn what_is_no_placeholder_stays() {
        for text in [
            "{{",
            "}}",
            "{{}}",
            "{{ }}",
            "{{#if name}}",
            "{{na me}}",
            "{{name}",
            "{ {name}}",
            "{{naïve}}",
            "{{\nname}}",
        ] {
            becomes(text, text);
            assert!(!has_placeholders(text), "{text}");
        }
        assert!(has_placeholders("x{{unknown}}"));
    }

    #[test]
    fn values_are_not_templates() {
        let vars = vars(&json!({"a": "{{b}}", "b": "x"}));
        assert_eq!(merge("{{a}}", &vars, Escape::Plain).as_deref(), Ok("{{b}}"));
    }

    #[test]
    fn a_value_cannot_become_markup() {
        let merged = merge("<p title='{{html}}'>{{html}}</p>", &ada(), Escape::Html);
        assert_eq!(merged.as_deref(), Ok("<p title='&lt;b&gt;&amp;&quot;&#39;'>&lt;b&gt;&amp;&quot;&#39;</p>"));
    }

    #[test]
    fn a_value_cannot_begin_a_new_line_of_the_header() {
        for value in ["a\r\nBcc: eve@example.com", "a\nb", "a\0"] {
            let vars = vars(&json!({"name": value}));
            let refused = Err(MergeError::LineBreak { name: "name".into() });
            assert_eq!(merge("Hi {{name}}", &vars, Escape::Line), refused);
            assert!(merge("Hi {{name}}", &vars, Escape::Plain).is_ok());
        }
        assert_eq!(merge("Hi {{html}}", &ada(), Escape::Line).as_deref(), Ok("Hi <b>&\"'"));
    }

    #[test]
    fn an_error_names_the_placeholder_and_its_place() {
        let wrong = |template| merge(template, &ada(), Escape::Plain).expect_err(template).to_string();
        assert_eq!(
            wrong("ü {{nam}}"),
            "vars has no value named \"nam\", which stands at byte 3; add it, null for nothing"
        );
        assert_eq!(
            wrong("{{list}}"),
            "the value named \"list\", which stands at byte 0, is an object or a list; give text, a number, a boolean or null"
        );
    }

    #[test]
    fn names_have_a_longest() {
        let name = |bytes: usize| format!("{{{{{}}}}}", "n".repeat(bytes));
        assert!(has_placeholders(&name(NAME_BYTES_MAX)));
        assert!(!has_placeholders(&name(NAME_BYTES_MAX + 1)));
    }

    #[test]
    fn repetition_cannot_grow_without_end() {
        let vars = vars(&json!({"x": "a".repeat(OUTPUT_BYTES_MAX / 4), "amp": "&".repeat(OUTPUT_BYTES_MAX / 5)}));
        let merged = merge("{{x}}{{x}}{{x}}{{x}}", &vars, Escape::Plain);
        assert_eq!(merged.map(|text| text.len()), Ok(OUTPUT_BYTES_MAX));
        assert_eq!(merge("{{x}}{{x}}{{x}}{{x}}!", &vars, Escape::Plain), Err(MergeError::TooLong));
        assert!(merge("{{amp}}", &vars, Escape::Html).is_ok());
        assert_eq!(merge("{{amp}}{{amp}}", &vars, Escape::Html), Err(MergeError::TooLong));
    }

    proptest! {
        #[test]
        fn without_placeholders_nothing_changes(text in "[{} a\n]{0,40}|\\PC{0,40}") {
            prop_assume!(!has_placeholders(&text));
            prop_assert_eq!(merge(&text, &Map::new(), Escape::Html), Ok(text));
        }

        #[test]
        fn no_value_can_leave_an_attribute_or_a_text(value in ".{0,40}") {
            let vars = vars(&json!({"v": value}));
            let merged = merge("{{v}}", &vars, Escape::Html).unwrap();
            prop_assert!(!merged.contains(['<', '>', '"', '\'']));
        }
    }
}
