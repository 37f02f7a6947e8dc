//! The places for connections: how many may be open, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::peers::network;

/// The places for connections, in all and for each address.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    per_address_max: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection's place, free again when it is dropped.
pub(crate) struct Place {
    _one_of_all: OwnedSemaphorePermit,
    /// What stands for its peer.
    address: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Places {
    pub(crate) fn new(all_max: usize, per_address_max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all_max)), per_address_max, taken: Arc::default() }
    }

    /// A place of all, as soon as there is one.
    pub(crate) async fn free(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.all).acquire_owned().await.expect("the places are never closed")
    }

    /// The place of a connection from this address. `None` when its network has its share already.
    pub(crate) fn take(&self, free: OwnedSemaphorePermit, peer: SocketAddr) -> Option<Place> {
        let address = network(peer.ip());
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        Some(Place { _one_of_all: free, address, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_gets_its_share_of_places_and_no_more() {
        let places = Places::new(3, 2);
        let peer = SocketAddr::from(([192, 0, 2, 1], 1));
        let first = places.take(places.free().await, peer).expect("the first place is free");
        let second = places.take(places.free().await, peer).expect("the second place is free");
        assert!(places.take(places.free().await, peer).is_none(), "a third one is over the share");
        drop(first);
        let third = places.take(places.free().await, peer).expect("a place became free");

        let other = SocketAddr::from(([192, 0, 2, 2], 1));
        let _last = places.take(places.free().await, other).expect("another address has a share of its own");
        assert_eq!(places.all.available_permits(), 0, "all places are taken now");
        drop((second, third));
        assert_eq!(places.all.available_permits(), 2);
    }
}
