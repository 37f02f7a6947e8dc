//! Names of customers' own under which tracked links lead here: which there are, with which certificate each is served,
//! and what the links of a domain begin with. `tend` looks after them.

mod cname;
mod life;
mod tend;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderMap, Uri};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::{Mutex, Notify};
use uuid::Uuid;

use self::cname::Names;
pub use self::tend::{run, tend_due};
use crate::acme::certified_key;
use crate::app::App;
use crate::config::Config;
use crate::store::{Result, StoreError, TrackingHost, TrackingState};

/// Tracking hosts of all domains together, the retired ones too. Each is kept in memory.
pub(crate) const HOSTS_MAX: i64 = 10_000;

/// The tracking hosts as requests and mail need them. Cloning shares them.
#[derive(Clone)]
pub(crate) struct TrackingHosts(Arc<Inner>);

struct Inner {
    table: ArcSwap<Table>,
    /// One that reads the table anew at a time, so that the last one has the last word.
    reading: Mutex<()>,
    /// Rung when a host was set.
    changed: Notify,
    names: Names,
}

#[derive(Default)]
struct Table {
    by_host: HashMap<String, Arc<Served>>,
    /// What new links of a domain begin with.
    by_domain: HashMap<Uuid, Arc<Served>>,
}

/// A host as it is served.
struct Served {
    host: TrackingHost,
    key: Option<Arc<CertifiedKey>>,
}

impl TrackingHosts {
    pub(crate) fn new(config: &Config) -> Self {
        Self(Arc::new(Inner {
            table: ArcSwap::default(),
            reading: Mutex::default(),
            changed: Notify::new(),
            names: Names::new(config),
        }))
    }

    /// Whether a request is for a tracking host that leads here, on which nothing but tracking is served.
    pub(crate) fn are_asked(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let table = self.0.table.load();
        if table.by_host.is_empty() {
            return false;
        }
        let served = host_of(uri, headers).and_then(|host| table.by_host.get(&host.to_ascii_lowercase()));
        served.is_some_and(|served| served.host.state != TrackingState::Pending)
    }

    /// What the tracked links of a domain begin with, when it has a host of its own that leads here.
    pub(crate) fn base_url(&self, config: &Config, domain: Uuid, now: i64) -> Option<String> {
        let table = self.0.table.load();
        let served = table.by_domain.get(&domain)?;
        url(config, &served.host, now)
    }

    /// Reads the hosts anew. Those whose certificate stayed the same keep it.
    pub(crate) async fn read(&self, app: &App) -> Result<()> {
        let _one = self.0.reading.lock().await;
        let before = self.0.table.load_full();
        let mut table = Table::default();
        for host in app.store.tracking_hosts(HOSTS_MAX).await? {
            let known = before.by_host.get(&host.host).filter(|served| served.host.issued_at == host.issued_at);
            let key = match known.filter(|served| served.host.id == host.id) {
                Some(served) => served.key.clone(),
                None => read_key(app, &host).await?,
            };
            let served = Arc::new(Served { host, key });
            if served.host.retired_at.is_none() {
                table.by_domain.insert(served.host.domain_id, Arc::clone(&served));
            }
            table.by_host.insert(served.host.host.clone(), served);
        }
        self.0.table.store(Arc::new(table));
        Ok(())
    }

    /// A host was set: it is read, and looked at at once.
    pub(crate) async fn changed(&self, app: &App) -> Result<()> {
        self.read(app).await?;
        self.0.changed.notify_one();
        Ok(())
    }

    /// What chooses the certificate of a connection: that of the host that is asked for, else the default one.
    pub(crate) fn certificates(&self, default: Option<Arc<CertifiedKey>>) -> Arc<dyn ResolvesServerCert> {
        Arc::new(ByName { hosts: self.clone(), default })
    }
}

/// Reads the hosts when a service or a command starts.
pub async fn start(app: &App) -> Result<(), StoreError> {
    if app.acme.is_on() {
        match app.store.hasten_tracking_hosts(app.now()).await {
            // They are looked at when their time comes.
            Err(StoreError::Away(why)) => tracing::warn!(why, "the tracking hosts could not be hastened"),
            hastened => hastened?,
        }
    }
    app.tracking_hosts.read(app).await
}

/// What links begin with while a host is in this state; `None` for the service's own address.
pub(crate) fn url(config: &Config, host: &TrackingHost, now: i64) -> Option<String> {
    if host.state == TrackingState::Pending {
        return None;
    }
    if config.acme_directory.is_none() {
        // What stands in front of the service serves this host as it does the service's own.
        return config.public_url_of(&host.host);
    }
    let scheme = if host.expires_at.is_some_and(|expires_at| expires_at > now) { "https" } else { "http" };
    Some(format!("{scheme}://{}", host.host))
}

async fn read_key(app: &App, host: &TrackingHost) -> Result<Option<Arc<CertifiedKey>>> {
    let Some(stored) = app.store.tracking_certificate(host.id).await? else { return Ok(None) };
    let key = app.acme.open_key(&host.host, stored.sealed_key).map_err(str::to_owned);
    match key.and_then(|key| certified_key(&stored.chain, &key)) {
        Ok(key) => Ok(Some(key)),
        Err(error) => {
            tracing::error!(error, domain = %host.domain_id, "the certificate of a tracking host cannot be used");
            Ok(None)
        }
    }
}

/// The host that a request names, without its port and without the dot that a whole name may end in.
fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = if let Some(host) = uri.host() {
        host
    } else {
        let host = headers.get(http::header::HOST)?.to_str().ok()?;
        host.rsplit_once(':').map_or(host, |(name, _)| name)
    };
    Some(host.strip_suffix('.').unwrap_or(host))
}

struct ByName {
    hosts: TrackingHosts,
    default: Option<Arc<CertifiedKey>>,
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByName")
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let table = self.hosts.0.table.load();
        // The library has the name in lower case already.
        let served = hello.server_name().and_then(|name| table.by_host.get(name));
        served.and_then(|served| served.key.clone()).or_else(|| self.default.clone())
    }
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

    use super::*;

    #[test]
    fn the_host_of_a_request_is_read_from_wherever_it_stands() {
        let of = |uri: &str, header: Option<&str>| {
            let header = header.map(|value| (HOST, value.parse().expect("a value")));
            let uri: Uri = uri.parse().expect("an address");
            host_of(&uri, &header.into_iter().collect()).map(str::to_owned)
        };
        assert_eq!(of("/a", Some("click.acme.example")).as_deref(), Some("click.acme.example"));
        assert_eq!(of("/a", Some("click.acme.example:8080")).as_deref(), Some("click.acme.example"));
        assert_eq!(of("https://click.acme.example:1/a", Some("other")).as_deref(), Some("click.acme.example"));
        assert_eq!(of("/a", Some("click.acme.example.:8080")).as_deref(), Some("click.acme.example"));
        assert_eq!(of("/a", None), None);
    }
}
