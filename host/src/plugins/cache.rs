//! Compiled plugins on disk, so that a start does not compile again.
//!
//! Whoever can make us load machine code can do anything, so nothing is trusted for lying in our folder: a file counts
//! only when it carries a MAC under the host's key over everything it says, and it is verified on the very bytes in
//! memory that are loaded afterwards. What does not verify is told to the log, and the plugin is compiled once more.

use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ring::{digest, hmac};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::hash::{hex, sha256};

/// Compiled plugins that are kept. The ones written longest ago go first.
pub const FILES_MAX: usize = 64;
/// All of them together.
pub const BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Any one of them.
pub const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// How the code was made. Another compiler or level would be another tier.
const TIER: &[u8; 8] = b"cl-speed";
const MAGIC: &[u8; 8] = b"PBXCODE\x01";
const DIGEST_BYTES: usize = 32;
/// Magic, tier, digest of the component, hash of the engine, MAC; then the code.
const HEADER_BYTES: usize = MAGIC.len() + TIER.len() + 3 * DIGEST_BYTES;
const SIGNED_HEADER_BYTES: usize = HEADER_BYTES - DIGEST_BYTES;
const EXTENSION: &str = "code";
const UNFINISHED_EXTENSION: &str = "part";
/// Bits of a file's mode that let others than its owner write it.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Keeps the key of this purpose apart from what else the host key is for.
const KEY_PURPOSE: &[u8] = b"pillarbox compiled plugin code, version 1";

/// A folder of compiled plugins of one engine.
pub(super) struct Cache {
    folder: PathBuf,
    key: hmac::Key,
    engine_hash: [u8; DIGEST_BYTES],
}

impl Cache {
    /// Opens the folder, or makes it for us alone.
    pub(super) fn open(folder: PathBuf, host_key: &[u8; 32], engine: &Engine) -> io::Result<Cache> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let purpose = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, host_key), KEY_PURPOSE);
        let key = hmac::Key::new(hmac::HMAC_SHA256, purpose.as_ref());
        let cache = Cache { folder, key, engine_hash: engine_hash(engine) };
        cache.remove_unfinished()?;
        Ok(cache)
    }

    /// The compiled form of a component, if it is here and ours.
    pub(super) fn load(&self, engine: &Engine, digest: &[u8; DIGEST_BYTES]) -> Option<Component> {
        let path = self.path(digest);
        let distrusted = |why: &str| tracing::warn!(path = %path.display(), why, "compiled plugin is not trusted");
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                distrusted(&error.to_string());
                return None;
            }
        };
        let Some(code) = self.verified(digest, &bytes) else {
            distrusted("its MAC is not that of this host, component and engine");
            return None;
        };
        // SAFETY: `deserialize` is sound for bytes that `Component::serialize` of a compatible engine gave. The MAC,
        // which only holders of the host key can make, was checked over exactly these bytes, which are in our memory
        // and cannot change any more; `store` makes it only over what `serialize` gave; and it covers the hash of the
        // engine, so version, settings and processor features are those of this engine.
        #[allow(unsafe_code)]
        let component = unsafe { Component::deserialize(engine, code) };
        component.map_err(|error| distrusted(&format!("{error:#}"))).ok()
    }

    /// Keeps the compiled form of a component. A failure is told to the log; the plugin works without.
    pub(super) fn store(&self, digest: &[u8; DIGEST_BYTES], component: &Component) {
        let kept = component
            .serialize()
            .map_err(|error| io::Error::other(format!("{error:#}")))
            .and_then(|code| self.write(digest, &code))
            .and_then(|()| self.remove_oldest());
        if let Err(error) = kept {
            tracing::warn!(folder = %self.folder.display(), %error, "compiled plugin was not kept");
        }
    }

    fn path(&self, digest: &[u8; DIGEST_BYTES]) -> PathBuf {
        self.folder.join(format!("{}-{}.{EXTENSION}", hex(digest), hex(&self.engine_hash[..8])))
    }

    fn signed_header(&self, digest: &[u8; DIGEST_BYTES]) -> Vec<u8> {
        [MAGIC.as_slice(), TIER, digest, &self.engine_hash].concat()
    }

    /// The code in these bytes, when header and MAC are what they must be.
    fn verified<'a>(&self, digest: &[u8; DIGEST_BYTES], bytes: &'a [u8]) -> Option<&'a [u8]> {
        let header = bytes.get(..SIGNED_HEADER_BYTES)?;
        let mac = bytes.get(SIGNED_HEADER_BYTES..HEADER_BYTES)?;
        let code = &bytes[HEADER_BYTES..];
        if header != self.signed_header(digest) {
            return None;
        }
        hmac::verify(&self.key, &signed(header, code), mac).ok()?;
        Some(code)
    }

    /// Written beside its place, made durable and renamed, so nobody ever reads half of it.
    fn write(&self, digest: &[u8; DIGEST_BYTES], code: &[u8]) -> io::Result<()> {
        let header = self.signed_header(digest);
        let mac = hmac::sign(&self.key, &signed(&header, code));
        let path = self.path(digest);
        let unfinished = path.with_extension(UNFINISHED_EXTENSION);
        // A leftover of a crash would be in the way; there is one writer, the compile thread.
        remove_if_there(&unfinished)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&header)?;
        file.write_all(mac.as_ref())?;
        file.write_all(code)?;
        file.set_permissions(fs::Permissions::from_mode(0o400))?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(&self.folder)?.sync_all()
    }

    fn remove_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == UNFINISHED_EXTENSION) {
                remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    fn remove_oldest(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == EXTENSION) {
                let metadata = entry.metadata()?;
                files.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), entry.path()));
            }
        }
        for path in surplus(files, FILES_MAX, BYTES_MAX) {
            remove_if_there(&path)?;
        }
        Ok(())
    }
}

/// What the MAC is over: the header and the digest of the code, which together are of fixed length.
fn signed(header: &[u8], code: &[u8]) -> Vec<u8> {
    [header, &sha256(code)].concat()
}

/// Which files are too many or too much, when the newest stay.
fn surplus(mut files: Vec<(SystemTime, u64, PathBuf)>, files_max: usize, bytes_max: u64) -> Vec<PathBuf> {
    files.sort_by_key(|(modified, _, _)| std::cmp::Reverse(*modified));
    let (mut kept, mut bytes) = (0, 0_u64);
    let mut surplus = Vec::new();
    for (_, length, path) in files {
        bytes = bytes.saturating_add(length);
        if kept < files_max && bytes <= bytes_max {
            kept += 1;
        } else {
            surplus.push(path);
        }
    }
    surplus
}

/// Reads a plain file that nobody but its owner may write.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(io::Error::other("others than its owner may write it"));
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("it is too large"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    Read::by_ref(&mut file).take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The engine's version, settings and processor features as one value.
pub(super) fn engine_hash(engine: &Engine) -> [u8; DIGEST_BYTES] {
    struct Sha256(digest::Context);

    impl Hasher for Sha256 {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            unreachable!("hashing only writes")
        }
    }

    let mut hasher = Sha256(digest::Context::new(&digest::SHA256));
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flipped_bit_in_any_byte_of_a_compiled_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::open(folder.path().to_owned(), &[7; 32], &engine).unwrap();
        let digest = [1; DIGEST_BYTES];
        cache.store(&digest, &Component::new(&engine, wat::parse_str("(component)").unwrap()).unwrap());
        let mut bytes = fs::read(cache.path(&digest)).unwrap();
        assert!(cache.verified(&digest, &bytes).is_some());
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert!(cache.verified(&digest, &bytes).is_none(), "byte {at} of {}", bytes.len());
            bytes[at] ^= 1;
        }
        assert!(cache.load(&engine, &digest).is_some());
        assert!(
            cache.verified(&[2; DIGEST_BYTES], &bytes).is_none(),
            "the code of one component is not that of another"
        );
    }

    #[test]
    fn the_oldest_files_go_when_there_are_too_many_or_too_much() {
        let file = |age: u64, length| {
            (SystemTime::UNIX_EPOCH + Duration::from_secs(100 - age), length, PathBuf::from(age.to_string()))
        };
        let files = || vec![file(3, 10), file(1, 10), file(2, 10)];
        assert_eq!(surplus(files(), 3, 30), Vec::<PathBuf>::new());
        assert_eq!(surplus(files(), 2, 30), [PathBuf::from("3")]);
        assert_eq!(surplus(files(), 3, 29), [PathBuf::from("3")]);
        assert_eq!(surplus(files(), 3, 9), ["1", "2", "3"].map(PathBuf::from));
    }
}
