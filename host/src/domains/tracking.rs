//! The tracking host of a domain, as somebody wishes for it.

use std::fmt;

use uuid::Uuid;

use crate::app::App;
use crate::error::Error;
use crate::ids::new_id;
use crate::mail::address::DomainName;
use crate::store::{Domain, HostSet, StoreError};
use crate::tracking_hosts::HOSTS_MAX;

/// Why a domain does not get a tracking host. Each but the last is a sentence for whoever wished for it.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It cannot be one.
    Wrong(String),
    /// Another domain has it.
    Taken(String),
    /// The service has no room, or was not set up for it.
    Unavailable(String),
    /// It could not be stored.
    Store(StoreError),
}

/// Gives a domain a host for its tracked links, or takes it away. The same host once more is looked at now.
pub(crate) async fn set(app: &App, domain: &Domain, host: Option<&str>) -> Result<(), Refusal> {
    let host = host.map(|host| check(app, domain, host)).transpose()?;
    let now = app.now();
    let wished = host.clone().unwrap_or_default();
    match app.store.set_tracking_host(domain.id, host, HOSTS_MAX, new_id(now), now).await.map_err(Refusal::Store)? {
        HostSet::Stored => app.tracking_hosts.changed(app).await.map_err(Refusal::Store),
        HostSet::Taken => Err(Refusal::Taken(format!("{wished} is the tracking host of another domain"))),
        HostSet::Limit => {
            Err(Refusal::Unavailable(format!("the service has {HOSTS_MAX} tracking hosts, which is as many as it may")))
        }
    }
}

/// Ends the use of a domain's host for new links.
pub(super) async fn retire(app: &App, domain: Uuid) -> Result<(), StoreError> {
    let now = app.now();
    app.store.set_tracking_host(domain, None, HOSTS_MAX, new_id(now), now).await?;
    app.tracking_hosts.changed(app).await
}

/// A name as it is kept: in A-labels, below the domain.
fn check(app: &App, domain: &Domain, host: &str) -> Result<String, Refusal> {
    if domain.sandbox {
        return Err(Refusal::Wrong(format!("{} is a sandbox domain, whose mail nobody else reads", domain.name)));
    }
    // Whoever only says that a name is theirs must not take it from the API, nor get certificates for it.
    if domain.verified_at.is_none() {
        return Err(Refusal::Wrong(format!(
            "{} is not verified yet, and gets a tracking host after that",
            domain.name
        )));
    }
    let Some(target) = app.config.cname_target() else {
        let wrong = "the operator has to set public_url to an address with a name first, which the CNAME can lead to";
        return Err(Refusal::Unavailable(wrong.into()));
    };
    let parsed = DomainName::parse(host).map_err(|error| Refusal::Wrong(format!("{host}: {error}")))?;
    let host = parsed.as_str();
    if host == target {
        return Err(Refusal::Wrong(format!("{host} is the service's own name")));
    }
    if !host.strip_suffix(&domain.name).is_some_and(|labels| labels.ends_with('.')) {
        let wrong = format!("the tracking host must be a name below {name}, such as click.{name}", name = domain.name);
        return Err(Refusal::Wrong(wrong));
    }
    Ok(host.to_owned())
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Wrong(wrong) => Self::invalid_at("/tracking_host", wrong),
            Refusal::Taken(message) => Self::Conflict { code: "tracking_host_taken", message },
            Refusal::Unavailable(message) => {
                Self::Refused { code: "tracking_host_unavailable", message, findings: None }
            }
            Refusal::Store(error) => error.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(wrong) | Self::Taken(wrong) | Self::Unavailable(wrong) => f.write_str(wrong),
            Self::Store(error) => write!(f, "the database does not answer: {error}"),
        }
    }
}
