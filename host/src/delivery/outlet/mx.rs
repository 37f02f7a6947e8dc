//! The outlet `mx`: straight to the servers of the recipient's domain.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::exchangers::{Names, Route};
use super::hosts::{Hosts, Parcel, Tried};

use super::report;
use crate::config::Config;
use crate::config::smarthost::Security;
use crate::delivery::attempt::{Attempt, Outcome};
use crate::dns::network::is_public;
use crate::mail::event::BounceType;
use crate::smtp::client::{Client, Server};

/// Addresses that one attempt tries.
const TRIES_MAX: usize = 6;

/// The way to every domain.
pub(super) struct Mx {
    /// Or why there are no name servers to ask.
    names: Result<Names, String>,
    hosts: Hosts<SocketAddr>,
    port: u16,
    takes_private: bool,
}

/// What an attempt has seen of a domain's hosts.
#[derive(Default)]
struct Seen {
    tries: usize,
    /// The best of the addresses that rest.
    resting: Option<(Instant, Server)>,
    /// What came of the last try, or why there was none.
    last: Option<Attempt>,
    /// Whether some address is one that mail may not be sent to.
    has_private: bool,
}

impl Mx {
    pub(super) fn new(config: &Config, client: Arc<Client>) -> Self {
        let names = Names::new(&config.dns_servers, client.timeouts.names);
        Self { names, hosts: Hosts::new(client), port: config.mx_port, takes_private: config.mx_private_addresses }
    }

    /// Offers a message to the servers of a domain, the preferred ones first, until one answers.
    pub(super) async fn attempt(&self, domain: &str, parcel: &Parcel<'_>) -> Attempt {
        let never = |code, words| report::without_reply(Outcome::Bounced(BounceType::Hard), domain, Some(code), words);
        match self.route(domain).await {
            Ok(Route::Hosts(hosts)) => self.to_hosts(domain, hosts, parcel).await,
            Ok(Route::Itself) => match self.addresses(domain).await {
                Ok(addresses) if addresses.is_empty() => {
                    never("5.1.2", "there is no such domain, or it has neither a mail server nor an address")
                }
                _ => self.to_hosts(domain, vec![domain.to_owned()], parcel).await,
            },
            Ok(Route::Address(address)) => {
                let mut seen = Seen::default();
                let ended = self.to_addresses(domain, vec![address], &mut seen, parcel).await;
                self.conclude(domain, ended, seen, parcel).await
            }
            Ok(Route::NullMx) => never("5.1.10", "the domain takes no mail: it has a null MX (RFC 7505)"),
            Ok(Route::NoDomain) => never("5.1.2", "what is written is no domain"),
            Err(words) => report::without_reply(Outcome::Deferred, domain, None, &words),
        }
    }

    /// Why no domain can be found.
    pub(super) fn trouble(&self) -> Option<String> {
        self.names.as_ref().err().map(|why| format!("the outlet is `mx`, and {why}; set dns_servers"))
    }

    async fn route(&self, domain: &str) -> Result<Route, String> {
        self.names.as_ref().map_err(Clone::clone)?.route(domain).await
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        self.names.as_ref().map_err(Clone::clone)?.addresses(host).await
    }

    async fn to_hosts(&self, domain: &str, hosts: Vec<String>, parcel: &Parcel<'_>) -> Attempt {
        let began = Instant::now();
        let mut seen = Seen::default();
        let mut ended = None;
        for host in hosts {
            match self.addresses(&host).await {
                Ok(addresses) => ended = self.to_addresses(&host, addresses, &mut seen, parcel).await,
                Err(words) => seen.last = Some(report::without_reply(Outcome::Deferred, &host, None, &words)),
            }
            if ended.is_some() || seen.tries >= TRIES_MAX || began.elapsed() > self.hosts.client.timeouts.search {
                break;
            }
        }
        self.conclude(domain, ended, seen, parcel).await
    }

    /// Tries each address of a host that is awake, until one answers.
    async fn to_addresses(
        &self,
        host: &str,
        addresses: Vec<IpAddr>,
        seen: &mut Seen,
        parcel: &Parcel<'_>,
    ) -> Option<Attempt> {
        for address in addresses {
            if !self.takes_private && !is_public(address) {
                seen.has_private = true;
                continue;
            }
            let place = SocketAddr::new(address, self.port);
            let server = Server { name: host.into(), address: place, security: Security::Opportunistic, login: None };
            if let Some((until, _)) = self.hosts.rests.of(place, Instant::now()) {
                if seen.resting.as_ref().is_none_or(|(least, _)| until < *least) {
                    seen.resting = Some((until, server));
                }
                continue;
            }
            if seen.tries >= TRIES_MAX {
                break;
            }
            seen.tries += 1;
            match self.to_server(&server, parcel).await {
                Tried::Ended(attempt) => return Some(attempt),
                Tried::Next(attempt) => seen.last = Some(attempt),
            }
        }
        None
    }

    async fn to_server(&self, server: &Server, parcel: &Parcel<'_>) -> Tried {
        match self.hosts.reuse(server.address, parcel).await {
            Some(tried) => tried,
            None => self.hosts.connect(server.address, server, parcel).await,
        }
    }

    /// What the attempt came to when all hosts are through. When all rest, the one whose rest ends first is tried.
    async fn conclude(&self, domain: &str, ended: Option<Attempt>, seen: Seen, parcel: &Parcel<'_>) -> Attempt {
        if let Some(attempt) = ended {
            return attempt;
        }
        if let (0, Some((_, server))) = (seen.tries, &seen.resting) {
            let (Tried::Ended(attempt) | Tried::Next(attempt)) = self.to_server(server, parcel).await;
            return attempt;
        }
        if let Some(attempt) = seen.last {
            return attempt;
        }
        if seen.has_private {
            let words = "the domain's mail servers are on private or loopback addresses, where mail is not sent; \
                         mx_private_addresses = allow lets it";
            return report::without_reply(Outcome::Bounced(BounceType::Soft), domain, Some("5.4.4"), words);
        }
        let words = "the domain's mail servers have no address";
        report::without_reply(Outcome::Deferred, domain, None, words)
    }
}
