-- Every version of every plugin, kept for ever. `component` holds the bytes that were installed, `declaration` what the
-- plugin said of itself as JSON. `checked_at` is when it last answered every sample, and `check_failure` says why it did
-- not. `retired_at` is when an operator put it aside. `signature` is the document that came with it and `signed_by` the
-- key that made it.
CREATE TABLE plugins (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    world TEXT NOT NULL CHECK (world IN ('scorer', 'normalizer')),
    wit_version TEXT NOT NULL,
    digest TEXT NOT NULL,
    summary TEXT NOT NULL,
    declaration TEXT NOT NULL,
    component BLOB NOT NULL,
    built_in INTEGER NOT NULL,
    installed_at INTEGER NOT NULL,
    installed_by TEXT NOT NULL,
    signature TEXT,
    signed_by TEXT,
    checked_at INTEGER,
    check_failure TEXT,
    served_at INTEGER,
    retired_at INTEGER,
    PRIMARY KEY (name, version)
) STRICT;

-- Who changed what serves, when and why. `deployment` is the whole of it after the change, as JSON: the newest row is
-- what serves, and `sequence` its generation. `hash` is over all of a row and the hash of the one before it, under a key
-- of the host, so that no row can be altered or taken out unseen.
CREATE TABLE plugin_log (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    action TEXT NOT NULL,
    world TEXT,
    name TEXT,
    from_version TEXT,
    to_version TEXT,
    why TEXT,
    deployment TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;

-- Which state of the deployment each node serves, and what it could not load.
CREATE TABLE plugin_nodes (
    node TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    troubles TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
