//! The two halves of a key that signs plugins.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;

use super::{Signature, Subject};
use crate::hash::{hex, sha256};

/// How a public key is written: this, and its 32 bytes in base64.
const PREFIX: &str = "ed25519:";
/// Bytes of the digest that a key is called by. 128 bits, so that nobody makes a key with the id of another one.
const KEY_ID_BYTES: usize = 16;
/// What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410, section 7). The form without the public key,
/// because it is the one that OpenSSL writes and reads.
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The half that anybody may know: whom an installation trusts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// What the key is called in signatures and lists: the beginning of its SHA-256 in hexadecimal.
    pub fn key_id(&self) -> String {
        hex(&sha256(&self.0)[..KEY_ID_BYTES])
    }

    /// Whether the other half of the key signed this.
    pub(in crate::plugins) fn holds(&self, payload: &[u8], signature: &[u8; 64]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(payload, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", BASE64.encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.trim().strip_prefix(PREFIX).and_then(|key| BASE64.decode(key).ok());
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| {
            format!(
                "{text:?} is no public key: it is written as {PREFIX} and 32 bytes in base64, as `plugin keygen` does"
            )
        })
    }
}

/// The half that its owner keeps.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new key, and the PEM file (PKCS #8) to keep it in.
    pub fn generate() -> Result<(Self, String), String> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| "the system gives no random bytes")?;
        let der = [PKCS8_HEAD.as_slice(), &seed].concat();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(&der));
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| error.to_string())?;
        Ok((Self(pair), pem))
    }

    /// Reads a PEM file, made by us or by `openssl genpkey -algorithm ed25519`.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| {
            let locked = pem.windows(21).any(|part| part == b"ENCRYPTED PRIVATE KEY");
            if locked {
                "it is locked with a password; `openssl pkey -in LOCKED -out KEY` unlocks it".to_owned()
            } else {
                "it has no private key in PEM form (-----BEGIN PRIVATE KEY-----)".to_owned()
            }
        })?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        pair.map(Self).map_err(|error| format!("its private key is not Ed25519 ({error})"))
    }

    /// The other half.
    pub fn public_key(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref();
        PublicKey(bytes.try_into().expect("an Ed25519 public key has 32 bytes"))
    }

    /// Vouches for a file that says of itself to be this.
    pub fn sign(&self, subject: Subject) -> Signature {
        let bytes = self.0.sign(&subject.payload());
        let bytes = bytes.as_ref().try_into().expect("an Ed25519 signature has 64 bytes");
        Signature { key_id: self.public_key().key_id(), subject, bytes }
    }
}
