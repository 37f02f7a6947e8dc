//! Forms with a MIME part for each field (RFC 7578).

use super::charset;
use super::header::Headers;
use super::mime::{boundary, sections};

/// Names and values of a form, at most `fields_max`. Files are values like others. Without a boundary in the content
/// type, the first line is it.
pub(crate) fn multipart_form(content_type: &str, body: &[u8], fields_max: usize) -> Vec<(String, String)> {
    let text = charset::decode(body);
    let first_line = || text.trim_start().lines().next()?.strip_prefix("--").map(|line| line.trim().to_owned());
    let Some(boundary) = boundary(content_type).or_else(first_line).filter(|boundary| !boundary.is_empty()) else {
        return Vec::new();
    };
    let fields = sections(&text, &boundary).into_iter().filter_map(|section| {
        let (headers, value) = Headers::parse(section);
        let name = parameter(headers.get("content-disposition")?, "name")?;
        Some((name, value.strip_suffix('\n').unwrap_or(value).to_owned()))
    });
    fields.take(fields_max).collect()
}

/// A parameter of a Content-Disposition, in quotation marks or without.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut parameters = value.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_form_is_found() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\nbounced\r\n--b\r\n\
            Content-Disposition: form-data; name=mime; filename=\"m.eml\"\r\nContent-Type: message/rfc822\r\n\r\nTo: \
            a\r\n\r\nb\r\n--b--\r\n";
        let expected = [("event".to_owned(), "bounced".to_owned()), ("mime".to_owned(), "To: a\n\nb".to_owned())];
        assert_eq!(multipart_form("multipart/form-data; boundary=b", body, 10), expected);
        assert_eq!(multipart_form("multipart/form-data", body, 10), expected);
        assert_eq!(multipart_form("multipart/form-data", body, 1), expected[..1]);
        assert_eq!(multipart_form("multipart/form-data", b"", 10), []);
    }
}
