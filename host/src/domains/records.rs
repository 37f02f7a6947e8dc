//! The records of a domain: which they are now, and how they were found last.

use serde::Deserialize;

use crate::app::App;
use crate::mail::dns::records::{DomainSetup, Key, RETURN_PATH_LABEL, Tracking, records};
use crate::mail::dns::{Purpose, Record, RecordStatus, RecordType};
use crate::mail::verp::BOUNCE_DOMAIN_BYTES_MAX;
use crate::store::{Domain, KeyState, KnownDomain, KnownKey};

/// How long a key that signs no more keeps its record, in milliseconds: mail that is on its way, and mail that is
/// forwarded, is verified later than it was sent. 7 days.
pub(crate) const KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// A record that a domain publishes, and the state of its key when it is one's.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) record: Record,
    pub(crate) key: Option<KnownKey>,
}

/// How a record was found, as it was stored.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LastSeen {
    #[serde(rename = "type")]
    kind: RecordType,
    host: String,
    value: String,
    pub(crate) status: RecordStatus,
    pub(crate) fault: Option<String>,
    pub(crate) found: Vec<String>,
    pub(crate) reason: Option<String>,
}

impl LastSeen {
    /// Whether it is about this record as it is now.
    pub(crate) fn is_of(&self, record: &Record) -> bool {
        self.kind == record.kind && self.host == record.host && self.value == record.value
    }
}

/// What a domain publishes now. A sandbox domain publishes nothing.
pub(crate) fn wanted(app: &App, known: &KnownDomain) -> Vec<Wanted> {
    let domain = &known.domain;
    if domain.sandbox {
        return Vec::new();
    }
    let in_dns = known.keys.iter().filter(|key| key.state != KeyState::Retired);
    let setup = DomainSetup {
        domain: domain.name.clone(),
        ownership_token: domain.ownership_token.clone(),
        keys: in_dns
            .map(|key| Key {
                selector: key.selector.clone(),
                algorithm: key.algorithm,
                public_key: key.public_key.clone(),
            })
            .collect(),
        helo_name: app.mail_host.clone(),
        spf_include: app.config.spf_include.as_ref().map(ToString::to_string),
        bounce_domain: app.config.bounce_domain.as_ref().map(ToString::to_string),
        tracking: known
            .tracking
            .as_ref()
            .zip(app.config.cname_target())
            .map(|(tracking, target)| Tracking { host: tracking.host.clone(), target }),
    };
    let mut wanted: Vec<_> = records(&setup)
        .into_iter()
        .map(|record| {
            let key = known.keys.iter().find(|key| key_host(domain, key) == record.host).cloned();
            // A domain sends by the keys in use alone: one that is on its way must not hold it up, nor one that leaves.
            let required = record.required && key.as_ref().is_none_or(|key| key.state == KeyState::Active);
            Wanted { record: Record { required, ..record }, key }
        })
        .collect();
    if !can_be_named(&app.mail_host) || !has_room_for_return_path(domain) {
        wanted.retain(|wanted| !matches!(wanted.record.purpose, Purpose::ReturnPath | Purpose::Spf));
    }
    wanted
}

/// Where the record of a key stands.
pub(crate) fn key_host(domain: &Domain, key: &KnownKey) -> String {
    format!("{}._domainkey.{}", key.selector, domain.name)
}

/// How the records were found last; nothing of those that were not looked for.
pub(crate) fn last_seen(known: &KnownDomain) -> Vec<LastSeen> {
    let Some((_, checks)) = &known.checked else { return Vec::new() };
    serde_json::from_str(checks).unwrap_or_else(|error| {
        // Another version may have written it. The next check mends that.
        tracing::warn!(domain = %known.domain.id, %error, "the last check of a domain cannot be read");
        Vec::new()
    })
}

/// Where bounces of a domain's mail come back to, once its records are there.
pub(crate) fn return_path(domain: &str) -> String {
    format!("{RETURN_PATH_LABEL}.{domain}")
}

fn has_room_for_return_path(domain: &Domain) -> bool {
    return_path(&domain.name).len() <= BOUNCE_DOMAIN_BYTES_MAX
}

/// Whether other machines can look this host up: an address in brackets and a name of one label they cannot.
fn can_be_named(host: &str) -> bool {
    host.contains('.') && !host.starts_with('[')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_name_can_take_bounces() {
        assert!(can_be_named("mail.example.com"));
        for host in ["localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]", ""] {
            assert!(!can_be_named(host), "{host}");
        }
    }
}
