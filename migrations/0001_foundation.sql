-- Accounts. `requests_per_minute` NULL means the service's default, 0 means no limit.
CREATE TABLE customers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'pending')),
    monthly_email_limit INTEGER NOT NULL,
    max_domains INTEGER NOT NULL,
    requests_per_minute INTEGER,
    webhook_url TEXT,
    tracking_enabled INTEGER NOT NULL,
    open_tracking_enabled INTEGER NOT NULL,
    click_tracking_enabled INTEGER NOT NULL,
    enable_event_tracking INTEGER NOT NULL,
    enable_event_api INTEGER NOT NULL,
    privacy_level TEXT NOT NULL CHECK (privacy_level IN ('full', 'masked', 'minimal')),
    created_at INTEGER NOT NULL
) STRICT;

-- Only the SHA-256 of a key is kept: 256 random bits need no salt. `expires_at` is set by a rotation with grace.
CREATE TABLE api_keys (
    hash BLOB PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    sandbox INTEGER NOT NULL,
    masked TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_customer ON api_keys (customer_id);

-- Sending domains. Mail of a sandbox domain only ever goes to the capture mailbox.
CREATE TABLE domains (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    name TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('pending', 'verified', 'failed')),
    sandbox INTEGER NOT NULL,
    open_tracking_enabled INTEGER,
    click_tracking_enabled INTEGER,
    created_at INTEGER NOT NULL,
    verified_at INTEGER
) STRICT;
CREATE INDEX domains_by_customer ON domains (customer_id, verified_at);

-- One row for each accepted email. `recipient` is the `to` address; all recipients stand in `recipients`.
CREATE TABLE emails (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    domain_id TEXT NOT NULL REFERENCES domains (id),
    message_id TEXT NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    tag TEXT,
    stream_type TEXT NOT NULL CHECK (stream_type IN ('transactional', 'broadcast')),
    metadata TEXT,
    status TEXT NOT NULL,
    score TEXT,
    submitted_at INTEGER NOT NULL,
    send_at INTEGER
) STRICT;
CREATE INDEX emails_by_customer ON emails (customer_id, submitted_at, id);

CREATE TABLE recipients (
    email_id TEXT NOT NULL REFERENCES emails (id),
    address TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('to', 'cc', 'bcc')),
    status TEXT NOT NULL,
    PRIMARY KEY (email_id, address)
) STRICT, WITHOUT ROWID;

-- The finished message of an email, as it goes out.
CREATE TABLE messages (
    email_id TEXT PRIMARY KEY REFERENCES emails (id),
    raw BLOB NOT NULL
) STRICT;

-- What was accepted and is not handed over yet.
CREATE TABLE queue (
    email_id TEXT PRIMARY KEY REFERENCES emails (id),
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_by_time ON queue (due_at);

-- One row for each handing over of an email: what was tried, where, and what came of it.
CREATE TABLE attempts (
    email_id TEXT NOT NULL REFERENCES emails (id),
    at INTEGER NOT NULL,
    host TEXT NOT NULL,
    code INTEGER NOT NULL,
    response TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_by_email ON attempts (email_id, at);

-- The capture mailbox: mail that the capture outlet took.
CREATE TABLE captured (
    email_id TEXT PRIMARY KEY REFERENCES emails (id),
    captured_at INTEGER NOT NULL
) STRICT;
CREATE INDEX captured_by_time ON captured (captured_at, email_id);

CREATE TABLE events (
    id TEXT PRIMARY KEY,
    email_id TEXT NOT NULL REFERENCES emails (id),
    customer_id TEXT NOT NULL REFERENCES customers (id),
    event_type TEXT NOT NULL,
    status TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sender TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    event_data TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_customer ON events (customer_id, occurred_at, id);
CREATE INDEX events_by_email ON events (email_id, occurred_at, id);
-- For counting an address's recent bounces.
CREATE INDEX bounces_by_recipient ON events (customer_id, recipient, occurred_at) WHERE event_type = 'bounced';

-- Counters kept in the same unit of work as what they count. `month` is `YYYY-MM` in UTC.
CREATE TABLE monthly_usage (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    month TEXT NOT NULL,
    counter TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (customer_id, month, counter)
) STRICT, WITHOUT ROWID;

-- Addresses that a customer's mail no longer goes to. `stream_type` NULL stands for every stream.
CREATE TABLE suppressions (
    id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    address TEXT NOT NULL,
    stream_type TEXT,
    cause TEXT NOT NULL,
    reason TEXT,
    email_id TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX suppressions_by_address ON suppressions (customer_id, address, COALESCE(stream_type, ''));

-- Answers that a repeated Idempotency-Key gets again. `request_hash` is the SHA-256 of the body.
CREATE TABLE idempotency (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    reply TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (customer_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_time ON idempotency (created_at);

-- What came in by a webhook, with its raw body, and what was made of it.
CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    plugin TEXT,
    state TEXT NOT NULL CHECK (state IN ('matched', 'unmatched', 'ignored', 'unparsed')),
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX notifications_by_time ON notifications (received_at, id);
-- Those that changed nothing, oldest first: the room for them is bounded, and finding the ones to drop must not read
-- the bodies of all.
CREATE INDEX notifications_without_effect ON notifications (received_at, id) WHERE state <> 'matched';

-- Events that were taken from notifications, by a key that tells repetitions apart.
CREATE TABLE reported_events (
    dedupe_key BLOB PRIMARY KEY,
    notification_id TEXT NOT NULL REFERENCES notifications (id),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Dropping a notification asks whether an event was taken from it.
CREATE INDEX reported_events_by_notification ON reported_events (notification_id);
