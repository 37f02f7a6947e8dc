//! The thread that writes notifications to the disk: all that wait with one flush of the folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};

use super::{CRC_BYTES, ENDING, NEW_ENDING, Shared, Spooled, Waiting};
use crate::journal::Refusal;

/// Files that are written before those who wait for them hear so.
const AT_ONCE_MAX: usize = 64;

pub(super) fn start(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("spool-write".into()).spawn(move || {
        while let Some(batch) = next(&shared) {
            write(&shared, batch);
        }
    })
}

/// What waits, as soon as something does. `None` when nothing will any more.
fn next(shared: &Shared) -> Option<Vec<Waiting>> {
    let mut state = shared.state();
    while state.waiting.is_empty() {
        if state.is_closed {
            return None;
        }
        state = shared.to_write.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    let count = state.waiting.len().min(AT_ONCE_MAX);
    let batch: Vec<_> = state.waiting.drain(..count).collect();
    state.waiting_bytes -= batch.iter().map(|waiting| waiting.record.len()).sum::<usize>();
    Some(batch)
}

fn write(shared: &Shared, batch: Vec<Waiting>) {
    // All are given to the system before the first is waited for.
    let written: Vec<_> = batch.iter().map(|waiting| write_one(shared, waiting)).collect();
    let named: Vec<_> = batch.iter().zip(written).map(|(waiting, file)| name_one(shared, waiting, file?)).collect();
    let flushed = File::open(&shared.folder).and_then(|folder| folder.sync_all()).map_err(|error| error.kind());
    for (waiting, named) in batch.into_iter().zip(named) {
        let outcome = named.and_then(|()| flushed.map_err(io::Error::from));
        let bytes = (waiting.record.len() + CRC_BYTES) as u64;
        let mut state = shared.state();
        let outcome = match outcome {
            Ok(()) => {
                state.files.insert(waiting.id, Spooled { bytes, not_before: None });
                Ok(())
            }
            Err(error) => {
                state.rows -= 1;
                state.bytes -= bytes;
                for ending in [NEW_ENDING, ENDING] {
                    drop(fs::remove_file(shared.path(waiting.id, ending)));
                }
                Err(refusal(&error))
            }
        };
        drop(state);
        // Whoever went away does not hear it.
        let _ = waiting.done.send(outcome);
    }
    shared.to_hand_over.notify_all();
}

fn write_one(shared: &Shared, waiting: &Waiting) -> io::Result<File> {
    let path = shared.path(waiting.id, NEW_ENDING);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&crc32fast::hash(&waiting.record).to_le_bytes())?;
    file.write_all(&waiting.record)?;
    Ok(file)
}

fn name_one(shared: &Shared, waiting: &Waiting, file: File) -> io::Result<()> {
    file.sync_all()?;
    drop(file);
    fs::rename(shared.path(waiting.id, NEW_ENDING), shared.path(waiting.id, ENDING))
}

fn refusal(error: &io::Error) -> Refusal {
    tracing::debug!(%error, "a notification cannot be written");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Refusal::NoRoom,
        _ => Refusal::Broken,
    }
}
