//! The keys of DKIM: made, sealed for the database, opened and used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mail_auth::dkim::generate::DkimKeyPair;
use ring::aead::AES_256_GCM;
use ring::error::Unspecified;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

use crate::hash::sha256;
use crate::mail::dkim::Algorithm;
use crate::secrets::{HostKey, Sealer};
use crate::store::DkimKey;

/// RFC 8301 section 3.2 asks for 1,024 at least and recommends so many; longer ones do not fit every resolver.
const RSA_BITS: usize = 2_048;
/// What stands before a public key of RSA with 2,048 bits and the exponent 65,537 (PKCS #1) to make it a
/// `SubjectPublicKeyInfo` (RFC 5280 section 4.1). RFC 6376 is at odds with its own examples on which of the two belongs
/// into a record; every verifier reads the longer one.
const RSA_KEY_INFO: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0f, 0x00,
];
/// Bytes of that public key.
const RSA_PUBLIC_BYTES: usize = 270;

/// Seals private keys for their domain and selector, under a key that follows from the host key: the database without
/// its `host.key` signs nothing.
pub(crate) struct KeySealer(Sealer);

impl KeySealer {
    pub(crate) fn new(host_key: &HostKey) -> Self {
        Self(Sealer::new(&AES_256_GCM, &host_key.derive("dkim keys")))
    }

    /// A new key for a domain. Blocks: looking for the primes of RSA takes a tenth of a second and more.
    pub(crate) fn make(&self, domain: &str, selector: String, algorithm: Algorithm) -> Result<DkimKey, String> {
        let (private, public_key) = match algorithm {
            Algorithm::Rsa2048 => rsa_pair()?,
            Algorithm::Ed25519 => DkimKeyPair::generate_ed25519().map_err(|error| error.to_string())?.into_inner(),
        };
        let sealed = self.0.seal(&place(domain, &selector), private)?;
        Ok(DkimKey { selector, algorithm, sealed, public_key: BASE64.encode(public_key) })
    }

    /// A stored key, ready to sign.
    pub(super) fn open(&self, domain: &str, key: DkimKey) -> Result<SigningKey, &'static str> {
        let private = self.0.open(&place(domain, &key.selector), key.sealed)?;
        SigningKey::parse(key.algorithm, &private).ok_or("it is no key of its kind")
    }
}

/// What a sealed key belongs to. Neither part has a zero byte.
fn place(domain: &str, selector: &str) -> Vec<u8> {
    [domain.as_bytes(), selector.as_bytes()].join(&0)
}

/// A private key (PKCS #1) and its public key as records have it.
fn rsa_pair() -> Result<(Vec<u8>, Vec<u8>), String> {
    let pair = DkimKeyPair::generate_rsa(RSA_BITS).map_err(|error| error.to_string())?;
    let (private, public_key) = pair.into_inner();
    if public_key.len() != RSA_PUBLIC_BYTES {
        return Err(format!("a public key of {} bytes was made where {RSA_PUBLIC_BYTES} belong", public_key.len()));
    }
    Ok((private, [RSA_KEY_INFO.as_slice(), &public_key].concat()))
}

/// A private key in the form that signing needs.
pub(super) enum SigningKey {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    fn parse(algorithm: Algorithm, private: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::Rsa2048 => Some(Self::Rsa(Box::new(RsaKeyPair::from_der(private).ok()?))),
            Algorithm::Ed25519 => Some(Self::Ed25519(Ed25519KeyPair::from_pkcs8(private).ok()?)),
        }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rsa2048,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    pub(super) fn sign(&self, data: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)?;
                Ok(signature)
            }
            Self::Ed25519(pair) => Ok(pair.sign(&sha256(data)).as_ref().to_vec()),
        }
    }
}
