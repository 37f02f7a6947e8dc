-- The keys behind tracking tokens, by the id that stands in each token. The key itself follows from the host's key and the
-- id. `next` signs nothing yet and is known wherever tokens are checked, `active` signs, `old` signs no more and counts,
-- `retired` counts no more. An id is never given twice.
CREATE TABLE tracking_keys (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 255),
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'old', 'retired')),
    created_at INTEGER NOT NULL,
    -- When it began to sign, when it ended, and when it ceased to count.
    active_at INTEGER,
    old_at INTEGER,
    retired_at INTEGER
) STRICT;

-- One key of a kind, at all times.
CREATE UNIQUE INDEX tracking_keys_in_use ON tracking_keys (state) WHERE state IN ('next', 'active');

-- The key of the tokens that are out there already, and one that was never used.
INSERT INTO tracking_keys (id, state, created_at, active_at) VALUES (1, 'active', 0, 0), (2, 'next', 0, NULL);
