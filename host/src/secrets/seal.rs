//! What is kept in the database but must not be read with it alone: sealed under a key of the host.

use ring::aead::{Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::random;

/// Why something does not open.
const FOREIGN: &str = "it was sealed by another host key, or is damaged";

/// Seals and opens with one key: a nonce, what was sealed, a tag.
pub(crate) struct Sealer(LessSafeKey);

impl Sealer {
    pub(crate) fn new(algorithm: &'static Algorithm, key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(algorithm, key).expect("the key is as long as it must be")))
    }

    /// `place` is what it belongs to: moved elsewhere it does not open.
    pub(crate) fn seal(&self, place: &[u8], mut plain: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        let nonce: [u8; NONCE_LEN] = random().map_err(|_| "the system gives no random bytes")?;
        let unique = Nonce::assume_unique_for_key(nonce);
        let sealed = self.0.seal_in_place_append_tag(unique, Aad::from(place), &mut plain);
        sealed.map_err(|_| "it could not be sealed")?;
        Ok([nonce.as_slice(), &plain].concat())
    }

    /// The reverse of `seal`, for the same place.
    pub(crate) fn open(&self, place: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        let nonce = sealed.first_chunk::<NONCE_LEN>().copied().ok_or(FOREIGN)?;
        let mut rest = sealed.split_off(NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let bytes = self.0.open_in_place(nonce, Aad::from(place), &mut rest).map_err(|_| FOREIGN)?.len();
        rest.truncate(bytes);
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use ring::aead::{AES_256_GCM, CHACHA20_POLY1305};

    use super::*;

    #[test]
    fn what_was_sealed_opens_in_its_place_with_its_key_and_whole() {
        for algorithm in [&AES_256_GCM, &CHACHA20_POLY1305] {
            let (ours, foreign) = (Sealer::new(algorithm, &[1; 32]), Sealer::new(algorithm, &[2; 32]));
            let sealed = ours.seal(b"here", b"secret".to_vec()).expect("it is sealed");
            assert_eq!(ours.open(b"here", sealed.clone()).as_deref(), Ok(&b"secret"[..]));
            assert_ne!(sealed, ours.seal(b"here", b"secret".to_vec()).expect("it is sealed"), "a nonce of its own");
            assert!(ours.open(b"there", sealed.clone()).is_err() && foreign.open(b"here", sealed.clone()).is_err());
            for at in 0..sealed.len() {
                let mut damaged = sealed.clone();
                damaged[at] ^= 1;
                assert!(ours.open(b"here", damaged).is_err(), "byte {at}");
                assert!(ours.open(b"here", sealed[..at].to_vec()).is_err(), "{at} bytes");
            }
        }
    }
}
