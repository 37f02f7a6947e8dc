//! `SendGrid`'s signed event webhook: ECDSA over the time and the body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::keys::P256Key;
use super::{Asked, Proof, Wrong};

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

pub(super) fn check(keys: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    let (signature, time) = (asked.header(SIGNATURE)?, asked.header(TIMESTAMP)?);
    let signature = BASE64.decode(signature).map_err(|_| Wrong::Malformed(format!("header {SIGNATURE}")))?;
    let signed = [time.as_bytes(), asked.body].concat();
    let mut is_genuine = false;
    for key in keys {
        is_genuine |= P256Key::read(key).map_err(Wrong::Malformed)?.has_signed(&signed, &signature);
    }
    if !is_genuine {
        return Err(Wrong::Mismatch);
    }
    asked.check_time(time)?;
    Ok(Proof::default())
}
