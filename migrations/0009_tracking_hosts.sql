-- Names of customers' own under which tracked links lead here, such as click.acme.example. A domain has one that its new
-- links begin with; those that it had before are `retired` and are served on, for the links of mail that was sent.
CREATE TABLE tracking_hosts (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id) ON DELETE CASCADE,
    -- A-labels, lower case.
    host TEXT NOT NULL UNIQUE,
    -- `pending` has no CNAME that leads here, `issuing` waits for its certificate, `active` is in use, `failed` got no
    -- certificate and tries again.
    state TEXT NOT NULL CHECK (state IN ('pending', 'issuing', 'active', 'failed')),
    -- What stands in the way; NULL when nothing does.
    reason TEXT,
    -- Looks in a row that did not come to what was hoped for.
    attempts INTEGER NOT NULL,
    -- When it is looked at again.
    next_at INTEGER NOT NULL,
    -- When its CNAME was first seen to lead here; NULL until then.
    seen_at INTEGER,
    -- PEM, the host's own first, and its key (PKCS #8) sealed by AES-256-GCM under a key of the host, for this name alone.
    certificate TEXT,
    sealed_key BLOB,
    issued_at INTEGER,
    expires_at INTEGER,
    -- When the next certificate is asked for.
    renew_at INTEGER,
    created_at INTEGER NOT NULL,
    retired_at INTEGER,
    CHECK ((certificate IS NULL) = (sealed_key IS NULL) AND (certificate IS NULL) = (issued_at IS NULL)
        AND (certificate IS NULL) = (expires_at IS NULL) AND (certificate IS NULL) = (renew_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX tracking_hosts_by_domain ON tracking_hosts (domain_id) WHERE retired_at IS NULL;
CREATE INDEX tracking_hosts_due ON tracking_hosts (next_at);

-- The account at each certificate authority (RFC 8555), with its key, sealed in the same way for the directory's URL.
CREATE TABLE acme_accounts (
    directory TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
