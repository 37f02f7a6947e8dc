-- Edge nodes: who may hand over hits, and how far each of them is. A node is known by the fingerprint (SHA-256) of the
-- certificate that it shows. One that is revoked stays, so that it hears why it is refused.
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    invited_at INTEGER NOT NULL,
    joined_at INTEGER NOT NULL,
    revoked_at INTEGER,
    -- What it told last. Bytes of hits that it has and we have not, and when the oldest of them was made.
    seen_at INTEGER,
    version TEXT,
    spool_bytes INTEGER,
    spool_oldest_at INTEGER,
    ring_revision TEXT
) STRICT;

-- Two that are called the same cannot be told apart.
CREATE UNIQUE INDEX nodes_by_name ON nodes (name) WHERE revoked_at IS NULL;

-- While a node changes its certificate it has two.
CREATE TABLE node_certificates (
    fingerprint BLOB PRIMARY KEY,
    node_id TEXT NOT NULL REFERENCES nodes (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens that were made for nodes to join by. Each is good once and for a while; what is stored is the hash of its secret.
-- A used one stays until it would have expired, so that whoever tries it again hears what is wrong.
CREATE TABLE node_invitations (
    secret_hash BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    invited_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
