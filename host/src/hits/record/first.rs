//! Version 1 of a hit's record, which earlier versions of the service wrote. It is read and no longer written.
//!
//! ```text
//! version 1 · kind 1 ('o', 'c') · signs 1 (1: HEAD before it, 2: canary) · event id 16 · email id 16 · at 8 · link 4 ·
//! ip 1 (0, 4, 6) and 0, 4 or 16 · user agent 2 and its bytes (65,535: there was none) · destination 2 and its bytes
//! ```
//!
//! Numbers are little-endian.

use std::borrow::Cow;
use std::net::IpAddr;

use uuid::Uuid;

use super::HitRecord;
use crate::hits::bytes::Rest;
use crate::mail::event::EventType;

pub(super) const VERSION: u8 = 1;
const HEAD_BEFORE: u8 = 1;
const CANARY: u8 = 2;
const NO_USER_AGENT: u16 = u16::MAX;

/// What follows the version.
pub(super) fn decode(mut rest: Rest<'_>) -> Option<HitRecord<'_>> {
    let [kind, signs] = rest.take()?;
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
        length => Some(Cow::Borrowed(rest.text(length.into())?)),
    };
    let length = u16::from_le_bytes(rest.take()?);
    let destination = Some(Cow::Borrowed(rest.text(length.into())?)).filter(|text| !text.is_empty());
    let [head_before, canary] = [HEAD_BEFORE, CANARY].map(|sign| signs & sign != 0);
    let source = None;
    let hit =
        HitRecord { id, email_id, event_type, source, at, head_before, canary, peer, user_agent, link, destination };
    rest.is_empty().then_some(hit)
}
