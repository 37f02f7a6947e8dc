-- How far each journal is taken over into this database: all records before this place of this segment. It moves in the
-- same transaction as what was taken over, so that nothing is twice and nothing is left out.
CREATE TABLE journal_cursor (
    journal TEXT PRIMARY KEY,
    segment INTEGER NOT NULL,
    byte_offset INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
