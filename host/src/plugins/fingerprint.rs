//! The digest of an input, by which two calls can be told to have had the same.

use std::fmt;

use ring::digest::{Context, SHA256};

use super::normalizer::Request;
use super::scorer::{Mailbox, Message};
use crate::hash::{hex, sha256};

/// SHA-256 over every part of an input, each with its length, so that no two inputs look alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of plain bytes.
    pub fn of_bytes(bytes: &[u8]) -> Fingerprint {
        Fingerprint(sha256(bytes))
    }

    /// Of what a scorer is handed.
    pub fn of_message(message: &Message) -> Fingerprint {
        let mut parts = Parts::new();
        parts.many(message.from.as_slice(), Parts::mailbox);
        parts.many(message.reply_to.as_slice(), Parts::mailbox);
        parts.many(&message.to, Parts::mailbox);
        for text in [&message.subject, &message.html, &message.text] {
            parts.many(text.as_slice(), |parts, text| parts.bytes(text.as_bytes()));
        }
        parts.many(&message.headers, Parts::pair);
        parts.many(&message.attachments, |parts, file| {
            parts.bytes(file.filename.as_bytes());
            parts.bytes(file.content_type.as_bytes());
            parts.number(file.size);
            parts.bytes(&file.head);
            parts.number(u64::from(file.inline));
            parts.many(&file.attributes, Parts::pair);
        });
        parts.many(&message.attributes, Parts::pair);
        parts.end()
    }

    /// Of what a normalizer is handed, but for the time at which it came.
    pub fn of_request(request: &Request) -> Fingerprint {
        let mut parts = Parts::new();
        parts.bytes(request.content_type.as_bytes());
        parts.many(&request.headers, Parts::pair);
        parts.bytes(&request.body);
        parts.many(&request.attributes, Parts::pair);
        parts.end()
    }

    /// A number that spreads evenly, for choosing a part of the inputs.
    pub(super) fn number(&self) -> u64 {
        u64::from_be_bytes(self.0[..8].try_into().expect("8 of 32 bytes"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

struct Parts(Context);

impl Parts {
    fn new() -> Parts {
        Parts(Context::new(&SHA256))
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn many<T>(&mut self, many: &[T], each: impl Fn(&mut Parts, &T)) {
        self.number(many.len() as u64);
        for one in many {
            each(self, one);
        }
    }

    fn pair(&mut self, (name, value): &(String, String)) {
        self.bytes(name.as_bytes());
        self.bytes(value.as_bytes());
    }

    fn mailbox(&mut self, mailbox: &Mailbox) {
        self.bytes(mailbox.name.as_bytes());
        self.bytes(mailbox.email.as_bytes());
    }

    fn end(self) -> Fingerprint {
        Fingerprint(self.0.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: Option<&str>, text: Option<&str>) -> Message {
        Message { subject: subject.map(str::to_owned), text: text.map(str::to_owned), ..Message::default() }
    }

    #[test]
    fn what_moves_from_one_part_to_another_is_another_input() {
        let of = |subject, text| Fingerprint::of_message(&message(subject, text));
        assert_eq!(of(Some("ab"), None), of(Some("ab"), None));
        let others = [of(Some("a"), Some("b")), of(None, Some("ab")), of(Some("ab"), Some("")), of(Some("AB"), None)];
        assert!(others.iter().all(|other| *other != of(Some("ab"), None)));
    }

    #[test]
    fn when_a_request_came_is_no_part_of_it() {
        let request = |received_at, body: &[u8]| Request {
            content_type: "application/json".into(),
            headers: Vec::new(),
            body: body.to_vec(),
            received_at,
            attributes: Vec::new(),
        };
        let of = |received_at, body: &[u8]| Fingerprint::of_request(&request(received_at, body));
        assert_eq!(of(1, b"{}"), of(2, b"{}"));
        assert_ne!(of(1, b"{}"), of(1, b"[]"));
    }
}
