//! Names of customers' own for tracked links, with their certificates.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sql::{Connection, Row, SqlError, values};
use super::{Result, Store, StoreError};
use crate::mail::event::words;

/// Names that one domain had before and that are served on. The one retired first makes room.
pub(crate) const RETIRED_HOSTS_MAX: i64 = 4;

words! {
    /// How far a tracking host is.
    TrackingState {
        /// Its CNAME was not seen yet, or is gone.
        Pending = "pending",
        /// It waits for its certificate.
        Issuing = "issuing",
        /// Links begin with it.
        Active = "active",
        /// It got no certificate; another attempt follows.
        Failed = "failed",
    }
}

/// A tracking host without its certificate.
#[derive(Clone, Debug)]
pub(crate) struct TrackingHost {
    pub(crate) id: Uuid,
    pub(crate) domain_id: Uuid,
    /// A-labels, lower case.
    pub(crate) host: String,
    pub(crate) state: TrackingState,
    pub(crate) reason: Option<String>,
    /// Looks in a row that did not come to what was hoped for.
    pub(crate) attempts: i64,
    pub(crate) next_at: i64,
    /// When its CNAME was first seen to lead here.
    pub(crate) seen_at: Option<i64>,
    pub(crate) issued_at: Option<i64>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) renew_at: Option<i64>,
    /// `None` for the one that new links begin with.
    pub(crate) retired_at: Option<i64>,
}

/// A certificate as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct StoredCertificate {
    /// PEM, the host's own first.
    pub(crate) chain: String,
    pub(crate) sealed_key: Vec<u8>,
}

/// What became of a wish for a tracking host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HostSet {
    /// It is as wished, and looked at next.
    Stored,
    /// Another domain has this name.
    Taken,
    /// There are as many as there may be.
    Limit,
}

const COLUMNS: &str =
    "id, domain_id, host, state, reason, attempts, next_at, seen_at, issued_at, expires_at, renew_at, retired_at";

fn read_host(row: &Row) -> Result<TrackingHost, SqlError> {
    Ok(TrackingHost {
        id: row.parsed(0, |id| id.parse().ok())?,
        domain_id: row.parsed(1, |id| id.parse().ok())?,
        host: row.text(2)?,
        state: row.parsed(3, TrackingState::parse)?,
        reason: row.text_or_null(4)?,
        attempts: row.integer(5)?,
        next_at: row.integer(6)?,
        seen_at: row.integer_or_null(7)?,
        issued_at: row.integer_or_null(8)?,
        expires_at: row.integer_or_null(9)?,
        renew_at: row.integer_or_null(10)?,
        retired_at: row.integer_or_null(11)?,
    })
}

impl Store {
    /// All of them, retired ones too, at most `limit`: for the service itself.
    pub(crate) async fn tracking_hosts(&self, limit: i64) -> Result<Vec<TrackingHost>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM tracking_hosts ORDER BY id LIMIT ?1");
            Ok(connection.query(&sql, values![limit], read_host)?)
        })
        .await
    }

    /// Those that are to be looked at by `now`, the longest overdue first.
    pub(crate) async fn due_tracking_hosts(&self, now: i64, limit: i64) -> Result<Vec<TrackingHost>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM tracking_hosts WHERE next_at <= ?1 ORDER BY next_at, id LIMIT ?2");
            Ok(connection.query(&sql, values![now, limit], read_host)?)
        })
        .await
    }

    /// A host's certificate. `None` while it has none.
    pub(crate) async fn tracking_certificate(&self, id: Uuid) -> Result<Option<StoredCertificate>> {
        self.read(move |connection| {
            let sql = "SELECT certificate, sealed_key FROM tracking_hosts WHERE id = ?1 AND certificate IS NOT NULL";
            let read = |row: &Row| Ok(StoredCertificate { chain: row.text(0)?, sealed_key: row.blob(1)? });
            Ok(connection.query_one(sql, values![id.to_string()], read)?)
        })
        .await
    }

    /// Gives a domain this tracking host, or none. The one it had is retired once links can have begun with it. The same
    /// host once more is looked at now. At most `hosts_max` are there in all.
    pub(crate) async fn set_tracking_host(
        &self,
        domain: Uuid,
        host: Option<String>,
        hosts_max: i64,
        id: Uuid,
        now: i64,
    ) -> Result<HostSet> {
        self.control_write(move |connection| {
            let Some(host) = &host else {
                retire(connection, domain, now)?;
                forget_surplus(connection, domain)?;
                return Ok(HostSet::Stored);
            };
            let sql = format!("SELECT {COLUMNS} FROM tracking_hosts WHERE host = ?1");
            let found = connection.query_one(&sql, values![host.as_str()], read_host)?;
            match found {
                Some(found) if found.domain_id == domain => {
                    if found.retired_at.is_some() {
                        retire(connection, domain, now)?;
                    }
                    let sql = "UPDATE tracking_hosts SET retired_at = NULL, attempts = 0, next_at = ?2 WHERE id = ?1";
                    connection.execute(sql, values![found.id.to_string(), now])?;
                    forget_surplus(connection, domain)?;
                    return Ok(HostSet::Stored);
                }
                Some(found) if found.retired_at.is_none() => return Ok(HostSet::Taken),
                Some(found) => delete(connection, found.id)?,
                None if count(connection)? >= hosts_max => return Ok(HostSet::Limit),
                None => {}
            }
            retire(connection, domain, now)?;
            let sql = "INSERT INTO tracking_hosts (id, domain_id, host, state, attempts, next_at, created_at) \
                       VALUES (?1, ?2, ?3, 'pending', 0, ?4, ?4)";
            connection.execute(sql, values![id.to_string(), domain.to_string(), host.as_str(), now])?;
            forget_surplus(connection, domain)?;
            Ok::<_, StoreError>(HostSet::Stored)
        })
        .await
    }

    /// Writes down what a look at a host came to. One that is gone stays gone.
    pub(crate) async fn update_tracking_host(&self, host: TrackingHost) -> Result<()> {
        self.control_write(move |connection| Ok(update(connection, &host)?)).await
    }

    /// The same together with a new certificate: both are there, or neither is.
    pub(crate) async fn keep_tracking_certificate(
        &self,
        host: TrackingHost,
        certificate: StoredCertificate,
    ) -> Result<()> {
        self.control_write(move |connection| {
            let sql = "UPDATE tracking_hosts SET certificate = ?2, sealed_key = ?3, issued_at = ?4, expires_at = ?5, \
                       renew_at = ?6 WHERE id = ?1";
            let StoredCertificate { chain, sealed_key } = &certificate;
            let (issued_at, expires_at) = (host.issued_at, host.expires_at);
            let id = host.id.to_string();
            let values = values![id, chain.as_str(), sealed_key.clone(), issued_at, expires_at, host.renew_at];
            connection.execute(sql, values)?;
            Ok(update(connection, &host)?)
        })
        .await
    }

    /// Forgets a retired host. One that was taken up again in the meantime stays.
    pub(crate) async fn forget_tracking_host(&self, id: Uuid) -> Result<()> {
        self.control_write(move |connection| {
            let sql = "DELETE FROM tracking_hosts WHERE id = ?1 AND retired_at IS NOT NULL";
            connection.execute(sql, values![id.to_string()])?;
            Ok(())
        })
        .await
    }

    /// Has all hosts without a certificate looked at now: for a service that got an authority to ask.
    pub(crate) async fn hasten_tracking_hosts(&self, now: i64) -> Result<()> {
        self.control_write(move |connection| {
            let sql = "UPDATE tracking_hosts SET next_at = ?1 WHERE state = 'active' AND certificate IS NULL";
            connection.execute(sql, values![now])?;
            Ok(())
        })
        .await
    }
}

/// The host that a domain's new links are to begin with.
pub(super) fn tracking_host(connection: &Connection, domain: Uuid) -> Result<Option<TrackingHost>, SqlError> {
    let sql = format!("SELECT {COLUMNS} FROM tracking_hosts WHERE domain_id = ?1 AND retired_at IS NULL");
    connection.query_one(&sql, values![domain.to_string()], read_host)
}

fn update(connection: &Connection, host: &TrackingHost) -> Result<(), SqlError> {
    let sql = "UPDATE tracking_hosts SET state = ?2, reason = ?3, attempts = ?4, next_at = ?5, seen_at = ?6, \
               renew_at = ?7 WHERE id = ?1";
    let values = values![
        host.id.to_string(),
        host.state.as_str(),
        host.reason.as_deref(),
        host.attempts,
        host.next_at,
        host.seen_at,
        host.renew_at,
    ];
    connection.execute(sql, values).map(drop)
}

/// Ends the use of a domain's host for new links. No link can have begun with one whose CNAME was never seen.
fn retire(connection: &Connection, domain: Uuid, now: i64) -> Result<(), SqlError> {
    let domain = domain.to_string();
    let unused = "DELETE FROM tracking_hosts WHERE domain_id = ?1 AND retired_at IS NULL AND seen_at IS NULL";
    connection.execute(unused, values![domain.as_str()])?;
    let used = "UPDATE tracking_hosts SET retired_at = ?2 WHERE domain_id = ?1 AND retired_at IS NULL";
    connection.execute(used, values![domain, now]).map(drop)
}

/// Of the hosts that a domain had before, forgets those that are beyond the bound.
fn forget_surplus(connection: &Connection, domain: Uuid) -> Result<(), SqlError> {
    let surplus = "DELETE FROM tracking_hosts WHERE id IN (SELECT id FROM tracking_hosts WHERE domain_id = ?1 \
                   AND retired_at IS NOT NULL ORDER BY retired_at DESC, id DESC LIMIT -1 OFFSET ?2)";
    connection.execute(surplus, values![domain.to_string(), RETIRED_HOSTS_MAX]).map(drop)
}

fn delete(connection: &Connection, id: Uuid) -> Result<(), SqlError> {
    connection.execute("DELETE FROM tracking_hosts WHERE id = ?1", values![id.to_string()]).map(drop)
}

fn count(connection: &Connection) -> Result<i64, SqlError> {
    Ok(connection.query_one("SELECT COUNT(*) FROM tracking_hosts", &[], |row| row.integer(0))?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::StoreLimits;
    use super::*;

    /// A store with two domains.
    async fn store() -> (Store, tempfile::TempDir, [Uuid; 2]) {
        let directory = tempfile::tempdir().expect("a directory is made");
        let store = Store::open(directory.path(), StoreLimits::default(), 0).expect("the store opens");
        let domains = [1, 2].map(Uuid::from_u128);
        let insert = move |connection: &Connection| {
            let customer = Uuid::nil().to_string();
            let sql = "INSERT INTO customers VALUES \
                       (?1, 'Acme', 'acme@example.org', 'active', 9, 9, NULL, NULL, 1, 1, 1, 1, 1, 'full', 0)";
            connection.execute(sql, values![customer.as_str()])?;
            for domain in domains {
                let sql = "INSERT INTO domains (id, customer_id, name, status, sandbox, created_at, \
                           ownership_token, checks_began_at) VALUES (?1, ?2, ?1, 'verified', 0, 0, '', 0)";
                connection.execute(sql, values![domain.to_string(), customer.as_str()])?;
            }
            Ok::<_, StoreError>(())
        };
        store.write(insert).await.expect("the domains are made");
        (store, directory, domains)
    }

    async fn set(store: &Store, domain: Uuid, host: &str, hosts_max: i64, now: i64) -> HostSet {
        let id = crate::ids::new_id(now);
        store.set_tracking_host(domain, Some(host.into()), hosts_max, id, now).await.expect("the store works")
    }

    /// The names of all hosts that are kept, after the present one of this domain was seen.
    async fn see(store: &Store, domain: Uuid) -> Vec<String> {
        let mut host = store
            .read(move |connection| Ok(tracking_host(connection, domain)?))
            .await
            .expect("the store works")
            .expect("it has one");
        host.seen_at = Some(1);
        store.update_tracking_host(host).await.expect("the store works");
        let hosts = store.tracking_hosts(100).await.expect("the store works");
        hosts.into_iter().map(|host| host.host).collect()
    }

    #[tokio::test]
    async fn there_are_as_many_hosts_as_there_may_be_and_no_more() {
        let (store, _directory, [one, other]) = store().await;
        assert_eq!(set(&store, one, "a", 1, 1).await, HostSet::Stored);
        assert_eq!(set(&store, other, "b", 1, 1).await, HostSet::Limit);
        assert_eq!(set(&store, one, "a", 1, 2).await, HostSet::Stored, "the same once more");
        assert_eq!(set(&store, other, "b", 2, 2).await, HostSet::Stored);
    }

    #[tokio::test]
    async fn a_domain_keeps_the_hosts_that_it_had_lately_and_no_more() {
        let (store, _directory, [one, _]) = store().await;
        for (now, host) in (1..).zip(["a", "b", "c", "d", "e"]) {
            set(&store, one, host, 100, now).await;
            see(&store, one).await;
        }
        assert_eq!(see(&store, one).await, ["a", "b", "c", "d", "e"], "the present one and four before it");
        set(&store, one, "a", 100, 10).await;
        assert_eq!(see(&store, one).await, ["a", "b", "c", "d", "e"], "the oldest was taken up again");
        set(&store, one, "f", 100, 11).await;
        assert_eq!(see(&store, one).await, ["a", "c", "d", "e", "f"]);
    }

    #[tokio::test]
    async fn a_host_that_was_never_seen_leaves_nothing_behind() {
        let (store, _directory, [one, other]) = store().await;
        set(&store, one, "a", 100, 1).await;
        assert_eq!(set(&store, other, "a", 100, 2).await, HostSet::Taken);
        set(&store, one, "b", 100, 2).await;
        assert_eq!(see(&store, one).await, ["b"]);
        set(&store, one, "c", 100, 3).await;
        assert_eq!(
            set(&store, other, "b", 100, 4).await,
            HostSet::Stored,
            "a retired one may be taken by another domain"
        );
        assert_eq!(see(&store, other).await, ["c", "b"]);
    }
}
