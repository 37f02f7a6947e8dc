//! One record of a segment, and how the good ones are told from everything else.
//!
//! ```text
//! length 4 (the highest bit: what stands before this record was flushed) · CRC-32 4 · payload
//! ```
//!
//! Numbers are little-endian. The CRC covers the segment's epoch, the place of the record, its length and its
//! payload, so that bytes of an earlier use of the file, and bytes in the wrong place, are no records.
//!
//! A segment that is done with ends with a record without a payload, whose highest bit is set: it was on disk up to there,
//! so that what does not check before it is damage and no write that the power cut off.

use std::ops::Range;

use super::texts::{Packing, Texts};

/// Bytes of a record before its payload.
pub(super) const HEAD_BYTES: usize = 8;
/// Bytes of the longest payload.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 8 * 1024;

const ZEROS: [u8; 1024] = [0; 1024];

/// Marks a record whose predecessors were on disk before it was written.
const FLUSHED_BEFORE: u32 = 1 << 31;

/// Adds a record to what waits. Its place is not known yet, so [`seal`] follows.
pub(super) fn push(waiting: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a payload has a bound");
    waiting.extend_from_slice(&length.to_le_bytes());
    waiting.extend_from_slice(&[0; 4]);
    waiting.extend_from_slice(payload);
}

/// Writes the records of a batch packed.
pub(super) fn pack(batch: &[u8], packing: Packing, texts: &mut Texts, out: &mut Vec<u8>) {
    let mut rest = batch;
    while let Some((head, behind)) = rest.split_at_checked(HEAD_BYTES) {
        let length = u32::from_le_bytes(head[..4].try_into().expect("four bytes")) as usize;
        let (payload, next) = behind.split_at(length);
        let at = out.len();
        out.extend_from_slice(head);
        (packing.pack)(payload, texts, out);
        let packed = u32::try_from(out.len() - at - HEAD_BYTES).expect("a payload has a bound");
        out[at..at + 4].copy_from_slice(&packed.to_le_bytes());
        rest = next;
    }
}

/// What follows the last record of a segment, at `offset`, once all of them are on disk.
pub(super) fn end_mark(epoch: u64, offset: u64) -> [u8; HEAD_BYTES] {
    let mut mark = [0; HEAD_BYTES];
    mark[..4].copy_from_slice(&FLUSHED_BEFORE.to_le_bytes());
    mark[4..].copy_from_slice(&crc(epoch, offset, FLUSHED_BEFORE, &[]).to_le_bytes());
    mark
}

/// Completes the records of a batch that will stand at `offset`.
pub(super) fn seal(batch: &mut [u8], epoch: u64, offset: u64, flushed_before: bool) {
    let mut at = 0;
    while at < batch.len() {
        let (head, rest) = batch[at..].split_at_mut(HEAD_BYTES);
        let mut length = u32::from_le_bytes(head[..4].try_into().expect("four bytes"));
        let payload = &rest[..length as usize];
        let end = at + HEAD_BYTES + payload.len();
        if at == 0 && flushed_before {
            length |= FLUSHED_BEFORE;
        }
        let crc = crc(epoch, offset + at as u64, length, payload);
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[4..].copy_from_slice(&crc.to_le_bytes());
        at = end;
    }
}

/// The records at the start of `bytes`, which stand at `offset`, as places of their payloads, up to the first one that
/// is not good or not whole; at most `records_max`.
pub(super) fn good(bytes: &[u8], epoch: u64, offset: u64, records_max: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while found.len() < records_max {
        let Some((payload, _)) = check(bytes, at, epoch, offset).filter(|(payload, _)| !payload.is_empty()) else {
            break;
        };
        at = payload.end;
        found.push(payload);
    }
    found
}

/// What a whole segment holds.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Examined {
    /// Where its last good record ends.
    pub(super) end: usize,
    /// What lies between good records and is none, although it was on disk once.
    pub(super) damage: Vec<Range<usize>>,
}

/// Looks at a segment from `from` on. What was being written when the power failed is its end; what does not check
/// before records that were written later is damage, and the records behind it count.
pub(super) fn examine(segment: &[u8], epoch: u64, from: usize) -> Examined {
    let mut examined = Examined { end: from, damage: Vec::new() };
    loop {
        while let Some((payload, _)) = check(segment, examined.end, epoch, 0) {
            if payload.is_empty() {
                return examined;
            }
            examined.end = payload.end;
        }
        let Some(next) = good_after_damage(segment, epoch, examined.end) else { return examined };
        examined.damage.push(examined.end..next);
        examined.end = next;
    }
}

/// Where records go on behind a bad one, if that one was on disk when they were written.
fn good_after_damage(segment: &[u8], epoch: u64, bad: usize) -> Option<usize> {
    let mut first = None;
    let mut at = bad + 1;
    while at + HEAD_BYTES <= segment.len() {
        // Most of a file may be empty. A length may begin with three zeros.
        if segment[at..].starts_with(&ZEROS) {
            at += ZEROS.len() - 3;
            continue;
        }
        match check(segment, at, epoch, 0) {
            Some((payload, flushed_before)) => {
                let first = *first.get_or_insert(at);
                if flushed_before {
                    return Some(first);
                }
                at = payload.end;
            }
            None => at += 1,
        }
    }
    None
}

/// The payload of the record at `at`, and whether what stands before it was flushed. That of the [`end_mark`] is empty.
fn check(bytes: &[u8], at: usize, epoch: u64, offset: u64) -> Option<(Range<usize>, bool)> {
    let head = bytes.get(at..at + HEAD_BYTES)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?);
    let (payload_bytes, flushed_before) = ((length & !FLUSHED_BEFORE) as usize, length & FLUSHED_BEFORE != 0);
    if payload_bytes > PAYLOAD_BYTES_MAX || (payload_bytes == 0 && !flushed_before) {
        return None;
    }
    let place = at + HEAD_BYTES..at + HEAD_BYTES + payload_bytes;
    let payload = bytes.get(place.clone())?;
    let good = head[4..] == crc(epoch, offset + at as u64, length, payload).to_le_bytes();
    good.then_some((place, flushed_before))
}

fn crc(epoch: u64, offset: u64, length: u32, payload: &[u8]) -> u32 {
    let mut context = [0; 20];
    context[..8].copy_from_slice(&epoch.to_le_bytes());
    context[8..16].copy_from_slice(&offset.to_le_bytes());
    context[16..].copy_from_slice(&length.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&context);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const EPOCH: u64 = 0x1234_5678_9abc_def0;

    /// A segment of these batches, with bytes of an earlier use behind them.
    fn segment(batches: &[Vec<Vec<u8>>], behind: &[u8]) -> Vec<u8> {
        let mut segment = Vec::new();
        for batch in batches {
            let mut bytes = Vec::new();
            for payload in batch {
                push(&mut bytes, payload);
            }
            seal(&mut bytes, EPOCH, segment.len() as u64, true);
            segment.extend(bytes);
        }
        segment.extend(behind);
        segment
    }

    fn payloads(segment: &[u8], from: usize, examined: &Examined) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        let mut at = from;
        for end in examined.damage.iter().map(|range| range.start).chain([examined.end]) {
            let part = &segment[at..end];
            found.extend(good(part, EPOCH, at as u64, usize::MAX).into_iter().map(|place| part[place].to_vec()));
            at = examined.damage.iter().find(|range| range.start == end).map_or(end, |range| range.end);
        }
        found
    }

    fn batches() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
        vec(vec(vec(any::<u8>(), 1..40), 1..5), 1..6)
    }

    proptest! {
        #[test]
        fn whatever_part_of_a_segment_reached_the_disk_its_records_are_a_beginning_of_what_was_written(
            batches in batches(), cut in any::<prop::sample::Index>(), stale in vec(any::<u8>(), 0..200)
        ) {
            let whole = segment(&batches, &[]);
            let mut disk = whole.clone();
            disk.truncate(cut.index(whole.len() + 1));
            let kept = disk.len();
            disk.extend(&stale);
            let examined = examine(&disk, EPOCH, 0);
            let found = payloads(&disk, 0, &examined);
            let all: Vec<_> = batches.concat();
            prop_assert_eq!(&found[..], &all[..found.len()]);
            prop_assert!(examined.damage.is_empty());
            // Every record that was written whole is there.
            let mut end = 0;
            let whole = all.iter().take_while(|payload| { end += HEAD_BYTES + payload.len(); end <= kept }).count();
            prop_assert!(found.len() >= whole);
        }

        #[test]
        fn a_flipped_bit_costs_its_record_alone_and_is_told_when_it_was_on_disk_before(
            batches in batches(), flipped in any::<prop::sample::Index>(), bit in 0..8
        ) {
            let good = segment(&batches, &[0; 64]);
            let written = segment(&batches, &[]).len();
            let mut bad = good.clone();
            let flipped = flipped.index(written);
            bad[flipped] ^= 1_u8 << bit;
            let examined = examine(&bad, EPOCH, 0);
            let found = payloads(&bad, 0, &examined);
            let all: Vec<_> = batches.concat();
            let mut at = 0;
            let which = all.iter().position(|payload| { at += HEAD_BYTES + payload.len(); flipped < at });
            let which = which.expect("some record has it");
            let in_last_batch = which >= all.len() - batches.last().map_or(0, Vec::len);
            if in_last_batch {
                prop_assert_eq!(&found[..], &all[..which], "as if it had been torn");
                prop_assert!(examined.damage.is_empty());
            } else {
                let mut rest = all.clone();
                rest.remove(which);
                prop_assert_eq!(found, rest);
                prop_assert_eq!(examined.damage.len(), 1);
                prop_assert!(examined.damage[0].contains(&flipped));
            }
        }

        #[test]
        fn in_a_segment_with_its_end_mark_every_flipped_bit_of_a_record_is_told(
            batches in batches(), flipped in any::<prop::sample::Index>(), bit in 0..8
        ) {
            let mut bytes = segment(&batches, &[]);
            let written = bytes.len();
            bytes.extend(end_mark(EPOCH, written as u64));
            bytes.extend([0; 64]);
            prop_assert_eq!(examine(&bytes, EPOCH, 0), Examined { end: written, damage: Vec::new() });
            let flipped = flipped.index(written);
            bytes[flipped] ^= 1_u8 << bit;
            let examined = examine(&bytes, EPOCH, 0);
            let all: Vec<_> = batches.concat();
            prop_assert_eq!(examined.damage.len(), 1);
            prop_assert!(examined.damage[0].contains(&flipped));
            prop_assert_eq!(payloads(&bytes, 0, &examined).len(), all.len() - 1);
        }

        #[test]
        fn records_of_another_epoch_or_place_are_none(batches in batches(), moved in 1_u64..100) {
            let bytes = segment(&batches, &[]);
            prop_assert!(good(&bytes, EPOCH + moved, 0, usize::MAX).is_empty());
            prop_assert!(good(&bytes, EPOCH, moved, usize::MAX).is_empty());
            let nothing = Examined { end: 0, damage: Vec::new() };
            prop_assert_eq!(examine(&bytes, EPOCH + moved, 0), nothing);
        }
    }

    #[test]
    fn good_records_behind_much_emptiness_are_found() {
        // A length of 256 begins with a zero.
        for empty in [1_020, 1_024, 5_000] {
            let mut whole = segment(&[vec![vec![1]], vec![vec![2; 2 * empty]], vec![vec![3; 256]]], &[]);
            let damaged = 9..9 + HEAD_BYTES + 2 * empty;
            whole[damaged.clone()].fill(0);
            assert_eq!(examine(&whole, EPOCH, 0), Examined { end: whole.len(), damage: vec![damaged] });
        }
    }

    #[test]
    fn a_payload_of_the_greatest_length_is_good_and_a_longer_one_is_none() {
        for (bytes, found) in [(PAYLOAD_BYTES_MAX, 1), (PAYLOAD_BYTES_MAX + 1, 0)] {
            let segment = segment(&[vec![vec![7; bytes]]], &[]);
            assert_eq!(good(&segment, EPOCH, 0, usize::MAX).len(), found);
        }
    }

    #[test]
    fn no_more_records_are_taken_than_are_wanted() {
        let segment = segment(&[vec![vec![1], vec![2], vec![3]]], &[]);
        let found = good(&segment, EPOCH, 0, 2);
        assert_eq!(found, [8..9, 17..18]);
    }
}
