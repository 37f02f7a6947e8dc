//! The keys of tokens that the origin gave an edge node. They are kept in a file that only its owner may read, so that the
//! node answers after a restart while the origin is away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use crate::hash::unhex;
use crate::mail::token::KeyRing;
use crate::nodes::wire::RingKey;
use crate::secrets::{own_file, random, write_own_file};

/// The file inside the data directory.
const FILE: &str = "edge.ring";

/// The keys at hand.
pub(crate) struct Ring {
    data_dir: PathBuf,
    /// What tracking checks tokens by. Without keys of the origin's it is one that nobody has.
    pub(crate) tokens: Arc<ArcSwap<KeyRing>>,
    is_there: AtomicBool,
    revision: Mutex<Option<String>>,
}

#[derive(Deserialize, Serialize)]
struct Kept {
    revision: String,
    keys: Vec<RingKey>,
}

impl Ring {
    /// What was kept in this data directory, or nothing yet.
    pub(crate) fn load(data_dir: &Path) -> io::Result<Self> {
        let ring = Self {
            data_dir: data_dir.to_owned(),
            tokens: Arc::new(ArcSwap::from_pointee(nobodys()?)),
            is_there: AtomicBool::new(false),
            revision: Mutex::default(),
        };
        if data_dir.join(FILE).exists() {
            let wrong = |error: String| io::Error::other(format!("{}: {error}", data_dir.join(FILE).display()));
            let bytes = own_file(data_dir, FILE, || Err(io::ErrorKind::NotFound.into()))?;
            let Kept { revision, keys } = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
            ring.take(revision, &keys).map_err(wrong)?;
        }
        Ok(ring)
    }

    /// Whether there are keys of the origin's.
    pub(crate) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Acquire)
    }

    pub(crate) fn revision(&self) -> Option<String> {
        self.revision.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other keys into effect, and keeps them.
    pub(crate) fn change(&self, revision: String, keys: Vec<RingKey>) -> Result<(), String> {
        self.take(revision.clone(), &keys)?;
        let bytes = serde_json::to_vec(&Kept { revision, keys }).map_err(|error| error.to_string())?;
        write_own_file(&self.data_dir, FILE, &bytes).map_err(|error| error.to_string())
    }

    /// Forgets all keys, here and on disk.
    pub(crate) fn forget(&self) -> io::Result<()> {
        self.is_there.store(false, Ordering::Release);
        self.tokens.store(Arc::new(nobodys()?));
        *self.revision.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match fs::remove_file(self.data_dir.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn take(&self, revision: String, keys: &[RingKey]) -> Result<(), String> {
        let key = |key: &RingKey| Some((key.id, unhex(&key.key)?.try_into().ok()?));
        let keys: Option<Vec<(u8, [u8; 32])>> = keys.iter().map(key).collect();
        let ring = keys.and_then(KeyRing::new).ok_or("the keys of tokens cannot be used")?;
        self.tokens.store(Arc::new(ring));
        *self.revision.lock().unwrap_or_else(PoisonError::into_inner) = Some(revision);
        self.is_there.store(true, Ordering::Release);
        Ok(())
    }
}

/// A ring by which no token is good.
fn nobodys() -> io::Result<KeyRing> {
    Ok(KeyRing::new(vec![(0, random()?)]).expect("one key has an id of its own"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use uuid::Uuid;

    use super::*;
    use crate::hash::hex;
    use crate::mail::token::{Claims, Purpose};

    fn keys(id: u8) -> Vec<RingKey> {
        vec![RingKey { id, key: hex(&[id; 32]) }]
    }

    fn opens(ring: &Ring, id: u8) -> bool {
        let origin = KeyRing::new(vec![(id, [id; 32])]).expect("one key");
        let claims = Claims { email_id: Uuid::nil(), link: 0, destination: None };
        let token = origin.seal(&claims, Purpose::Open).expect("it is sealed");
        ring.tokens.load().open(&token, Purpose::Open).is_some()
    }

    #[test]
    fn keys_are_kept_over_a_restart_replaced_and_forgotten() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let load = || Ring::load(directory.path()).expect("it is read");
        let ring = load();
        assert!(!ring.is_there() && !opens(&ring, 1) && ring.revision().is_none());
        ring.change("a".into(), keys(1)).expect("they are good");
        let ring = load();
        assert!(ring.is_there() && opens(&ring, 1) && ring.revision().as_deref() == Some("a"));
        let mode = fs::metadata(directory.path().join(FILE)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        ring.change("b".into(), keys(2)).expect("they are good");
        assert!(!opens(&ring, 1) && opens(&ring, 2));
        ring.forget().expect("it is forgotten");
        for ring in [ring, load()] {
            assert!(!ring.is_there() && !opens(&ring, 2) && ring.revision().is_none());
        }
    }

    #[test]
    fn keys_that_are_none_change_nothing() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let ring = Ring::load(directory.path()).expect("it is read");
        ring.change("a".into(), keys(1)).expect("they are good");
        let short = vec![RingKey { id: 1, key: hex(&[1; 31]) }];
        for wrong in [vec![], short, [keys(1), keys(1)].concat()] {
            ring.change("b".into(), wrong).expect_err("they are none");
        }
        assert!(opens(&ring, 1) && ring.revision().as_deref() == Some("a"));
    }
}
