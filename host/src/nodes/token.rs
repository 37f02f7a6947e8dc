//! The token that a node joins by: where the origin is, how it is known there, and a secret that is good once.
//!
//! ```text
//! "pillarbox_join_" and in base64url: secret 32 · SHA-256 of the authority's certificate 32 · address · check 4
//! ```
//!
//! The check is the beginning of the SHA-256 of what stands before it: a token that was not copied whole is told from a
//! wrong one.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::hash::sha256;

const PREFIX: &str = "pillarbox_join_";
const CHECK_BYTES: usize = 4;
/// Bytes of an address: a name and a port.
const ADDRESS_BYTES_MAX: usize = 255 + 6;

/// What a token says.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct JoinToken {
    pub(crate) secret: [u8; 32],
    /// The SHA-256 of the authority's certificate.
    pub(crate) authority: [u8; 32],
    /// Host and port of the origin's listener for nodes.
    pub(crate) address: String,
}

impl fmt::Display for JoinToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [self.secret.as_slice(), &self.authority, self.address.as_bytes()].concat();
        let check = sha256(&bytes);
        bytes.extend(&check[..CHECK_BYTES]);
        write!(out, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for JoinToken {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "this is no token to join by; `pillarbox node invite` prints one";
        let not_whole = "this token is not whole; copy all of it";
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(wrong)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| not_whole)?;
        let at = bytes.len().checked_sub(CHECK_BYTES).ok_or(not_whole)?;
        let (said, check) = bytes.split_at(at);
        if sha256(said)[..CHECK_BYTES] != *check {
            return Err(not_whole);
        }
        let (secret, rest) = said.split_first_chunk().ok_or(wrong)?;
        let (authority, address) = rest.split_first_chunk().ok_or(wrong)?;
        let address = String::from_utf8(address.to_vec()).ok().filter(|address| is_address(address)).ok_or(wrong)?;
        Ok(Self { secret: *secret, authority: *authority, address })
    }
}

/// Whether this is a host and a port.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_host = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)),
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0) && text.len() <= ADDRESS_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> JoinToken {
        JoinToken { secret: [7; 32], authority: [9; 32], address: "mail.example.com:8443".into() }
    }

    #[test]
    fn a_token_is_read_as_it_was_printed_and_a_part_of_it_is_told() {
        let text = token().to_string();
        assert!(format!(" {text}\n").parse::<JoinToken>().is_ok_and(|read| read == token()));
        for end in PREFIX.len()..text.len() {
            let wrong = text[..end].parse::<JoinToken>().err().expect("it is cut");
            assert!(wrong.contains("not whole"), "{end}: {wrong}");
        }
        assert!("hello".parse::<JoinToken>().is_err_and(|wrong| wrong.contains("node invite")));
    }

    #[test]
    fn an_address_is_a_host_and_a_port_of_bounded_length() {
        for good in ["a:1", "mail.example.com:8443", "192.0.2.1:65535", "[2001:db8::1]:443"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "a", ":1", "a:", "a:0", "a:65536", "a b:1", "[x]:1", "https://a:1", "::1:1"] {
            assert!(!is_address(bad), "{bad}");
        }
        let longest = format!("{}:65535", "a".repeat(255));
        assert!(is_address(&longest) && !is_address(&format!("a{longest}")));
    }
}
