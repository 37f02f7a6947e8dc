//! The keys behind what the service signs for itself: tracking tokens and bounce addresses.
//!
//! A MAC is HMAC-SHA256 over everything before it, cut to 128 bits (RFC 2104 section 5).

use std::fmt;

use ring::hmac;

/// Keys that are accepted at the same time.
pub const KEYS_MAX: usize = 256;
/// Bytes of a MAC.
pub(crate) const MAC_BYTES: usize = 16;

/// Keys by their ids. The first one signs, all of them check. To change keys, put the new one first and leave the old
/// ones behind it for as long as what they signed should still count.
pub(crate) struct MacKeys {
    signing: u8,
    keys: Vec<(u8, hmac::Key)>,
}

impl MacKeys {
    /// `None` without a key or when two have the same id.
    pub(crate) fn new(keys: Vec<(u8, [u8; 32])>) -> Option<Self> {
        let signing = keys.first()?.0;
        let mut seen = [false; KEYS_MAX];
        let unique = keys.iter().all(|(id, _)| !std::mem::replace(&mut seen[usize::from(*id)], true));
        let keys = keys.into_iter().map(|(id, key)| (id, hmac::Key::new(hmac::HMAC_SHA256, &key))).collect();
        unique.then_some(Self { signing, keys })
    }

    /// The id of the key that signs.
    pub(crate) fn signing(&self) -> u8 {
        self.signing
    }

    /// The ids of all keys, the one that signs first.
    pub(crate) fn ids(&self) -> Vec<u8> {
        self.keys.iter().map(|(id, _)| *id).collect()
    }

    /// The MAC of `body` by the key that signs.
    pub(crate) fn mac(&self, body: &[u8]) -> [u8; MAC_BYTES] {
        let (_, key) = &self.keys[0];
        *hmac::sign(key, body).as_ref().first_chunk().expect("HMAC-SHA256 has more bytes")
    }

    /// Whether the key of this id made `mac` for `body`. It compares without telling where the difference is: both
    /// sides go through the MAC once more, and what a comparison of the results takes says nothing about them. ring
    /// compares whole tags only, and its comparison of slices is deprecated.
    pub(crate) fn made(&self, id: u8, body: &[u8], mac: &[u8]) -> bool {
        let Some((_, key)) = self.keys.iter().find(|(known, _)| *known == id) else { return false };
        let expected = hmac::sign(key, body);
        let blinded = hmac::sign(key, &expected.as_ref()[..MAC_BYTES]);
        hmac::verify(key, mac, blinded.as_ref()).is_ok()
    }
}

impl fmt::Debug for MacKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MacKeys").field("signing", &self.signing).field("ids", &self.ids()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_must_be_keys_with_ids_of_their_own_and_none_is_shown() {
        assert!(MacKeys::new(vec![]).is_none());
        assert!(MacKeys::new(vec![(1, [1; 32]), (1, [2; 32])]).is_none());
        let keys = MacKeys::new(vec![(7, [1; 32]), (3, [2; 32])]).expect("two keys");
        assert_eq!(format!("{keys:?}"), "MacKeys { signing: 7, ids: [7, 3], .. }");
    }

    #[test]
    fn as_many_keys_as_there_are_ids_are_taken() {
        let keys: Vec<_> = (0..=u8::MAX).map(|id| (id, [id; 32])).collect();
        assert_eq!(keys.len(), KEYS_MAX);
        let one_more = [keys.clone(), vec![(0, [0; 32])]].concat();
        assert!(MacKeys::new(keys).is_some());
        assert!(MacKeys::new(one_more).is_none());
    }

    #[test]
    fn a_mac_counts_for_its_key_and_its_text_alone() {
        let keys = MacKeys::new(vec![(7, [1; 32]), (3, [2; 32])]).expect("two keys");
        let mac = keys.mac(b"body");
        assert!(keys.made(7, b"body", &mac));
        assert!(!keys.made(3, b"body", &mac) && !keys.made(4, b"body", &mac) && !keys.made(7, b"bodY", &mac));
        assert!(!keys.made(7, b"body", &mac[1..]) && !keys.made(7, b"body", &[]));
    }
}
