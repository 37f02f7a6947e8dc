//! What a domain publishes for its signatures to be verified (RFC 6376 section 3.6.1, RFC 8463 section 4).

use super::Algorithm;

/// What one string of a TXT record holds (RFC 1035 section 3.3). A key of RSA needs two.
pub const TXT_STRING_BYTES_MAX: usize = 255;

/// The value of the TXT record at `<selector>._domainkey.<domain>`. `public_key` is base64: a `SubjectPublicKeyInfo` for
/// RSA, the 32 bytes themselves for Ed25519.
pub fn record(algorithm: Algorithm, public_key: &str) -> String {
    let kind = match algorithm {
        Algorithm::Rsa2048 => "rsa",
        Algorithm::Ed25519 => "ed25519",
    };
    format!("v=DKIM1; k={kind}; p={public_key}")
}

/// An ASCII value in the strings of which a TXT record is made. Whoever reads the record joins them without a space.
pub fn strings(value: &str) -> Vec<&str> {
    let mut strings = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (string, after) = rest.split_at(rest.floor_char_boundary(TXT_STRING_BYTES_MAX));
        strings.push(string);
        rest = after;
    }
    strings
}
