//! Header fields: those of a mail, of a MIME part, and the groups of a status report, which look the same.

use super::decode::encoded_words;

/// Most fields that are kept of one header.
const FIELDS_MAX: usize = 1_000;
/// Longest field in bytes, folded lines included; what is beyond is dropped.
const FIELD_BYTES_MAX: usize = 64 * 1024;

/// Fields in order: names in lower case, values unfolded and trimmed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Headers {
    fields: Vec<(String, String)>,
}

impl Headers {
    /// A header that only states a content type, for a body that came without one.
    pub(crate) fn of_content_type(content_type: &str) -> Self {
        Self { fields: vec![("content-type".into(), content_type.into())] }
    }

    /// Reads the header at the beginning of `text` and returns what stands behind its empty line. Lines that are
    /// no fields are skipped; a text that does not begin with a field has no header and is all body.
    pub(crate) fn parse(text: &str) -> (Self, &str) {
        let mut headers = Self::default();
        let start = text.trim_start_matches(['\n', ' ', '\t']);
        let mut rest = start;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            if line.trim().is_empty() {
                return if headers.fields.is_empty() { (headers, start) } else { (headers, after) };
            }
            if !headers.take(line) && headers.fields.is_empty() {
                return (headers, start);
            }
            rest = after;
        }
        (headers, "")
    }

    /// Takes one line; false when it is neither a field, the rest of one, nor the first line of a mailbox file.
    fn take(&mut self, line: &str) -> bool {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = self.fields.last_mut()
                && value.len() + line.len() < FIELD_BYTES_MAX
            {
                value.push(' ');
                value.push_str(line.trim());
            }
            return !self.fields.is_empty();
        }
        match field(line) {
            Some((name, value)) => {
                if self.fields.len() < FIELDS_MAX {
                    let value = crate::text::prefix(value.trim(), FIELD_BYTES_MAX);
                    self.fields.push((name.to_ascii_lowercase(), value.to_owned()));
                }
                true
            }
            None => line.starts_with("From ") || line.starts_with(">From "),
        }
    }

    /// The first field of that name, which must be in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The first field of that name with its encoded words decoded.
    pub(crate) fn decoded(&self, name: &str) -> Option<String> {
        self.get(name).map(encoded_words)
    }

    /// Every field of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Adds the fields of another group behind these, as far as they fit.
    pub(crate) fn append(&mut self, other: Self) {
        let room = FIELDS_MAX.saturating_sub(self.fields.len());
        self.fields.extend(other.fields.into_iter().take(room));
    }

    /// Cuts the fields apart before every field of that name but the first.
    pub(crate) fn split_at_second(&self, name: &str) -> Vec<Self> {
        let mut groups = vec![Self::default()];
        let mut seen = false;
        for field in &self.fields {
            let begins = field.0 == name && std::mem::replace(&mut seen, true);
            if begins {
                groups.push(Self::default());
            }
            groups.last_mut().expect("there is one from the start").fields.push(field.clone());
        }
        groups
    }
}

/// A field name is printable ASCII without blanks (RFC 5322 section 3.6.8); a blank before the colon is a common
/// mistake.
pub(crate) fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let printable = !name.is_empty() && name.len() <= 76 && name.bytes().all(|byte| byte.is_ascii_graphic());
    printable.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_at_the_first_empty_line() {
        let (headers, body) = Headers::parse("From root Mon\nSubject: a\n\tb\nbroken line\nTO : c\n\nbody\n");
        assert_eq!((headers.get("subject"), headers.get("to"), body), (Some("a b"), Some("c"), "body\n"));
    }

    #[test]
    fn a_text_without_a_header_is_all_body() {
        assert_eq!(Headers::parse("Hello there\nTo: x\n").1, "Hello there\nTo: x\n");
        assert_eq!(Headers::parse(" folded first\nTo: x\n\nbody").1, "folded first\nTo: x\n\nbody");
        assert_eq!(Headers::parse(""), (Headers::default(), ""));
    }

    #[test]
    fn a_header_has_bounds() {
        let (headers, _) = Headers::parse(&"X: y\n".repeat(FIELDS_MAX + 1));
        assert_eq!(headers.all("x").count(), FIELDS_MAX);
        let (headers, _) = Headers::parse(&format!("X: {}\n {}\n", "a".repeat(FIELD_BYTES_MAX - 4), "b"));
        assert_eq!(headers.get("x").map(str::len), Some(FIELD_BYTES_MAX - 2));
        let (headers, _) = Headers::parse(&format!("X: {}\n {}\n", "a".repeat(FIELD_BYTES_MAX), "b"));
        assert_eq!(headers.get("x").map(str::len), Some(FIELD_BYTES_MAX));
    }
}
