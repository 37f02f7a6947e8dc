//! The outlet `relay`: smarthosts in the order of preference, each standing in for the ones before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::hosts::{Hosts, Parcel, Tried};
use super::report;
use crate::config::smarthost::Smarthost;
use crate::delivery::attempt::{Attempt, Outcome};
use crate::smtp::client::failure::Failure;
use crate::smtp::client::{Client, Server};

/// Addresses of one smarthost that are tried.
const ADDRESSES_MAX: usize = 4;
/// From this rest on a smarthost has been dead for a minute, and the queue is no remedy any more.
const LONG_DEAD: Duration = Duration::from_secs(64);
/// What is wrong when there is nowhere to go.
const NOT_SET: &str = "the outlet is `relay`, and no smarthost is set; set relay_url";

/// The smarthosts, known by their place in the list.
pub(super) struct Relay {
    smarthosts: Vec<Smarthost>,
    hosts: Hosts<usize>,
}

impl Relay {
    pub(super) fn new(smarthosts: Vec<Smarthost>, client: Arc<Client>) -> Self {
        Self { smarthosts, hosts: Hosts::new(client) }
    }

    /// Offers a message to one smarthost after the other, until one answers.
    pub(super) async fn attempt(&self, parcel: &Parcel<'_>) -> Attempt {
        let began = Instant::now();
        let all: Vec<_> = (0..self.smarthosts.len()).collect();
        let mut last = None;
        for place in self.hosts.rests.awake(&all, began) {
            match self.offer(place, parcel).await {
                Tried::Ended(attempt) => return attempt,
                Tried::Next(attempt) => last = Some(attempt),
            }
            if began.elapsed() > self.hosts.client.timeouts.search {
                break;
            }
        }
        last.unwrap_or_else(|| report::without_reply(Outcome::Deferred, "", None, NOT_SET))
    }

    async fn offer(&self, place: usize, parcel: &Parcel<'_>) -> Tried {
        if let Some(tried) = self.hosts.reuse(place, parcel).await {
            return tried;
        }
        let smarthost = &self.smarthosts[place];
        let servers = match self.servers(smarthost).await {
            Ok(servers) => servers,
            Err(failure) => return self.hosts.rest(place, &smarthost.host, &failure),
        };
        let mut tried = self.hosts.connect(place, &servers.0, parcel).await;
        for server in &servers.1 {
            if matches!(tried, Tried::Next(_)) {
                tried = self.hosts.connect(place, server, parcel).await;
            }
        }
        tried
    }

    /// The first address of a smarthost and the others, as the system tells them: it may be named in a file or a private network.
    async fn servers(&self, smarthost: &Smarthost) -> Result<(Server, Vec<Server>), Failure> {
        let Smarthost { host, port, security, login } = smarthost;
        let look_up = timeout(self.hosts.client.timeouts.connect, lookup_host((host.as_str(), *port)));
        let addresses = look_up
            .await
            .map_err(|_| Failure::NoAddress("the system did not answer in time".into()))?
            .map_err(|error| Failure::NoAddress(error.to_string()))?;
        let server = |address| Server { name: host.clone(), address, security: *security, login: login.clone() };
        let mut servers = addresses.take(ADDRESSES_MAX).map(server);
        let first = servers.next().ok_or_else(|| Failure::NoAddress("the system knows none".into()))?;
        Ok((first, servers.collect()))
    }

    /// Tells why no smarthost takes mail, once all have been dead for a minute. Until then the queue bridges it.
    pub(super) fn trouble(&self, now: Instant) -> Option<String> {
        if self.smarthosts.is_empty() {
            return Some(NOT_SET.into());
        }
        let rests =
            (0..self.smarthosts.len()).map(|place| Some((place, self.hosts.rests.at_least(LONG_DEAD, place, now)?)));
        let rests: Option<Vec<_>> = rests.collect();
        let (place, (until, why)) = rests?.into_iter().min_by_key(|(_, (until, _))| *until)?;
        let secs = until.saturating_duration_since(now).as_secs() + 1;
        let host = &self.smarthosts[place].host;
        Some(format!("no smarthost takes mail now; {host}, which is tried again in {secs} s, failed with: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::client::timeouts::Timeouts;

    #[test]
    fn trouble_is_told_once_every_smarthost_was_dead_for_a_minute() {
        let client = Client::new("us.example".into(), None, Timeouts::default()).expect("a client is made");
        let smarthosts = Smarthost::list("smtp://one.example,smtp://two.example").expect("they are smarthosts");
        let relay = Relay::new(smarthosts, Arc::new(client));
        let mut now = Instant::now();
        for place in [0, 1] {
            for _ in 0..7 {
                assert_eq!(relay.trouble(now), None, "the queue bridges it");
                relay.hosts.rests.fail(place, now, "it is dead");
                now = relay.hosts.rests.of(place, now).expect("it rests").0;
            }
            now -= Duration::from_secs(1);
        }
        relay.hosts.rests.fail(0, now, "it is still dead");
        let trouble = relay.trouble(now).expect("both are dead");
        assert!(
            trouble.contains("two.example, which is tried again in 2 s") && trouble.contains("it is dead"),
            "{trouble}"
        );
        relay.hosts.rests.recover(1);
        assert_eq!(relay.trouble(now), None);
    }
}
