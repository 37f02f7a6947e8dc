-- The keys that sign a domain's mail (RFC 6376, RFC 8463). The private half is sealed under a key of the host.
CREATE TABLE dkim_keys (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id),
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('rsa2048', 'ed25519')),
    -- `next` waits for its record in DNS, `active` signs, `retired` signs no more.
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    sealed BLOB NOT NULL,
    -- The value of `p=` in its record.
    public_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (domain_id, selector)
) STRICT;
