//! One process for each data directory.
//!
//! The lock is the kernel's (`flock`), so it goes with the process however that ends. The file's text only says
//! who holds it, for the error that the second process prints, and where commands reach the holder.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file name of the lock inside the data directory.
pub const LOCK_FILE: &str = "pillarbox.lock";
/// The longest text that is read from a lock file, in bytes.
const HOLDER_BYTES_MAX: u64 = 4_096;

/// Who holds a data directory.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// What it runs: `serve`, or the command that opened the store for a moment.
    pub command: String,
    /// Where it serves, when it serves.
    pub listen: Option<String>,
}

/// Why a data directory could not be taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process has it.
    Held(PathBuf, Holder),
    /// The directory or the file could not be made or read.
    Io(PathBuf, io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(directory, holder) => {
                write!(f, "{} is held by `pillarbox {}`", directory.display(), holder.command)?;
                write!(f, " (process {}", holder.pid)?;
                if let Some(listen) = &holder.listen {
                    write!(f, ", serving on {listen}")?;
                }
                f.write_str("). Stop it first, or choose another data_dir")
            }
            Self::Io(path, error) => write!(f, "cannot use {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for LockError {}

/// Holds a data directory until it is dropped.
pub struct DataLock {
    file: File,
    directory: PathBuf,
}

impl DataLock {
    /// Takes the directory, creating it when it is not there yet (readable by its owner only).
    pub fn acquire(directory: &Path, holder: &Holder) -> Result<Self, LockError> {
        create_private(directory).map_err(|error| LockError::Io(directory.into(), error))?;
        let path = directory.join(LOCK_FILE);
        let failed = |error| LockError::Io(path.clone(), error);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(LockError::Held(directory.into(), read_holder(&file).unwrap_or_default()));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let lock = Self { file, directory: directory.into() };
        lock.describe(holder).map_err(failed)?;
        Ok(lock)
    }

    /// Says who holds the directory, for whoever finds it taken.
    pub fn describe(&self, holder: &Holder) -> io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(serde_json::to_string(holder)?.as_bytes())
    }

    /// The directory that is held.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

#[cfg(unix)]
fn create_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn read_holder(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_process_is_told_who_came_first() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let first = Holder { pid: 4711, command: "serve".into(), listen: Some("127.0.0.1:8080".into()) };
        let held = DataLock::acquire(directory.path(), &first).expect("the first one gets it");

        let error = DataLock::acquire(directory.path(), &Holder::default()).err().expect("the second does not");
        let text = error.to_string();
        assert!(text.contains("`pillarbox serve` (process 4711, serving on 127.0.0.1:8080)"), "{text}");

        drop(held);
        DataLock::acquire(directory.path(), &Holder::default()).expect("it is free again");
    }
}
