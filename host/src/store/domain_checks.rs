//! What checks of domains found, and what follows from it.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::dkim_keys::{KeyState, KnownKey, known_keys, put_in_use};
use super::domain_events::{DomainEventKind, insert_event};
use super::domains::{self, domain_by_id};
use super::sql::{Connection, SqlError, values};
use super::tracking_hosts::{TrackingHost, tracking_host};
use super::{Domain, Result, Store, StoreError, VerifiedBy};
use crate::ids::Ids;
use crate::mail::standing::{Seen, Standing, Turn, after, next_check};

/// A domain with everything that is known of it.
#[derive(Clone, Debug)]
pub(crate) struct KnownDomain {
    pub(crate) domain: Domain,
    pub(crate) keys: Vec<KnownKey>,
    /// When it was last checked, in milliseconds, and what was found: a JSON list.
    pub(crate) checked: Option<(i64, String)>,
    /// The name that its new links are to begin with.
    pub(crate) tracking: Option<TrackingHost>,
}

/// What a check of a domain found.
#[derive(Clone, Debug)]
pub(crate) struct CheckedDomain {
    pub(crate) id: Uuid,
    /// Every record: a JSON list.
    pub(crate) checks: String,
    pub(crate) seen: Seen,
    /// For an event: what is wrong, in a sentence.
    pub(crate) trouble: Option<String>,
    /// Selectors of keys whose record is there.
    pub(crate) keys_found: Vec<String>,
    /// Whether the records of its own return path are there; `None` where nobody could tell.
    pub(crate) own_return_path: Option<bool>,
    /// Whether a person asked.
    pub(crate) by_hand: bool,
    /// How long a verified domain may be without a record, in milliseconds.
    pub(crate) grace_ms: i64,
}

/// What followed from a check.
#[derive(Clone, Debug)]
pub(crate) struct RecordedCheck {
    pub(crate) turn: Option<Turn>,
    /// Whether other keys sign now.
    pub(crate) keys_changed: bool,
}

impl Store {
    /// A domain of this customer (an operator needs none) with everything that is known of it.
    pub(crate) async fn known_domain(&self, customer: Option<Uuid>, id: Uuid) -> Result<Option<KnownDomain>> {
        self.read(move |connection| {
            let found = domain_by_id(connection, id)?;
            let found = found.filter(|domain| customer.is_none_or(|customer| domain.customer_id == customer));
            Ok(found.map(|domain| known(connection, domain)).transpose()?)
        })
        .await
    }

    /// The same for all of a customer's domains, by name; at most `limit`.
    pub(crate) async fn known_domains(&self, customer: Uuid, limit: i64, offset: i64) -> Result<Vec<KnownDomain>> {
        self.read(move |connection| {
            let found = domains::page(connection, customer, limit, offset)?;
            let found: Result<Vec<_>, _> = found.into_iter().map(|domain| known(connection, domain)).collect();
            Ok(found?)
        })
        .await
    }

    /// Domains whose time to be checked has come, those that wait longest first; at most `limit`.
    pub(crate) async fn domains_to_check(&self, now: i64, limit: i64) -> Result<Vec<Uuid>> {
        self.read(move |connection| {
            let sql = "SELECT id FROM domains WHERE next_check_at <= ?1 AND next_check_at IS NOT NULL \
                       AND removed_at IS NULL ORDER BY next_check_at, id LIMIT ?2";
            Ok(connection.query(sql, values![now, limit], |row| row.parsed(0, |id| id.parse().ok()))?)
        })
        .await
    }

    /// Whether another customer has verified this name.
    pub(crate) async fn is_claimed(&self, customer: Uuid, name: String) -> Result<bool> {
        self.read(move |connection| {
            let sql = "SELECT 1 FROM domains WHERE name = ?1 AND customer_id <> ?2 AND status = 'verified' \
                       AND removed_at IS NULL";
            let values = values![name, customer.to_string()];
            Ok(connection.query_one(sql, values, |row| row.integer(0))?.is_some())
        })
        .await
    }

    /// Records a check with everything that follows from it: the domain's status, its keys, its events, and when it is
    /// checked next. `None` when the domain is gone.
    pub(crate) async fn record_check(
        &self,
        checked: CheckedDomain,
        now: i64,
        mut ids: Ids,
    ) -> Result<Option<RecordedCheck>> {
        self.control_write(move |connection| {
            let Some(domain) = domain_by_id(connection, checked.id)? else { return Ok(None) };
            let sql = "INSERT OR REPLACE INTO domain_checks VALUES (?1, ?2, ?3)";
            connection.execute(sql, values![checked.id.to_string(), now, checked.checks.as_str()])?;
            let mut keys_changed = false;
            for selector in &checked.keys_found {
                let Some(former) = put_in_use(connection, checked.id, selector, now)? else { continue };
                keys_changed = true;
                let detail = json!({ "selector": selector, "former": former });
                insert_event(connection, ids(), &domain, DomainEventKind::KeyRotated, &detail.to_string(), now)?;
            }
            let turn = move_on(connection, &domain, &checked, now, &mut ids)?;
            Ok::<_, StoreError>(Some(RecordedCheck { turn, keys_changed }))
        })
        .await
    }
}

fn known(connection: &Connection, domain: Domain) -> Result<KnownDomain, SqlError> {
    let sql = "SELECT checked_at, checks FROM domain_checks WHERE domain_id = ?1";
    let checked =
        connection.query_one(sql, values![domain.id.to_string()], |row| Ok((row.integer(0)?, row.text(1)?)))?;
    let keys = known_keys(connection, domain.id)?;
    let tracking = tracking_host(connection, domain.id)?;
    Ok(KnownDomain { domain, keys, checked, tracking })
}

/// Brings a domain to where a check leaves it.
fn move_on(
    connection: &Connection,
    domain: &Domain,
    checked: &CheckedDomain,
    now: i64,
    ids: &mut Ids,
) -> Result<Option<Turn>, SqlError> {
    let before = Standing {
        status: domain.status,
        is_vouched: domain.verified_by.is_some_and(|by| by != VerifiedBy::Dns),
        checks_began_at: domain.checks_began_at,
        failing_since: domain.failing_since,
    };
    let (mut standing, mut turn) = after(before, checked.seen, checked.by_hand, checked.grace_ms, now);
    if turn == Some(Turn::Verified) && !domains::verify(connection, domain.id, VerifiedBy::Dns, now)? {
        // Somebody else was faster with the same name.
        (standing, turn) = after(before, Seen::Bad, checked.by_hand, checked.grace_ms, now);
    }
    let keys = known_keys(connection, domain.id)?;
    let key_since = keys.iter().filter(|key| key.state == KeyState::Next).map(|key| key.state_since).min();
    let (_, chance) = domain.id.as_u64_pair();
    let next_check_at = next_check(&standing, key_since, chance, now);
    let sql = "UPDATE domains SET status = ?2, checks_began_at = ?3, failing_since = ?4, next_check_at = ?5, \
               own_return_path = COALESCE(?6, own_return_path), \
               verified_at = CASE WHEN ?2 = 'verified' THEN verified_at END, \
               verified_by = CASE WHEN ?2 = 'verified' THEN verified_by END WHERE id = ?1";
    let values = values![
        domain.id.to_string(),
        standing.status.as_str(),
        standing.checks_began_at,
        standing.failing_since,
        next_check_at,
        checked.own_return_path,
    ];
    connection.execute(sql, values)?;
    if let Some(turn) = turn {
        let (kind, detail) = event_of(turn, checked.trouble.as_deref());
        insert_event(connection, ids(), domain, kind, &detail.to_string(), now)?;
    }
    Ok(turn)
}

fn event_of(turn: Turn, trouble: Option<&str>) -> (DomainEventKind, Json) {
    match turn {
        Turn::Verified => (DomainEventKind::Verified, json!({ "by": "dns" })),
        Turn::Warned => (DomainEventKind::Warning, json!({ "reason": trouble })),
        Turn::Recovered => (DomainEventKind::Recovered, json!({})),
        Turn::Failed => (DomainEventKind::Failed, json!({ "reason": trouble })),
        Turn::GivenUp => {
            let hint = "It was not verified within 72 hours. A check by hand begins again.";
            (DomainEventKind::Failed, json!({ "reason": trouble, "hint": hint }))
        }
    }
}
