//! Passwords of mail programs: made by chance, shown once, kept as a hash that takes memory to guess at.

use std::io;
use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::secrets::random;

/// Random bytes of a password; it has four characters for three of them.
const PASSWORD_BYTES: usize = 24;
/// Random bytes that make equal passwords hash differently (RFC 9106 section 3.1).
const SALT_BYTES: usize = 16;
/// Memory of one hash in KiB, passes and lanes: argon2id as OWASP's password storage cheat sheet has it. A password of
/// 192 random bits cannot be guessed anyway; this is for the day when people choose their own.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes at once, so that clients who sign in take no more than 76 MiB together. One more waits.
const HASHES_MAX: usize = 4;

/// Hashes passwords and checks them, a few at once.
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(HASHES_MAX)) }
    }
}

impl Passwords {
    /// A new password and its hash, as a PHC string.
    pub(crate) async fn make(&self) -> io::Result<(String, String)> {
        let password = BASE64.encode(random::<PASSWORD_BYTES>()?);
        let salt = SaltString::encode_b64(&random::<SALT_BYTES>()?).map_err(io::Error::other)?;
        let hashed = password.clone();
        let hash = self.blocking(move || {
            argon2().hash_password(hashed.as_bytes(), &salt).map(|hash| hash.to_string()).map_err(io::Error::other)
        });
        Ok((password, hash.await??))
    }

    /// Whether it is the password of this hash. Without a hash it takes as long and is wrong, so that the time tells
    /// nobody who has an account.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> bool {
        let verified = self.blocking(move || {
            let exists = hash.is_some();
            let hash = hash.unwrap_or_else(nobodys);
            let is_right = |hash| argon2().verify_password(password.as_bytes(), &hash).is_ok();
            PasswordHash::new(&hash).is_ok_and(is_right) && exists
        });
        verified.await.unwrap_or(false)
    }

    /// Work that takes milliseconds and megabytes, on a thread that may be blocked.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed");
        // The place goes along, because the work goes on when its caller hangs up.
        let worked = spawn_blocking(move || {
            let _place = place;
            work()
        });
        worked.await.map_err(io::Error::other)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the constants are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// A hash that costs as much as any and that no password is known to have.
fn nobodys() -> String {
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}", "A".repeat(22), "A".repeat(43))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_long_and_verifies_against_its_hash_alone() {
        let passwords = Passwords::default();
        let (password, hash) = passwords.make().await.expect("it is made");
        assert_eq!(password.len(), 32);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains(&password), "{hash}");
        assert!(passwords.verify(password.clone(), Some(hash.clone())).await);
        assert!(!passwords.verify(password.to_uppercase(), Some(hash.clone())).await);
        assert!(!passwords.verify(String::new(), Some(hash.clone())).await);
        assert!(!passwords.verify(password.clone(), Some("$argon2id$".into())).await, "a hash that is none");
        let (other, _) = passwords.make().await.expect("it is made");
        assert!(other != password && !passwords.verify(other, Some(hash)).await);
        assert!(!passwords.verify(password, None).await);
    }

    #[test]
    fn somebody_who_does_not_exist_costs_as_much_to_check() {
        let nobodys = nobodys();
        let hash = PasswordHash::new(&nobodys).expect("it is a hash");
        let params = Params::try_from(&hash).expect("it has parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(hash.hash.expect("it has an output").len(), 32);
        assert_eq!(hash.salt.expect("it has a salt").as_str().len(), 22);
    }

    #[tokio::test]
    async fn so_many_are_checked_at_once_and_one_more_waits() {
        let passwords = Passwords::default();
        let places = Arc::clone(&passwords.places);
        let held = places.acquire_many(u32::try_from(HASHES_MAX).expect("a few") - 1).await.expect("they are free");
        assert!(!passwords.verify("x".into(), None).await, "the last place serves");
        let _last = places.acquire().await.expect("it is free again");
        let waiting = passwords.verify("x".into(), None);
        let soon = std::time::Duration::from_millis(200);
        assert!(tokio::time::timeout(soon, waiting).await.is_err(), "it waits");
        drop(held);
        assert!(!passwords.verify("x".into(), None).await, "and a place that is free serves again");
    }
}
