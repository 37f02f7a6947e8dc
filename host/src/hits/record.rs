//! An open or a click as the journal has it.
//!
//! ```text
//! version 1 · kind 1 ('o', 'c') · signs 1 (1: HEAD before it, 2: canary) · event id 16 · email id 16 · at 8 · link 4 · ip 1 (0, 4, 6) and 0, 4 or 16 ·
//! user agent 2 and its bytes (65,535: there was none) · destination 2 and its bytes
//! ```
//!
//! Numbers are little-endian. A later version adds another version number; it never changes the meaning of this one.

use std::borrow::Cow;
use std::net::IpAddr;

use uuid::Uuid;

use crate::journal::PAYLOAD_BYTES_MAX;
use crate::mail::event::EventType;
use crate::mail::token::DESTINATION_BYTES_MAX;

/// What is kept of a user agent, in bytes.
pub(super) const USER_AGENT_BYTES_MAX: usize = 512;

const VERSION: u8 = 1;
const FIXED_BYTES: usize = 3 + 16 + 16 + 8 + 4 + 1 + 16 + 2 + 2;
const HEAD_BEFORE: u8 = 1;
const CANARY: u8 = 2;
const NO_USER_AGENT: u16 = u16::MAX;
const _: () = assert!(FIXED_BYTES + USER_AGENT_BYTES_MAX + DESTINATION_BYTES_MAX <= PAYLOAD_BYTES_MAX);

/// What is kept of an open or a click.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HitRecord<'a> {
    /// The id of its event.
    pub(crate) id: Uuid,
    /// The email from the link's token.
    pub(crate) email_id: Uuid,
    /// `opened` or `clicked`.
    pub(crate) event_type: EventType,
    /// When, in milliseconds.
    pub(crate) at: i64,
    /// Whether a HEAD for the same came from there just before.
    pub(crate) head_before: bool,
    /// Whether its link is the one that no person sees.
    pub(crate) canary: bool,
    /// From where.
    pub(crate) peer: Option<IpAddr>,
    /// The client's word for itself; what is too long is cut.
    pub(crate) user_agent: Option<Cow<'a, str>>,
    /// Which link of the email.
    pub(crate) link: u32,
    /// Where the link leads; `None` for an open.
    pub(crate) destination: Option<Cow<'a, str>>,
}

impl HitRecord<'_> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let user_agent = self.user_agent.as_deref().map(cut);
        let destination = self.destination.as_deref().unwrap_or_default();
        let texts = user_agent.map_or(0, str::len) + destination.len();
        let mut out = Vec::with_capacity(FIXED_BYTES + texts);
        let kind = if self.event_type == EventType::Clicked { b'c' } else { b'o' };
        let signs = u8::from(self.head_before) * HEAD_BEFORE + u8::from(self.canary) * CANARY;
        out.extend([VERSION, kind, signs]);
        out.extend(self.id.as_bytes());
        out.extend(self.email_id.as_bytes());
        out.extend(self.at.to_le_bytes());
        out.extend(self.link.to_le_bytes());
        match self.peer {
            None => out.push(0),
            Some(IpAddr::V4(ip)) => {
                out.push(4);
                out.extend(ip.octets());
            }
            Some(IpAddr::V6(ip)) => {
                out.push(6);
                out.extend(ip.octets());
            }
        }
        match user_agent {
            None => out.extend(NO_USER_AGENT.to_le_bytes()),
            Some(text) => write_text(&mut out, text),
        }
        write_text(&mut out, destination);
        out
    }

    /// `None` for what is no hit, or one of a later version.
    pub(super) fn decode(bytes: &[u8]) -> Option<HitRecord<'_>> {
        let mut rest = Rest(bytes);
        let [version, kind, signs] = rest.take()?;
        if version != VERSION {
            return None;
        }
        let event_type = match kind {
            b'o' => EventType::Opened,
            b'c' => EventType::Clicked,
            _ => return None,
        };
        let (id, email_id) = (Uuid::from_bytes(rest.take()?), Uuid::from_bytes(rest.take()?));
        let (at, link) = (i64::from_le_bytes(rest.take()?), u32::from_le_bytes(rest.take()?));
        let peer = match rest.take()? {
            [0] => None,
            [4] => Some(IpAddr::from(rest.take::<4>()?)),
            [6] => Some(IpAddr::from(rest.take::<16>()?)),
            _ => return None,
        };
        let user_agent = match u16::from_le_bytes(rest.take()?) {
            NO_USER_AGENT => None,
            length => Some(Cow::Borrowed(rest.text(length)?)),
        };
        let length = u16::from_le_bytes(rest.take()?);
        let destination = Some(Cow::Borrowed(rest.text(length)?)).filter(|text| !text.is_empty());
        let [head_before, canary] = [HEAD_BEFORE, CANARY].map(|sign| signs & sign != 0);
        let hit = HitRecord { id, email_id, event_type, at, head_before, canary, peer, user_agent, link, destination };
        rest.0.is_empty().then_some(hit)
    }
}

/// As much of a user agent as is kept.
pub(super) fn cut(text: &str) -> &str {
    let end = (0..=USER_AGENT_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("the texts of a hit are short");
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn text(&mut self, length: u16) -> Option<&'a str> {
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hit() -> HitRecord<'static> {
        HitRecord {
            id: Uuid::from_u128(1),
            email_id: Uuid::from_u128(2),
            event_type: EventType::Clicked,
            at: 1_710_513_000_120,
            head_before: false,
            canary: false,
            peer: Some(IpAddr::from([192, 0, 2, 7])),
            user_agent: Some("Mozilla/5.0".into()),
            link: 3,
            destination: Some("https://example.com/ä".into()),
        }
    }

    #[test]
    fn a_hit_is_read_as_it_was_written() {
        let open = HitRecord { event_type: EventType::Opened, destination: None, link: 0, ..hit() };
        let silent = HitRecord { user_agent: None, peer: None, ..hit() };
        let empty = HitRecord { user_agent: Some("".into()), peer: Some(IpAddr::from([7; 16])), ..hit() };
        let signs = HitRecord { head_before: true, ..hit() };
        let others = HitRecord { canary: true, ..hit() };
        for hit in [hit(), open, silent, empty, signs, others] {
            assert_eq!(HitRecord::decode(&hit.encode()), Some(hit.clone()));
        }
    }

    #[test]
    fn the_largest_hit_fits_and_a_longer_user_agent_is_cut_at_a_character() {
        let at_most = "ä".repeat(USER_AGENT_BYTES_MAX / 2);
        let destination = "x".repeat(DESTINATION_BYTES_MAX);
        let largest = HitRecord {
            peer: Some(IpAddr::from([7; 16])),
            user_agent: Some(format!("{at_most}ä").into()),
            destination: Some(destination.into()),
            ..hit()
        };
        let bytes = largest.encode();
        assert!(bytes.len() <= PAYLOAD_BYTES_MAX);
        assert_eq!(HitRecord::decode(&bytes).and_then(|hit| hit.user_agent), Some(at_most.into()));
        assert_eq!(cut(&format!("x{}", "ä".repeat(300))).len(), USER_AGENT_BYTES_MAX - 1);
    }

    #[test]
    fn a_hit_that_is_cut_or_longer_or_of_another_version_is_none() {
        let mut bytes = hit().encode();
        for end in 0..bytes.len() {
            assert_eq!(HitRecord::decode(&bytes[..end]), None, "{end}");
        }
        bytes.push(0);
        assert_eq!(HitRecord::decode(&bytes), None);
        bytes.pop();
        bytes[0] = VERSION + 1;
        assert_eq!(HitRecord::decode(&bytes), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..3_u8) {
            let mut bytes = bytes;
            if let [version, letter, ..] = &mut bytes[..] {
                (*version, *letter) = (VERSION, [b'o', b'c', b'x'][usize::from(kind)]);
            }
            drop(HitRecord::decode(&bytes));
        }
    }
}
