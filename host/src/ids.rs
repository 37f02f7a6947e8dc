//! Ids: UUID version 7 (RFC 9562), so that they sort by the time they were made.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use uuid::{ClockSequence, ContextV7, NoContext, Timestamp, Uuid};

use crate::hash::sha256;

/// Makes the ids of one unit of work. It is an argument of the store, which looks at no clock itself.
pub type Ids = Box<dyn FnMut() -> Uuid + Send>;

/// A new id of this moment, in milliseconds since 1970.
pub fn new_id(now: i64) -> Uuid {
    at(now, NoContext)
}

/// What orders the ids of one process: those of one millisecond, and those made while the clock was set back.
#[derive(Clone, Default)]
pub struct IdOrder(Arc<Mutex<AssertUnwindSafe<ContextV7>>>);

impl IdOrder {
    /// The ids of a unit of work that happens now. All that are made after one another sort in that order, also those
    /// of different units, so that events of one millisecond keep theirs.
    pub fn ids_at(&self, now: i64) -> Ids {
        let order = Arc::clone(&self.0);
        Box::new(move || at(now, &*order))
    }
}

/// The id of one email of a bulk send: always the same for the same place in it, so that an email can be told from one
/// that was sent before. They sort by their places; who does not know the bulk send's id can guess none.
pub fn id_within(bulk_id: Uuid, index: u16) -> Uuid {
    let hash = sha256(&[bulk_id.as_bytes().as_slice(), &index.to_be_bytes()].concat());
    let unguessable = hash[..8].iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte)) >> 6;
    let time = bulk_id.as_u128() & (u128::MAX << 80);
    // The place takes the 12 bits between version and variant, and the 4 behind them (RFC 9562 section 5.7).
    let (before, behind) = (u128::from(index >> 4), u128::from(index & 0xf));
    Uuid::from_u128(time | 0x7 << 76 | before << 64 | 0b10 << 62 | behind << 58 | unguessable)
}

fn at(now: i64, counter: impl ClockSequence<Output: Into<u128>>) -> Uuid {
    let millis = u64::try_from(now).unwrap_or(0);
    let nanos = u32::try_from(millis % 1_000 * 1_000_000).expect("less than a second");
    Uuid::new_v7(Timestamp::from_unix(counter, millis / 1_000, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_in_the_order_they_were_made_within_and_across_units_of_work() {
        let order = IdOrder::default();
        let now = 1_710_513_000_120;
        let (mut one, mut other, mut late) = (order.ids_at(now), order.ids_at(now), order.ids_at(now - 5));
        let made: Vec<_> = (0..10_000).flat_map(|_| [one(), other(), late()]).collect();
        assert!(made.is_sorted(), "an id came before the one made before it");
        assert!(made.iter().all(|id| id.to_string().starts_with("018e4285-0eb8-7")), "{}", made[0]);
    }

    #[test]
    fn ids_of_a_bulk_send_follow_from_it_and_sort_by_their_places() {
        let bulk_id = new_id(1_710_513_000_120);
        let ids: Vec<_> = (0..=u16::MAX).map(|index| id_within(bulk_id, index)).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122));
        assert!(ids.iter().all(|id| id.to_string().starts_with("018e4285-0eb8-7")), "{}", ids[0]);
        assert_eq!(ids[42], id_within(bulk_id, 42));
        assert_ne!(ids[42], id_within(new_id(1_710_513_000_120), 42));
    }
}
