//! What an earlier process left behind: which records are still to be taken over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::segment::{HEADER_BYTES, Name, Segment};
use super::{Cursor, record};

pub(super) struct Recovered {
    /// Those with records behind the cursor, oldest first.
    pub(super) segments: Vec<Arc<Segment>>,
    /// Where they are read from.
    pub(super) cursor: Cursor,
    /// No segment ever had this number.
    pub(super) next_number: u64,
    /// Files that are done with.
    pub(super) spares: Vec<PathBuf>,
}

/// Looks through the folder. What stands before `from` was taken over.
pub(super) fn recover(folder: &Path, from: Cursor) -> io::Result<Recovered> {
    let (mut numbered, mut spares) = (Vec::new(), Vec::new());
    let mut highest = from.segment;
    for path in files(folder)? {
        match Name::of(&path) {
            Name::Segment(number) => {
                highest = highest.max(number);
                numbered.push((number, path));
            }
            Name::Spare(number) => {
                highest = highest.max(number);
                spares.push(path);
            }
            Name::Other => {}
        }
    }
    numbered.sort();
    let mut segments = Vec::new();
    for (number, path) in numbered {
        let found = if number < from.segment { None } else { look_at(&path, number, from)? };
        match found {
            Some(Found::Records(segment)) => segments.push(Arc::new(segment)),
            Some(Found::Kept) => {}
            None => spares.push(path),
        }
    }
    let cursor = match segments.first() {
        Some(first) if first.number > from.segment => Cursor { segment: first.number, offset: HEADER_BYTES },
        _ => from,
    };
    Ok(Recovered { segments, cursor, next_number: highest + 1, spares })
}

/// A file that is not done with.
enum Found {
    Records(Segment),
    /// It is kept aside.
    Kept,
}

fn look_at(path: &Path, number: u64, from: Cursor) -> io::Result<Option<Found>> {
    let mut segment = match Segment::open(path, number) {
        Ok(Some(segment)) => segment,
        Ok(None) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let aside = path.with_extension("damaged");
            fs::rename(path, &aside)?;
            tracing::error!(%error, file = %aside.display(), "a file of the journal is unreadable, and kept aside");
            return Ok(Some(Found::Kept));
        }
        Err(error) => return Err(error),
    };
    let start = if number == from.segment { from.offset } else { HEADER_BYTES };
    let mut whole = Vec::new();
    segment.read(0..segment.bytes, &mut whole)?;
    let examined = record::examine(&whole, segment.epoch, usize::try_from(start).map_err(io::Error::other)?);
    segment.end.store(examined.end as u64, Ordering::Release);
    if !examined.damage.is_empty() {
        tracing::error!(file = %path.display(), damage = ?examined.damage, "records of the journal are damaged");
        segment.damage = examined.damage.into_iter().map(|range| range.start as u64..range.end as u64).collect();
    }
    Ok((examined.end as u64 > start).then_some(Found::Records(segment)))
}

/// The files of the folder; none when it is not there yet.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
