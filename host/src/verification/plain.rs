//! Secrets that are sent as they are: user and password, or a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Asked, Proof, Wrong, any_same};

/// A user and a password with a colon between them, as `Authorization` has them.
pub(super) fn basic(secrets: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    let (scheme, given) = asked.header("authorization")?.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Wrong::Missing("user and password".into()));
    }
    let wanted: Vec<_> = secrets.iter().map(|secret| BASE64.encode(secret)).collect();
    any_same([given.trim()], &wanted).map(|()| Proof::default())
}

/// A secret behind a prefix in a header of this name.
pub(super) fn header(name: &str, prefix: &str, secrets: &[String], asked: &Asked<'_>) -> Result<Proof, Wrong> {
    let given = asked.header(name)?.strip_prefix(prefix).ok_or_else(|| Wrong::Malformed(format!("header {name}")))?;
    any_same([given], secrets).map(|()| Proof::default())
}

pub(super) fn check_basic(secret: &str) -> Result<(), String> {
    let (user, password) = secret.split_once(':').unwrap_or_default();
    if user.is_empty() || password.is_empty() {
        return Err("a user and a password are written `user:password`".into());
    }
    Ok(())
}
