//! Unisender Go's webhooks: the MD5 of the body with the key of the account where its own MD5 stands. That is weak, and all
//! that there is.

use md5::{Digest, Md5};
use memchr::memmem;
use serde::Deserialize;

use super::{Asked, Proof, Wrong, any_same};
use crate::hash::hex;

/// Characters of an MD5 in hexadecimal.
const AUTH_CHARS: usize = 32;

#[derive(Deserialize)]
struct Signed {
    auth: String,
}

pub(super) fn check(keys: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    // What was lengthened behind the MD5 is no JSON any more.
    let Signed { auth } = serde_json::from_slice(asked.body).map_err(|_| Wrong::Missing("auth in the body".into()))?;
    let mut places = memmem::find_iter(asked.body, auth.as_bytes());
    let (Some(at), None) = (places.next(), places.next()) else { return Err(Wrong::Malformed("auth".into())) };
    if auth.len() != AUTH_CHARS {
        return Err(Wrong::Malformed("auth".into()));
    }
    let (before, after) = (&asked.body[..at], &asked.body[at + auth.len()..]);
    let wanted = keys.iter().map(|key| {
        let mut hash = Md5::new();
        for piece in [before, key.as_bytes(), after] {
            hash.update(piece);
        }
        hex(&hash.finalize())
    });
    any_same([auth.as_str()], &wanted.collect::<Vec<_>>())?;
    Ok(Proof::default())
}
