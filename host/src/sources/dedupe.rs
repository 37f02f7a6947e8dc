//! What repetitions of a notification are known by, where a source says so itself.

use std::fmt;
use std::str::FromStr;

use http::HeaderMap;

use crate::hash::{hex, sha256};
use crate::verification::check_header;

/// Characters of the word for it.
const CHARS_MAX: usize = 256;

/// Where the key stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dedupe {
    /// The body itself.
    Body,
    /// This header.
    Header(String),
    /// This place of a body that is JSON (RFC 6901).
    Json(String),
}

impl FromStr for Dedupe {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let wrong = || format!("`{word}` is not `body`, `header:NAME` or `json:/POINTER`");
        if word.len() > CHARS_MAX {
            return Err(wrong());
        }
        match word.split_once(':') {
            None if word == "body" => Ok(Self::Body),
            Some(("header", name)) => check_header(name).map(|()| Self::Header(name.to_owned())),
            Some(("json", pointer)) if pointer.starts_with('/') => Ok(Self::Json(pointer.to_owned())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Dedupe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Json(pointer) => write!(f, "json:{pointer}"),
        }
    }
}

impl Dedupe {
    /// The key of a notification; `None` where it has none.
    pub(super) fn key(&self, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        match self {
            Self::Body => Some(hex(&sha256(body))),
            Self::Header(name) => headers.get(name)?.to_str().ok().map(str::to_owned),
            Self::Json(pointer) => {
                let body: serde_json::Value = serde_json::from_slice(body).ok()?;
                match body.pointer(pointer)? {
                    serde_json::Value::Null => None,
                    serde_json::Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_where_the_word_for_it_says() {
        let mut headers = HeaderMap::new();
        headers.insert("x-batch", "7".parse().expect("it is a value"));
        let body = br#"{"a": {"b": "8", "c": 9, "d": null}}"#;
        let key = |word: &str| word.parse::<Dedupe>().expect("it is known").key(&headers, body);
        assert_eq!(key("header:X-Batch").as_deref(), Some("7"));
        assert_eq!((key("json:/a/b").as_deref(), key("json:/a/c").as_deref()), (Some("8"), Some("9")));
        assert_eq!((key("json:/a/d"), key("json:/x"), key("header:x-other")), (None, None, None));
        assert_eq!(key("body"), Some(hex(&sha256(body))));
        for wrong in ["", "bodies", "header:", "header:a b", "json:", "json:a", "query:x"] {
            assert!(wrong.parse::<Dedupe>().is_err(), "{wrong}");
        }
        let longest = format!("json:/{}", "x".repeat(CHARS_MAX - 6));
        assert!(longest.parse::<Dedupe>().is_ok() && format!("{longest}x").parse::<Dedupe>().is_err());
    }
}
