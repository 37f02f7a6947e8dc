use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;

const LIMITS: Limits = Limits {
    segment_bytes: SEGMENT_BYTES_MIN,
    unapplied_bytes_max: 1024 * 1024,
    durability: Durability::Disk,
    packing: Packing::NONE,
};

/// A journal in a folder of its own, and somebody who takes its records over.
struct Test {
    runtime: Runtime,
    folder: TempDir,
    journal: Journal,
    reader: Reader,
    /// Where whoever takes records over stands, as a database would keep it.
    kept: Cursor,
}

impl Test {
    fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder is made");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let kept = Cursor::default();
        let (journal, reader) = Journal::open(&folder.path().join("hits"), limits, kept).expect("it opens");
        Self { runtime, folder, journal, reader, kept }
    }

    fn new() -> Self {
        Self::with(LIMITS)
    }

    fn files(&self) -> PathBuf {
        self.folder.path().join("hits")
    }

    fn names(&self, extension: &str) -> Vec<PathBuf> {
        names(&self.files(), extension)
    }

    fn append(&self, payload: &[u8]) -> Result<(), Refusal> {
        self.runtime.block_on(self.journal.append(payload))
    }

    /// Reads what there is and takes it over.
    fn take(&mut self) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        while let Some(records) = self.reader.read(3).expect("it is read") {
            taken.extend(records.payloads().map(<[u8]>::to_vec));
            self.kept = records.next;
            let next = records.next;
            self.reader.advance(next);
        }
        taken
    }

    /// Opens it again, as after the end of the process.
    fn reopen(self) -> Self {
        self.reopen_after(|_| {})
    }

    fn reopen_after(self, between: impl FnOnce(&[PathBuf])) -> Self {
        let Self { runtime, folder, journal, reader, kept } = self;
        let limits = journal.shared.limits;
        drop((journal, reader));
        between(&names(&folder.path().join("hits"), "segment"));
        let (journal, reader) = Journal::open(&folder.path().join("hits"), limits, kept).expect("it opens");
        Self { runtime, folder, journal, reader, kept }
    }
}

/// The files whose names end so, in order.
fn names(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == extension));
    found.sort();
    found
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("it is read");
    change(&mut bytes);
    fs::write(path, bytes).expect("it is written");
}

#[test]
fn what_is_written_is_read_in_its_order_and_once() {
    let mut test = Test::new();
    assert!(!test.files().exists(), "a journal that nobody uses leaves no trace");
    for payload in [&b"one"[..], b"two", b"three", b"four"] {
        test.append(payload).expect("it is written");
    }
    assert_eq!(test.take(), [&b"one"[..], b"two", b"three", b"four"]);
    assert!(test.take().is_empty());
    test.append(b"five").expect("it is written");
    let mut test = test.reopen();
    assert_eq!(test.take(), [b"five"]);
    test.append(b"six").expect("it is written");
    assert_eq!(test.take(), [b"six"]);
    assert!(test.reopen().take().is_empty());
}

#[test]
fn records_that_were_read_and_not_taken_over_are_read_again() {
    let mut test = Test::new();
    test.append(b"one").expect("it is written");
    for _ in 0..2 {
        let records = test.reader.read(9).expect("it is read").expect("there is one");
        assert_eq!(records.payloads().collect::<Vec<_>>(), [b"one"]);
    }
    assert_eq!(test.reopen().take(), [b"one"]);
}

/// A whole record is a text: `T`, a number and the text tell it, `N` and a number refer to it, `L` is any other.
const WHOLE: Packing = Packing {
    pack: |record, texts, out| {
        let byte = |number: u32| u8::try_from(number).expect("there are few");
        if let Some(number) = texts.number(record) {
            return out.extend([b'N', byte(number)]);
        }
        match texts.give_number(record) {
            Some(number) => out.extend([b'T', byte(number)]),
            None => out.push(b'L'),
        }
        out.extend(record);
    },
    unpack: |record, texts, out| match record {
        [b'N', number] => texts.text((*number).into()).map(|text| out.extend(text)).is_some(),
        [b'T', number, text @ ..] => {
            texts.tell((*number).into(), text);
            out.extend(text);
            true
        }
        _ => {
            out.extend(&record[1..]);
            true
        }
    },
};

#[test]
fn what_is_packed_is_read_as_it_was_written_also_from_the_middle_of_a_file() {
    let mut test = Test::with(Limits { packing: WHOLE, ..LIMITS });
    let long = [7; 100];
    for _ in 0..3 {
        test.append(&long).expect("it is written");
    }
    test.append(b"short").expect("it is written");
    let head = record::HEAD_BYTES as u64;
    assert_eq!(test.journal.figures().unapplied_bytes, 4 * head + 102 + 2 + 2 + 6, "the bytes of the file count");
    let next = test.reader.read(1).expect("it is read").expect("there is one").next;
    test.reader.advance(next);
    test.kept = next;
    let mut test = test.reopen();
    test.append(&long).expect("it is written");
    assert_eq!(test.take(), [&long[..], &long, b"short", &long]);
    assert!(test.reopen().take().is_empty());
}

#[test]
fn a_record_whose_text_was_lost_is_read_as_it_stands_and_those_behind_it_are_whole() {
    let test = Test::with(Limits { packing: WHOLE, ..LIMITS });
    for payload in [&b"first text"[..], b"first text", b"other text", b"other text"] {
        test.append(payload).expect("it is written");
    }
    let mut test = test.reopen_after(|files| {
        change(&files[0], |bytes| bytes[usize::try_from(HEADER_BYTES).expect("it fits") + record::HEAD_BYTES + 3] ^= 1);
    });
    assert_eq!(test.take(), [&[b'N', 0][..], b"other text", b"other text"]);
}

#[test]
fn each_place_behind_a_record_is_one_to_go_on_from() {
    let mut test = Test::with(Limits { packing: WHOLE, ..LIMITS });
    for payload in [&b"first text"[..], b"first text", b"other text"] {
        test.append(payload).expect("it is written");
    }
    let places: Vec<_> = {
        let records = test.reader.read(9).expect("it is read").expect("there are some");
        let places = records.with_places().map(|(payload, behind)| (payload.to_vec(), behind)).collect::<Vec<_>>();
        assert_eq!(places.last().map(|(_, behind)| *behind), Some(records.next));
        places
    };
    for (number, (payload, behind)) in places.iter().enumerate() {
        let one = test.reader.read(1).expect("it is read").expect("there is one");
        assert_eq!((one.payloads().next(), one.next), (Some(&payload[..]), *behind), "{number}");
        test.reader.advance(*behind);
    }
}

#[test]
fn many_who_wait_share_a_flush() {
    let test = Test::new();
    let appended = test.runtime.block_on(async {
        let appends: Vec<_> = (0..200_u8).map(|number| [number]).collect();
        let mut outcomes = Vec::new();
        let waiting = appends.iter().map(|payload| test.journal.append(payload));
        for outcome in futures(waiting).await {
            outcomes.push(outcome);
        }
        outcomes
    });
    assert!(appended.iter().all(Result::is_ok));
    let figures = test.journal.figures();
    assert_eq!(figures.records, 200);
    assert!(figures.batches < 50, "{figures:?}");
}

/// All of them, under way at once.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in all.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if all.iter().all(|(_, done)| done.is_some()) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    all.into_iter().filter_map(|(_, done)| done).collect()
}

#[test]
fn a_journal_takes_what_it_may_hold_and_refuses_the_next_until_there_is_room() {
    let record = 100 + record::HEAD_BYTES as u64;
    let test = Test::with(Limits { unapplied_bytes_max: 3 * record, ..LIMITS });
    for _ in 0..3 {
        test.append(&[1; 100]).expect("there is room");
    }
    assert_eq!(test.append(&[1; 100]), Err(Refusal::Full));
    assert_eq!(test.journal.figures().unapplied_bytes, 3 * record);
    let mut test = test.reopen();
    assert_eq!(test.append(&[1; 100]), Err(Refusal::Full), "what an earlier process wrote counts");
    assert_eq!(test.take().len(), 3);
    test.append(&[1; 100]).expect("there is room again");
}

#[test]
fn a_batch_takes_what_fits_into_half_a_segment_and_refuses_the_next() {
    let test = Test::new();
    let sleeping = test.journal.shared.log();
    let payload = [1; PAYLOAD_BYTES_MAX];
    let fit = test.journal.shared.batch_bytes_max() / (PAYLOAD_BYTES_MAX + record::HEAD_BYTES);
    // The writer takes the first and then waits for the lock that this test holds.
    let mut batches = vec![test.journal.shared.push(&payload).expect("there is room")];
    while !test.journal.shared.waiting().bytes.is_empty() {
        std::thread::yield_now();
    }
    batches.extend((0..fit).map(|_| test.journal.shared.push(&payload).expect("there is room")));
    assert!(matches!(test.journal.shared.push(&payload), Err(Refusal::Full)));
    drop(sleeping);
    for batch in batches {
        test.runtime.block_on(batch.outcome()).expect("it is written");
    }
}

#[test]
fn segments_that_are_done_with_are_used_again() {
    let mut test = Test::new();
    let payload = [7; 4_000];
    for _ in 0..200 {
        test.append(&payload).expect("it is written");
        assert_eq!(test.take(), [payload]);
    }
    let files = test.names("segment").len() + test.names("spare").len();
    assert!(files <= 4, "{files} files for 12 segments' worth of records");
    assert!(test.kept.segment > 10, "{:?}", test.kept);
}

#[test]
fn a_journal_that_was_read_to_its_end_leaves_nothing_to_look_through() {
    let mut test = Test::new();
    test.append(b"one").expect("it is written");
    assert_eq!(test.take(), [b"one"]);
    test.journal.close();
    assert!(test.take().is_empty());
    assert_eq!(test.names("segment"), Vec::<PathBuf>::new());
    assert_eq!(test.names("spare").len(), 2, "what was written to, and what was made to follow it");
    let mut test = test.reopen();
    test.append(b"two").expect("it is written");
    assert_eq!(test.take(), [b"two"]);
}

#[test]
fn segments_that_nobody_has_taken_over_stay() {
    let test = Test::new();
    let payloads: Vec<_> = (0..100_u8).map(|number| vec![number; 4_000]).collect();
    for payload in &payloads {
        test.append(payload).expect("it is written");
    }
    assert!(test.names("segment").len() > 5);
    let mut test = test.reopen();
    assert_eq!(test.take(), payloads);
    assert_eq!(test.journal.figures().unapplied_bytes, 0);
}

#[test]
fn a_torn_end_costs_what_was_not_whole_and_is_no_damage() {
    let test = Test::new();
    for payload in [&b"one"[..], b"two"] {
        test.append(payload).expect("it is written");
    }
    // The power fails before the second one is whole, so that no mark follows.
    let second = segment::HEADER + 11;
    let mut test = test.reopen_after(|segments| change(&segments[0], |bytes| bytes[second + 5..second + 19].fill(0)));
    assert_eq!(test.take(), [b"one"]);
    test.append(b"three").expect("it is written");
    assert_eq!(test.take(), [b"three"]);
    assert_eq!(test.names("damaged"), Vec::<PathBuf>::new());
}

#[test]
fn damage_of_the_last_record_of_a_segment_that_ended_in_order_is_told_from_a_torn_end() {
    let test = Test::new();
    for payload in [&b"one"[..], b"two"] {
        test.append(payload).expect("it is written");
    }
    let mut test = test.reopen_after(|segments| change(&segments[0], |bytes| bytes[segment::HEADER + 20] ^= 1));
    assert_eq!(test.take(), [b"one"]);
    assert_eq!(test.journal.figures().unapplied_bytes, 0);
    assert_eq!(test.names("damaged").len(), 1);
}

#[test]
fn damage_before_good_records_costs_what_it_hit_and_the_file_is_kept() {
    let test = Test::new();
    for payload in [&b"one"[..], b"two", b"three"] {
        test.append(payload).expect("it is written");
    }
    let mut test = test.reopen_after(|segments| change(&segments[0], |bytes| bytes[segment::HEADER + 20] ^= 1));
    assert_eq!(test.take(), [&b"one"[..], b"three"]);
    assert_eq!(test.journal.figures().unapplied_bytes, 0);
    assert_eq!(test.names("damaged").len(), 1);
    // A file without a header says nothing at all.
    test.append(b"four").expect("it is written");
    let mut test = test.reopen_after(|segments| change(segments.last().expect("there is one"), |bytes| bytes[0] ^= 1));
    assert_eq!(test.names("damaged").len(), 2);
    test.append(b"five").expect("it is written");
    assert_eq!(test.take(), [b"five"]);
}

#[test]
fn damage_while_it_is_read_costs_what_it_hit_too() {
    let mut test = Test::new();
    for payload in [&b"one"[..], b"two", b"three"] {
        test.append(payload).expect("it is written");
    }
    for at in [20, 31] {
        use std::os::unix::fs::FileExt;
        let path = test.names("segment").remove(0);
        let file = fs::OpenOptions::new().write(true).open(path).expect("it opens");
        file.write_all_at(b"?", HEADER_BYTES + at).expect("it is written");
    }
    assert_eq!(test.take(), [b"one"]);
    assert_eq!(test.journal.figures().unapplied_bytes, 0);
    test.append(b"four").expect("it is written");
    assert_eq!(test.take(), [b"four"]);
}

#[test]
fn a_disk_that_takes_nothing_refuses_and_later_takes_records_again() {
    let mut test = Test::new();
    // A file where the folder is to be made.
    fs::write(test.files(), "in the way").expect("it is written");
    assert_eq!(test.append(b"one"), Err(Refusal::Broken));
    assert_eq!(test.append(b"two"), Err(Refusal::Broken));
    assert_eq!(test.journal.figures(), Figures { failures: 2, ..Figures::default() });
    fs::remove_file(test.files()).expect("it is removed");
    std::thread::sleep(writer::REST);
    test.append(b"three").expect("the disk takes it");
    assert_eq!(test.take(), [b"three"]);
    assert_eq!(test.journal.figures().unapplied_bytes, 0);
}

#[test]
fn a_closed_journal_has_flushed_everything_and_takes_no_more() {
    for durability in [Durability::Disk, Durability::Process] {
        let mut test = Test::with(Limits { durability, ..LIMITS });
        let batch = test.journal.shared.push(b"one").expect("there is room");
        test.journal.close();
        test.runtime.block_on(batch.outcome()).expect("it was taken before");
        assert_eq!(test.append(b"two"), Err(Refusal::Closed));
        assert!(!test.reader.is_at_the_end());
        assert!(test.reader.wait(Duration::ZERO));
        assert_eq!(test.take(), [b"one"]);
        assert!(test.reader.is_at_the_end());
    }
}

#[test]
fn a_reader_is_woken_by_a_record() {
    let mut test = Test::new();
    assert!(!test.reader.wait(Duration::from_millis(1)));
    let mut reader = test.reader;
    let woken = std::thread::spawn(move || {
        let woken = reader.wait(Duration::from_secs(30));
        (woken, reader)
    });
    test.runtime.block_on(test.journal.append(b"one")).expect("it is written");
    let (was_woken, reader) = woken.join().expect("nothing panics");
    assert!(was_woken);
    test.reader = reader;
    assert_eq!(test.take(), [b"one"]);
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Take,
    Reopen,
    /// The cursor of the one who takes over is set back, as by a backup.
    Forget,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (1..PAYLOAD_BYTES_MAX).prop_map(Step::Append),
        2 => Just(Step::Take),
        1 => Just(Step::Reopen),
        1 => Just(Step::Forget),
    ];
    vec(step, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_every_record_is_taken_over_in_order_and_none_twice_but_after_the_cursor_was_set_back(
        steps in steps()
    ) {
        let mut test = Test::with(Limits { durability: Durability::Process, ..LIMITS });
        let (mut written, mut taken) = (0_u32, BTreeMap::<u32, usize>::new());
        let mut set_back = false;
        let finish = [Step::Reopen, Step::Take];
        for step in steps.into_iter().chain(finish) {
            match step {
                Step::Append(bytes) => {
                    let mut payload = vec![9; bytes.max(4)];
                    payload[..4].copy_from_slice(&written.to_le_bytes());
                    test.append(&payload).expect("there is room");
                    written += 1;
                }
                Step::Take => {
                    let numbers: Vec<_> = test.take().iter().map(|payload| {
                        u32::from_le_bytes(payload[..4].try_into().expect("four bytes"))
                    }).collect();
                    // What is read again lacks what was taken over in segments that are used again.
                    let follows = |one: &u32, next: &u32| if set_back { one < next } else { one + 1 == *next };
                    prop_assert!(numbers.is_sorted_by(follows), "{:?}", numbers);
                    for number in numbers {
                        *taken.entry(number).or_default() += 1;
                    }
                }
                Step::Reopen => test = test.reopen(),
                Step::Forget => {
                    test.kept = Cursor::default();
                    set_back = true;
                    test = test.reopen();
                }
            }
        }
        prop_assert_eq!(taken.len(), written as usize);
        prop_assert!(set_back || taken.values().all(|times| *times == 1));
        prop_assert_eq!(test.journal.figures().unapplied_bytes, 0);
    }
}
