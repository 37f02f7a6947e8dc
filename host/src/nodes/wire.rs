//! What edge nodes and the origin tell each other, as JSON. Fields are added and never change their meaning; what one
//! side does not know it leaves alone.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a node joins.
pub(crate) const JOIN: &str = "/node/join";
/// Where it tells how far it is, and hears what it needs.
pub(crate) const STATE: &str = "/node/state";
/// Where it hands hits over.
pub(crate) const HITS: &str = "/node/hits";
/// Where it hands notifications over.
pub(crate) const NOTIFICATIONS: &str = "/node/notifications";
/// Where it gets its next certificate.
pub(crate) const CERTIFICATE: &str = "/node/certificate";
/// The code of the refusal that a revoked node hears.
pub(crate) const REVOKED: &str = "node_revoked";

/// A node that was invited.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct JoinRequest {
    /// The token's, in hexadecimal.
    pub(crate) secret: String,
    /// PKCS #10 in PEM form, made with the node's new key.
    pub(crate) request: String,
    pub(crate) version: String,
}

/// It has joined.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct JoinReply {
    pub(crate) node_id: Uuid,
    pub(crate) name: String,
    /// PEM.
    pub(crate) certificate: String,
    /// PEM.
    pub(crate) authority: String,
}

/// How far a node is.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct StateReport {
    pub(crate) version: String,
    /// Bytes of hits that are not handed over yet.
    pub(crate) spool_bytes: u64,
    /// When the oldest of them was made, in milliseconds.
    pub(crate) spool_oldest_at: Option<i64>,
    /// Which keys of tokens it has.
    pub(crate) ring_revision: Option<String>,
    /// Which addresses of sources it has; empty for none. `None` when it takes no notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) addresses_revision: Option<String>,
}

/// What it needs to know.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct StateReply {
    /// What it is called now.
    pub(crate) name: String,
    pub(crate) ring_revision: String,
    /// The keys of tokens, when it has others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ring: Option<Vec<RingKey>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) addresses_revision: Option<String>,
    /// The addresses of sources, when it has others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) addresses: Option<Vec<SourceAddress>>,
}

/// The address of a source, as much of it as a node needs to tell it from others.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct SourceAddress {
    /// The SHA-256 of its last part, which has 192 random bits, in hexadecimal.
    pub(crate) hash: String,
    /// Bytes of a body that the source takes.
    pub(crate) body_bytes_max: usize,
    /// What its sender hears while there is no room: 503 or 429.
    pub(crate) busy_status: u16,
    /// Whether its sender shows a password, which some do only after they were asked for one.
    pub(crate) wants_password: bool,
}

/// A key of tokens.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct RingKey {
    pub(crate) id: u8,
    /// 32 bytes in hexadecimal.
    pub(crate) key: String,
}

impl std::fmt::Debug for RingKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "key {}", self.id)
    }
}

/// A batch of hits is durable at home.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct HitsReply {
    /// How many of them were new. The others came before, are of emails that are not there any more, or change nothing.
    pub(crate) new: u64,
    /// Milliseconds in which the origin would rather do something else.
    pub(crate) rest_ms: u64,
}

/// What became of notifications.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct NotificationsReply {
    /// Of as many as the origin came to, in their order. The node brings the others again.
    pub(crate) fates: Vec<Fate>,
    /// Milliseconds in which the origin would rather do something else.
    pub(crate) rest_ms: u64,
}

/// What became of one notification.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    /// It is on disk at home, or was.
    Taken,
    /// It is not genuine, or its source is gone: it will never be taken.
    Refused,
    /// It cannot be checked now. The node brings it again.
    #[serde(other)]
    Later,
}

/// A node that needs another certificate.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct CertificateRequest {
    /// PKCS #10 in PEM form, made with a new key.
    pub(crate) request: String,
}

/// It has it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct CertificateReply {
    /// PEM.
    pub(crate) certificate: String,
}
