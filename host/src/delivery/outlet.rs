//! Where mail goes: a relay that takes it for everywhere, or the exchangers of each domain.

pub(crate) mod exchangers;
mod hosts;
mod mx;
mod pool;
mod relay;
mod report;
mod rest;

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use self::hosts::Parcel;
use self::mx::Mx;
use self::relay::Relay;
use super::attempt::{Attempt, Envelope, Outcome};
use crate::config::Config;
use crate::mail::event::words;
use crate::smtp::client::Client;
use crate::smtp::client::message::Outgoing;
use crate::smtp::client::timeouts::Timeouts;

words! {
    /// How mail leaves.
    OutletKind {
        /// It does not: it is kept in the local mailbox.
        Capture = "capture",
        /// Through a smarthost.
        Relay = "relay",
        /// Straight to the servers of each domain.
        Mx = "mx",
    }
}

/// Files that hold the machine's name, for a service that was not told what to call itself.
const HOST_NAME_FILES: &[&str] = &["/proc/sys/kernel/hostname", "/etc/hostname"];

/// The outlets that lead out of the machine. Cloning is cheap, and clones share their connections.
#[derive(Clone)]
pub struct Outlets(Arc<Inner>);

struct Inner {
    relay: Relay,
    mx: Mx,
}

impl Outlets {
    /// Reads certificates and finds name servers; what keeps an outlet from working at all is told here. Must be called
    /// inside a Tokio runtime.
    pub fn new(config: &Config) -> Result<Self, String> {
        Self::with_timeouts(config, Timeouts::default())
    }

    /// The same, with waits of its own.
    pub fn with_timeouts(config: &Config, timeouts: Timeouts) -> Result<Self, String> {
        let helo_name = config.helo_name().unwrap_or_else(machine_name);
        let client = Arc::new(Client::new(helo_name, config.relay_ca.as_deref(), timeouts)?);
        let relay = Relay::new(config.smarthosts.clone(), Arc::clone(&client));
        Ok(Self(Arc::new(Inner { relay, mx: Mx::new(config, client) })))
    }

    /// One attempt to hand a message over to `destination`, the domain of its recipient. It never fails: what goes wrong
    /// is the attempt's outcome. Dropping it closes the connection that it uses.
    ///
    /// Each wait has its bound in [`timeouts`](crate::smtp::client::timeouts), and a server has ten minutes for its
    /// answer to a message alone, so the caller bounds the whole below the lease of what it hands over.
    pub async fn attempt(&self, kind: OutletKind, destination: &str, envelope: &Envelope, message: &[u8]) -> Attempt {
        let message = Outgoing::of(message);
        let parcel = Parcel { envelope, message: &message };
        match kind {
            OutletKind::Relay => self.0.relay.attempt(&parcel).await,
            OutletKind::Mx => self.0.mx.attempt(destination, &parcel).await,
            OutletKind::Capture => report::without_reply(
                Outcome::Deferred,
                destination,
                None,
                "the outlet `capture` keeps mail on this machine and hands nothing over",
            ),
        }
    }

    /// Why it makes no sense to accept mail for an outlet now; `None` while it works, as far as is known.
    pub fn trouble(&self, kind: OutletKind, now: Instant) -> Option<String> {
        match kind {
            OutletKind::Capture => None,
            OutletKind::Relay => self.0.relay.trouble(now),
            OutletKind::Mx => self.0.mx.trouble(),
        }
    }
}

pub(crate) fn machine_name() -> String {
    let read = |path: &&str| fs::read_to_string(path).ok().map(|name| name.trim().to_owned());
    let is_name = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    HOST_NAME_FILES.iter().filter_map(read).find(is_name).unwrap_or_else(|| "localhost".into())
}
