//! The addresses of sources that the origin gave an edge node, as hashes: a node knows whether somebody was given an
//! address, and nothing else of him. They are kept in a file, so that the node takes notifications after a restart while
//! the origin is away.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use serde::{Deserialize, Serialize};

use crate::hash::{sha256, unhex};
use crate::nodes::wire::SourceAddress;
use crate::secrets::{own_file, write_own_file};

/// The file inside the data directory.
const FILE: &str = "edge.sources";

/// The addresses at hand.
pub(super) struct Addresses {
    data_dir: PathBuf,
    /// `None` until the origin gave some.
    known: ArcSwapOption<Known>,
}

struct Known {
    revision: String,
    by_hash: HashMap<[u8; 32], SourceAddress>,
}

#[derive(Deserialize, Serialize)]
struct Kept {
    revision: String,
    addresses: Vec<SourceAddress>,
}

/// What is known of an address.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Yes(SourceAddress),
    No,
    /// The origin has not said yet which addresses there are.
    Unknown,
}

impl Addresses {
    /// What was kept in this data directory, or nothing yet.
    pub(super) fn load(data_dir: &Path) -> io::Result<Self> {
        let addresses = Self { data_dir: data_dir.to_owned(), known: ArcSwapOption::empty() };
        if data_dir.join(FILE).exists() {
            let wrong = |error: String| io::Error::other(format!("{}: {error}", data_dir.join(FILE).display()));
            let bytes = own_file(data_dir, FILE, || Err(io::ErrorKind::NotFound.into()))?;
            let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
            addresses.take(kept).map_err(wrong)?;
        }
        Ok(addresses)
    }

    /// The word for those at hand; empty when there are none.
    pub(super) fn revision(&self) -> String {
        self.known.load().as_ref().map(|known| known.revision.clone()).unwrap_or_default()
    }

    /// The source at an address, by the address's last part.
    pub(super) fn find(&self, address: &str) -> Found {
        let known = self.known.load();
        let Some(known) = known.as_ref() else { return Found::Unknown };
        known.by_hash.get(&sha256(address.as_bytes())).map_or(Found::No, |found| Found::Yes(found.clone()))
    }

    /// Puts others into effect, and keeps them.
    pub(super) fn change(&self, revision: String, addresses: Vec<SourceAddress>) -> Result<(), String> {
        let kept = Kept { revision, addresses };
        let bytes = serde_json::to_vec(&kept).map_err(|error| error.to_string())?;
        self.take(kept)?;
        write_own_file(&self.data_dir, FILE, &bytes).map_err(|error| error.to_string())
    }

    /// Forgets all, here and on disk.
    pub(super) fn forget(&self) -> io::Result<()> {
        self.known.store(None);
        match fs::remove_file(self.data_dir.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn take(&self, Kept { revision, addresses }: Kept) -> Result<(), String> {
        let by_hash = addresses.into_iter().map(|address| Some((unhex(&address.hash)?.try_into().ok()?, address)));
        let by_hash = by_hash.collect::<Option<HashMap<_, _>>>().ok_or("a hash is none")?;
        self.known.store(Some(Arc::new(Known { revision, by_hash })));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hex;

    fn address(text: &str) -> SourceAddress {
        let hash = hex(&sha256(text.as_bytes()));
        SourceAddress { hash, body_bytes_max: 1_024, busy_status: 503, wants_password: false }
    }

    #[test]
    fn they_are_kept_over_a_restart_replaced_and_forgotten() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let load = || Addresses::load(directory.path()).expect("it is read");
        let addresses = load();
        assert_eq!((addresses.find("a"), addresses.revision()), (Found::Unknown, String::new()));
        addresses.change("1".into(), vec![address("a")]).expect("they are good");
        for addresses in [addresses, load()] {
            assert_eq!((addresses.find("a"), addresses.find("b")), (Found::Yes(address("a")), Found::No));
            assert_eq!(addresses.revision(), "1");
        }
        let addresses = load();
        addresses.change("2".into(), vec![address("b")]).expect("they are good");
        assert_eq!((addresses.find("a"), addresses.find("b")), (Found::No, Found::Yes(address("b"))));
        let wrong = SourceAddress { hash: "00".into(), ..address("c") };
        addresses.change("3".into(), vec![wrong]).expect_err("it is no hash");
        assert_eq!(load().revision(), "2");
        addresses.forget().expect("they are forgotten");
        for addresses in [addresses, load()] {
            assert_eq!(addresses.find("b"), Found::Unknown);
        }
    }
}
