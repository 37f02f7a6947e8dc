//! Bounce addresses (VERP): the envelope sender of each recipient's copy, by which whatever comes back is told.
//!
//! ```text
//! "b-" · base32( key id 1 · email id 16 · recipient number 2 · MAC 16 )
//! ```
//!
//! in the alphabet of RFC 4648 section 6 without padding. Its letters count in either case, because there are servers
//! on the way that change it. Nobody else can make an address that opens, so what arrives at one was really sent to
//! the envelope sender of that copy, and a stranger cannot report bounces of emails that he never saw.

use uuid::Uuid;

use super::address::ADDRESS_BYTES_MAX;
use super::mac::{MAC_BYTES, MacKeys};

/// The local part of a bounce address: always so long. A local part may have 64 (RFC 5321 section 4.5.3.1.1).
pub const LOCAL_BYTES: usize = PREFIX.len() + (BODY_BYTES + MAC_BYTES) * 8 / 5;
/// The domain behind it: what is left of an address.
pub const BOUNCE_DOMAIN_BYTES_MAX: usize = ADDRESS_BYTES_MAX - LOCAL_BYTES - 1;

/// What tells a bounce address from other addresses before it is opened.
const PREFIX: &str = "b-";
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const BODY_BYTES: usize = 1 + 16 + 2;

/// Base32 takes five bytes at a time: with none left over there is one spelling of each address, apart from its case.
const _: () = assert!((BODY_BYTES + MAC_BYTES).is_multiple_of(5));

/// The keys that seal and open bounce addresses.
#[derive(Debug)]
pub struct Keys(MacKeys);

/// What a bounce address says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Returned {
    /// The email that came back.
    pub email_id: Uuid,
    /// Whose copy of it: its place among the email's recipients, from 0.
    pub recipient_number: u16,
}

impl Keys {
    /// The first key seals, all of them open. To change keys, put the new one first and leave the old ones behind it
    /// for as long as bounces may still come. `None` without a key or when two have the same id.
    pub fn new(keys: Vec<(u8, [u8; 32])>) -> Option<Self> {
        MacKeys::new(keys).map(Self)
    }

    /// The local part for one recipient's copy of an email: [`LOCAL_BYTES`] lower-case letters, digits and a hyphen.
    pub fn seal(&self, email_id: Uuid, recipient_number: u16) -> String {
        let mut bytes = Vec::with_capacity(BODY_BYTES + MAC_BYTES);
        bytes.push(self.0.signing());
        bytes.extend(email_id.as_bytes());
        bytes.extend(recipient_number.to_be_bytes());
        let mac = self.0.mac(&bytes);
        bytes.extend(mac);
        let mut local = String::with_capacity(LOCAL_BYTES);
        local.push_str(PREFIX);
        write_base32(&mut local, &bytes);
        local
    }

    /// What a local part says, when one of these keys made it; in any case. Nothing tells why another is refused.
    pub fn open(&self, local_part: &str) -> Option<Returned> {
        let (prefix, text) = local_part.split_at_checked(PREFIX.len())?;
        if local_part.len() != LOCAL_BYTES || !prefix.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let bytes = read_base32(text)?;
        let (body, mac) = bytes.split_at_checked(BODY_BYTES)?;
        let (&key, said) = body.split_first()?;
        if !self.0.made(key, body, mac) {
            return None;
        }
        let (email_id, number) = said.split_first_chunk()?;
        let recipient_number = u16::from_be_bytes(number.try_into().ok()?);
        Some(Returned { email_id: Uuid::from_bytes(*email_id), recipient_number })
    }

    /// What an address says: its local part decides, since mail for any other domain does not reach us.
    pub fn open_address(&self, address: &str) -> Option<Returned> {
        self.open(address.trim_start_matches('<').split('@').next()?)
    }
}

/// Whether a local part has the form of a bounce address. Whether it is one only [`Keys::open`] can say.
pub fn is_alike(local_part: &str) -> bool {
    let prefix = local_part.get(..PREFIX.len());
    local_part.len() == LOCAL_BYTES && prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX))
}

/// Five bytes, eight letters.
fn write_base32(text: &mut String, bytes: &[u8]) {
    for five in bytes.chunks_exact(5) {
        let bits = five.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        let letter = |at: u32| char::from(ALPHABET[(bits >> (5 * at) & 31) as usize]);
        text.extend((0..8).rev().map(letter));
    }
}

/// `None` where a letter is not of the alphabet.
fn read_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    for eight in text.as_bytes().chunks_exact(8) {
        let mut bits = 0;
        for letter in eight {
            bits = bits << 5 | u64::from(value(letter.to_ascii_lowercase())?);
        }
        bytes.extend(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

fn value(letter: u8) -> Option<u8> {
    match letter {
        b'a'..=b'z' => Some(letter - b'a'),
        b'2'..=b'7' => Some(letter - b'2' + 26),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
