//! The fields of a posted form, whichever way a browser sends it. A file's bytes stay as they came.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use mail_parser::{MessageParser, MimeHeaders};
use memchr::memmem;

use crate::error::{Error, Result};
use crate::request::media_type;

/// Fields of a form.
const FIELDS_MAX: usize = 16;
/// Bytes of what stands before the content of one field.
const FIELD_HEAD_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a boundary. RFC 2046 section 5.1.1 allows 70.
const BOUNDARY_BYTES_MAX: usize = 70;
/// Why a form is refused.
const MALFORMED: &str = "The form cannot be read; it is sent as multipart/form-data";

/// Whether the body is a form with parts.
pub(super) fn is_multipart(headers: &HeaderMap) -> bool {
    media_type(headers) == "multipart/form-data"
}

/// The names and contents of a form's fields: RFC 7578, or as in the query of an address.
pub(super) fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let malformed = || Error::invalid(MALFORMED);
    if !is_multipart(headers) {
        let pairs = form_urlencoded::parse(body).take(FIELDS_MAX);
        return Ok(pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into_bytes())).collect());
    }
    let content_type = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    parts(&boundary(content_type).ok_or_else(malformed)?, body).ok_or_else(malformed)
}

fn boundary(content_type: &[u8]) -> Option<String> {
    let content_type = content_type.get(..content_type.len().min(FIELD_HEAD_BYTES_MAX))?;
    let head = [b"Content-Type: ", content_type, b"\r\n\r\n"].concat();
    let parsed = MessageParser::new().parse_headers(&head)?;
    let boundary = parsed.content_type()?.attribute("boundary")?;
    (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()).then(|| boundary.to_owned())
}

/// `None` for what does not begin and end as its boundary says, or has more fields than a form has.
fn parts(boundary: &str, body: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let delimiter = format!("\r\n--{boundary}");
    let delimiter = memmem::Finder::new(delimiter.as_bytes());
    let mut rest = body.strip_prefix(&delimiter.needle()[2..])?;
    let mut fields = Vec::new();
    while !rest.starts_with(b"--") {
        if fields.len() == FIELDS_MAX {
            return None;
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let end = delimiter.find(part)?;
        let head_end = memmem::find(&part[..end.min(FIELD_HEAD_BYTES_MAX)], b"\r\n\r\n")? + 4;
        fields.push((name(&part[..head_end])?, part[head_end..end].to_vec()));
        rest = &part[end + delimiter.needle().len()..];
    }
    Some(fields)
}

/// What the disposition of a part says.
fn name(head: &[u8]) -> Option<String> {
    MessageParser::new().parse_headers(head)?.content_disposition()?.attribute("name").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(content_type: &'static str, body: &[u8]) -> Option<Vec<(String, String)>> {
        let headers = std::iter::once((CONTENT_TYPE, HeaderValue::from_static(content_type))).collect();
        let fields = fields(&headers, body).ok()?;
        Some(fields.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect())
    }

    fn part(name: &str, content: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    }

    #[track_caller]
    fn has(body: &str, fields: &[(&str, &str)]) {
        let read = read("multipart/form-data; boundary=b", body.as_bytes()).expect("it is a form");
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, fields);
    }

    #[test]
    fn a_form_is_read_however_it_is_sent() {
        let plain = read("application/x-www-form-urlencoded", b"a=1+2&b=%C3%A9").expect("it is a form");
        assert_eq!(plain, [("a".into(), "1 2".into()), ("b".into(), "é".into())]);
        has("--b--", &[]);
        has(&(part("a", "1\r\n2") + &part("b", "") + "--b--\r\n"), &[("a", "1\r\n2"), ("b", "")]);
        // A message in a file may have parts of its own, and says what it is.
        let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.eml\"\r\n\
                    Content-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n";
        has(
            &format!("{file}\r\n--b--\r\n"),
            &[("file", "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n")],
        );
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for body in [
            "",
            "x",
            "--b",
            "--b\r\n",
            "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx",
            "--b\r\n\r\nx\r\n--b--",
        ] {
            assert_eq!(read("multipart/form-data; boundary=b", body.as_bytes()), None, "{body:?}");
        }
        for content_type in ["multipart/form-data", "multipart/form-data; boundary=\"\""] {
            assert_eq!(read(content_type, b"--b--"), None, "{content_type}");
        }
        let nameless = "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--";
        assert_eq!(read("multipart/form-data; boundary=b", nameless.as_bytes()), None);
    }

    #[test]
    fn fields_and_heads_have_bounds() {
        let of =
            |count: usize| read("multipart/form-data; boundary=b", (part("a", "x").repeat(count) + "--b--").as_bytes());
        assert_eq!(of(FIELDS_MAX).map(|fields| fields.len()), Some(FIELDS_MAX), "just inside");
        assert_eq!(of(FIELDS_MAX + 1), None, "just outside");
        let padded = |bytes: usize| {
            let head = "\r\nContent-Disposition: form-data; name=\"a\"\r\nX: ";
            let padding = "y".repeat(bytes - (head.len() - 2) - 4);
            read("multipart/form-data; boundary=b", format!("--b{head}{padding}\r\n\r\nx\r\n--b--").as_bytes())
        };
        assert!(padded(FIELD_HEAD_BYTES_MAX).is_some() && padded(FIELD_HEAD_BYTES_MAX + 1).is_none());
        let bounded =
            |bytes: usize| boundary(format!("multipart/form-data; boundary={}", "b".repeat(bytes)).as_bytes());
        assert!(bounded(BOUNDARY_BYTES_MAX).is_some() && bounded(BOUNDARY_BYTES_MAX + 1).is_none());
    }
}
