//! Which servers take mail for a domain (RFC 5321 section 5.1).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};
use hickory_resolver::{Resolver, ResolverBuilder, TokioResolver};

use crate::secrets;

/// Exchangers of a domain that are looked at. The others are preferred less anyway.
pub(super) const EXCHANGERS_MAX: usize = 10;
/// Addresses of one exchanger that are looked at.
pub(super) const ADDRESSES_MAX: usize = 4;

/// Asks name servers.
pub(super) struct Names(TokioResolver);

/// Where a domain's mail goes.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Route {
    /// To one of these hosts, in this order.
    Hosts(Vec<String>),
    /// To the domain itself, which names no exchangers.
    Itself,
    /// To this address: the domain is an address in brackets.
    Address(IpAddr),
    /// Nowhere, by its owner's word (RFC 7505).
    NullMx,
    /// Nowhere, because what is written is no domain.
    NoDomain,
}

impl Names {
    /// Asks these name servers, or the system's when there are none, each for `limit`.
    pub(super) fn new(servers: &[SocketAddr], limit: Duration) -> Result<Self, String> {
        built(resolver(servers, limit)?).map(Self)
    }

    /// Where mail for a domain goes. An error is one for now, in words.
    pub(super) async fn route(&self, domain: &str) -> Result<Route, String> {
        if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address = literal.strip_prefix("IPv6:").unwrap_or(literal).parse();
            return Ok(address.map_or(Route::NoDomain, Route::Address));
        }
        let Ok(name) = whole_name(domain) else { return Ok(Route::NoDomain) };
        match self.0.mx_lookup(name).await {
            Ok(found) => {
                let exchangers = found.answers().iter().filter_map(|record| match &record.data {
                    RData::MX(mx) => Some((mx.preference, mx.exchange.clone())),
                    _ => None,
                });
                Ok(preferred(exchangers.collect()))
            }
            // Some name servers say that a name is not there when only its exchangers are not, so the address is asked for.
            Err(error) if error.is_no_records_found() => Ok(Route::Itself),
            Err(error) => Err(unanswered(&error)),
        }
    }

    /// The addresses of a host; none when it has none or there is no such host. An error is one for now, in words.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let Ok(name) = whole_name(host) else { return Ok(Vec::new()) };
        match self.0.lookup_ip(name).await {
            Ok(found) => Ok(found.iter().take(ADDRESSES_MAX).collect()),
            Err(error) if error.is_no_records_found() => Ok(Vec::new()),
            Err(error) => Err(unanswered(&error)),
        }
    }
}

/// What asks these name servers, or the system's when there are none, each for `limit`.
pub(crate) fn resolver(
    servers: &[SocketAddr],
    limit: Duration,
) -> Result<ResolverBuilder<TokioRuntimeProvider>, String> {
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(|error| format!("the system names no name server: {error}"))?
    } else {
        let servers = servers.iter().map(|server| name_server(*server)).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        Resolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    // Names are what the DNS says they are, also on a machine that calls itself by one of them.
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.try_tcp_on_error = true;
    options.timeout = limit;
    Ok(builder)
}

pub(crate) fn built(builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<TokioResolver, String> {
    builder.build().map_err(|error| format!("the name servers cannot be used: {error}"))
}

fn name_server(server: SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    NameServerConfig::new(server.ip(), true, [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port).into())
}

/// A name that no search list is added to.
pub(crate) fn whole_name(name: &str) -> Result<Name, impl std::error::Error> {
    Name::from_ascii(format!("{}.", name.trim_end_matches('.')))
}

/// The best exchangers first, equal ones in any order, so that each gets its part.
fn preferred(exchangers: Vec<(u16, Name)>) -> Route {
    let is_null = |(_, exchange): &(u16, Name)| exchange.is_root();
    if !exchangers.is_empty() && exchangers.iter().all(is_null) {
        return Route::NullMx;
    }
    let mut exchangers: Vec<_> = exchangers
        .into_iter()
        .filter(|exchanger| !is_null(exchanger))
        .map(|(preference, exchange)| (preference, chance(), exchange))
        .collect();
    if exchangers.is_empty() {
        // What came were only aliases.
        return Route::Itself;
    }
    exchangers.sort_by_key(|(preference, chance, _)| (*preference, *chance));
    let host = |(_, _, exchange): (u16, u16, Name)| exchange.to_lowercase().to_ascii().trim_end_matches('.').to_owned();
    Route::Hosts(exchangers.into_iter().take(EXCHANGERS_MAX).map(host).collect())
}

/// A number for the order of equals. Without random bytes they keep the order in which they came.
fn chance() -> u16 {
    secrets::random().map_or(0, u16::from_le_bytes)
}

pub(crate) fn unanswered(error: &NetError) -> String {
    format!("the name servers do not answer: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(exchangers: &[(u16, &str)]) -> Route {
        let name = |name: &str| Name::from_ascii(name).expect("a name");
        preferred(exchangers.iter().map(|(preference, host)| (*preference, name(host))).collect())
    }

    fn named(names: &[&str]) -> Route {
        Route::Hosts(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_lowest_preference_comes_first_and_equals_take_turns() {
        let all = [(20, "b.example."), (10, "A.example."), (30, "c.example.")];
        assert_eq!(hosts(&all), named(&["a.example", "b.example", "c.example"]));
        let equals = [(10, "a.example."), (10, "b.example.")];
        let orders: Vec<_> = (0..100).map(|_| hosts(&equals)).collect();
        for order in [["a.example", "b.example"], ["b.example", "a.example"]] {
            assert!(orders.contains(&named(&order)), "{order:?}");
        }
    }

    #[test]
    fn a_null_mx_counts_only_alone() {
        assert_eq!(hosts(&[(0, ".")]), Route::NullMx);
        assert_eq!(hosts(&[(0, "."), (10, "a.example.")]), named(&["a.example"]));
        assert_eq!(hosts(&[]), Route::Itself);
    }

    #[test]
    fn so_many_exchangers_are_looked_at_and_no_more() {
        let many = |count: usize| {
            let names: Vec<_> = (0..count).map(|number| format!("mx{number}.example.")).collect();
            let exchangers: Vec<_> = (0..).zip(&names).map(|(preference, name)| (preference, name.as_str())).collect();
            match hosts(&exchangers) {
                Route::Hosts(hosts) => hosts.len(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(many(EXCHANGERS_MAX), EXCHANGERS_MAX);
        assert_eq!(many(EXCHANGERS_MAX + 1), EXCHANGERS_MAX);
    }
}
