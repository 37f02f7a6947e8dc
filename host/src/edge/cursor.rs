//! How far the journal of an edge node is handed over, in a file of two places that are written in turn: a crash while
//! one is written leaves the other. It may be behind, and then hits are handed over again, which their ids absorb; it is
//! never ahead.
//!
//! ```text
//! number 8 · segment 8 · offset 8 · CRC-32 of these 4 · 0 4
//! ```

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::journal::Cursor;

/// The file inside the data directory.
const FILE: &str = "edge.cursor";
const PLACE_BYTES: usize = 32;

/// The file, and what stands in it.
pub(crate) struct CursorFile {
    file: File,
    /// Counts the changes.
    number: u64,
    pub(crate) cursor: Cursor,
}

impl CursorFile {
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut found = Self { file, number: 0, cursor: Cursor::default() };
        for at in [0, PLACE_BYTES as u64] {
            let mut place = [0; PLACE_BYTES];
            match found.file.read_exact_at(&mut place, at) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                read => read?,
            }
            if let Some((number, cursor)) = decode(&place).filter(|(number, _)| *number > found.number) {
                (found.number, found.cursor) = (number, cursor);
            }
        }
        Ok(found)
    }

    /// Everything before `next` is handed over. The disk knows when this returns.
    pub(crate) fn store(&mut self, next: Cursor) -> io::Result<()> {
        let number = self.number + 1;
        self.file.write_all_at(&encode(number, next), number % 2 * PLACE_BYTES as u64)?;
        self.file.sync_data()?;
        (self.number, self.cursor) = (number, next);
        Ok(())
    }
}

fn encode(number: u64, cursor: Cursor) -> [u8; PLACE_BYTES] {
    let mut place = [0; PLACE_BYTES];
    for (at, field) in [number, cursor.segment, cursor.offset].into_iter().enumerate() {
        place[8 * at..8 * at + 8].copy_from_slice(&field.to_le_bytes());
    }
    let crc = crc32fast::hash(&place[..24]);
    place[24..28].copy_from_slice(&crc.to_le_bytes());
    place
}

fn decode(place: &[u8; PLACE_BYTES]) -> Option<(u64, Cursor)> {
    let field = |at: usize| u64::from_le_bytes(place[at..at + 8].try_into().expect("eight bytes"));
    let (number, cursor) = (field(0), Cursor { segment: field(8), offset: field(16) });
    (*place == encode(number, cursor)).then_some((number, cursor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(segment: u64) -> Cursor {
        Cursor { segment, offset: 32 }
    }

    #[test]
    fn the_last_place_that_was_written_whole_counts() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let open = || CursorFile::open(directory.path()).expect("it opens");
        assert_eq!(open().cursor, Cursor::default());
        let mut file = open();
        for segment in 1..=5 {
            file.store(cursor(segment)).expect("it is written");
            assert_eq!(open().cursor, cursor(segment));
        }
        // The fifth stands in the second place. Each of its bytes damaged leaves the fourth.
        let path = directory.path().join(FILE);
        let good = std::fs::read(&path).expect("it is read");
        for at in PLACE_BYTES..2 * PLACE_BYTES {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).expect("it is written");
            assert_eq!(open().cursor, cursor(4), "{at}");
        }
    }
}
