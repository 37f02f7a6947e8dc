-- Who says that a domain is its customer's: `service` for those it gives away itself, `operator` for whoever knew better
-- than to ask, `dns` for records that were found. NULL until somebody says so.
ALTER TABLE domains ADD COLUMN verified_by TEXT CHECK (verified_by IN ('service', 'operator', 'dns'));
UPDATE domains SET verified_by = 'service' WHERE verified_at IS NOT NULL;

-- The recipient's place in its email, from 0, `to` first. It stands in the bounce address of that copy.
ALTER TABLE recipients ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE recipients SET number = (SELECT COUNT(*) FROM recipients AS earlier WHERE earlier.email_id = recipients.email_id
    AND (CASE earlier.role WHEN 'to' THEN 1 WHEN 'cc' THEN 2 ELSE 3 END, earlier.address)
      < (CASE recipients.role WHEN 'to' THEN 1 WHEN 'cc' THEN 2 ELSE 3 END, recipients.address));

-- The keys that sign a domain's mail (RFC 6376, RFC 8463). The private half is sealed by AES-256-GCM under a key of the
-- host, for its domain and selector alone: a nonce of 12 bytes, the key as PKCS #1 (RSA) or PKCS #8 (Ed25519), a tag.
CREATE TABLE dkim_keys (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL REFERENCES domains (id),
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('rsa2048', 'ed25519')),
    -- `next` waits for its record in DNS, `active` signs, `retired` signs no more.
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    sealed BLOB NOT NULL,
    -- The value of `p=` in its record.
    public_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (domain_id, selector)
) STRICT;
