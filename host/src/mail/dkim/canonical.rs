//! The `relaxed` canonicalization of headers and bodies (RFC 6376 section 3.4).
//!
//! mail-auth 0.13 has one, but it counts lines of nothing but spaces at the end of a body as content, and a verifier
//! that follows section 3.4.4 then finds another hash.

use ring::digest::{Context, Digest, SHA256};

pub(super) const CRLF: &[u8] = b"\r\n";

/// A header field as it stands in the message, folded or not.
#[derive(Clone, Copy)]
pub(super) struct Field<'m> {
    name: &'m [u8],
    value: &'m [u8],
}

impl<'m> Field<'m> {
    /// A field without a colon has a name alone.
    pub(super) fn of(text: &'m [u8]) -> Self {
        let colon = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
        let (name, value) = text.split_at(colon);
        Self { name: trimmed_end(name), value: value.get(1..).unwrap_or_default() }
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Lower-case name, colon, the value on one line with single spaces, CRLF (section 3.4.2).
    pub(super) fn write_relaxed(&self, out: &mut Vec<u8>) {
        out.extend(self.name.iter().map(u8::to_ascii_lowercase));
        out.push(b':');
        let between = |byte: &u8| is_space(*byte) || CRLF.contains(byte);
        let mut words = self.value.split(between).filter(|word| !word.is_empty());
        if let Some(first) = words.next() {
            out.extend(first);
        }
        for word in words {
            out.push(b' ');
            out.extend(word);
        }
        out.extend(CRLF);
    }
}

/// The header fields of a message, in order, and its body.
pub(super) fn split(message: &[u8]) -> (Vec<Field<'_>>, &[u8]) {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() && !rest.starts_with(CRLF) {
        let (field, after) = rest.split_at(field_bytes(rest));
        fields.push(Field::of(field));
        rest = after;
    }
    (fields, rest.get(CRLF.len()..).unwrap_or_default())
}

/// A field ends at the first line end that no space follows.
fn field_bytes(text: &[u8]) -> usize {
    let mut from = 0;
    while let Some(line) = line_bytes(&text[from..]) {
        from += line + CRLF.len();
        if !text.get(from).is_some_and(|next| is_space(*next)) {
            return from;
        }
    }
    text.len()
}

/// SHA-256 of the body without spaces at the ends of lines, with single spaces inside of them, and without empty lines
/// at its end (section 3.4.4). Nothing of it is kept, so a large body costs no memory.
pub(super) fn relaxed_body_hash(body: &[u8]) -> Digest {
    let mut hash = Context::new(&SHA256);
    let mut empty_lines = 0;
    let mut rest = body;
    while !rest.is_empty() {
        let bytes = line_bytes(rest).unwrap_or(rest.len());
        let line = trimmed_end(&rest[..bytes]);
        rest = rest.get(bytes + CRLF.len()..).unwrap_or_default();
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            hash.update(CRLF);
        }
        update_with_single_spaces(&mut hash, line);
        hash.update(CRLF);
    }
    hash.finish()
}

/// The line does not end in a space.
fn update_with_single_spaces(hash: &mut Context, line: &[u8]) {
    let mut rest = line;
    // Single spaces stay, so that most lines go through in one piece.
    let changes = |pair: &[u8]| pair[0] == b'\t' || (pair[0] == b' ' && is_space(pair[1]));
    while let Some(at) = rest.windows(2).position(changes) {
        hash.update(&rest[..at]);
        hash.update(b" ");
        let spaces = rest[at..].iter().take_while(|byte| is_space(**byte)).count();
        rest = &rest[at + spaces..];
    }
    hash.update(rest);
}

/// How long the first line is, without its CRLF; `None` where no line ends.
fn line_bytes(text: &[u8]) -> Option<usize> {
    text.windows(CRLF.len()).position(|pair| pair == CRLF)
}

fn trimmed_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    &text[..end]
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
