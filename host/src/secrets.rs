//! Keys: the host's own, and the API keys of customers.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use crate::hash::{hex, sha256};
use crate::store::NewApiKey;

mod seal;

pub(crate) use seal::Sealer;

/// The file name of the host key inside the data directory.
const HOST_KEY_FILE: &str = "host.key";
/// The file name of the operator token inside the data directory.
pub(crate) const OPERATOR_TOKEN_FILE: &str = "operator.token";
/// A token that somebody thought of is at least so long.
pub(crate) const OPERATOR_TOKEN_CHARS_MIN: usize = 32;
/// Prefix of a key whose mail goes out.
const LIVE: &str = "ml_live_";
/// Prefix of a key whose mail stays on the machine.
const TEST: &str = "ml_test_";
/// Random bytes in an API key.
const API_KEY_BYTES: usize = 32;

/// The secret from which the keys of one installation are derived: links, bounce addresses, compiled code.
pub(crate) struct HostKey([u8; 32]);

impl HostKey {
    /// Reads the key of a data directory, making it on the first start. Only its owner may read the file.
    pub(crate) fn load(data_dir: &Path) -> io::Result<Self> {
        let bytes = own_file(data_dir, HOST_KEY_FILE, || Ok(random::<32>()?.to_vec()))?;
        let path = data_dir.join(HOST_KEY_FILE);
        let wrong = |_| io::Error::other(format!("{}: it must be 32 bytes long", path.display()));
        bytes.try_into().map(Self).map_err(wrong)
    }

    /// The key for one purpose. Who learns it learns no other.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), purpose.as_bytes());
        tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
    }
}

/// The token of operators, made on the first start.
pub(crate) fn operator_token(data_dir: &Path) -> io::Result<String> {
    let bytes = own_file(data_dir, OPERATOR_TOKEN_FILE, || Ok(format!("{}\n", hex(&random::<32>()?)).into_bytes()))?;
    let token = String::from_utf8(bytes).ok().map(|text| text.trim().to_owned());
    let long = token.filter(|token| token.len() >= OPERATOR_TOKEN_CHARS_MIN);
    long.ok_or_else(|| {
        let path = data_dir.join(OPERATOR_TOKEN_FILE);
        let wrong = format!("it must be a text of at least {OPERATOR_TOKEN_CHARS_MIN} characters");
        io::Error::other(format!("{}: {wrong}; remove it, and the next start makes another", path.display()))
    })
}

/// A file of the data directory that only its owner may read, made with fresh content when it is not there.
pub(crate) fn own_file(
    data_dir: &Path,
    name: &str,
    fresh: impl FnOnce() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let path = data_dir.join(name);
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    match fs::read(&path) {
        Ok(bytes) => {
            let mode = fs::metadata(&path).map_err(explain)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(explain(io::Error::other("others may read it; `chmod 600` it")));
            }
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let bytes = fresh()?;
            write_own_file(data_dir, name, &bytes)?;
            Ok(bytes)
        }
        Err(error) => Err(explain(error)),
    }
}

/// Writes a file of the data directory that only its owner may read; one that was there is replaced. It is there as a
/// whole or not at all, also after a power cut.
pub(crate) fn write_own_file(data_dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = data_dir.join(name);
    let explain = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let aside = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside).map_err(explain)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(explain)?;
    fs::rename(&aside, &path).map_err(explain)?;
    fs::File::open(data_dir)?.sync_all()
}

/// A new API key: itself, and what is stored of it.
pub(crate) fn new_api_key(sandbox: bool) -> io::Result<(String, NewApiKey)> {
    let bytes: [u8; API_KEY_BYTES] = random()?;
    let key = format!("{}{}", if sandbox { TEST } else { LIVE }, hex(&bytes));
    let masked = format!("{}…{}", &key[..12], &key[key.len() - 4..]);
    let hash = hash_api_key(&key).expect("it was made to look like one");
    Ok((key, NewApiKey { hash, sandbox, masked }))
}

/// What is stored of a key; `None` for what cannot be one. A key has 256 random bits, so that a plain hash can
/// neither be guessed nor reversed, and looking it up tells nothing about how much of a wrong key was right.
pub(crate) fn hash_api_key(key: &str) -> Option<[u8; 32]> {
    let random = key.strip_prefix(LIVE).or_else(|| key.strip_prefix(TEST))?;
    let hex = random.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (hex && random.len() == 2 * API_KEY_BYTES).then(|| sha256(key.as_bytes()))
}

/// Compares two secrets in a time that tells nothing about where they differ: equal hashes mean equal secrets, and
/// nobody can choose where hashes differ.
pub(crate) fn same_secret(given: &[u8], wanted: &[u8]) -> bool {
    sha256(given) == sha256(wanted)
}

/// Random bytes of the system.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map(|()| bytes).map_err(|_| io::Error::other("the system gives no random bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_looks_as_documented_and_hashes_like_itself() {
        let (key, stored) = new_api_key(false).expect("a key is made");
        assert_eq!(key.len(), 8 + 64);
        assert!(key.starts_with("ml_live_"));
        assert_eq!(hash_api_key(&key), Some(stored.hash));
        assert_eq!(stored.masked.chars().count(), 17);
        assert!(new_api_key(true).expect("a key is made").0.starts_with("ml_test_"));
    }

    #[test]
    fn what_cannot_be_a_key_is_not_even_hashed() {
        let hex = "0".repeat(64);
        for wrong in [String::new(), hex.clone(), format!("ml_live_{}", &hex[1..]), format!("ml_live_{hex}0")] {
            assert_eq!(hash_api_key(&wrong), None, "{wrong}");
        }
        assert_eq!(hash_api_key(&format!("ml_live_{}", "A".repeat(64))), None);
    }

    #[test]
    fn the_host_key_stays_the_same_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let first = HostKey::load(directory.path()).expect("it is made");
        let again = HostKey::load(directory.path()).expect("it is read");
        assert_eq!(first.derive("links"), again.derive("links"));
        assert_ne!(first.derive("links"), first.derive("code"));

        let path = directory.path().join(HOST_KEY_FILE);
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is changed");
        let error = HostKey::load(directory.path()).err().expect("it is refused").to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn the_operator_token_is_made_once_and_a_short_one_is_refused() {
        let directory = tempfile::tempdir().expect("a directory is made");
        let token = operator_token(directory.path()).expect("it is made");
        assert_eq!((token.len(), operator_token(directory.path()).expect("it is read")), (64, token));
        let path = directory.path().join(OPERATOR_TOKEN_FILE);
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        fs::write(&path, "x".repeat(32)).expect("it is written");
        assert_eq!(operator_token(directory.path()).expect("it is long enough").len(), 32);
        fs::write(&path, "x".repeat(31)).expect("it is written");
        let error = operator_token(directory.path()).expect_err("it is refused").to_string();
        assert!(error.contains("operator.token") && error.contains("at least 32"), "{error}");
    }
}
