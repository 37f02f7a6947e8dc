//! Addresses that may be spoken to although strangers choose them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the Internet: not this machine's, nor of its network, nor of a kind that leads nowhere.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By the registry of special-purpose addresses (RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224.., ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0, _]
            | [192, 168, ..]
            | [198, 18..=19, ..]
    )
}

/// Only what is assigned for use (`2000::/3`), without what carries an IPv4 address inside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let carried = match address.segments() {
        // 6to4 (RFC 3056) and NAT64 (RFC 6052).
        [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((high, low)),
        // Teredo (RFC 4380), which nobody serves mail on.
        [0x2001, 0, ..] => return false,
        _ => None,
    };
    match carried {
        Some((high, low)) => is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        None => address.segments()[0] & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: bool) {
        assert_eq!(is_public(address.parse().expect("an address")), expected, "{address}");
    }

    #[test]
    fn the_internet_is_told_from_everything_else() {
        let bounds = [
            ("0.255.255.255", "1.0.0.0"),
            ("10.0.0.0", "9.255.255.255"),
            ("10.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.63.255.255"),
            ("100.127.255.255", "100.128.0.0"),
            ("127.0.0.1", "126.255.255.255"),
            ("127.255.255.255", "128.0.0.0"),
            ("169.254.169.254", "169.253.255.255"),
            ("172.16.0.0", "172.15.255.255"),
            ("172.31.255.255", "172.32.0.0"),
            ("192.0.0.1", "192.0.1.0"),
            ("192.168.0.0", "192.167.255.255"),
            ("192.168.255.255", "192.169.0.0"),
            ("198.18.0.0", "198.17.255.255"),
            ("198.19.255.255", "198.20.0.0"),
            ("224.0.0.0", "223.255.255.255"),
            ("255.255.255.255", "8.8.8.8"),
            ("::1", "2001:4860:4860::8888"),
            ("::", "2606:4700::1111"),
            ("fe80::1", "2a00:1450::1"),
            ("fc00::1", "2000::"),
            ("fdff::1", "3fff:ffff::"),
            ("ff02::1", "::ffff:8.8.8.8"),
            ("::ffff:127.0.0.1", "64:ff9b::808:808"),
            ("64:ff9b::7f00:1", "2002:808:808::1"),
            ("2002:7f00:1::1", "2001:1::1"),
            ("2001:0:1::1", "2001:db8::1"),
            ("4000::", "3000::"),
        ];
        for (special, public) in bounds {
            check(special, false);
            check(public, true);
        }
    }
}
