-- The password that a customer's mail programs submit mail with, hashed by argon2id (RFC 9106).
CREATE TABLE smtp_credentials (
    customer_id TEXT PRIMARY KEY REFERENCES customers (id),
    password_hash TEXT NOT NULL,
    password_set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
