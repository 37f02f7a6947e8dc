//! DKIM signatures (RFC 6376, RFC 8463): what of a message is signed, and the header that carries the signature.
//!
//! Everything here is `relaxed/relaxed`. No key is known: [`Prepared`] is made once for a message, gives each key the
//! bytes that it signs, and makes the header of what comes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::event::words;

mod canonical;
mod record;

pub use record::{TXT_STRING_BYTES_MAX, record, strings};

/// Headers of which a message has one at most. Each is signed once more than it stands there, so that nobody can add
/// another that a reader's program might show instead (RFC 6376 section 8.15).
const ONCE: &[&str] = &[
    "From",
    "To",
    "Cc",
    "Subject",
    "Reply-To",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
/// Headers that are signed where they stand. RFC 8058 section 4 asks for those of unsubscribing.
const WHERE_FOUND: &[&str] = &["In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post"];
/// Instances of one header that are signed.
const INSTANCES_MAX: usize = 10;
/// Where the lists of the header are folded.
const LINE_BYTES_MAX: usize = 76;

words! {
    /// How a key signs. Every verifier knows the first.
    Algorithm {
        /// RSA with 2048 bits, PKCS #1 v1.5 and SHA-256.
        Rsa2048 = "rsa2048",
        /// Ed25519 over the SHA-256 of what is signed (RFC 8463 section 3).
        Ed25519 = "ed25519",
    }
}

impl Algorithm {
    /// The value of `a=`.
    fn signature_tag(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }
}

/// A message made ready for signing.
#[derive(Debug)]
pub struct Prepared {
    /// The signed headers in canonical form, in the order of `names`.
    headers: Vec<u8>,
    /// The value of `h=`.
    names: Vec<&'static str>,
    /// The value of `bh=`.
    body_hash: String,
}

/// A signature's header without the signature.
#[derive(Debug)]
pub struct Unsigned {
    header: String,
    data: Vec<u8>,
}

impl Prepared {
    /// Reads a whole message with CRLF at the ends of its lines. `None` when it has no From header, which must be
    /// signed.
    pub fn of(message: &[u8]) -> Option<Self> {
        let (fields, body) = canonical::split(message);
        let (mut headers, mut names) = (Vec::new(), Vec::new());
        let listed = ONCE.iter().map(|name| (*name, true)).chain(WHERE_FOUND.iter().map(|name| (*name, false)));
        for (name, once) in listed {
            // RFC 6376 section 5.4.2: the last one in the message is meant first.
            let found = fields.iter().rev().filter(|field| field.is_named(name)).take(INSTANCES_MAX);
            for field in found {
                field.write_relaxed(&mut headers);
                names.push(name);
            }
            if once {
                names.push(name);
            }
        }
        let has_author = names.iter().filter(|name| **name == "From").count() > 1;
        let body_hash = BASE64.encode(canonical::relaxed_body_hash(body));
        has_author.then_some(Self { headers, names, body_hash })
    }

    /// The header of one key's signature, made at this time in seconds since 1970. The names are of DNS, so nothing in
    /// them can end a line.
    pub fn unsigned(&self, algorithm: Algorithm, domain: &str, selector: &str, at: i64) -> Unsigned {
        let mut header = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed;\r\n\td={domain};\r\n\ts={selector}; t={};\r\n\tbh={};\r\n\th=",
            algorithm.signature_tag(),
            at.max(0),
            self.body_hash,
        );
        let mut line_bytes = "\th=".len();
        for (number, name) in self.names.iter().enumerate() {
            if number > 0 {
                header.push(':');
                line_bytes += 1;
            }
            if line_bytes + name.len() >= LINE_BYTES_MAX {
                header.push_str("\r\n\t");
                line_bytes = 1;
            }
            header.push_str(name);
            line_bytes += name.len();
        }
        header.push_str(";\r\n\tb=");
        // The header itself is signed as well, with an empty signature and without its line's end (section 3.7).
        let mut data = self.headers.clone();
        canonical::Field::of(header.as_bytes()).write_relaxed(&mut data);
        data.truncate(data.len() - canonical::CRLF.len());
        Unsigned { header, data }
    }
}

impl Unsigned {
    /// What the key signs.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The finished header, with the end of its last line.
    pub fn signed(self, signature: &[u8]) -> String {
        let mut header = self.header;
        let encoded = BASE64.encode(signature);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(LINE_BYTES_MAX - 4));
            header.push_str(line);
            header.push_str(if after.is_empty() { "\r\n" } else { "\r\n\t" });
            rest = after;
        }
        header
    }
}

#[cfg(test)]
mod tests;
