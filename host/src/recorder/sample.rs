//! Which messages are recorded: a hash of the message decides, so that neither the clock nor chance has a part in it.
//!
//! The hash is keyed, so that a sender cannot make messages that are never, or always, recorded. The same message is
//! therefore always recorded or never.

use ring::hmac;

use crate::plugins::scorer::Message;

/// Of a long text the hash sees so much of its beginning and of its end. Messages that differ only in between, and
/// not in length, share their fate.
const PIECE_BYTES: usize = 1_024;

pub(super) struct Sampler {
    percent: u64,
    key: hmac::Key,
}

impl Sampler {
    pub(super) fn new(percent: u64, key: &[u8; 32]) -> Self {
        Self { percent, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    pub(super) fn takes(&self, message: &Message) -> bool {
        match self.percent {
            0 => false,
            100.. => true,
            percent => self.hash(message) % 100 < percent,
        }
    }

    fn hash(&self, message: &Message) -> u64 {
        let mut hash = hmac::Context::with_key(&self.key);
        each_text(message, |text| {
            hash.update(&(text.len() as u64).to_be_bytes());
            let (head, rest) = text.split_at(text.len().min(PIECE_BYTES));
            hash.update(head);
            hash.update(&rest[rest.len().saturating_sub(PIECE_BYTES)..]);
        });
        let tag = hash.sign();
        let first = tag.as_ref().first_chunk().expect("HMAC-SHA256 has 32 bytes");
        u64::from_be_bytes(*first)
    }
}

/// Bytes of a message, about as many as it has as JSON.
pub(super) fn size(message: &Message) -> usize {
    let mut bytes = 0;
    each_text(message, |text| bytes += text.len());
    bytes
}

fn each_text(message: &Message, mut see: impl FnMut(&[u8])) {
    for mailbox in message.from.iter().chain(&message.reply_to).chain(&message.to) {
        see(mailbox.name.as_bytes());
        see(mailbox.email.as_bytes());
    }
    for part in [&message.subject, &message.html, &message.text].into_iter().flatten() {
        see(part.as_bytes());
    }
    for (name, value) in message.headers.iter().chain(&message.attributes) {
        see(name.as_bytes());
        see(value.as_bytes());
    }
    for file in &message.attachments {
        see(file.filename.as_bytes());
        see(file.content_type.as_bytes());
        see(&file.head);
    }
}

#[cfg(test)]
mod tests {
    use super::super::redact::tests::message;
    use super::*;

    fn taken(percent: u64, key: u8) -> Vec<bool> {
        let sampler = Sampler::new(percent, &[key; 32]);
        let with = |number: u32| Message { subject: Some(format!("Offer {number}")), ..message() };
        (0..10_000).map(|number| sampler.takes(&with(number))).collect()
    }

    #[test]
    fn about_so_many_of_a_hundred_are_taken_and_the_same_each_time() {
        for (percent, range) in [(1, 60..150), (50, 4_800..5_200)] {
            let first = taken(percent, 1);
            let count = first.iter().filter(|taken| **taken).count();
            assert!(range.contains(&count), "{percent} %: {count}");
            assert_eq!(first, taken(percent, 1));
            assert_ne!(first, taken(percent, 2), "another host takes others");
        }
        assert!(taken(0, 1).iter().all(|taken| !taken));
        assert!(taken(100, 1).iter().all(|taken| *taken));
    }

    #[test]
    fn where_one_text_ends_and_the_next_begins_makes_a_difference() {
        let sampler = Sampler::new(1, &[1; 32]);
        let of = |subject: &str, text: &str| {
            sampler.hash(&Message { subject: Some(subject.into()), text: Some(text.into()), html: None, ..message() })
        };
        assert_ne!(of("ab", "c"), of("a", "bc"));
        let long = |end: &str| format!("{}{end}", "x".repeat(5_000));
        assert_ne!(of("a", &long("1")), of("a", &long("2")));
    }
}
