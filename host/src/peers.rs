//! Whose an address is.

use std::net::{IpAddr, Ipv6Addr};

/// The part of an IPv6 address that one customer of a network has to itself (RFC 6177, RFC 8981: its programs use many
/// addresses of it, and another one each day).
const NETWORK_BITS: u128 = u128::MAX << 64;

/// What stands for everybody who can speak from this address: an IPv4 address for itself, one of IPv6 for its /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_BITS).into(),
        IpAddr::V4(address) => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_stands_for_its_network_of_64_bits_and_one_of_ipv4_for_itself() {
        for (address, wanted) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
            ("2001:db8:1:3::", "2001:db8:1:3::"),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(network(address).to_string(), wanted);
        }
    }
}
