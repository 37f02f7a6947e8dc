//! Public keys as people copy them: PEM, the base64 inside it, or the record of DKIM.

use base64::Engine as _;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::hmac::KEY_BASE64;

/// Bits of an RSA key of a sender's own, as they made them once: fewer are no protection.
const OWN_BITS_MIN: usize = 1_024;
/// Bits of one in a certificate.
pub(super) const CERTIFICATE_BITS_MIN: usize = 2_048;
/// More take too long.
const RSA_BITS_MAX: usize = 8_192;
/// Bytes of a point of P-256 as it is written out.
const P256_POINT_BYTES: usize = 65;

/// A key of RSA, as `RSAPublicKey` (RFC 8017).
pub(crate) struct RsaKey(Vec<u8>);

/// A point of P-256.
pub(super) struct P256Key(Vec<u8>);

impl RsaKey {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let der = der(text)?;
        let (_, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| "this is no public key")?;
        Self::of(&info, OWN_BITS_MIN)
    }

    pub(super) fn of(info: &SubjectPublicKeyInfo<'_>, bits_min: usize) -> Result<Self, String> {
        let Ok(PublicKey::RSA(key)) = info.parsed() else { return Err("this is no key of RSA".into()) };
        if !(bits_min..=RSA_BITS_MAX).contains(&key.key_size()) {
            return Err(format!("a key of RSA has {bits_min} to {RSA_BITS_MAX} bits"));
        }
        Ok(Self(info.subject_public_key.data.to_vec()))
    }

    /// For senders that know no other hash.
    pub(super) fn has_signed_by_sha1(&self, message: &[u8], signature: &[u8]) -> bool {
        self.has_signed(&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, message, signature)
    }

    pub(super) fn has_signed_by_sha256(&self, message: &[u8], signature: &[u8]) -> bool {
        self.has_signed(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, message, signature)
    }

    fn has_signed(&self, algorithm: &'static dyn VerificationAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(algorithm, &self.0).verify(message, signature).is_ok()
    }
}

impl P256Key {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let der = der(text)?;
        let wrong = "this is no public key of P-256";
        let (_, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| wrong)?;
        let Ok(PublicKey::EC(point)) = info.parsed() else { return Err(wrong.into()) };
        if point.data().len() != P256_POINT_BYTES {
            return Err(wrong.into());
        }
        Ok(Self(point.data().to_vec()))
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, &self.0).verify(message, signature).is_ok()
    }
}

/// The bytes of a key in PEM, in base64, or behind the `p=` of a DKIM record.
fn der(text: &str) -> Result<Vec<u8>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let joined: String = lines.collect();
    let base64 = joined.split(';').map(str::trim).find_map(|tag| tag.strip_prefix("p=")).unwrap_or(&joined);
    let base64: String = base64.chars().filter(|character| !character.is_whitespace() && *character != '"').collect();
    let bytes = KEY_BASE64.decode(base64).map_err(|_| "a public key is PEM, or the base64 of it")?;
    Ok(bytes)
}
