//! A domain as its owner reads it.

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::time::rfc3339;
use crate::app::App;
use crate::domains::names::in_unicode;
use crate::domains::records::{LastSeen, Wanted, key_host, last_seen, wanted};
use crate::mail::dns::{Purpose, RecordStatus, RecordType};
use crate::mail::standing::DomainStatus;
use crate::store::{
    Domain, DomainEvent, DomainEventKind, KeyState, KnownDomain, TrackingHost, TrackingState, VerifiedBy,
};
use crate::tracking_hosts;

/// A domain and the records that it publishes.
#[derive(Serialize, ToSchema)]
pub(crate) struct DomainView {
    pub(crate) id: Uuid,
    /// As DNS has it.
    #[schema(example = "xn--bcher-kva.example")]
    domain: String,
    /// The same as people read it.
    #[schema(example = "bücher.example")]
    unicode: String,
    /// `pending`, `verified` or `failed`. Mail is taken from verified domains alone.
    #[schema(value_type = String, example = "verified")]
    pub(crate) status: DomainStatus,
    /// Since when it is verified; null while it is not.
    verified_at: Option<String>,
    /// `dns` for its records, `operator` for an operator's word, `service` for a sandbox domain.
    #[schema(value_type = Option<String>, example = "dns")]
    verified_by: Option<VerifiedBy>,
    created_at: String,
    /// The selector of the key that signs; that of RSA where there are two.
    #[schema(example = "pb20240315-rsa2048")]
    dkim_selector: Option<String>,
    /// True where mail never leaves the machine. Such a domain needs no records.
    sandbox: bool,
    /// Null follows the account.
    open_tracking_enabled: Option<bool>,
    /// Null follows the account.
    click_tracking_enabled: Option<bool>,
    last_checked_at: Option<String>,
    /// When it is checked next without anybody asking; null for never.
    next_check_at: Option<String>,
    /// What its owner should do something about.
    pub(crate) warnings: Vec<WarningView>,
    pub(crate) records: Vec<RecordView>,
    /// Records of former keys, which may be taken out of DNS now.
    removable_records: Vec<RemovableView>,
    /// The name of its own that its tracked links begin with; null where they begin with the service's.
    tracking: Option<TrackingView>,
    /// What happened to it, newest first; only where one domain is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<EventView>>,
}

/// Something about a domain that its owner should do something about.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct WarningView {
    /// `domain_failing` while it still sends, `domain_failed` once it does not.
    #[schema(example = "domain_failing")]
    code: &'static str,
    domain_id: Uuid,
    #[schema(example = "acme.example")]
    domain: String,
    message: String,
}

/// A record to publish, and how it was found last.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct RecordView {
    /// `ownership`, `spf`, `dkim`, `dmarc`, `return_path` or `tracking`.
    #[schema(value_type = String, example = "dkim")]
    purpose: Purpose,
    /// `TXT`, `CNAME` or `MX`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "TXT")]
    kind: RecordType,
    /// Its whole name.
    #[schema(example = "pb20240315-rsa2048._domainkey.acme.example")]
    host: String,
    #[schema(example = "v=DKIM1; k=rsa; p=MIIB…")]
    value: String,
    /// The same in the strings of at most 255 bytes that a TXT record is made of.
    strings: Vec<String>,
    /// Whether the domain can be verified without it.
    required: bool,
    /// `pending`, `verified`, `missing`, `mismatch` or `conflict`.
    #[schema(value_type = String, example = "verified")]
    status: RecordStatus,
    /// What is wrong, in one stable word; null where nothing is.
    fault: Option<String>,
    /// What stands in its place.
    found: Vec<String>,
    /// What was found, what was expected, and what to change.
    reason: Option<String>,
    /// Of a DKIM record: `active` for the key that signs, `next` for one that will once its record is there, `retiring`
    /// for one that signed, whose record must stay for seven days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "active")]
    key_state: Option<KeyState>,
}

/// A record that is needed no more.
#[derive(Serialize, ToSchema)]
struct RemovableView {
    /// `TXT`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "TXT")]
    kind: RecordType,
    #[schema(example = "pb20240101-rsa2048._domainkey.acme.example")]
    host: String,
    since: String,
}

/// Something that happened to a domain.
#[derive(Serialize, ToSchema)]
#[schema(as = DomainEventView)]
pub(super) struct EventView {
    /// `added`, `verified`, `warning`, `recovered`, `failed`, `rotation_began`, `key_rotated` or `key_retired`.
    #[schema(value_type = String, example = "verified")]
    event: DomainEventKind,
    timestamp: String,
    /// What else is known of it.
    #[schema(value_type = Object)]
    detail: Json,
}

/// How far a tracking host is.
#[derive(Serialize, ToSchema)]
pub(super) struct TrackingView {
    #[schema(example = "click.acme.example")]
    host: String,
    /// Where its CNAME record has to lead.
    #[schema(example = "mail.example.com")]
    cname: Option<String>,
    /// `pending` until its CNAME is seen, `issuing` until it has a certificate, `active`, or `failed`, after which another
    /// attempt follows.
    #[schema(value_type = String, example = "active")]
    state: TrackingState,
    /// What stands in the way.
    reason: Option<String>,
    /// What links of mail that is sent now begin with.
    #[schema(example = "https://click.acme.example")]
    links_begin_with: String,
    next_check_at: String,
    /// Since when it has its certificate; null while it has none.
    issued_at: Option<String>,
    expires_at: Option<String>,
}

/// A domain, with its history where that is given.
pub(crate) fn view(app: &App, known: &KnownDomain, history: Option<Vec<DomainEvent>>) -> DomainView {
    let domain = &known.domain;
    let seen = last_seen(known);
    let signs = known.keys.iter().find(|key| key.state == KeyState::Active);
    let removable = known.keys.iter().filter(|key| key.state == KeyState::Retired).map(|key| RemovableView {
        kind: RecordType::Txt,
        host: key_host(domain, key),
        since: rfc3339(key.state_since),
    });
    DomainView {
        id: domain.id,
        domain: domain.name.clone(),
        unicode: in_unicode(&domain.name),
        status: domain.status,
        verified_at: domain.verified_at.map(rfc3339),
        verified_by: domain.verified_by,
        created_at: rfc3339(domain.created_at),
        dkim_selector: signs.map(|key| key.selector.clone()),
        sandbox: domain.sandbox,
        open_tracking_enabled: domain.open_tracking_enabled,
        click_tracking_enabled: domain.click_tracking_enabled,
        last_checked_at: known.checked.as_ref().map(|(at, _)| rfc3339(*at)),
        next_check_at: domain.next_check_at.map(rfc3339),
        warnings: warning(app, domain).into_iter().collect(),
        records: wanted(app, known).into_iter().map(|wanted| record(wanted, &seen)).collect(),
        removable_records: removable.collect(),
        tracking: known.tracking.as_ref().map(|host| tracking(app, host)),
        history: history.map(|events| events.into_iter().map(event).collect()),
    }
}

/// What the owner of a domain should know of it.
pub(crate) fn warning(app: &App, domain: &Domain) -> Option<WarningView> {
    let name = &domain.name;
    let (code, message) = match (domain.status, domain.failing_since) {
        (DomainStatus::Failed, _) => (
            "domain_failed",
            format!(
                "{name} is not verified, so no mail is taken from it. Put right what its records say, and have it checked \
                 again"
            ),
        ),
        (DomainStatus::Verified, Some(since)) => {
            let grace_ms = i64::try_from(app.config.domain_grace.as_millis()).unwrap_or(i64::MAX);
            let since_when = rfc3339(since);
            let until = match domain.verified_by {
                Some(VerifiedBy::Dns) => {
                    let until = rfc3339(since.saturating_add(grace_ms));
                    format!(" When they are still so at {until}, no mail is taken from it any more.")
                }
                _ => String::new(),
            };
            (
                "domain_failing",
                format!("Required records of {name} are not as they should be since {since_when}.{until}"),
            )
        }
        (DomainStatus::Pending | DomainStatus::Verified, _) => return None,
    };
    Some(WarningView { code, domain_id: domain.id, domain: name.clone(), message })
}

fn record(Wanted { record, key }: Wanted, seen: &[LastSeen]) -> RecordView {
    let strings = record.strings().into_iter().map(str::to_owned).collect();
    let seen = seen.iter().find(|seen| seen.is_of(&record)).cloned();
    RecordView {
        purpose: record.purpose,
        kind: record.kind,
        host: record.host,
        value: record.value,
        strings,
        required: record.required,
        status: seen.as_ref().map_or(RecordStatus::Pending, |seen| seen.status),
        fault: seen.as_ref().and_then(|seen| seen.fault.clone()),
        reason: seen.as_ref().and_then(|seen| seen.reason.clone()),
        found: seen.map(|seen| seen.found).unwrap_or_default(),
        key_state: key.map(|key| key.state),
    }
}

fn tracking(app: &App, host: &TrackingHost) -> TrackingView {
    let links = tracking_hosts::url(&app.config, host, app.now());
    TrackingView {
        host: host.host.clone(),
        cname: app.config.cname_target(),
        state: host.state,
        reason: host.reason.clone(),
        links_begin_with: links.unwrap_or_else(|| app.config.base_url()),
        next_check_at: rfc3339(host.next_at),
        issued_at: host.issued_at.map(rfc3339),
        expires_at: host.expires_at.map(rfc3339),
    }
}

fn event(event: DomainEvent) -> EventView {
    EventView { event: event.kind, timestamp: rfc3339(event.occurred_at), detail: event.detail }
}
