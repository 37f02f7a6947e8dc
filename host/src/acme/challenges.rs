//! What the authority is shown for its challenges (RFC 8555 section 8.3), while an order is under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Challenges that are answered at once. There is one for each order that is under way.
const CHALLENGES_MAX: usize = 64;

/// The answers by their tokens.
#[derive(Clone, Default)]
pub(crate) struct Challenges(Arc<Mutex<HashMap<String, String>>>);

/// An answer that is given as long as this is kept.
pub(super) struct Shown {
    token: String,
    all: Challenges,
}

impl Challenges {
    /// Answers a challenge from now on. `None` when too many are answered already.
    pub(super) fn show(&self, token: &str, answer: &str) -> Option<Shown> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CHALLENGES_MAX {
            return None;
        }
        all.insert(token.to_owned(), answer.to_owned());
        Some(Shown { token: token.to_owned(), all: self.clone() })
    }

    /// The answer to a challenge of ours.
    pub(crate) fn answer(&self, token: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_as_long_as_its_order_goes_on() {
        let challenges = Challenges::default();
        let shown = challenges.show("token", "token.key").expect("there is room");
        assert_eq!(challenges.answer("token").as_deref(), Some("token.key"));
        assert_eq!(challenges.answer("other"), None);
        drop(shown);
        assert_eq!(challenges.answer("token"), None);
    }

    #[test]
    fn so_many_are_answered_at_once_and_no_more() {
        let challenges = Challenges::default();
        let mut shown: Vec<_> = (0..CHALLENGES_MAX)
            .map(|token| challenges.show(&token.to_string(), "answer").expect("it is inside the bound"))
            .collect();
        assert!(challenges.show("one more", "answer").is_none());
        shown.pop();
        assert!(challenges.show("one more", "answer").is_some());
    }
}
