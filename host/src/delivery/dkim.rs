//! Signs what goes out with the keys of its domain.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::mail::dkim::Prepared;
use crate::secrets::HostKey;
use crate::store::{DkimKey, Store, StoreError};

mod key;

pub(crate) use key::KeySealer;
use key::SigningKey;

/// Domains whose keys are kept ready. One more takes the place of another, which is read again when it is needed.
const DOMAINS_MAX: usize = 1_024;

/// The keys of those domains that sent lately, ready to sign: a copy that leaves asks the database for its message alone.
pub struct Signers {
    sealer: Arc<KeySealer>,
    known: Mutex<Known>,
    /// Places for signatures under way: one a core. More of them at once would only wait for each other, on threads of
    /// which each has a stack.
    cores: Arc<Semaphore>,
}

/// Keys that are ready, and how often any of them were forgotten, so that what was read before that is not kept behind it.
#[derive(Default)]
struct Known {
    signers: HashMap<Uuid, Arc<Signer>>,
    forgotten: u64,
}

/// A domain's keys. One without any signs nothing.
struct Signer {
    domain: String,
    keys: Vec<(String, SigningKey)>,
}

/// Why a message was not signed. It must not go out as it is.
#[derive(Debug)]
pub enum SignError {
    /// The domain is gone.
    NoDomain,
    /// The message has no From header.
    NoAuthor,
    /// The domain's key of this selector does not open.
    Unopened {
        /// The selector.
        selector: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The key of this selector refused to sign.
    Failed(String),
    /// The keys could not be read.
    Store(StoreError),
}

impl Signers {
    pub(crate) fn new(host_key: &HostKey) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            sealer: Arc::new(KeySealer::new(host_key)),
            known: Mutex::default(),
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Seals the keys of new domains.
    pub(crate) fn sealer(&self) -> Arc<KeySealer> {
        Arc::clone(&self.sealer)
    }

    /// The headers to put in front of a message of this domain, one for each of its keys; none for a sandbox domain.
    /// `now` is in milliseconds since 1970.
    pub async fn sign(&self, store: &Store, domain_id: Uuid, message: &[u8], now: i64) -> Result<Vec<u8>, SignError> {
        let signer = self.signer(store, domain_id).await?;
        if signer.keys.is_empty() {
            return Ok(Vec::new());
        }
        let prepared = Prepared::of(message).ok_or(SignError::NoAuthor)?;
        let core = Arc::clone(&self.cores).acquire_owned().await.expect("the places are never closed");
        // Not here: RSA takes half a millisecond, for which the other tasks of this thread would wait, among them those
        // that answer requests. Handing it to another thread takes a twentieth of that.
        let signing = spawn_blocking(move || {
            let _core = core;
            signer.headers(&prepared, now / 1_000)
        });
        signing.await.map_err(|error| SignError::Failed(error.to_string()))?
    }

    async fn signer(&self, store: &Store, domain_id: Uuid) -> Result<Arc<Signer>, SignError> {
        let forgotten = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(signer) = known.signers.get(&domain_id) {
                return Ok(Arc::clone(signer));
            }
            known.forgotten
        };
        let domain = store.signing_domain(domain_id).await.map_err(SignError::Store)?.ok_or(SignError::NoDomain)?;
        if domain.keys.is_empty() && !domain.sandbox {
            tracing::warn!(domain = %domain_id, "mail of this domain goes out unsigned: it has no DKIM key");
        }
        let open = |key: DkimKey| {
            let selector = key.selector.clone();
            match self.sealer.open(&domain.name, key) {
                Ok(key) => Ok((selector, key)),
                Err(reason) => Err(SignError::Unopened { selector, reason }),
            }
        };
        let keys = domain.keys.into_iter().map(open).collect::<Result<_, _>>()?;
        let signer = Arc::new(Signer { domain: domain.name, keys });
        self.keep(domain_id, &signer, forgotten);
        Ok(signer)
    }

    /// Reads a domain's keys anew when they are needed next, because others sign now.
    pub(crate) fn forget(&self, domain_id: Uuid) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.signers.remove(&domain_id);
        known.forgotten += 1;
    }

    /// The same for all domains, because another node changed some of them.
    pub(crate) fn forget_all(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.signers.clear();
        known.forgotten += 1;
    }

    /// Keeps keys that were read when so much had been forgotten.
    fn keep(&self, domain_id: Uuid, signer: &Arc<Signer>, forgotten: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.forgotten != forgotten {
            return;
        }
        if known.signers.len() >= DOMAINS_MAX {
            let any = known.signers.keys().next().copied();
            any.and_then(|any| known.signers.remove(&any));
        }
        known.signers.insert(domain_id, Arc::clone(signer));
    }
}

impl Signer {
    /// `at` is in seconds since 1970.
    fn headers(&self, prepared: &Prepared, at: i64) -> Result<Vec<u8>, SignError> {
        let mut headers = Vec::new();
        for (selector, key) in &self.keys {
            let unsigned = prepared.unsigned(key.algorithm(), &self.domain, selector, at);
            let signature = key.sign(unsigned.data()).map_err(|_| SignError::Failed(selector.clone()))?;
            headers.extend(unsigned.signed(&signature).into_bytes());
        }
        Ok(headers)
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDomain => f.write_str("the domain that it is sent from is gone"),
            Self::NoAuthor => f.write_str("the message has no From header, which a DKIM signature needs"),
            Self::Unopened { selector, reason } => write!(
                f,
                "the DKIM key {selector} cannot be used: {reason}. Bring back the `host.key` under which it was made"
            ),
            Self::Failed(selector) => write!(f, "the DKIM key {selector} did not sign"),
            Self::Store(error) => write!(f, "the DKIM keys cannot be read: {error}"),
        }
    }
}

impl std::error::Error for SignError {}

#[cfg(test)]
mod tests;
