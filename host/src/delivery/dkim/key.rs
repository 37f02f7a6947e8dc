//! The keys of DKIM: made, sealed for the database, opened and used.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::AES_256_GCM;

use crate::hash::sha256;
use crate::mail::dkim::Algorithm;
use crate::secrets::{HostKey, Sealer};
use crate::store::DkimKey;

/// RFC 8301 section 3.2 asks for 1,024 bits at least and recommends so many; longer keys do not fit every resolver.
const RSA_BITS: KeySize = KeySize::Rsa2048;

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
            Algorithm::Rsa2048 => rsa_pair(),
            Algorithm::Ed25519 => ed25519_pair(),
        }
        .map_err(|_| "the system gave no random bytes for a key")?;
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

/// A private key (PKCS #8) and its public key as records have it: a `SubjectPublicKeyInfo` (RFC 5280 section 4.1). RFC 6376
/// is at odds with its own examples on whether that or the shorter `RSAPublicKey` belongs into a record; every verifier
/// reads this one.
fn rsa_pair() -> Result<(Vec<u8>, Vec<u8>), Unspecified> {
    let pair = RsaKeyPair::generate(RSA_BITS)?;
    let private: Pkcs8V1Der<'_> = pair.as_der()?;
    let public_key: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok((private.as_ref().to_vec(), public_key.as_ref().to_vec()))
}

/// The same for Ed25519, whose record has the 32 bytes themselves (RFC 8463 section 4).
fn ed25519_pair() -> Result<(Vec<u8>, Vec<u8>), Unspecified> {
    let pair = Ed25519KeyPair::generate()?;
    Ok((pair.to_pkcs8()?.as_ref().to_vec(), pair.public_key().as_ref().to_vec()))
}

/// A private key in the form that signing needs.
pub(super) enum SigningKey {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    fn parse(algorithm: Algorithm, private: &[u8]) -> Option<Self> {
        match algorithm {
            // Keys of the first days are kept as PKCS #1.
            Algorithm::Rsa2048 => {
                RsaKeyPair::from_pkcs8(private).or_else(|_| RsaKeyPair::from_der(private)).ok().map(Self::Rsa)
            }
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
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)?;
                Ok(signature)
            }
            Self::Ed25519(pair) => Ok(pair.sign(&sha256(data)).as_ref().to_vec()),
        }
    }
}
