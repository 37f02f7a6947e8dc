-- What an account's mail was last judged to be: `score` is JSON as the API shows it.
CREATE TABLE health_scores (
    customer_id TEXT PRIMARY KEY REFERENCES customers (id),
    calculated_at INTEGER NOT NULL,
    score TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Accounts that were stopped because too much of their mail bounced or was complained about, with what was counted then.
-- `lifted_at` is when it ended; what happened before that is not counted again.
CREATE TABLE sending_stops (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    cause TEXT NOT NULL CHECK (cause IN ('bounces', 'complaints')),
    stopped_at INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    lifted_at INTEGER,
    PRIMARY KEY (customer_id, cause)
) STRICT, WITHOUT ROWID;
