-- What emails are counted apart by. There is one row for each combination that a customer used; `tag` is '' for none.
CREATE TABLE stat_scopes (
    id INTEGER PRIMARY KEY,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    domain_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    stream_type TEXT NOT NULL,
    UNIQUE (customer_id, domain_id, tag, stream_type)
) STRICT;
ALTER TABLE emails ADD COLUMN scope_id INTEGER REFERENCES stat_scopes (id);
INSERT INTO stat_scopes (customer_id, domain_id, tag, stream_type)
    SELECT DISTINCT customer_id, domain_id, COALESCE(tag, ''), stream_type FROM emails;
UPDATE emails SET scope_id = (SELECT stat_scopes.id FROM stat_scopes
    WHERE stat_scopes.customer_id = emails.customer_id AND stat_scopes.domain_id = emails.domain_id
    AND stat_scopes.tag = COALESCE(emails.tag, '') AND stat_scopes.stream_type = emails.stream_type);

-- What happened in each hour and again in each day (UTC), counted in the unit of work of what is counted. `starts_at` is
-- when the hour or day begins. Kept for ever.
CREATE TABLE stat_counts (
    scope_id INTEGER NOT NULL REFERENCES stat_scopes (id),
    span TEXT NOT NULL CHECK (span IN ('hour', 'day')),
    starts_at INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    bounced_hard INTEGER NOT NULL,
    bounced_soft INTEGER NOT NULL,
    bounced_untyped INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    complained INTEGER NOT NULL,
    unsubscribed INTEGER NOT NULL,
    human_opens INTEGER NOT NULL,
    suspicious_opens INTEGER NOT NULL,
    scanner_opens INTEGER NOT NULL,
    human_clicks INTEGER NOT NULL,
    suspicious_clicks INTEGER NOT NULL,
    scanner_clicks INTEGER NOT NULL,
    -- Emails whose first open or click, of anybody or of this class, it was.
    unique_opens INTEGER NOT NULL,
    unique_human_opens INTEGER NOT NULL,
    unique_scanner_opens INTEGER NOT NULL,
    unique_clicks INTEGER NOT NULL,
    unique_human_clicks INTEGER NOT NULL,
    unique_scanner_clicks INTEGER NOT NULL,
    PRIMARY KEY (scope_id, span, starts_at)
) STRICT, WITHOUT ROWID;

-- The same by what only some events have: the class of a bounce, and what opened or clicked.
CREATE TABLE stat_details (
    scope_id INTEGER NOT NULL REFERENCES stat_scopes (id),
    span TEXT NOT NULL CHECK (span IN ('hour', 'day')),
    kind TEXT NOT NULL CHECK (kind IN ('bounce_class', 'open_client', 'click_client')),
    starts_at INTEGER NOT NULL,
    word TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (scope_id, span, kind, starts_at, word)
) STRICT, WITHOUT ROWID;

-- Finds the first open or click of each class without reading the others. What nobody judged may be a machine's.
CREATE INDEX hits_by_class ON events
    (email_id, event_type, COALESCE(json_extract(event_data, '$.client.class'), 'suspicious'), occurred_at)
    WHERE event_type IN ('opened', 'clicked') AND json_extract(event_data, '$.canary') IS NULL;

-- Until when events are gone, by customer: what happened before is counted and cannot be counted again.
CREATE TABLE event_retention (
    customer_id TEXT PRIMARY KEY REFERENCES customers (id),
    gone_before INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Has a row while events of before this migration are to be counted.
CREATE TABLE stat_backlog (
    only INTEGER PRIMARY KEY CHECK (only = 1)
) STRICT;
INSERT INTO stat_backlog SELECT 1 WHERE EXISTS (SELECT 1 FROM events);
