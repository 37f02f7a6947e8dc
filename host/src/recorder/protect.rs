//! Keeps recorded messages from whoever gets hold of the database file: sealed, or without what names a person.

use ring::aead::CHACHA20_POLY1305;
use ring::hmac;
use uuid::Uuid;

use super::INPUT_BYTES_MAX;
use super::redact::redacted;
use crate::plugins::scorer::Message;
use crate::secrets::Sealer;
use crate::store::Protection;

/// Seals and opens with keys that are derived from the host key, so a database without its `host.key` tells nothing.
pub(super) struct Protector {
    pub(super) protection: Protection,
    sealing: Sealer,
    digests: hmac::Key,
}

/// A message as it is stored.
pub(super) struct Protected {
    /// A nonce, the sealed JSON and its tag; or the redacted JSON.
    pub(super) input: Vec<u8>,
    /// HMAC-SHA256 of the JSON as it was before.
    pub(super) digest: [u8; 32],
}

impl Protector {
    pub(super) fn new(protection: Protection, sealing_key: &[u8; 32], digest_key: &[u8; 32]) -> Self {
        let sealing = Sealer::new(&CHACHA20_POLY1305, sealing_key);
        Self { protection, sealing, digests: hmac::Key::new(hmac::HMAC_SHA256, digest_key) }
    }

    /// `None` for a message that is too large as JSON.
    pub(super) fn protect(&self, id: Uuid, message: &Message) -> Result<Option<Protected>, &'static str> {
        let plain = serde_json::to_vec(message).map_err(|_| "it cannot be written as JSON")?;
        if plain.len() > INPUT_BYTES_MAX {
            return Ok(None);
        }
        let tag = hmac::sign(&self.digests, &plain);
        let digest = tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes");
        let input = match self.protection {
            Protection::Encrypted => self.sealing.seal(id.as_bytes(), plain)?,
            Protection::Redacted => {
                serde_json::to_vec(&redacted(message.clone())).map_err(|_| "it cannot be written as JSON")?
            }
        };
        Ok(Some(Protected { input, digest }))
    }

    /// The reverse of `protect`, for the row of this id alone. What was redacted stays so.
    pub(super) fn open(&self, id: Uuid, protection: Protection, input: Vec<u8>) -> Result<Vec<u8>, &'static str> {
        match protection {
            Protection::Redacted => Ok(input),
            Protection::Encrypted => self.sealing.open(id.as_bytes(), input),
        }
    }
}

#[cfg(test)]
mod tests {
    use ring::aead::NONCE_LEN;

    use super::super::redact::tests::message;
    use super::*;

    fn protector(protection: Protection, key: u8) -> Protector {
        Protector::new(protection, &[key; 32], &[key + 1; 32])
    }

    fn protect(protector: &Protector, id: Uuid, message: &Message) -> Protected {
        protector.protect(id, message).expect("it can be protected").expect("it is not too large")
    }

    fn read(json: &[u8]) -> Message {
        serde_json::from_slice(json).expect("it is a message")
    }

    #[test]
    fn what_was_sealed_is_opened_for_its_own_row_and_by_its_own_key_alone() {
        let (ours, foreign) = (protector(Protection::Encrypted, 1), protector(Protection::Encrypted, 2));
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = protect(&ours, id, &message()).input;
        let open = |by: &Protector, id, input: &[u8]| by.open(id, Protection::Encrypted, input.to_vec());
        assert_eq!(read(&open(&ours, id, &sealed).expect("it opens")), message());
        assert!(open(&ours, other, &sealed).is_err(), "moved to another row");
        assert!(open(&foreign, id, &sealed).is_err(), "another host");
        for at in [0, NONCE_LEN, sealed.len() - 1] {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(open(&ours, id, &damaged).is_err(), "byte {at}");
        }
        for length in [0, NONCE_LEN - 1, NONCE_LEN, sealed.len() - 1] {
            assert!(open(&ours, id, &sealed[..length]).is_err(), "{length} bytes");
        }
        assert_ne!(sealed, protect(&ours, id, &message()).input, "each sealing has a nonce of its own");
    }

    #[test]
    fn a_digest_is_the_same_for_the_same_message_and_tells_nothing_without_the_key() {
        let digest =
            |protection, key, message: &Message| protect(&protector(protection, key), Uuid::nil(), message).digest;
        let sealed = digest(Protection::Encrypted, 1, &message());
        assert_eq!(sealed, digest(Protection::Redacted, 1, &message()));
        assert_ne!(sealed, digest(Protection::Encrypted, 2, &message()));
        assert_ne!(sealed, digest(Protection::Encrypted, 1, &Message { subject: None, ..message() }));
    }

    #[test]
    fn a_message_of_a_mebibyte_is_kept_and_one_byte_more_is_not() {
        let protector = protector(Protection::Encrypted, 1);
        let empty = Message { text: Some(String::new()), ..message() };
        let rest = INPUT_BYTES_MAX - serde_json::to_vec(&empty).expect("it is JSON").len();
        let is_kept = |bytes| {
            let message = Message { text: Some("x".repeat(bytes)), ..message() };
            protector.protect(Uuid::nil(), &message).expect("it can be protected").is_some()
        };
        assert!(is_kept(rest));
        assert!(!is_kept(rest + 1));
    }
}
