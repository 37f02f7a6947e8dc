//! Edge nodes, as the origin sees them: who they are, what they are given, and what they hand over.

mod authority;
pub(crate) mod batch;
mod desk;
mod intake;
mod listener;
pub(crate) mod notification;
mod notifications;
mod tls;
pub(crate) mod token;
pub(crate) mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::pki_types::CertificateDer;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use self::authority::Authority;
pub(crate) use self::desk::{MINUTES_MAX, invite, list, rename, revoke};
pub use self::listener::handle;
pub(crate) use self::tls::{node_tls, pinned_tls};
use self::wire::RingKey;
use crate::app::{App, Clock};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::hash::{hex, sha256};

/// What the origin is called in its certificate, wherever it is. The authority certifies nobody else under this name.
pub(crate) const ORIGIN_NAME: &str = "origin.pillarbox.internal";

/// The edge nodes of this installation.
pub(crate) struct Nodes {
    /// `None` where no listener for nodes is set.
    authority: Option<Authority>,
    /// Who has which certificate, by its fingerprint. `None` until somebody asks.
    known: ArcSwapOption<HashMap<Vec<u8>, Node>>,
    /// The keys of tokens that nodes are given: all that may still be met, and the one that signs next.
    keys: ArcSwap<Vec<(u8, [u8; 32])>>,
}

/// Whose certificate it is.
#[derive(Clone, Debug)]
struct Node {
    id: Uuid,
    name: String,
    is_revoked: bool,
}

impl Nodes {
    pub(crate) fn open(config: &Config) -> Result<Self, String> {
        let authority = config.node_listen.map(|_| Authority::load(&config.data_dir)).transpose()?;
        Ok(Self { authority, known: ArcSwapOption::empty(), keys: ArcSwap::default() })
    }

    /// Gives nodes these keys from now on, each with its next look.
    pub(crate) fn set_keys(&self, keys: Vec<(u8, [u8; 32])>) {
        self.keys.store(Arc::new(keys));
    }

    /// Who shows this certificate, which the authority is known to have issued.
    async fn of(&self, app: &App, certificate: &CertificateDer<'_>) -> Result<Option<Node>> {
        let fingerprint = sha256(certificate).to_vec();
        let known = match self.known.load_full() {
            Some(known) => known,
            None => self.look(app).await?,
        };
        Ok(known.get(&fingerprint).cloned())
    }

    /// Reads anew who has which certificate, for the requests that come next.
    async fn look(&self, app: &App) -> Result<Arc<HashMap<Vec<u8>, Node>>> {
        let rows = app.store.node_certificates().await?;
        let rows = rows.into_iter().map(|row| {
            let node = Node { id: row.node_id, name: row.name, is_revoked: row.is_revoked };
            (row.fingerprint, node)
        });
        let known = Arc::new(rows.collect::<HashMap<_, _>>());
        self.known.store(Some(Arc::clone(&known)));
        Ok(known)
    }

    fn authority(&self) -> Result<&Authority> {
        self.authority.as_ref().ok_or(Error::NotFound("This installation has no listener for nodes"))
    }
}

/// The keys of tokens that a node is given, with a word that changes when they do.
fn ring_and_revision(app: &App) -> (Vec<RingKey>, String) {
    let ring = app.nodes.keys.load();
    let bytes: Vec<u8> = ring.iter().flat_map(|(id, key)| std::iter::once(*id).chain(*key)).collect();
    let keys = ring.iter().map(|(id, key)| RingKey { id: *id, key: hex(key) }).collect();
    (keys, hex(&sha256(&bytes)[..8]))
}

/// What the listener for nodes speaks.
pub fn acceptor(app: &App, clock: Clock) -> Result<TlsAcceptor, String> {
    let authority = app.nodes.authority.as_ref().ok_or("node_listen is not set")?;
    tls::origin_tls(authority.certificate(), authority.origin()?, clock)
}
