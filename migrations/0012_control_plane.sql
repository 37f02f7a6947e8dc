-- Where this node is in the log of its cluster's control plane: the unit of work that its control tables ended with last.
-- There is one row, or none on a node that belongs to no cluster. It moves in the same transaction as what was applied.
CREATE TABLE control_cursor (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    cluster TEXT NOT NULL,
    revision INTEGER NOT NULL,
    unit_id TEXT NOT NULL
) STRICT;
