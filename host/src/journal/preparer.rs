//! Makes the next segment while the one before it is written, out of one that is done with where there is one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::segment::{Segment, sync_folder};

/// Files that are kept to be used again. Further ones are removed.
const SPARES_MAX: usize = 2;

/// Segments that are done with.
#[derive(Clone, Default)]
pub(super) struct Spares(Arc<Mutex<Vec<PathBuf>>>);

impl Spares {
    /// Keeps a file to be used again, or removes it. By its name the next start knows that there is nothing in it.
    pub(super) fn put(&self, path: &Path) {
        let spare = path.with_extension("spare");
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let done = if kept.len() < SPARES_MAX {
            fs::rename(path, &spare).map(|()| kept.push(spare))
        } else {
            fs::remove_file(path)
        };
        if let Err(error) = done {
            tracing::warn!(%error, file = %path.display(), "a segment of the journal that is done with stays");
        }
    }

    fn take(&self) -> Option<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// The thread that makes segments. It ends with its owner.
pub(super) struct Preparer {
    wanted: Option<SyncSender<()>>,
    made: Receiver<io::Result<Segment>>,
    /// Segments that are being made, or are made and not taken.
    under_way: bool,
    spares: Spares,
    thread: Option<JoinHandle<()>>,
}

impl Preparer {
    pub(super) fn start(folder: &Path, segment_bytes: u64, first: u64, spares: Vec<PathBuf>) -> io::Result<Self> {
        let kept = Spares::default();
        for spare in spares {
            kept.put(&spare);
        }
        let (wanted, wishes) = mpsc::sync_channel(1);
        let (give, made) = mpsc::sync_channel(1);
        let (folder, spares) = (folder.to_owned(), kept.clone());
        let thread = thread::Builder::new().name("journal-prepare".into()).spawn(move || {
            let mut number = first;
            while wishes.recv().is_ok() {
                let segment = make(&folder, number, segment_bytes, &spares);
                number += u64::from(segment.is_ok());
                if give.send(segment).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { wanted: Some(wanted), made, under_way: false, spares: kept, thread: Some(thread) })
    }

    pub(super) fn spares(&self) -> Spares {
        self.spares.clone()
    }

    /// The next segment, and has the one behind it made.
    pub(super) fn next(&mut self) -> io::Result<Segment> {
        // What was made ahead may have failed at something that is over.
        let mut segment = if self.under_way { self.made() } else { Err(ended()) };
        if segment.is_err() {
            self.want()?;
            segment = self.made();
        }
        if segment.is_ok() {
            self.want()?;
        }
        segment
    }

    fn want(&mut self) -> io::Result<()> {
        let wanted = self.wanted.as_ref().ok_or_else(ended)?;
        wanted.send(()).map_err(|_| ended())?;
        self.under_way = true;
        Ok(())
    }

    fn made(&mut self) -> io::Result<Segment> {
        self.under_way = false;
        self.made.recv().unwrap_or_else(|_| Err(ended()))
    }
}

/// Another process may open the folder next, and nothing is to appear in it then.
impl Drop for Preparer {
    fn drop(&mut self) {
        self.wanted = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that makes segments panicked");
        }
        for segment in self.made.try_iter().flatten() {
            self.spares.put(&segment.path);
        }
    }
}

fn make(folder: &Path, number: u64, bytes: u64, spares: &Spares) -> io::Result<Segment> {
    if !folder.is_dir() {
        fs::create_dir(folder)?;
        sync_folder(folder.parent().unwrap_or(Path::new("/")))?;
    }
    Segment::make(folder, number, bytes, spares.take())
}

fn ended() -> io::Error {
    io::Error::other("the thread that makes segments has ended")
}
