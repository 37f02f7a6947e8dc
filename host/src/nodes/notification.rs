//! A notification that an edge node took for a source of the origin, as it came: the node has no secrets to check it by.
//!
//! ```text
//! version 1 (1) · id 16 · received at 8 · peer 16 · last part of the address
//! · number of headers · of each: name, value · body to the end
//! ```
//!
//! Numbers and the lengths that stand before texts are LEB128.

use std::net::{IpAddr, Ipv6Addr};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::hits::bytes::{Rest, write_number};
use crate::request::WEBHOOK_BODY_BYTES_MAX;

/// Bytes of all that stands before the body.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a notification on its way.
pub(crate) const NOTIFICATION_BYTES_MAX: usize = WEBHOOK_BODY_BYTES_MAX + HEAD_BYTES_MAX;
/// Headers that say nothing of what a sender proves and tells: those of the connection, what a client would like to get,
/// and cookies.
const LEFT_OUT: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const VERSION: u8 = 1;

/// What was posted to the address of a source, and when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notification {
    /// The node's, by which it is known when it comes again.
    pub(crate) id: Uuid,
    /// By the node's clock, in milliseconds.
    pub(crate) received_at: i64,
    pub(crate) peer: IpAddr,
    /// The last part of the address.
    pub(crate) address: String,
    /// All that a sender may prove itself by; what it may not is [`LEFT_OUT`].
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Notification {
    /// `None` when its head is larger than it may be.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = vec![VERSION];
        out.extend(self.id.as_bytes());
        out.extend(self.received_at.to_le_bytes());
        let peer = match self.peer {
            IpAddr::V4(peer) => peer.to_ipv6_mapped(),
            IpAddr::V6(peer) => peer,
        };
        out.extend(peer.octets());
        write_part(&mut out, self.address.as_bytes());
        let kept = || self.headers.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
        write_number(&mut out, kept().count() as u64);
        for (name, value) in kept() {
            write_part(&mut out, name.as_str().as_bytes());
            write_part(&mut out, value.as_bytes());
        }
        if out.len() > HEAD_BYTES_MAX {
            return None;
        }
        out.extend(&self.body);
        Some(out)
    }

    /// `None` for what is none, or of a later version.
    pub(crate) fn decode(record: &[u8]) -> Option<Self> {
        let mut rest = Rest(record);
        let [VERSION] = rest.take()? else { return None };
        let id = Uuid::from_bytes(rest.take()?);
        let received_at = i64::from_le_bytes(rest.take()?);
        let peer = Ipv6Addr::from(rest.take::<16>()?).to_canonical();
        let address = std::str::from_utf8(read_part(&mut rest)?).ok()?.to_owned();
        let mut headers = HeaderMap::new();
        for _ in 0..rest.number()? {
            let name = HeaderName::from_bytes(read_part(&mut rest)?).ok()?;
            let value = HeaderValue::from_bytes(read_part(&mut rest)?).ok()?;
            headers.try_append(name, value).ok()?;
        }
        Some(Self { id, received_at, peer, address, headers, body: Bytes::copy_from_slice(rest.0) })
    }
}

fn write_part(out: &mut Vec<u8>, part: &[u8]) {
    write_number(out, part.len() as u64);
    out.extend(part);
}

fn read_part<'a>(rest: &mut Rest<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(rest.number()?).ok()?;
    rest.bytes(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn notification(headers: &[(&'static str, &[u8])], body: Vec<u8>) -> Notification {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("it is a value"))
        });
        Notification {
            id: Uuid::from_u128(7),
            received_at: 1_710_513_000_120,
            peer: "192.0.2.9".parse().expect("it is an address"),
            address: "ab".repeat(24),
            headers: headers.collect(),
            body: body.into(),
        }
    }

    #[test]
    fn what_a_sender_may_prove_itself_by_is_kept_and_the_rest_is_not() {
        let all: &[(&'static str, &[u8])] = &[
            ("authorization", b"Basic YTpi"),
            ("content-type", b"application/json"),
            ("cookie", b"session=1"),
            ("host", b"edge.example.com"),
            ("x-signature", b"caf\xe9"),
        ];
        let kept = [all[0], all[1], all[4]];
        let read = Notification::decode(&notification(all, b"{}".to_vec()).encode().expect("it is small"));
        assert_eq!(read, Some(notification(&kept, b"{}".to_vec())));
        // One of several signatures is not lost.
        let mut twice = notification(&kept, Vec::new());
        twice.headers.append("x-signature", HeaderValue::from_static("another"));
        assert_eq!(Notification::decode(&twice.encode().expect("it is small")), Some(twice));
    }

    #[test]
    fn what_stands_before_the_body_has_a_bound() {
        let of = |bytes: usize| notification(&[("x-long", &vec![b'x'; bytes])], vec![7; WEBHOOK_BODY_BYTES_MAX]);
        let others = of(0).encode().expect("it is small").len() - WEBHOOK_BODY_BYTES_MAX;
        // The length of a long value takes two bytes more than that of none.
        let room = HEAD_BYTES_MAX - others - 2;
        assert_eq!(of(room).encode().map(|record| record.len()), Some(NOTIFICATION_BYTES_MAX));
        assert_eq!(of(room + 1).encode(), None);
    }

    #[test]
    fn a_later_version_is_none_that_this_one_reads() {
        let mut record = notification(&[], b"{}".to_vec()).encode().expect("it is small");
        assert!(Notification::decode(&record).is_some());
        record[0] += 1;
        assert_eq!(Notification::decode(&record), None);
    }

    proptest! {
        #[test]
        fn a_notification_comes_out_as_it_went_in(body: Vec<u8>, peer: std::net::IpAddr, received_at: i64, values in proptest::collection::vec("[ -~]{0,40}", 0..5)) {
            let names = ["a", "b-c", "x-signature", "x-time", "content-type"];
            let headers: Vec<_> = names.into_iter().zip(values.iter().map(String::as_bytes)).collect();
            let peer = peer.to_canonical();
            let given = Notification { received_at, peer, ..notification(&headers, body) };
            let record = given.encode().expect("it is small");
            prop_assert_eq!(Notification::decode(&record), Some(given.clone()));
            // However much of it is cut off, what is read is no longer the same.
            for end in 0..record.len() {
                prop_assert!(Notification::decode(&record[..end]) != Some(given.clone()));
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(Notification::decode(&bytes));
            drop(Notification::decode(&[vec![VERSION; 42], bytes].concat()));
        }
    }
}
