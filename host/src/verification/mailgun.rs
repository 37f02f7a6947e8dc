//! Mailgun's webhooks: HMAC-SHA256 over a time and a token that stand in the body, beside what they do not protect. So a
//! token is good for one body, and whoever keeps an old notification cannot send another in its name.

use ring::hmac::{self, Key};
use serde_json::Value as Json;

use super::fields::{field, form};
use super::{Asked, Proof, Wrong, any_same};
use crate::hash::hex;

/// The longest token. Mailgun's have 50 characters.
const TOKEN_BYTES_MAX: usize = 256;

/// What is signed, and by what.
struct Signature {
    time: String,
    token: String,
    hex: String,
}

pub(super) fn check(secrets: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    let (signatures, id) = match form(asked) {
        Some(fields) => (signature_of_form(&fields).into_iter().collect(), None),
        None => of_json(asked.body)?,
    };
    if signatures.is_empty() {
        return Err(Wrong::Missing("signature in the body".into()));
    }
    let found = signatures.into_iter().find(|signature| is_signed(secrets, signature).is_ok());
    let Signature { time, token, .. } = found.ok_or(Wrong::Mismatch)?;
    asked.check_time(&time)?;
    Ok(Proof { id, once: Some(token) })
}

fn is_signed(secrets: &[String], given: &Signature) -> Result<(), Wrong> {
    if given.token.is_empty() || given.token.len() > TOKEN_BYTES_MAX {
        return Err(Wrong::Malformed("token".into()));
    }
    let signed = format!("{}{}", given.time, given.token);
    let wanted = secrets.iter().map(|secret| {
        let key = Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hex(hmac::sign(&key, signed.as_bytes()).as_ref())
    });
    any_same([given.hex.as_str()], &wanted.collect::<Vec<_>>())
}

/// The signature of the account, then that of the account above it; and the id of the event.
fn of_json(body: &[u8]) -> Result<(Vec<Signature>, Option<String>), Wrong> {
    let body: Json = serde_json::from_slice(body).map_err(|_| Wrong::Malformed("body".into()))?;
    let signature = |name: &str| {
        let text = |field: &str| match &body[name][field] {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Some(Signature { time: text("timestamp")?, token: text("token")?, hex: text("signature")? })
    };
    let signatures = ["signature", "parent-signature"].into_iter().filter_map(signature).collect();
    Ok((signatures, body["event-data"]["id"].as_str().map(str::to_owned)))
}

fn signature_of_form(fields: &[(String, String)]) -> Option<Signature> {
    let text = |name: &str| field(fields, name).map(str::to_owned);
    Some(Signature { time: text("timestamp")?, token: text("token")?, hex: text("signature")? })
}
