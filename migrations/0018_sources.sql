-- Where notifications come from: each source has an address of its own at this service, and a way to prove that what comes
-- there is genuine. The address is a secret, so what is kept of it is the SHA-256 of its last part. Secrets are sealed
-- under a key of the host. While address or secret change there are two of each.
CREATE TABLE sources (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    address_hash BLOB NOT NULL UNIQUE,
    former_address_hash BLOB UNIQUE,
    -- The format, as the normalizer calls it; whatever it recognizes where there is none.
    provider TEXT,
    -- How a notification proves itself, as JSON.
    rule TEXT NOT NULL,
    secret BLOB,
    former_secret BLOB,
    -- How far the time of a signature may be from now. NULL where it does not matter.
    window_secs INTEGER,
    -- What is answered to what is not genuine, and when there is no room.
    refused_status INTEGER NOT NULL,
    busy_status INTEGER NOT NULL,
    -- What repetitions are known by, where that is not the id of the sender.
    dedupe TEXT,
    body_bytes_max INTEGER NOT NULL,
    -- Whose emails it may change; everybody's where there is none.
    customer_id TEXT REFERENCES customers (id),
    -- The beginning of the address as the sender knows it, where that is not what the settings say.
    public_url TEXT,
    created_at INTEGER NOT NULL,
    rotated_at INTEGER,
    disabled_at INTEGER,
    -- When something genuine came last, to a minute.
    used_at INTEGER
) STRICT;

-- What was signed of notifications whose body is not signed, with the body that it came with, for as long as its time is
-- inside the window. `id` counts up, so that the first and the last tell how many there may be.
CREATE TABLE source_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id TEXT NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL,
    body_hash BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (source_id, token_hash)
) STRICT;
CREATE INDEX source_tokens_by_end ON source_tokens (expires_at);
