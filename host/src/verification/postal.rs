//! Postal's webhooks: RSA over the body, by the key of the installation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::keys::RsaKey;
use super::{Asked, Proof, Wrong};

/// By SHA-256. Older versions have the other one alone, by SHA-1.
const SIGNATURE_256: &str = "x-postal-signature-256";
const SIGNATURE: &str = "x-postal-signature";

#[derive(Deserialize)]
struct Named {
    uuid: Option<String>,
}

/// The better signature counts where there are both.
pub(super) fn check(keys: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    let by_sha256 = asked.header_if_any(SIGNATURE_256)?;
    let (name, signature) = match by_sha256 {
        Some(signature) => (SIGNATURE_256, signature),
        None => (SIGNATURE, asked.header(SIGNATURE)?),
    };
    let signature = BASE64.decode(signature).map_err(|_| Wrong::Malformed(format!("header {name}")))?;
    let mut is_genuine = false;
    for key in keys {
        let key = RsaKey::read(key).map_err(Wrong::Malformed)?;
        is_genuine |= match by_sha256 {
            Some(_) => key.has_signed_by_sha256(asked.body, &signature),
            None => key.has_signed_by_sha1(asked.body, &signature),
        };
    }
    if !is_genuine {
        return Err(Wrong::Mismatch);
    }
    let id = serde_json::from_slice::<Named>(asked.body).ok().and_then(|named| named.uuid);
    Ok(Proof { id, once: None })
}
