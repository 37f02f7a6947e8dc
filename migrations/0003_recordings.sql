-- A sample of what scorers were given to judge, so that a candidate meets real mail before it serves. `input` is the
-- message as JSON: sealed under a key of the host (`encrypted`), or with what names a person replaced (`redacted`).
-- `input_digest` is an HMAC under another key of the host, so that nobody can try out what a message may have been.
-- `bytes` is the length of `input`, so that the index alone tells how much is kept.
CREATE TABLE recordings (
    id TEXT PRIMARY KEY,
    world TEXT NOT NULL CHECK (world IN ('scorer')),
    recorded_at INTEGER NOT NULL,
    customer_id TEXT NOT NULL REFERENCES customers (id),
    protection TEXT NOT NULL CHECK (protection IN ('encrypted', 'redacted')),
    input BLOB NOT NULL,
    input_digest BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    spam_score REAL,
    plugin TEXT
) STRICT;
CREATE INDEX recordings_by_id ON recordings (id, recorded_at, bytes, protection);

-- The headers that the normalizer was shown, as a JSON list of pairs, so that a replay gives it the same again.
ALTER TABLE notifications ADD COLUMN headers TEXT NOT NULL DEFAULT '[]';
