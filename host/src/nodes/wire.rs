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
