//! The resolvers that are configured: the first that answers is asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;

use super::answer::{read, record_type};
use super::wire::{Manner, ask};
use crate::mail::dns::seen::{Answer, Kind, Said};

/// Questions that no resolver answers before all of them count as dead. The first may only be hard to answer.
const SILENCES_MAX: usize = 2;

/// The resolvers of one check.
pub(super) struct Resolvers<'a> {
    servers: &'a [SocketAddr],
    /// The one that answered last, which is asked first.
    best: AtomicUsize,
    /// Questions that none answered, until one is.
    silences: AtomicUsize,
    has_answered: AtomicBool,
    limit: Duration,
}

/// Resolvers that the system names.
pub(super) fn of_the_system() -> Result<Vec<SocketAddr>, String> {
    let (config, _) = read_system_conf().map_err(|error| format!("the system names no name server: {error}"))?;
    let addresses = config.name_servers().iter().filter_map(|server| {
        let port = server.connections.first()?.port;
        Some(SocketAddr::new(server.ip, port))
    });
    let addresses: Vec<_> = addresses.collect();
    if addresses.is_empty() { Err("the system names no name server".into()) } else { Ok(addresses) }
}

impl<'a> Resolvers<'a> {
    pub(super) fn new(servers: &'a [SocketAddr], limit: Duration) -> Self {
        let (best, silences) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { servers, best, silences, has_answered: AtomicBool::new(false), limit }
    }

    /// What the resolvers say to a question of a check.
    pub(super) async fn answer(&self, name: &Name, kind: Kind) -> Answer {
        let checked = Manner { recursion: true, unchecked: false };
        let Some((server, message)) = self.ask(name, record_type(kind), checked).await else {
            let names: Vec<_> = self.servers.iter().map(SocketAddr::to_string).collect();
            return Answer::silent(&names.join(", "));
        };
        let server = server.to_string();
        let answer = read(&server, name, kind, Some(&message));
        let answer = answer.unwrap_or_else(|| Answer { said: Said::Refused, ..Answer::silent(&server) });
        if answer.said != Said::Failure {
            return answer;
        }
        // RFC 4035 section 4.7: what only comes unchecked is held back for its signatures.
        let unchecked = self.unchecked(name, record_type(kind)).await.is_some_and(|message| {
            matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
        });
        Answer { said: if unchecked { Said::Bogus } else { Said::Failure }, ..answer }
    }

    /// What the resolvers say, whatever its signatures are.
    pub(super) async fn unchecked(&self, name: &Name, kind: RecordType) -> Option<Message> {
        let manner = Manner { recursion: true, unchecked: true };
        self.ask(name, kind, manner).await.map(|(_, message)| message)
    }

    /// The first that answers, and its answer. One that refuses is no resolver for us.
    async fn ask(&self, name: &Name, kind: RecordType, manner: Manner) -> Option<(SocketAddr, Message)> {
        let has_answered = self.has_answered.load(Ordering::Relaxed);
        if !has_answered && self.silences.load(Ordering::Relaxed) >= SILENCES_MAX {
            return None;
        }
        let mut refused = None;
        let best = self.best.load(Ordering::Relaxed);
        for at in (best..self.servers.len()).chain(0..best) {
            let server = self.servers[at];
            match ask(server, name, kind, manner, self.limit).await {
                Some(message) if message.metadata.response_code == ResponseCode::Refused => {
                    refused.get_or_insert((server, message));
                }
                Some(message) => {
                    self.best.store(at, Ordering::Relaxed);
                    self.has_answered.store(true, Ordering::Relaxed);
                    return Some((server, message));
                }
                None => tracing::debug!(%server, "the resolver is silent"),
            }
        }
        if refused.is_none() {
            self.silences.fetch_add(1, Ordering::Relaxed);
        }
        refused
    }
}
