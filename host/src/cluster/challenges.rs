//! Challenges of certificate authorities: one node orders, and whichever node is asked answers.

use std::net::IpAddr;

use tokio::sync::Semaphore;

use super::Cluster;
use crate::rate::RateLimit;
use crate::store::StoreError;
use crate::store::control::primary;

/// How long a challenge is answered: longer than an order may take.
const SHOWN_MS: i64 = 10 * 60 * 1_000;
/// Questions of one address in a minute that the primary is asked. Authorities ask a few times from each of theirs.
const QUESTIONS_PER_MINUTE: u32 = 20;
/// Questions that it is asked at once.
const AT_ONCE_MAX: usize = 4;
/// Characters of a token that an authority may have made (RFC 8555 section 8.3 asks for at least 22).
const TOKEN_CHARS_MAX: usize = 256;

/// Bounds what strangers can have the primary asked.
pub(super) struct Asked {
    by_address: RateLimit<IpAddr>,
    at_once: Semaphore,
}

impl Default for Asked {
    fn default() -> Self {
        Self { by_address: RateLimit::every(60 * 1_000), at_once: Semaphore::new(AT_ONCE_MAX) }
    }
}

impl Cluster {
    /// Has every node answer this challenge.
    pub(crate) async fn show_challenge(&self, token: &str, answer: &str) -> Result<(), StoreError> {
        let Some(primary) = &self.primary else { return Ok(()) };
        let ends = primary.ask(&primary::show_challenge(token, answer, SHOWN_MS)).await?;
        primary::all_done(&ends).map_err(StoreError::Primary)
    }

    /// The answer to a challenge of another node.
    pub(crate) async fn challenge(&self, token: &str, peer: IpAddr, now: i64) -> Option<String> {
        let primary = self.primary.as_ref()?;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if token.len() > TOKEN_CHARS_MAX || !token.bytes().all(is_token) {
            return None;
        }
        let _place = self.asked.at_once.try_acquire().ok()?;
        self.asked.by_address.take(peer, QUESTIONS_PER_MINUTE, now).filter(|standing| standing.allowed)?;
        let ends = primary.ask(&primary::challenge(token)).await.ok()?;
        primary::told_challenge(&ends).ok()?
    }
}
