-- True for mail that never leaves the machine, whatever the outlets: sent with a sandbox key or from a sandbox domain.
ALTER TABLE emails ADD COLUMN sandbox INTEGER NOT NULL DEFAULT 0;
UPDATE emails SET sandbox = 1 WHERE domain_id IN (SELECT id FROM domains WHERE sandbox = 1);
-- What a bulk send gave each of its emails in common.
ALTER TABLE emails ADD COLUMN bulk_id TEXT;

-- The outlet of a domain's mail, where it is not the service's: capture, relay or mx.
ALTER TABLE domains ADD COLUMN outlet TEXT CHECK (outlet IN ('capture', 'relay', 'mx'));

-- One row for each recipient's copy that has not reached its end. A copy that is being handed over is leased: its
-- `due_at` is then the end of the lease, so that a worker that died gives it back by itself.
CREATE TABLE waiting (
    email_id TEXT NOT NULL REFERENCES emails (id),
    -- As in `recipients`.
    address TEXT NOT NULL,
    -- As its sender spelled it.
    recipient TEXT NOT NULL,
    -- The domain of the address; empty for sandbox mail.
    destination TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    -- Attempts that ended.
    attempts INTEGER NOT NULL,
    leased INTEGER NOT NULL,
    PRIMARY KEY (email_id, address)
) STRICT, WITHOUT ROWID;
-- Until now every domain was a sandbox.
INSERT INTO waiting SELECT queue.email_id, address, address, '', due_at, 0, 0
    FROM queue JOIN recipients ON recipients.email_id = queue.email_id;
DROP TABLE queue;
ALTER TABLE waiting RENAME TO queue;
CREATE INDEX queue_by_destination ON queue (destination, due_at);
CREATE INDEX queue_leased ON queue (email_id) WHERE leased = 1;

-- Destinations that an operator holds back.
CREATE TABLE paused_destinations (
    destination TEXT PRIMARY KEY,
    paused_at INTEGER NOT NULL,
    reason TEXT
) STRICT, WITHOUT ROWID;

-- Whose copy it was, and the enhanced status code of the answer (RFC 3463).
ALTER TABLE attempts ADD COLUMN recipient TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN enhanced_code TEXT;

-- Headers that the outlet put in front of a captured message: its return path and signatures.
ALTER TABLE captured ADD COLUMN headers BLOB NOT NULL DEFAULT x'';
