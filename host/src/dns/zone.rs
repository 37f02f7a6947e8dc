//! The zone that a domain's records stand in, and the servers that have it.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::answer::{host, read, record_type};
use super::network::is_public;
use super::resolver::Resolvers;
use super::wire::{Manner, ask};
use crate::mail::dns::seen::{Answer, Kind, Said, Zone};

/// Servers of a zone that are asked.
pub(super) const SERVERS_MAX: usize = 4;
/// Addresses of one of them that are tried.
pub(super) const ADDRESSES_MAX: usize = 2;
/// Names above a domain that are looked at when its own zone does not answer.
const ANCESTORS_MAX: usize = 8;
/// Servers do not look elsewhere for their own zones.
const DIRECTLY: Manner = Manner { recursion: false, unchecked: false };

/// How servers of zones are reached. Where they are is said by those who own the zones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub(super) port: u16,
    pub(super) takes_private: bool,
    pub(super) limit: Duration,
}

/// A zone with its servers.
pub(super) struct Cut {
    pub(super) zone: Zone,
    name: Option<Name>,
    servers: Vec<Server>,
    limit: Duration,
}

struct Server {
    name: String,
    addresses: Vec<SocketAddr>,
    /// Whether it let one question time out; then it is not asked another in this check.
    is_silent: AtomicBool,
}

impl Cut {
    /// Asks the resolvers for the zone of a domain, whatever the state of its signatures.
    pub(super) async fn find(domain: &Name, resolvers: &Resolvers<'_>, reach: Reach) -> Self {
        let nowhere = |zone| Self { zone, name: None, servers: Vec::new(), limit: reach.limit };
        let message = resolvers.unchecked(domain, RecordType::SOA).await;
        let is_there = |code| matches!(code, ResponseCode::NoError | ResponseCode::NXDomain);
        let message = message.filter(|message| is_there(message.metadata.response_code));
        match message.as_ref().and_then(|message| Some((apex(message, domain)?, message.metadata.response_code))) {
            Some((apex, ResponseCode::NXDomain)) if is_above(&apex, domain) => nowhere(Zone::None),
            Some((apex, _)) => Self::of(apex, resolvers, reach).await,
            // A resolver that fails, or waits for servers that are dead, is asked for the zone above.
            None => Self::below(domain, resolvers, reach).await.unwrap_or_else(|| nowhere(Zone::Unknown)),
        }
    }

    async fn of(apex: Name, resolvers: &Resolvers<'_>, reach: Reach) -> Self {
        let (names, signed) = futures_util::join!(names(&apex, resolvers), is_signed(&apex, resolvers));
        let servers = join_all(names.iter().map(|name| Server::find(name, &[], resolvers, reach))).await;
        Self::with(apex, signed, servers, reach)
    }

    /// The zone does not answer the resolvers: the servers of a zone above it know whose it is.
    async fn below(domain: &Name, resolvers: &Resolvers<'_>, reach: Reach) -> Option<Self> {
        let mut above = domain.base_name();
        for _ in 0..ANCESTORS_MAX {
            if above.is_root() {
                return None;
            }
            let message = resolvers.unchecked(&above, RecordType::SOA).await?;
            if let Some(apex) = apex(&message, &above) {
                let parent = Self::of(apex, resolvers, reach).await;
                return parent.delegated(domain, resolvers, reach).await;
            }
            above = above.base_name();
        }
        None
    }

    /// What the servers of this zone say of one below it.
    async fn delegated(&self, domain: &Name, resolvers: &Resolvers<'_>, reach: Reach) -> Option<Self> {
        for address in self.servers.iter().filter_map(|server| server.addresses.first()) {
            let Some(message) = ask(*address, domain, RecordType::NS, DIRECTLY, reach.limit).await else { continue };
            let leads = message.authorities.iter().chain(&message.answers).filter_map(|record| match &record.data {
                RData::NS(server) if record.name.zone_of(domain) => Some((record.name.clone(), server.0.clone())),
                _ => None,
            });
            let leads: Vec<_> = leads.take(SERVERS_MAX).collect();
            let Some((apex, _)) = leads.first().cloned() else { continue };
            let found = leads.iter().map(|(_, name)| Server::find(name, &message.additionals, resolvers, reach));
            let signed = is_signed(&apex, resolvers).await;
            return Some(Self::with(apex, signed, join_all(found).await, reach));
        }
        None
    }

    fn with(apex: Name, signed: bool, servers: Vec<Server>, reach: Reach) -> Self {
        let zone = Zone::Of { name: host(&apex), signed };
        let servers = servers.into_iter().filter(|server| !server.addresses.is_empty()).collect();
        Self { zone, name: Some(apex), servers, limit: reach.limit }
    }

    /// What each server says to a question. Nothing for names outside the zone, and of servers that lead elsewhere.
    pub(super) async fn answers(&self, name: &Name, kind: Kind) -> Vec<Answer> {
        if !self.name.as_ref().is_some_and(|apex| apex.zone_of(name)) {
            return Vec::new();
        }
        let answers = join_all(self.servers.iter().map(|server| server.answer(name, kind, self.limit))).await;
        answers.into_iter().flatten().collect()
    }
}

impl Server {
    /// Its addresses come with the delegation, or else from the resolvers.
    async fn find(name: &Name, beside: &[Record], resolvers: &Resolvers<'_>, reach: Reach) -> Self {
        let address = |record: &Record| match &record.data {
            RData::A(address) if record.name == *name => Some(address.0.into()),
            RData::AAAA(address) if record.name == *name => Some(address.0.into()),
            _ => None,
        };
        let mut addresses: Vec<IpAddr> = beside.iter().filter_map(address).collect();
        for kind in [RecordType::A, RecordType::AAAA] {
            if addresses.is_empty() {
                let message = resolvers.unchecked(name, kind).await;
                addresses.extend(message.iter().flat_map(|message| message.answers.iter().filter_map(address)));
            }
        }
        addresses.retain(|address| reach.takes_private || is_public(*address));
        addresses.truncate(ADDRESSES_MAX);
        let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, reach.port)).collect();
        Self { name: host(name), addresses, is_silent: AtomicBool::new(false) }
    }

    async fn answer(&self, name: &Name, kind: Kind, limit: Duration) -> Option<Answer> {
        if self.is_silent.load(Ordering::Relaxed) {
            return Some(Answer::silent(&self.name));
        }
        for address in &self.addresses {
            let message = ask(*address, name, record_type(kind), DIRECTLY, limit).await;
            if message.is_some() {
                return read(&self.name, name, kind, message.as_ref());
            }
        }
        self.is_silent.store(true, Ordering::Relaxed);
        Some(Answer::silent(&self.name))
    }
}

impl Answer {
    /// Where a zone's server leads by an alias into another zone, which it does not know.
    pub(super) fn dangling(&self) -> Option<&str> {
        match self.said {
            Said::Nothing | Said::NoName => self.aliases.last().map(String::as_str),
            _ => None,
        }
    }
}

/// The highest name of the zone that an answer about a domain comes from.
fn apex(message: &Message, domain: &Name) -> Option<Name> {
    let records = message.answers.iter().chain(&message.authorities);
    let mut apexes = records.filter(|record| record.record_type() == RecordType::SOA && record.name.zone_of(domain));
    apexes.next().map(|record| record.name.clone())
}

/// Whether a zone is one in which domains are registered, and not the domain's own.
fn is_above(apex: &Name, domain: &Name) -> bool {
    let domain = host(domain);
    let registered = psl::domain_str(&domain).unwrap_or(&domain);
    usize::from(apex.num_labels()) < registered.split('.').count()
}

async fn names(apex: &Name, resolvers: &Resolvers<'_>) -> Vec<Name> {
    let Some(message) = resolvers.unchecked(apex, RecordType::NS).await else { return Vec::new() };
    let names = message.answers.iter().filter_map(|record| match &record.data {
        RData::NS(server) if record.name == *apex => Some(server.0.clone()),
        _ => None,
    });
    names.take(SERVERS_MAX).collect()
}

/// The zone above says so (RFC 4034 section 5).
async fn is_signed(apex: &Name, resolvers: &Resolvers<'_>) -> bool {
    let message = resolvers.unchecked(apex, RecordType::DS).await;
    message.is_some_and(|message| message.answers.iter().any(|record| record.record_type() == RecordType::DS))
}
