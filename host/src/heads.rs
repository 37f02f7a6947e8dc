//! What was asked for with HEAD lately. HEAD records nothing, but whoever asks with HEAD and then with GET is seldom a
//! person.
//!
//! It is kept in memory alone: a restart forgets a minute of a weak sign.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// How long a HEAD is remembered, in milliseconds.
const REMEMBERED_MS: i64 = 60_000;
/// Most that are remembered. When they are exceeded, old ones go first, then all.
const HEADS_MAX: usize = 10_000;

/// What was asked for: an email, its link (none is the pixel), and by whom.
pub(crate) type Asked = (Uuid, Option<u32>, IpAddr);

/// The memory.
#[derive(Default)]
pub(crate) struct Heads(Mutex<HashMap<Asked, i64>>);

impl Heads {
    /// Remembers a HEAD.
    pub(crate) fn note(&self, asked: Asked, now: i64) {
        let mut heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heads.len() >= HEADS_MAX && !heads.contains_key(&asked) {
            heads.retain(|_, at| now - *at <= REMEMBERED_MS);
            if heads.len() >= HEADS_MAX {
                heads.clear();
            }
        }
        heads.insert(asked, now);
    }

    /// Whether a HEAD for the same came from there just before.
    pub(crate) fn before(&self, asked: &Asked, now: i64) -> bool {
        let heads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heads.get(asked).is_some_and(|at| now - *at <= REMEMBERED_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_head_is_remembered_for_a_minute_for_the_same_and_the_same_address() {
        let heads = Heads::default();
        let asked = (Uuid::from_u128(1), Some(0), HERE);
        assert!(!heads.before(&asked, 0));
        heads.note(asked, 0);
        assert!(heads.before(&asked, REMEMBERED_MS) && !heads.before(&asked, REMEMBERED_MS + 1));
        for other in [
            (Uuid::from_u128(2), Some(0), HERE),
            (Uuid::from_u128(1), Some(1), HERE),
            (Uuid::from_u128(1), None, HERE),
            (Uuid::from_u128(1), Some(0), IpAddr::from([192, 0, 2, 7])),
        ] {
            assert!(!heads.before(&other, 0), "{other:?}");
        }
    }

    #[test]
    fn a_flood_of_heads_is_forgotten_rather_than_kept() {
        let heads = Heads::default();
        let asked = |number: usize| (Uuid::from_u128(number as u128), None, HERE);
        for number in 0..HEADS_MAX {
            heads.note(asked(number), 0);
        }
        assert!(heads.before(&asked(0), 0), "as many as there is room for are kept");
        heads.note(asked(HEADS_MAX), 0);
        assert!(heads.0.lock().expect("nothing panicked").len() <= HEADS_MAX);
        assert!(heads.before(&asked(HEADS_MAX), 0), "the newest is remembered");
    }
}
