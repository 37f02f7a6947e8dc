//! Standard Webhooks, which began as the signatures of Svix: HMAC-SHA256 or Ed25519 over id, time and body, and as many
//! signatures as the sender has keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac::{self, Key};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::hmac::KEY_BASE64;
use super::{Asked, Proof, SIGNATURES_MAX, Wrong};
use crate::secrets::same_secret;

/// What a secret that is base64 of a key begins with, and a public key.
const SECRET: &str = "whsec_";
const PUBLIC: &str = "whpk_";
/// The versions of signatures: by a secret, and by a pair of keys.
const BY_SECRET: &str = "v1,";
const BY_PAIR: &str = "v1a,";
/// What the three headers begin with; the second is what Svix called them before.
const FAMILIES: [&str; 2] = ["webhook", "svix"];
/// The longest id, which is what repetitions are known by.
const ID_BYTES_MAX: usize = 256;

/// `text` says that a secret is the key itself, `bare` that signatures come without their version.
pub(super) fn check(text: bool, bare: bool, secrets: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    let has = |family: &&str| asked.headers.contains_key(format!("{family}-signature"));
    let family = FAMILIES.into_iter().find(has).ok_or_else(|| Wrong::Missing("header webhook-signature".into()))?;
    let header = |name: &str| asked.header(&format!("{family}-{name}"));
    let (id, time, signatures) = (header("id")?, header("timestamp")?, header("signature")?);
    let signatures: Vec<_> = signatures.split_ascii_whitespace().collect();
    if signatures.len() > SIGNATURES_MAX {
        return Err(Wrong::Malformed(format!("header {family}-signature")));
    }
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(Wrong::Malformed(format!("header {family}-id")));
    }
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", asked.body].concat();
    let mut is_genuine = false;
    for secret in secrets {
        is_genuine |= is_signed(text, bare, secret, &signatures, &signed)?;
    }
    if !is_genuine {
        return Err(Wrong::Mismatch);
    }
    asked.check_time(time)?;
    Ok(Proof { id: Some(id.to_owned()), once: None })
}

fn is_signed(text: bool, bare: bool, secret: &str, signatures: &[&str], signed: &[u8]) -> Result<bool, Wrong> {
    if let Some(public) = secret.strip_prefix(PUBLIC).filter(|_| !text) {
        let key = UnparsedPublicKey::new(&ED25519, decoded(public).map_err(Wrong::Malformed)?);
        let given = signatures.iter().filter_map(|signature| BASE64.decode(signature.strip_prefix(BY_PAIR)?).ok());
        return Ok(given.into_iter().any(|signature| key.verify(signed, &signature).is_ok()));
    }
    let key = key(secret, text).map_err(Wrong::Malformed)?;
    let wanted = BASE64.encode(hmac::sign(&Key::new(hmac::HMAC_SHA256, &key), signed));
    let given = signatures.iter().filter_map(|signature| match signature.strip_prefix(BY_SECRET) {
        None if bare => Some(*signature),
        versioned => versioned,
    });
    Ok(given.into_iter().any(|given| same_secret(given.as_bytes(), wanted.as_bytes())))
}

fn key(secret: &str, text: bool) -> Result<Vec<u8>, String> {
    if text { Ok(secret.as_bytes().to_vec()) } else { decoded(secret.strip_prefix(SECRET).unwrap_or(secret)) }
}

fn decoded(base64: &str) -> Result<Vec<u8>, String> {
    let bytes = KEY_BASE64.decode(base64).ok().filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| "the secret is neither whsec_ nor whpk_ with base64 behind it".into())
}

pub(super) fn check_secret(secret: &str, text: bool) -> Result<(), String> {
    match secret.strip_prefix(PUBLIC).filter(|_| !text) {
        Some(public) if decoded(public)?.len() != 32 => Err("a public key of Ed25519 has 32 bytes".into()),
        Some(_) => Ok(()),
        None => key(secret, text).map(drop),
    }
}
