//! An open, a click or, at an edge node, an unsubscription as the journal has it.
//!
//! ```text
//! version 1 (2) · what it is 1 · event id 16 · email id 16 · [time] · [link] · [ip 4 or 16] · user agent · [destination]
//! ```
//!
//! What it is: two bits for the kind (0 open, 1 click, 2 unsubscription by the page, 3 by a mail program), 4: HEAD before
//! it, 8: canary, 16: an IPv4 address, 32: an IPv6 address, 64: the time is not that of the event's id. The time is the
//! difference to that of the id, the lowest bit its sign. Link and destination are there for clicks. Numbers are LEB128. A
//! text is a number and what that stands for, by its two lowest bits and the rest of it, n:
//!
//! - 0: there is none, and n is 0;
//! - 1: n bytes follow;
//! - 3: another number follows, and then n bytes, which are the text of that number from here on in the same file;
//! - 2: the text of the number n, which was told before in the same file (see `packing`).
//!
//! A later version adds another version number; it never changes the meaning of this one.

mod first;
mod packing;

use std::borrow::Cow;
use std::net::IpAddr;

use uuid::Uuid;

pub(super) use self::packing::PACKING;
use super::bytes::{NUMBER_BYTES_MAX, Rest, write_number};
use crate::journal::PAYLOAD_BYTES_MAX;
use crate::mail::event::EventType;
use crate::mail::token::DESTINATION_BYTES_MAX;
use crate::store::UnsubscribeSource;

/// What is kept of a user agent, in bytes.
pub(super) const USER_AGENT_BYTES_MAX: usize = 512;

const VERSION: u8 = 2;
const HEAD_BYTES: usize = 2 + 16 + 16;
const NUMBERS_MAX: usize = 4;
const KIND: u8 = 3;
const HEAD_BEFORE: u8 = 4;
const CANARY: u8 = 8;
const IPV4: u8 = 16;
const IPV6: u8 = 32;
const OTHER_TIME: u8 = 64;
const _: () = assert!(
    HEAD_BYTES + NUMBERS_MAX * NUMBER_BYTES_MAX + 16 + USER_AGENT_BYTES_MAX + DESTINATION_BYTES_MAX
        <= PAYLOAD_BYTES_MAX
);

/// What is kept of a hit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HitRecord<'a> {
    /// The id of its event.
    pub(crate) id: Uuid,
    /// The email from the link's token.
    pub(crate) email_id: Uuid,
    /// `opened`, `clicked` or `unsubscribed`.
    pub(crate) event_type: EventType,
    /// By which way somebody unsubscribed.
    pub(crate) source: Option<UnsubscribeSource>,
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
    /// Which link of the email; 0 for an open.
    pub(crate) link: u32,
    /// Where the link leads; `None` for an open.
    pub(crate) destination: Option<Cow<'a, str>>,
}

impl HitRecord<'_> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let user_agent = self.user_agent.as_deref().map(cut);
        let destination = self.destination.as_deref().filter(|text| !text.is_empty());
        let texts = user_agent.map_or(0, str::len) + destination.map_or(0, str::len);
        let mut out = Vec::with_capacity(HEAD_BYTES + NUMBERS_MAX * NUMBER_BYTES_MAX + 16 + texts);
        let other_time = self.at.wrapping_sub(time_of(self.id));
        let kind = match (self.event_type, self.source) {
            (EventType::Clicked, _) => 1,
            (EventType::Unsubscribed, Some(UnsubscribeSource::OneClick)) => 3,
            (EventType::Unsubscribed, _) => 2,
            _ => 0,
        };
        let address = match self.peer {
            None => 0,
            Some(IpAddr::V4(_)) => IPV4,
            Some(IpAddr::V6(_)) => IPV6,
        };
        let signs = [(self.head_before, HEAD_BEFORE), (self.canary, CANARY), (other_time != 0, OTHER_TIME)];
        let what = signs.iter().filter(|(is_so, _)| *is_so).fold(kind | address, |what, (_, sign)| what | sign);
        out.extend([VERSION, what]);
        out.extend(self.id.as_bytes());
        out.extend(self.email_id.as_bytes());
        if other_time != 0 {
            write_number(&mut out, zigzag(other_time));
        }
        if kind == 1 {
            write_number(&mut out, self.link.into());
        }
        match self.peer {
            None => {}
            Some(IpAddr::V4(ip)) => out.extend(ip.octets()),
            Some(IpAddr::V6(ip)) => out.extend(ip.octets()),
        }
        write_text(&mut out, user_agent);
        if kind == 1 {
            write_text(&mut out, destination);
        }
        out
    }

    /// `None` for what is no hit, or one of a later version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<HitRecord<'_>> {
        let mut rest = Rest(bytes);
        match rest.take()? {
            [first::VERSION] => first::decode(rest),
            [VERSION] => decode(rest),
            _ => None,
        }
    }
}

/// What follows the version.
fn decode(mut rest: Rest<'_>) -> Option<HitRecord<'_>> {
    let [what] = rest.take()?;
    let (event_type, source) = match what & KIND {
        0 => (EventType::Opened, None),
        1 => (EventType::Clicked, None),
        2 => (EventType::Unsubscribed, Some(UnsubscribeSource::Link)),
        _ => (EventType::Unsubscribed, Some(UnsubscribeSource::OneClick)),
    };
    if what & !(KIND | HEAD_BEFORE | CANARY | IPV4 | IPV6 | OTHER_TIME) != 0 || what & (IPV4 | IPV6) == IPV4 | IPV6 {
        return None;
    }
    let (id, email_id) = (Uuid::from_bytes(rest.take()?), Uuid::from_bytes(rest.take()?));
    let other_time = if what & OTHER_TIME == 0 { 0 } else { unzigzag(rest.number()?) };
    let is_click = event_type == EventType::Clicked;
    let link = if is_click { u32::try_from(rest.number()?).ok()? } else { 0 };
    let peer = match what & (IPV4 | IPV6) {
        0 => None,
        IPV4 => Some(IpAddr::from(rest.take::<4>()?)),
        _ => Some(IpAddr::from(rest.take::<16>()?)),
    };
    let user_agent = read_text(&mut rest).ok()?;
    let destination = if is_click { read_text(&mut rest).ok()? } else { None };
    let [head_before, canary] = [HEAD_BEFORE, CANARY].map(|sign| what & sign != 0);
    let at = time_of(id).wrapping_add(other_time);
    let hit =
        HitRecord { id, email_id, event_type, source, at, head_before, canary, peer, user_agent, link, destination };
    rest.is_empty().then_some(hit)
}

/// As much of a user agent as is kept.
pub(super) fn cut(text: &str) -> &str {
    let end = (0..=USER_AGENT_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// The milliseconds in an id of version 7.
fn time_of(id: Uuid) -> i64 {
    i64::try_from(id.as_u128() >> 80).expect("48 bits")
}

/// Small numbers of either sign as small numbers.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn write_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(0),
        Some(text) => {
            write_number(out, text.len() as u64 * 4 + 1);
            out.extend(text.as_bytes());
        }
    }
}

/// A text is cut off, or no text.
struct NoText;

fn read_text<'a>(rest: &mut Rest<'a>) -> Result<Option<Cow<'a, str>>, NoText> {
    match rest.number().ok_or(NoText)? {
        0 => Ok(None),
        number if number % 4 == 1 => {
            let length = usize::try_from(number / 4).map_err(|_| NoText)?;
            rest.text(length).map(|text| Some(text.into())).ok_or(NoText)
        }
        // What is packed is unpacked by whoever reads the file.
        _ => Err(NoText),
    }
}

#[cfg(test)]
mod tests;
