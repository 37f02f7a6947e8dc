//! Idempotency keys whose first request is being worked on, so that a second one does not begin the same work.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// The keys. There are at most as many as requests under way.
#[derive(Clone, Default)]
pub(crate) struct KeysInFlight(Arc<Mutex<HashSet<(Uuid, String)>>>);

/// A key while its request is worked on. However that ends, it is free again.
pub(crate) struct HeldKey {
    keys: KeysInFlight,
    name: (Uuid, String),
}

impl KeysInFlight {
    /// Holds a customer's key. `None` while another request does.
    pub(crate) fn hold(&self, customer: Uuid, key: &str) -> Option<HeldKey> {
        let name = (customer, key.to_owned());
        let is_free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        is_free.then(|| HeldKey { keys: self.clone(), name })
    }
}

impl Drop for HeldKey {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_held_once_and_free_again() {
        let keys = KeysInFlight::default();
        let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let held = keys.hold(ada, "order-42");
        assert!(held.is_some() && keys.hold(ada, "order-42").is_none());
        assert!(keys.hold(ada, "order-43").is_some() && keys.hold(bob, "order-42").is_some());
        drop(held);
        assert!(keys.hold(ada, "order-42").is_some());
        assert!(keys.0.lock().expect("nothing panicked").is_empty(), "nothing is kept of keys that are free");
    }

    #[test]
    fn a_key_is_free_after_its_request_panicked() {
        let keys = KeysInFlight::default();
        let held = keys.clone();
        let panicking = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _held = held.hold(Uuid::nil(), "key");
            panic!("as it happens");
        }));
        panicking.expect_err("it panics");
        assert!(keys.hold(Uuid::nil(), "key").is_some());
    }
}
