//! Records of hits on their way from an edge node to the origin, in their order.
//!
//! ```text
//! version 1 (1) · of each record: its length (LEB128) and its bytes
//! ```

use std::fmt;

use crate::hits::bytes::{Rest, write_number};

/// Records of one batch.
pub(crate) const BATCH_RECORDS_MAX: usize = 2_000;
/// Bytes of one batch.
pub(crate) const BATCH_BYTES_MAX: usize = 512 * 1024;
/// What a batch is called on the way.
pub(crate) const BATCH_TYPE: &str = "application/vnd.pillarbox.hits";

const VERSION: u8 = 1;

/// A batch that grows.
pub(crate) struct Batch {
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
    /// It has more records than may be.
    TooMany,
}

impl fmt::Display for BatchError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => out.write_str("the batch is of another version"),
            Self::Broken(number) => write!(out, "record {number} of the batch is cut off"),
            Self::TooMany => write!(out, "the batch has more than {BATCH_RECORDS_MAX} records"),
        }
    }
}

impl Batch {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![VERSION], records: 0 }
    }

    /// Adds a record. False when there is no room for it, which is never so for the first one.
    pub(crate) fn push(&mut self, record: &[u8]) -> bool {
        let before = self.bytes.len();
        write_number(&mut self.bytes, record.len() as u64);
        self.bytes.extend(record);
        if self.records == BATCH_RECORDS_MAX || self.bytes.len() > BATCH_BYTES_MAX {
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

/// The records of a batch.
pub(crate) fn records(batch: &[u8]) -> Result<Vec<&[u8]>, BatchError> {
    let mut rest = Rest(batch);
    if rest.take() != Some([VERSION]) {
        return Err(BatchError::Version);
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        if found.len() == BATCH_RECORDS_MAX {
            return Err(BatchError::TooMany);
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
        let mut batch = Batch::new();
        assert!((0..BATCH_RECORDS_MAX).all(|_| batch.push(b"x")));
        assert!(!batch.push(b"x"));
        assert_eq!(batch.records(), BATCH_RECORDS_MAX);
        let mut bytes = batch.into_bytes();
        assert_eq!(records(&bytes).map(|found| found.len()), Ok(BATCH_RECORDS_MAX));
        bytes.extend([1, b'x']);
        assert_eq!(records(&bytes), Err(BatchError::TooMany));
    }

    #[test]
    fn a_batch_is_as_large_as_the_bound_and_no_larger() {
        let mut batch = Batch::new();
        let record = vec![7; PAYLOAD_BYTES_MAX];
        while batch.push(&record) {}
        let room = BATCH_BYTES_MAX - batch.bytes.len();
        assert!(!batch.push(&vec![7; room - 1]), "with its length it is one byte too long");
        assert!(batch.push(&vec![7; room - 2]));
        assert_eq!(batch.into_bytes().len(), BATCH_BYTES_MAX);
    }

    #[test]
    fn what_is_no_batch_says_why() {
        assert_eq!(records(&[]), Err(BatchError::Version));
        assert_eq!(records(&[VERSION + 1, 1, 7]), Err(BatchError::Version));
        assert_eq!(records(&[VERSION]), Ok(Vec::new()));
        assert_eq!(records(&[VERSION, 1, 7, 2, 7]), Err(BatchError::Broken(1)));
        assert_eq!(records(&[VERSION, 0x80]), Err(BatchError::Broken(0)));
    }

    proptest! {
        #[test]
        fn records_come_out_as_they_went_in(given in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..300), 0..20)) {
            let mut batch = Batch::new();
            for record in &given {
                prop_assert!(batch.push(record));
            }
            let bytes = batch.into_bytes();
            let found = records(&bytes).expect("it is a batch");
            prop_assert_eq!(found, given.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(records(&bytes));
        }
    }
}
