-- A domain belongs to who verified it, and until somebody did, several customers may try. SQLite cannot take the UNIQUE
-- off a column, so the table is made anew; migrations are applied without foreign keys, which are checked at the end.
CREATE TABLE new_domains (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'verified', 'failed')),
    sandbox INTEGER NOT NULL,
    open_tracking_enabled INTEGER,
    click_tracking_enabled INTEGER,
    created_at INTEGER NOT NULL,
    -- Since when it is verified; NULL while it is not.
    verified_at INTEGER,
    -- As before: service, operator or dns.
    verified_by TEXT CHECK (verified_by IN ('service', 'operator', 'dns')),
    outlet TEXT CHECK (outlet IN ('capture', 'relay', 'mx')),
    -- What its owner publishes to show that it is his. It stands in DNS and is no secret.
    ownership_token TEXT NOT NULL,
    -- Whether bounces of its mail come back to a name of its own.
    own_return_path INTEGER NOT NULL DEFAULT 0,
    -- When the checks of a domain that is not verified began.
    checks_began_at INTEGER NOT NULL,
    -- When it is checked next; NULL for never by itself.
    next_check_at INTEGER,
    -- Since when a required record of a verified domain is not as it should be.
    failing_since INTEGER,
    -- Emails keep the domain that they were sent from, so a domain that was removed stays, unseen.
    removed_at INTEGER
) STRICT;
INSERT INTO new_domains (id, customer_id, name, status, sandbox, open_tracking_enabled, click_tracking_enabled, created_at,
    verified_at, verified_by, outlet, ownership_token, checks_began_at)
    SELECT id, customer_id, name, status, sandbox, open_tracking_enabled, click_tracking_enabled, created_at,
    verified_at, verified_by, outlet, lower(hex(randomblob(16))), created_at FROM domains;
DROP TABLE domains;
ALTER TABLE new_domains RENAME TO domains;
CREATE INDEX domains_by_customer ON domains (customer_id, verified_at);
CREATE UNIQUE INDEX domains_of_customer ON domains (customer_id, name) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX domains_verified ON domains (name) WHERE status = 'verified' AND removed_at IS NULL;
CREATE INDEX domains_by_name ON domains (name);
CREATE INDEX domains_to_check ON domains (next_check_at) WHERE next_check_at IS NOT NULL AND removed_at IS NULL;
-- Those that wait already are looked at by the service from now on.
UPDATE domains SET next_check_at = unixepoch() * 1000, checks_began_at = unixepoch() * 1000 WHERE status = 'pending';

-- What the last check of a domain found: a JSON list, a record each.
CREATE TABLE domain_checks (
    domain_id TEXT PRIMARY KEY REFERENCES domains (id),
    checked_at INTEGER NOT NULL,
    checks TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened to a domain, for its owner to be told. `detail` is a JSON object.
CREATE TABLE domain_events (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    kind TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX domain_events_by_domain ON domain_events (domain_id, id);

-- A key that signs no more stays in DNS for a while, since mail that it signed is still on its way.
CREATE TABLE new_dkim_keys (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id),
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('rsa2048', 'ed25519')),
    -- `next` waits for its record in DNS, `active` signs, `retiring` signs no more and keeps its record, `retired` needs
    -- none and has no private half any more.
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'retired')),
    -- As before, for every state but `retired`.
    sealed BLOB NOT NULL,
    public_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- When it came into its state.
    state_since INTEGER NOT NULL,
    UNIQUE (domain_id, selector)
) STRICT;
INSERT INTO new_dkim_keys SELECT id, domain_id, selector, algorithm, state, sealed, public_key, created_at, created_at
    FROM dkim_keys;
DROP TABLE dkim_keys;
ALTER TABLE new_dkim_keys RENAME TO dkim_keys;
CREATE INDEX dkim_keys_by_state ON dkim_keys (state, state_since);
