//! One file of the journal: made, written, read and used again.
//!
//! ```text
//! "PBJRNL01" 8 · number 8 · epoch 8 · CRC-32 of these 4 · 0 4 · records
//! ```
//!
//! A file is filled with zeros before its first use, so that a flush writes its blocks and nothing about the file: on
//! ext4 that halves the tail of the waits. It has its name (`NNNN.segment`) only once its header is on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where the records begin.
pub(super) const HEADER_BYTES: u64 = HEADER as u64;
pub(super) const HEADER: usize = 32;

const MAGIC: &[u8; 8] = b"PBJRNL01";
const ZEROS: &[u8; 64 * 1024] = &[0; 64 * 1024];

/// A segment that is read, and perhaps still written.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) epoch: u64,
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) bytes: u64,
    /// Where the records end that may be read. The writer moves it once they are as durable as they are to be.
    pub(super) end: AtomicU64,
    /// True once `end` stays where it is.
    pub(super) sealed: AtomicBool,
    /// What is no record although it was one, found at the start.
    pub(super) damage: Vec<Range<u64>>,
}

/// What a file of the folder is, by its name.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Name {
    Segment(u64),
    /// Done with, or not begun: to be used again.
    Spare(u64),
    Other,
}

impl Name {
    pub(super) fn of(path: &Path) -> Self {
        let number = path.file_stem().and_then(|stem| u64::from_str_radix(stem.to_str()?, 16).ok());
        match (number, path.extension().and_then(|end| end.to_str())) {
            (Some(number), Some("segment")) => Self::Segment(number),
            (Some(number), Some("spare")) => Self::Spare(number),
            _ => Self::Other,
        }
    }
}

impl Segment {
    /// Makes segment `number`, out of `spare` when there is one. It is on disk, by its name, when this returns.
    pub(super) fn make(folder: &Path, number: u64, bytes: u64, spare: Option<PathBuf>) -> io::Result<Self> {
        let path = folder.join(format!("{number:016x}.segment"));
        let unnamed = path.with_extension("spare");
        let reused = spare.and_then(|spare| reuse(&spare, &unnamed, bytes));
        let file = match reused {
            Some(file) => file,
            None => fill(&unnamed, bytes).inspect_err(|_| drop(fs::remove_file(&unnamed)))?,
        };
        let epoch = random_epoch()?;
        file.write_all_at(&header(number, epoch), 0)?;
        file.sync_data()?;
        fs::rename(&unnamed, &path)?;
        sync_folder(folder)?;
        let (end, sealed) = (AtomicU64::new(HEADER_BYTES), AtomicBool::new(false));
        Ok(Self { number, epoch, path, file, bytes, end, sealed, damage: Vec::new() })
    }

    /// Opens a segment that an earlier process wrote, for reading. `None` when it was begun to be used again and so
    /// holds nothing. An error of the kind `InvalidData` when its header is none.
    pub(super) fn open(path: &Path, number: u64) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut start = [0; HEADER];
        file.read_exact_at(&mut start, 0).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::ErrorKind::InvalidData.into(),
            _ => error,
        })?;
        let field = |at: usize| u64::from_le_bytes(start[at..at + 8].try_into().expect("eight bytes"));
        let (written, epoch) = (field(8), field(16));
        if start != header(written, epoch) || written < number {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the header of the segment is damaged"));
        }
        let (end, sealed) = (AtomicU64::new(HEADER_BYTES), AtomicBool::new(true));
        let segment = Self { number, epoch, path: path.to_owned(), file, bytes, end, sealed, damage: Vec::new() };
        Ok((written == number).then_some(segment))
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
    }

    /// Reads the bytes of this range.
    pub(super) fn read(&self, range: Range<u64>, into: &mut Vec<u8>) -> io::Result<()> {
        let length = range.end.saturating_sub(range.start);
        into.resize(usize::try_from(length).map_err(io::Error::other)?, 0);
        self.file.read_exact_at(into, range.start)
    }
}

/// Makes files and names of a folder survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn header(number: u64, epoch: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&number.to_le_bytes());
    header[16..24].copy_from_slice(&epoch.to_le_bytes());
    let crc = crc32fast::hash(&header[..24]);
    header[24..28].copy_from_slice(&crc.to_le_bytes());
    header
}

/// A number that bytes from outside cannot know, so that none of them looks like a record.
fn random_epoch() -> io::Result<u64> {
    let number = ring::rand::generate::<[u8; 8]>(&ring::rand::SystemRandom::new());
    let number = number.map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(u64::from_le_bytes(number.expose()))
}

/// The file of a segment that is done with. `None` where it cannot be used; a new one takes its place.
fn reuse(spare: &Path, unnamed: &Path, bytes: u64) -> Option<File> {
    let used = || -> io::Result<File> {
        fs::rename(spare, unnamed)?;
        let file = OpenOptions::new().read(true).write(true).open(unnamed)?;
        if file.metadata()?.len() == bytes { Ok(file) } else { Err(io::ErrorKind::InvalidData.into()) }
    };
    used().inspect_err(|error| tracing::warn!(%error, file = %spare.display(), "a segment is not used again")).ok()
}

fn fill(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let mut left = bytes;
    while left > 0 {
        let part = left.min(ZEROS.len() as u64);
        file.write_all(&ZEROS[..usize::try_from(part).map_err(io::Error::other)?])?;
        left -= part;
    }
    file.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_name_says() {
        let name = |name: &str| Name::of(Path::new(name));
        assert_eq!(name("/x/00000000000000ff.segment"), Name::Segment(255));
        assert_eq!(name("/x/00000000000000ff.spare"), Name::Spare(255));
        assert_eq!(name("/x/00000000000000ff.damaged"), Name::Other);
        assert_eq!(name("/x/segment"), Name::Other);
    }

    #[test]
    fn a_segment_is_found_again_and_one_with_a_bad_header_is_not() {
        let folder = tempfile::tempdir().expect("a folder is made");
        let made = Segment::make(folder.path(), 7, 4_096, None).expect("it is made");
        let found = Segment::open(&made.path, 7).expect("it is read").expect("it is in use");
        assert_eq!((found.epoch, found.bytes), (made.epoch, 4_096));
        let before = Segment::open(&made.path, 6).expect("it is read");
        assert!(before.is_none(), "a file that got its next number, and not yet its next name");
        Segment::open(&made.path, 8).expect_err("its number was higher once");
        for at in 0..28 {
            let mut bytes = fs::read(&made.path).expect("it is read");
            bytes[at] ^= 1;
            let path = folder.path().join("flipped");
            fs::write(&path, bytes).expect("it is written");
            let error = Segment::open(&path, 7).expect_err("it is damaged");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{at}");
        }
    }

    #[test]
    fn a_segment_used_again_has_another_epoch_and_one_of_another_size_is_made_anew() {
        let folder = tempfile::tempdir().expect("a folder is made");
        let first = Segment::make(folder.path(), 1, 4_096, None).expect("it is made");
        let second = Segment::make(folder.path(), 2, 4_096, Some(first.path.clone())).expect("it is made");
        assert_ne!(first.epoch, second.epoch);
        assert!(!first.path.exists());
        let third = Segment::make(folder.path(), 3, 8_192, Some(second.path)).expect("it is made");
        assert_eq!(fs::metadata(&third.path).expect("it is there").len(), 8_192);
        assert_eq!(fs::read_dir(folder.path()).expect("it is read").count(), 1);
    }
}
