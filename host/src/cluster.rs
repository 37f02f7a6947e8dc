//! Several nodes with one control plane: accounts, domains, keys and plugins are written at a libSQL server, the primary,
//! and every node keeps all of them in its own database, where it reads them.
//!
//! A change is one batch, which the primary takes only when nothing has happened since the rows that it was made of. Each
//! that it took stands in its log, in order, and every node repeats the log. So all nodes have the same rows, at most a
//! moment apart, and a node whose primary is away reads, takes mail and delivers it as before.

mod breaker;
mod challenges;
mod follow;
mod hrana;
mod join;
mod primary;
mod view;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::challenges::Asked;
pub use self::follow::look;
pub(crate) use self::follow::run;
pub(crate) use self::join::leave;
pub use self::join::{Joined, enter, init, join};
pub(crate) use self::primary::{AskError, Patience, Primary};
pub(crate) use self::view::status;
use crate::app::Clock;
use crate::config::Config;
use crate::hash::hex;
use crate::ids::new_id;
use crate::secrets::HostKey;
use crate::store::control::primary::{SeenNode, lease, leased, nodes, release, told_nodes};
use crate::store::{Store, StoreError};

/// The work on the control plane that one node does for all: checks of domains, rotations, certificates.
const DUTY: &str = "tend";
/// How long a node that says nothing keeps the duty.
const DUTY_TIME: Duration = Duration::from_secs(20);
/// How often it says that it is there.
const DUTY_RENEWED: Duration = Duration::from_secs(5);

/// What a process knows of its cluster.
pub(crate) struct Cluster {
    /// `None` for a node on its own.
    pub(crate) primary: Option<Arc<Primary>>,
    joined: watch::Sender<bool>,
    /// This process, as the primary's leases know it.
    holder: String,
    /// Until when this node has the duty, and when it asks for it next.
    duty: Mutex<Duty>,
    /// What stands in the way of following.
    trouble: Mutex<Option<String>>,
    asked: Asked,
}

#[derive(Clone, Copy, Default)]
struct Duty {
    until: Option<Instant>,
    asked_at: Option<Instant>,
}

impl Cluster {
    pub(crate) fn new(config: &Config, host_key: &HostKey, clock: &Clock) -> Result<Self, String> {
        let primary = |url: &String| {
            let (token, ca) = (config.storage_token.as_deref(), config.storage_ca.as_deref());
            let fingerprint = hex(&host_key.derive("cluster")[..16]);
            Primary::new(url, token, ca, config.node_name.clone(), fingerprint, Arc::clone(clock)).map(Arc::new)
        };
        let primary = config.storage_url.as_ref().map(primary).transpose()?;
        let (joined, _) = watch::channel(primary.is_none());
        let holder = format!("{} {}", config.node_name, new_id(clock()));
        Ok(Self { primary, joined, holder, duty: Mutex::default(), trouble: Mutex::default(), asked: Asked::default() })
    }

    /// Whether this node has the rows of its cluster, and may therefore answer.
    pub(crate) fn is_joined(&self) -> bool {
        *self.joined.borrow()
    }

    /// Returns once it has.
    pub(crate) async fn joined(&self) {
        let mut joined = self.joined.subscribe();
        // The sender lives as long as this does.
        drop(joined.wait_for(|joined| *joined).await);
    }

    /// Whether this node does what is to be done once for all nodes.
    pub(crate) fn is_on_duty(&self) -> bool {
        self.primary.is_none() || self.duty().until.is_some_and(|until| Instant::now() < until)
    }

    /// Takes or keeps the duty, when it is time to say so.
    async fn renew_duty(&self, primary: &Primary, store: &Store) -> Result<(), StoreError> {
        let now = Instant::now();
        if self.duty().asked_at.is_some_and(|asked_at| now < asked_at + DUTY_RENEWED) {
            return Ok(());
        }
        let plugins = store.plugin_nodes().await?.into_iter().find(|row| row.node == primary.node());
        let (generation, troubles) = plugins.map_or((0, "[]".into()), |row| (row.generation, row.troubles));
        let node = SeenNode {
            node: primary.node().to_owned(),
            revision: primary.figures().revision,
            seen_at: 0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            generation,
            troubles,
        };
        let millis = i64::try_from(DUTY_TIME.as_millis()).unwrap_or(i64::MAX);
        let ends = primary.ask(&lease(DUTY, &self.holder, millis, &node)).await?;
        let is_held = leased(&ends).map_err(StoreError::Primary)?;
        // Given up a little earlier here than there, so that no two nodes have it.
        let until = is_held.then(|| now + (DUTY_TIME.saturating_sub(DUTY_RENEWED)));
        let before = std::mem::replace(&mut *self.lock_duty(), Duty { until, asked_at: Some(now) });
        if is_held && before.until.is_none() {
            tracing::info!("this node tends the domains and certificates of its cluster");
        }
        Ok(())
    }

    /// All nodes that the primary has seen.
    pub(crate) async fn nodes(&self, primary: &Primary) -> Result<Vec<SeenNode>, StoreError> {
        let ends = primary.ask(&nodes()).await?;
        told_nodes(&ends).map_err(StoreError::Primary)
    }

    /// Gives the duty back, for another node to take it at once.
    async fn give_duty_back(&self, primary: &Primary) -> Result<(), StoreError> {
        if std::mem::take(&mut *self.lock_duty()).until.is_some() {
            primary.ask(&release(DUTY, &self.holder)).await?;
        }
        Ok(())
    }

    fn duty(&self) -> Duty {
        *self.lock_duty()
    }

    fn lock_duty(&self) -> std::sync::MutexGuard<'_, Duty> {
        self.duty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands in the way of following; `None` when nothing does.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what stands in the way, and says so in the log when it is news.
    fn note_trouble(&self, trouble: Option<String>) {
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*known, &trouble) {
            (None, Some(why)) => tracing::warn!(why, "the cluster cannot be followed; what is here is served"),
            (Some(_), None) => tracing::info!("the cluster is followed again"),
            _ => {}
        }
        *known = trouble;
    }
}
