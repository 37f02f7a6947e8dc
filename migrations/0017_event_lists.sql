-- How many events there are of each type, by the day (UTC) that they happened on, so that a list of events says how long it
-- is without being read. Kept in the unit of work that stores or drops an event.
CREATE TABLE event_counts (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    event_type TEXT NOT NULL,
    -- When the day begins.
    day INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (customer_id, event_type, day)
) STRICT, WITHOUT ROWID;
INSERT INTO event_counts SELECT customer_id, event_type,
    occurred_at - ((occurred_at % 86400000) + 86400000) % 86400000 AS day, COUNT(*) FROM events GROUP BY 1, 2, 3;

-- Events that are too few to be found by reading through all of them.
CREATE INDEX events_of_rare_types ON events (customer_id, event_type, occurred_at, id)
    WHERE event_type IN ('deferred', 'bounced', 'failed', 'canceled', 'complained', 'unsubscribed');

-- Which emails have events to or from an address, in lower case. `part` is where the address stands in the next table.
CREATE TABLE event_addresses (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    role TEXT NOT NULL CHECK (role IN ('to', 'from')),
    address TEXT NOT NULL,
    email_id TEXT NOT NULL REFERENCES emails (id),
    part INTEGER NOT NULL,
    PRIMARY KEY (customer_id, role, address, email_id)
) STRICT, WITHOUT ROWID;

-- The same addresses, each once, many in a text: with a line feed before the first and behind each. A part of an address is
-- looked for in these texts.
CREATE TABLE event_address_parts (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    role TEXT NOT NULL CHECK (role IN ('to', 'from')),
    part INTEGER NOT NULL,
    addresses TEXT NOT NULL,
    UNIQUE (customer_id, role, part)
) STRICT;

-- Has a row while emails of before this migration are still to be entered into these two; `done_until` is the id of the
-- last one that was.
CREATE TABLE event_address_backlog (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    done_until TEXT NOT NULL
) STRICT;
INSERT INTO event_address_backlog SELECT 1, '' WHERE EXISTS (SELECT 1 FROM emails);

-- For how many days this node keeps the events of a customer that is not treated as all others are; 0 for ever.
CREATE TABLE customer_retention (
    customer_id TEXT PRIMARY KEY REFERENCES customers (id),
    event_days INTEGER NOT NULL CHECK (event_days >= 0)
) STRICT, WITHOUT ROWID;
