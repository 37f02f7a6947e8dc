-- By which way an unsubscribe came: link, one-click, api or manual. NULL for every other cause.
ALTER TABLE suppressions ADD COLUMN source TEXT;
UPDATE suppressions SET source = 'link' WHERE cause = 'unsubscribe';

-- An address may be suppressed for several causes at once, so that lifting one leaves the others.
DROP INDEX suppressions_by_address;
CREATE UNIQUE INDEX suppressions_by_address
    ON suppressions (customer_id, address, COALESCE(stream_type, ''), cause);
CREATE INDEX suppressions_by_customer ON suppressions (customer_id, id);

-- The bulk send that a key was used for. While it is not finished, `reply` is empty and its parts stand below.
ALTER TABLE idempotency ADD COLUMN bulk_id TEXT;

-- What a bulk send with a key has come to so far, so that it goes on where it was broken off. `first` is the index of
-- the part's first recipient, `results` a JSON list of results without its brackets.
CREATE TABLE bulk_parts (
    customer_id TEXT NOT NULL,
    key TEXT NOT NULL,
    first INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    results TEXT NOT NULL,
    PRIMARY KEY (customer_id, key, first),
    FOREIGN KEY (customer_id, key) REFERENCES idempotency (customer_id, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
