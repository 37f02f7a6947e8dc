//! Mandrill's webhooks: HMAC-SHA1 over the address as it was given to Mandrill, and every field of the form by its name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::hmac::{self, Context, Key};

use super::fields::{field, form};
use super::{Asked, Proof, Wrong, any_same};

const SIGNATURE: &str = "x-mandrill-signature";
/// The field with the events.
const EVENTS: &str = "mandrill_events";

pub(super) fn check(secrets: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    let given = asked.header(SIGNATURE)?;
    let mut fields = form(asked).ok_or_else(|| Wrong::Malformed("body".into()))?;
    fields.sort();
    let wanted = secrets.iter().map(|secret| {
        let mut context = Context::with_key(&Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()));
        context.update(asked.url.as_bytes());
        for (name, value) in &fields {
            context.update(name.as_bytes());
            context.update(value.as_bytes());
        }
        BASE64.encode(context.sign())
    });
    any_same([given], &wanted.collect::<Vec<_>>())?;
    Ok(Proof::default())
}

/// Whether it brings no event. Mandrill tries an address so before it has a key for it, and wants to hear 200.
pub(crate) fn is_empty(asked: &Asked<'_>) -> bool {
    let fields = form(asked).unwrap_or_default();
    let events = field(&fields, EVENTS).unwrap_or_default();
    serde_json::from_str::<Vec<serde::de::IgnoredAny>>(events).is_ok_and(|events| events.is_empty())
}
