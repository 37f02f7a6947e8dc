//! The spool of an edge node's notifications: each in a file of its own, on disk before its sender hears so, until the
//! origin has it.
//!
//! One thread writes. It takes all that wait, writes and flushes their files, gives them their names and flushes the folder
//! once. Files, bytes and what waits in memory are bounded.
//!
//! ```text
//! CRC-32 of what follows 4 · the notification
//! ```

mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::journal::Refusal;

/// The folder inside the data directory.
const FOLDER: &str = "notifications";
/// How a file's name ends, behind the id.
const ENDING: &str = "notification";
/// How it ends until its file is whole.
const NEW_ENDING: &str = "new";
/// Bytes that stand before a notification in its file.
const CRC_BYTES: usize = 4;
/// Bytes that wait to be written: a few of the largest.
const WAITING_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Why a notification can be shed.
pub(crate) const SHED_REASONS: [&str; 3] = ["spool_full", "disk_full", "disk_broken"];

/// How large a spool may get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Notifications.
    pub(super) rows_max: usize,
    /// Bytes of their files.
    pub(super) bytes_max: u64,
}

/// Where notifications wait for the origin.
pub(super) struct Spool {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    folder: PathBuf,
    limits: Limits,
    state: Mutex<State>,
    /// Rung when something waits to be written, or nothing will any more.
    to_write: Condvar,
    /// Rung when there is something to hand over, or nothing will be any more.
    to_hand_over: Condvar,
    shed: [AtomicU64; SHED_REASONS.len()],
    /// Whether the log says that notifications are shed.
    is_shedding: AtomicBool,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// Whole files by the time of their notifications.
    files: BTreeMap<Uuid, Spooled>,
    /// Those on disk and those that wait.
    rows: usize,
    bytes: u64,
    is_closed: bool,
}

/// What waits to be written.
struct Waiting {
    id: Uuid,
    record: Vec<u8>,
    done: oneshot::Sender<Result<(), Refusal>>,
}

/// What is on disk.
#[derive(Clone, Copy, Debug)]
struct Spooled {
    bytes: u64,
    /// When it is handed over again that could not be taken.
    not_before: Option<Instant>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) rows: usize,
    pub(crate) bytes: u64,
    /// When the oldest was received, in milliseconds.
    pub(crate) oldest_at: Option<i64>,
    /// By [`SHED_REASONS`].
    pub(crate) shed: [u64; SHED_REASONS.len()],
}

impl Spool {
    /// Whether an earlier process may have left something in a data directory.
    pub(super) fn is_left(data_dir: &Path) -> bool {
        fs::read_dir(data_dir.join(FOLDER)).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Opens the spool in a data directory, with what is in it. Blocks.
    pub(super) fn open(data_dir: &Path, limits: Limits) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let state = found(&folder)?;
        if state.rows > 0 {
            tracing::info!(notifications = state.rows, "notifications of an earlier run are handed over first");
        }
        let shared = Arc::new(Shared {
            folder,
            limits,
            state: Mutex::new(state),
            to_write: Condvar::new(),
            to_hand_over: Condvar::new(),
            shed: Default::default(),
            is_shedding: AtomicBool::new(false),
        });
        let writer = writer::start(Arc::clone(&shared))?;
        Ok(Self { shared, writer: Mutex::new(Some(writer)) })
    }

    /// Whether one more notification has room, with this many bytes.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.shared.has_room(&self.shared.state(), bytes)
    }

    /// Keeps a notification, and returns once the disk has it. A caller that goes away leaves it kept. A refusal is
    /// counted and, the first of several, logged.
    pub(super) async fn keep(&self, id: Uuid, record: Vec<u8>) -> Result<(), Refusal> {
        let kept = match self.shared.push(id, record) {
            Ok(done) => done.await.unwrap_or(Err(Refusal::Closed)),
            Err(refusal) => Err(refusal),
        };
        match kept {
            Ok(()) if self.shared.is_shedding.swap(false, Ordering::Relaxed) => {
                tracing::info!("notifications are taken again");
            }
            Ok(()) => {}
            Err(refusal) => self.shed(refusal),
        }
        kept
    }

    /// Counts one that was not kept.
    pub(super) fn shed(&self, refusal: Refusal) {
        let reason = match refusal {
            Refusal::Full => 0,
            Refusal::NoRoom => 1,
            Refusal::Broken | Refusal::Closed => 2,
        };
        self.shared.shed[reason].fetch_add(1, Ordering::Relaxed);
        // Once, however many there are.
        if !self.shared.is_shedding.swap(true, Ordering::Relaxed) {
            tracing::error!(reason = SHED_REASONS[reason], "notifications are not taken: {refusal}");
        }
    }

    /// Waits until something may be handed over, not longer than this. Blocks.
    pub(super) fn wait(&self, time: Duration) {
        let state = self.shared.state();
        let nothing = |state: &mut State| !state.is_closed && state.due(Instant::now()).next().is_none();
        drop(self.shared.to_hand_over.wait_timeout_while(state, time, nothing));
    }

    /// The oldest notifications that may be handed over, at most so many with at most so many bytes, and at least one when
    /// there is any.
    pub(super) fn due(&self, rows_max: usize, bytes_max: u64) -> Vec<Uuid> {
        let state = self.shared.state();
        let mut bytes = 0;
        let due = state.due(Instant::now()).take(rows_max).take_while(|(_, spooled)| {
            let is_first = bytes == 0;
            bytes += spooled.bytes;
            is_first || bytes <= bytes_max
        });
        due.map(|(id, _)| id).collect()
    }

    /// A notification as it was kept; `None` when its file is damaged. Blocks.
    pub(super) fn read(&self, id: Uuid) -> io::Result<Option<Vec<u8>>> {
        let bytes = fs::read(self.path(id))?;
        let whole = bytes.split_first_chunk::<CRC_BYTES>();
        let whole = whole.filter(|(crc, record)| crc32fast::hash(record).to_le_bytes() == **crc);
        Ok(whole.map(|(_, record)| record.to_vec()))
    }

    /// Lets go of a notification that the origin has, or will never take. When that fails it comes again at the next start.
    /// Blocks.
    pub(super) fn remove(&self, id: Uuid) -> io::Result<()> {
        let removed = fs::remove_file(self.path(id));
        self.forget(id);
        removed
    }

    /// Moves the file of a notification elsewhere, or removes it where there is no such place. Blocks.
    pub(super) fn set_aside(&self, id: Uuid, place: Option<&Path>) -> io::Result<()> {
        let Some(place) = place else { return self.remove(id) };
        let moved = fs::rename(self.path(id), place);
        self.forget(id);
        moved
    }

    /// Hands a notification over again, not before this. Those behind it go first.
    pub(super) fn put_off(&self, id: Uuid, not_before: Instant) {
        if let Some(spooled) = self.shared.state().files.get_mut(&id) {
            spooled.not_before = Some(not_before);
        }
    }

    /// Whether less than half of the room is left.
    pub(super) fn is_pressing(&self) -> bool {
        let (state, limits) = (self.shared.state(), self.shared.limits);
        state.rows > limits.rows_max / 2 || state.bytes > limits.bytes_max / 2
    }

    pub(super) fn figures(&self) -> Figures {
        let shed = self.shared.shed.each_ref().map(|count| count.load(Ordering::Relaxed));
        let state = self.shared.state();
        let oldest_at = state.files.first_key_value().and_then(|(id, _)| received_at(*id));
        Figures { rows: state.rows, bytes: state.bytes, oldest_at, shed }
    }

    /// Takes no more, and returns once all that was taken is on disk. Blocks.
    pub(super) fn close(&self) {
        self.shared.state().is_closed = true;
        self.shared.to_write.notify_all();
        self.shared.to_hand_over.notify_all();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the spool's thread panicked");
        }
    }

    fn forget(&self, id: Uuid) {
        let mut state = self.shared.state();
        if let Some(spooled) = state.files.remove(&id) {
            state.rows -= 1;
            state.bytes -= spooled.bytes;
        }
    }

    fn path(&self, id: Uuid) -> PathBuf {
        self.shared.path(id, ENDING)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, id: Uuid, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}.{ending}"))
    }

    fn has_room(&self, state: &State, bytes: usize) -> bool {
        let whole = (bytes + CRC_BYTES) as u64;
        state.rows < self.limits.rows_max
            && state.bytes.saturating_add(whole) <= self.limits.bytes_max
            && state.waiting_bytes + bytes <= WAITING_BYTES_MAX
    }

    fn push(&self, id: Uuid, record: Vec<u8>) -> Result<oneshot::Receiver<Result<(), Refusal>>, Refusal> {
        let mut state = self.state();
        if state.is_closed {
            return Err(Refusal::Closed);
        }
        if !self.has_room(&state, record.len()) {
            return Err(Refusal::Full);
        }
        state.rows += 1;
        state.bytes += (record.len() + CRC_BYTES) as u64;
        state.waiting_bytes += record.len();
        let (done, outcome) = oneshot::channel();
        state.waiting.push_back(Waiting { id, record, done });
        self.to_write.notify_one();
        Ok(outcome)
    }
}

impl State {
    fn due(&self, now: Instant) -> impl Iterator<Item = (Uuid, Spooled)> {
        let files = self.files.iter().map(|(id, spooled)| (*id, *spooled));
        files.filter(move |(_, spooled)| spooled.not_before.is_none_or(|at| at <= now))
    }
}

/// What an earlier process left. What it did not finish was answered to nobody and goes.
fn found(folder: &Path) -> io::Result<State> {
    let mut state = State::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if ending == Some(NEW_ENDING) {
            fs::remove_file(&path)?;
            continue;
        }
        let id = path.file_stem().and_then(|stem| stem.to_str()?.parse::<Uuid>().ok());
        if let (Some(id), Some(ENDING)) = (id, ending) {
            let bytes = entry.metadata()?.len();
            state.files.insert(id, Spooled { bytes, not_before: None });
            state.rows += 1;
            state.bytes += bytes;
        }
    }
    // What the process before this one removed stays removed, and what it named keeps its name.
    File::open(folder)?.sync_all()?;
    Ok(state)
}

/// When the id of a notification was made, in milliseconds.
fn received_at(id: Uuid) -> Option<i64> {
    let (secs, nanos) = id.get_timestamp()?.to_unix();
    i64::try_from(secs * 1_000 + u64::from(nanos) / 1_000_000).ok()
}

#[cfg(test)]
mod tests;
