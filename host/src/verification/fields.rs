//! The fields of a form, however it was sent.

use http::header::CONTENT_TYPE;
use mail_parser::{MessageParser, MimeHeaders, PartType};

use super::Asked;
use crate::request::media_type;

/// Fields that a form may have.
const FIELDS_MAX: usize = 1_000;

/// The fields, in order; `None` for what is no form, or one with more fields than a form has.
pub(super) fn form(asked: &Asked<'_>) -> Option<Vec<(String, String)>> {
    let fields: Vec<_> = match media_type(asked.headers).as_str() {
        "application/x-www-form-urlencoded" => {
            let pairs = form_urlencoded::parse(asked.body).take(FIELDS_MAX + 1);
            pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        }
        "multipart/form-data" => multipart(asked)?,
        _ => return None,
    };
    (fields.len() <= FIELDS_MAX).then_some(fields)
}

/// RFC 7578: the parts of a form are those of a mail, and each is called what its disposition says.
fn multipart(asked: &Asked<'_>) -> Option<Vec<(String, String)>> {
    let content_type = asked.headers.get(CONTENT_TYPE)?.as_bytes();
    let mail = [b"Content-Type: ", content_type, b"\r\n\r\n", asked.body].concat();
    let parsed = MessageParser::new().parse(&mail)?;
    let fields = parsed.parts.iter().filter_map(|part| {
        let name = part.content_disposition()?.attribute("name")?.to_owned();
        let (PartType::Text(text) | PartType::Html(text)) = &part.body else { return None };
        Some((name, text.to_string()))
    });
    Some(fields.take(FIELDS_MAX + 1).collect())
}

/// A field of this name. Of several, forms mean the last.
pub(super) fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
