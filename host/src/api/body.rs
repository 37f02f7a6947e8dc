//! JSON of a request's body, read into the types of the reference.

use serde::Deserialize;

use crate::error::{Detail, Error, Result};

/// Reads the object that a body is. A wrong type is named by its place.
pub(crate) fn json<'body, T: Deserialize<'body>>(body: &'body [u8]) -> Result<T> {
    object(body, "The body")
}

/// Reads an object of a body; `name` is what a message calls it.
pub(crate) fn object<'body, T: Deserialize<'body>>(body: &'body [u8], name: &str) -> Result<T> {
    // Serde would take a list as the fields of a record in their order, which nobody means.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Error::invalid_at("", format!("{name} must be a JSON object")));
    }
    let mut text = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        let pointer = pointer(error.path());
        let wrong = error.into_inner();
        if wrong.is_data() {
            // The position that serde_json adds is of no use where the pointer says it.
            let text = wrong.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
            let summary = if pointer.is_empty() { message.clone() } else { format!("{pointer}: {message}") };
            return Error::Invalid(summary, vec![Detail { pointer, message }]);
        }
        Error::Malformed { code: "invalid_json", message: format!("{name} is not JSON: {wrong}"), details: Vec::new() }
    })?;
    text.end().map_err(|error| Error::Malformed {
        code: "invalid_json",
        message: format!("{name} goes on after its JSON value: {error}"),
        details: Vec::new(),
    })?;
    Ok(value)
}

/// A JSON pointer (RFC 6901) from serde's path.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let segment = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&segment);
    }
    pointer
}
