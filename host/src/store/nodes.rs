//! Edge nodes: invitations, certificates, and how far each node is.

use uuid::Uuid;

use super::sql::{Connection, Row, SqlError, values};
use super::{Result, Store};

/// Nodes that are listed.
const NODES_MAX: i64 = 1_000;
/// Certificates that are known at once, those of revoked nodes included.
const CERTIFICATES_MAX: i64 = 10_000;

/// A node that joined.
#[derive(Clone, Debug)]
pub(crate) struct NodeRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// Times are milliseconds.
    pub(crate) invited_at: i64,
    pub(crate) joined_at: i64,
    pub(crate) revoked_at: Option<i64>,
    pub(crate) seen_at: Option<i64>,
    /// What it told when it was seen.
    pub(crate) told: NodeTold,
}

/// What a node tells of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeTold {
    pub(crate) version: Option<String>,
    /// Bytes of hits that are not here yet.
    pub(crate) spool_bytes: Option<i64>,
    /// When the oldest of them was made, in milliseconds.
    pub(crate) spool_oldest_at: Option<i64>,
    /// Which keys of tokens it has.
    pub(crate) ring_revision: Option<String>,
}

/// A certificate and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct NodeCertificate {
    /// The SHA-256 of it.
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) node_id: Uuid,
    pub(crate) name: String,
    pub(crate) is_revoked: bool,
}

/// A certificate that was issued just now.
#[derive(Clone, Debug)]
pub(crate) struct NewNodeCertificate {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) expires_at: i64,
}

/// What came of an invitation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Invited {
    Yes,
    /// A node of this name is there, or invited.
    NameTaken,
    /// As many invitations are open as may be.
    TooMany,
}

/// Where an invitation stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Invitation {
    Open,
    Used,
    Expired,
    Unknown,
}

/// What came of another name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Renamed {
    Yes,
    Unknown,
    NameTaken,
}

impl Store {
    /// Invites a node: whoever has the secret of this hash joins under this name, once, until it expires.
    pub(crate) async fn invite_node(
        &self,
        name: String,
        secret_hash: Vec<u8>,
        (now, expires_at): (i64, i64),
        open_max: i64,
    ) -> Result<Invited> {
        self.write(move |connection| {
            connection.execute("DELETE FROM node_invitations WHERE expires_at <= ?1", values![now])?;
            if is_node(connection, &name)? || is_invited(connection, &name)? {
                return Ok(Invited::NameTaken);
            }
            let sql = "SELECT COUNT(*) FROM node_invitations WHERE used_at IS NULL";
            if connection.query_one(sql, &[], |row| row.integer(0))?.unwrap_or(0) >= open_max {
                return Ok(Invited::TooMany);
            }
            let sql = "INSERT INTO node_invitations VALUES (?1, ?2, ?3, ?4, NULL)";
            connection.execute(sql, values![secret_hash.clone(), name.as_str(), now, expires_at])?;
            Ok(Invited::Yes)
        })
        .await
    }

    /// Where the invitation of this hash stands.
    pub(crate) async fn node_invitation(&self, secret_hash: Vec<u8>, now: i64) -> Result<Invitation> {
        self.read(move |connection| {
            let sql = "SELECT used_at IS NOT NULL, expires_at FROM node_invitations WHERE secret_hash = ?1";
            let found = connection.query_one(sql, values![secret_hash.clone()], |row| {
                let (is_used, expires_at) = (row.flag(0)?, row.integer(1)?);
                Ok(if is_used {
                    Invitation::Used
                } else if expires_at <= now {
                    Invitation::Expired
                } else {
                    Invitation::Open
                })
            })?;
            Ok(found.unwrap_or(Invitation::Unknown))
        })
        .await
    }

    /// Uses an invitation up: the node is there with its certificate. The name that it has, or `None` when the invitation
    /// is not open (any more).
    pub(crate) async fn join_node(
        &self,
        secret_hash: Vec<u8>,
        id: Uuid,
        certificate: NewNodeCertificate,
        version: String,
        now: i64,
    ) -> Result<Option<String>> {
        self.write(move |connection| {
            let sql = "UPDATE node_invitations SET used_at = ?2 \
                       WHERE secret_hash = ?1 AND used_at IS NULL AND expires_at > ?2";
            if connection.execute(sql, values![secret_hash.clone(), now])? == 0 {
                return Ok(None);
            }
            let sql = "SELECT name, invited_at FROM node_invitations WHERE secret_hash = ?1";
            let found =
                connection.query_one(sql, values![secret_hash.clone()], |row| Ok((row.text(0)?, row.integer(1)?)))?;
            let Some((name, invited_at)) = found else { return Ok(None) };
            let sql = "INSERT INTO nodes (id, name, invited_at, joined_at, version) VALUES (?1, ?2, ?3, ?4, ?5)";
            connection.execute(sql, values![id.to_string(), name.as_str(), invited_at, now, version.as_str()])?;
            insert_certificate(connection, id, &certificate)?;
            Ok(Some(name))
        })
        .await
    }

    /// Gives a node a further certificate. Of those that it had, the one that it shows stays, and the others go.
    pub(crate) async fn renew_node(&self, id: Uuid, shown: Vec<u8>, certificate: NewNodeCertificate) -> Result<()> {
        self.write(move |connection| {
            let sql = "DELETE FROM node_certificates WHERE node_id = ?1 AND fingerprint <> ?2";
            connection.execute(sql, values![id.to_string(), shown.clone()])?;
            Ok(insert_certificate(connection, id, &certificate)?)
        })
        .await
    }

    /// Every certificate that was issued and not replaced.
    pub(crate) async fn node_certificates(&self) -> Result<Vec<NodeCertificate>> {
        self.read(|connection| {
            let sql = "SELECT fingerprint, node_id, name, revoked_at IS NOT NULL FROM node_certificates \
                       JOIN nodes ON id = node_id ORDER BY expires_at DESC LIMIT ?1";
            Ok(connection.query(sql, values![CERTIFICATES_MAX], |row| {
                Ok(NodeCertificate {
                    fingerprint: row.blob(0)?,
                    node_id: row.parsed(1, |id| id.parse().ok())?,
                    name: row.text(2)?,
                    is_revoked: row.flag(3)?,
                })
            })?)
        })
        .await
    }

    /// All nodes by their names, those that were revoked last.
    pub(crate) async fn nodes(&self) -> Result<Vec<NodeRow>> {
        self.read(|connection| {
            let sql = "SELECT id, name, invited_at, joined_at, revoked_at, seen_at, version, spool_bytes, \
                       spool_oldest_at, ring_revision FROM nodes \
                       ORDER BY revoked_at IS NOT NULL, revoked_at DESC, name LIMIT ?1";
            Ok(connection.query(sql, values![NODES_MAX], read_node)?)
        })
        .await
    }

    /// Keeps what a node told.
    pub(crate) async fn note_node(&self, id: Uuid, told: NodeTold, now: i64) -> Result<()> {
        self.write(move |connection| {
            let sql = "UPDATE nodes SET seen_at = ?2, version = ?3, spool_bytes = ?4, spool_oldest_at = ?5, \
                       ring_revision = ?6 WHERE id = ?1";
            let NodeTold { version, spool_bytes, spool_oldest_at, ring_revision } = &told;
            let values = values![
                id.to_string(),
                now,
                version.as_deref(),
                *spool_bytes,
                *spool_oldest_at,
                ring_revision.as_deref()
            ];
            connection.execute(sql, values)?;
            Ok(())
        })
        .await
    }

    /// Revokes the node of this name for good. False when there is none, or only an invitation, which then is void.
    pub(crate) async fn revoke_node(&self, name: String, now: i64) -> Result<bool> {
        self.write(move |connection| {
            let sql = "UPDATE nodes SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL";
            let nodes = connection.execute(sql, values![name.as_str(), now])?;
            let sql = "DELETE FROM node_invitations WHERE name = ?1 AND used_at IS NULL";
            let invitations = connection.execute(sql, values![name.as_str()])?;
            Ok(nodes + invitations > 0)
        })
        .await
    }

    /// Gives a node another name.
    pub(crate) async fn rename_node(&self, name: String, to: String) -> Result<Renamed> {
        self.write(move |connection| {
            if is_node(connection, &to)? || is_invited(connection, &to)? {
                return Ok(Renamed::NameTaken);
            }
            let sql = "UPDATE nodes SET name = ?2 WHERE name = ?1 AND revoked_at IS NULL";
            let renamed = connection.execute(sql, values![name.as_str(), to.as_str()])?;
            Ok(if renamed == 0 { Renamed::Unknown } else { Renamed::Yes })
        })
        .await
    }
}

fn is_node(connection: &Connection, name: &str) -> Result<bool, SqlError> {
    let sql = "SELECT 1 FROM nodes WHERE name = ?1 AND revoked_at IS NULL";
    Ok(connection.query_one(sql, values![name], |row| row.integer(0))?.is_some())
}

fn is_invited(connection: &Connection, name: &str) -> Result<bool, SqlError> {
    let sql = "SELECT 1 FROM node_invitations WHERE name = ?1 AND used_at IS NULL";
    Ok(connection.query_one(sql, values![name], |row| row.integer(0))?.is_some())
}

fn insert_certificate(connection: &Connection, id: Uuid, certificate: &NewNodeCertificate) -> Result<(), SqlError> {
    let sql = "INSERT INTO node_certificates VALUES (?1, ?2, ?3)";
    let values = values![certificate.fingerprint.clone(), id.to_string(), certificate.expires_at];
    connection.execute(sql, values).map(drop)
}

fn read_node(row: &Row) -> Result<NodeRow, SqlError> {
    Ok(NodeRow {
        id: row.parsed(0, |id| id.parse().ok())?,
        name: row.text(1)?,
        invited_at: row.integer(2)?,
        joined_at: row.integer(3)?,
        revoked_at: row.integer_or_null(4)?,
        seen_at: row.integer_or_null(5)?,
        told: NodeTold {
            version: row.text_or_null(6)?,
            spool_bytes: row.integer_or_null(7)?,
            spool_oldest_at: row.integer_or_null(8)?,
            ring_revision: row.text_or_null(9)?,
        },
    })
}
