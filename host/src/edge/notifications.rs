//! Notifications of providers that an edge node takes for the sources of the origin. It checks nothing but that the address
//! is one that the origin gave to somebody; what comes there is on its disk before it is answered, and checked at home.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use super::addresses::{Addresses, Found};
use super::forwarder::{Counts, Forwarder, Seen};
use super::link::Link;
use super::spool::{Figures, Limits, Spool};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ids::IdOrder;
use crate::journal::Refusal;
use crate::nodes::notification::Notification;
use crate::nodes::wire::SourceAddress;
use crate::reply::Reply;
use crate::request::{Head, read_within};
use crate::sources::{self, ADDRESS_CHARS};

/// Notifications that are received at once: bounds what they have in memory, and leaves most places to readers.
const AT_ONCE_MAX: usize = 64;
/// Seconds after which a sender may try again.
const RETRY_AFTER_SECS: u64 = 1;
/// What is told while there is no room.
const FULL: &str = "This node has as many notifications as it may; try again";
/// What the sender of a handshake is told that only the origin can answer.
const HANDSHAKE: &str = "This handshake is answered by the service itself; make the subscription with an address there";

/// Takes notifications and hands them over.
pub(super) struct Notifications {
    addresses: Arc<Addresses>,
    spool: Arc<Spool>,
    counts: Arc<Counts>,
    at_once: Semaphore,
    id_order: IdOrder,
    end: watch::Sender<bool>,
    forwarder: Mutex<Option<JoinHandle<()>>>,
}

impl Notifications {
    /// Opens the spool in `config.data_dir` and begins to hand over what is in it. Blocks.
    pub(super) fn open(config: &Config, link: Arc<ArcSwap<Link>>) -> io::Result<Self> {
        let data_dir: &Path = &config.data_dir;
        let limits = Limits { rows_max: config.edge_webhooks_max, bytes_max: config.edge_webhook_bytes_max };
        let (addresses, spool) = (Arc::new(Addresses::load(data_dir)?), Arc::new(Spool::open(data_dir, limits)?));
        let (counts, end) = (Arc::<Counts>::default(), watch::Sender::new(false));
        let forwarder = Forwarder {
            link,
            spool: Arc::clone(&spool),
            counts: Arc::clone(&counts),
            data_dir: data_dir.to_owned(),
            is_over: end.subscribe(),
        };
        let forwarder = Mutex::new(Some(forwarder.start()?));
        let at_once = Semaphore::new(AT_ONCE_MAX.min(config.requests_in_flight_max / 2).max(1));
        Ok(Self { addresses, spool, counts, at_once, id_order: IdOrder::default(), end, forwarder })
    }

    pub(super) fn addresses(&self) -> Arc<Addresses> {
        Arc::clone(&self.addresses)
    }

    pub(super) fn figures(&self) -> (Figures, Seen) {
        (self.spool.figures(), self.counts.look())
    }

    /// Takes what was posted to an address. It is on disk when this returns.
    pub(super) async fn receive<B>(
        &self,
        config: &Config,
        address: &str,
        (head, peer): (&Head, IpAddr),
        body: B,
        now: i64,
    ) -> Result<Reply>
    where
        B: http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>>,
    {
        let source = self.find(address)?;
        if sources::is_handshake(&head.headers) {
            return Err(Error::Refused { code: "at_origin", message: HANDSHAKE.to_owned(), findings: None });
        }
        if source.wants_password && !head.headers.contains_key(AUTHORIZATION) {
            return Err(Error::Unverified { status: StatusCode::UNAUTHORIZED, is_basic: true });
        }
        let Ok(_place) = self.at_once.try_acquire() else {
            return Err(busy(&source, "This node receives as many notifications as it may; try again"));
        };
        if !self.spool.has_room(0) {
            self.spool.shed(Refusal::Full);
            return Err(busy(&source, FULL));
        }
        let body = read_within(config.body_read_timeout, &head.headers, body, source.body_bytes_max).await?;
        let id = (self.id_order.ids_at(now))();
        let (address, headers) = (address.to_owned(), head.headers.clone());
        let notification = Notification { id, received_at: now, peer, address, headers, body };
        let record = notification.encode().ok_or_else(|| Error::invalid("The headers are larger than a node keeps"))?;
        match self.spool.keep(id, record).await {
            Ok(()) => Ok(Reply::ok(&json!({ "success": true, "queued": true }))),
            Err(Refusal::Full) => Err(busy(&source, FULL)),
            Err(Refusal::NoRoom | Refusal::Broken | Refusal::Closed) => {
                Err(busy(&source, "This node cannot keep notifications right now; try again"))
            }
        }
    }

    /// Says that an address is there.
    pub(super) fn look(&self, address: &str) -> Result<Reply> {
        self.find(address).map(|_| Reply::ok(&json!({ "success": true })))
    }

    fn find(&self, address: &str) -> Result<SourceAddress> {
        if address.len() != ADDRESS_CHARS {
            return Err(Error::NotFound("Not found"));
        }
        match self.addresses.find(address) {
            Found::Yes(source) => Ok(source),
            Found::No => Err(Error::NotFound("Not found")),
            Found::Unknown => Err(Error::Busy("This node does not know the addresses of sources yet; try again")),
        }
    }

    /// Takes no more. What is not handed over by now is at the next start. Blocks.
    pub(super) fn close(&self) {
        self.end.send_replace(true);
        self.spool.close();
        let forwarder = self.forwarder.lock().unwrap_or_else(PoisonError::into_inner).take();
        if forwarder.is_some_and(|forwarder| forwarder.join().is_err()) {
            tracing::error!("the thread that hands notifications over panicked");
        }
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        self.close();
    }
}

/// There is no room, as this source's sender has to hear it.
fn busy(source: &SourceAddress, message: &'static str) -> Error {
    if source.busy_status == StatusCode::TOO_MANY_REQUESTS.as_u16() {
        return Error::TooMany { code: "busy", message, retry_after_secs: Some(RETRY_AFTER_SECS) };
    }
    Error::Busy(message)
}
