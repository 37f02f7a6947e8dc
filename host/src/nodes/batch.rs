//! Records on their way from an edge node to the origin, in their order: hits, or notifications.
//!
//! ```text
//! version 1 (1) · of each record: its length (LEB128) and its bytes
//! ```

use std::fmt;

use super::notification::NOTIFICATION_BYTES_MAX;
use crate::hits::bytes::{NUMBER_BYTES_MAX, Rest, write_number};

const VERSION: u8 = 1;

/// What batches are made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BatchKind {
    /// What a batch is called on the way.
    pub(crate) media_type: &'static str,
    /// Records of one batch.
    pub(crate) records_max: usize,
    /// Bytes of one batch.
    pub(crate) bytes_max: usize,
}

/// Opens, clicks and unsubscriptions.
pub(crate) const HITS_BATCH: BatchKind =
    BatchKind { media_type: "application/vnd.pillarbox.hits", records_max: 2_000, bytes_max: 512 * 1024 };
/// Notifications: the largest has room.
pub(crate) const NOTIFICATIONS_BATCH: BatchKind = BatchKind {
    media_type: "application/vnd.pillarbox.notifications",
    records_max: 64,
    bytes_max: NOTIFICATION_BYTES_MAX + 1 + NUMBER_BYTES_MAX,
};

/// A batch that grows.
pub(crate) struct Batch {
    kind: BatchKind,
    bytes: Vec<u8>,
    records: usize,
}

/// Why a batch cannot be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BatchError {
    /// It was made by a later version.
    Version,
    /// It ends within a record, or says a length that is none. The number of the record.
    Broken(usize),
    /// It has more records than this.
    TooMany(usize),
}

impl fmt::Display for BatchError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => out.write_str("the batch is of another version"),
            Self::Broken(number) => write!(out, "record {number} of the batch is cut off"),
            Self::TooMany(records_max) => write!(out, "the batch has more than {records_max} records"),
        }
    }
}

impl Batch {
    pub(crate) fn of(kind: BatchKind) -> Self {
        Self { kind, bytes: vec![VERSION], records: 0 }
    }

    /// Adds a record. False when there is no room for it, which is never so for the first one.
    pub(crate) fn push(&mut self, record: &[u8]) -> bool {
        let before = self.bytes.len();
        write_number(&mut self.bytes, record.len() as u64);
        self.bytes.extend(record);
        if self.records == self.kind.records_max || self.bytes.len() > self.kind.bytes_max {
            self.bytes.truncate(before);
            return false;
        }
        self.records += 1;
        true
    }

    pub(crate) fn records(&self) -> usize {
        self.records
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The records of a batch of this kind.
pub(crate) fn records(kind: BatchKind, batch: &[u8]) -> Result<Vec<&[u8]>, BatchError> {
    let mut rest = Rest(batch);
    if rest.take() != Some([VERSION]) {
        return Err(BatchError::Version);
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        if found.len() == kind.records_max {
            return Err(BatchError::TooMany(kind.records_max));
        }
        let length = rest.number().and_then(|length| usize::try_from(length).ok());
        found.push(length.and_then(|length| rest.bytes(length)).ok_or(BatchError::Broken(found.len()))?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::PAYLOAD_BYTES_MAX;

    #[test]
    fn a_batch_takes_as_many_records_as_the_bound_and_no_more() {
        let mut batch = Batch::of(HITS_BATCH);
        assert!((0..HITS_BATCH.records_max).all(|_| batch.push(b"x")));
        assert!(!batch.push(b"x"));
        assert_eq!(batch.records(), HITS_BATCH.records_max);
        let mut bytes = batch.into_bytes();
        assert_eq!(records(HITS_BATCH, &bytes).map(|found| found.len()), Ok(HITS_BATCH.records_max));
        bytes.extend([1, b'x']);
        assert_eq!(records(HITS_BATCH, &bytes), Err(BatchError::TooMany(2_000)));
    }

    #[test]
    fn a_batch_is_as_large_as_the_bound_and_no_larger() {
        let mut batch = Batch::of(HITS_BATCH);
        let record = vec![7; PAYLOAD_BYTES_MAX];
        while batch.push(&record) {}
        let room = HITS_BATCH.bytes_max - batch.bytes.len();
        assert!(!batch.push(&vec![7; room - 1]), "with its length it is one byte too long");
        assert!(batch.push(&vec![7; room - 2]));
        assert_eq!(batch.into_bytes().len(), HITS_BATCH.bytes_max);
    }

    #[test]
    fn the_largest_notification_fits_into_a_batch() {
        let mut batch = Batch::of(NOTIFICATIONS_BATCH);
        assert!(batch.push(&vec![7; NOTIFICATION_BYTES_MAX]));
        assert!(records(NOTIFICATIONS_BATCH, &batch.into_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_batch_says_why() {
        assert_eq!(records(HITS_BATCH, &[]), Err(BatchError::Version));
        assert_eq!(records(HITS_BATCH, &[VERSION + 1, 1, 7]), Err(BatchError::Version));
        assert_eq!(records(HITS_BATCH, &[VERSION]), Ok(Vec::new()));
        assert_eq!(records(HITS_BATCH, &[VERSION, 1, 7, 2, 7]), Err(BatchError::Broken(1)));
        assert_eq!(records(HITS_BATCH, &[VERSION, 0x80]), Err(BatchError::Broken(0)));
    }

    proptest! {
        #[test]
        fn records_come_out_as_they_went_in(given in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..20)) {
            let mut batch = Batch::of(HITS_BATCH);
            for record in &given {
                prop_assert!(batch.push(record));
            }
            let bytes = batch.into_bytes();
            let found = records(HITS_BATCH, &bytes).expect("it is a batch");
            prop_assert_eq!(found, given.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(records(HITS_BATCH, &bytes));
        }
    }
}
