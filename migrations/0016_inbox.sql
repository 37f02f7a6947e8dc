-- The inbox: whatever came in by a webhook or came back as mail, as it came, and what was made of it. A row is on disk
-- before anybody is told that it was taken; everything else is done from here, and can be done again.
CREATE TABLE inbox (
    id TEXT PRIMARY KEY,
    -- `bounce` or `complaint`, as the public routes and returned mail are called, else the name of a source.
    source TEXT NOT NULL,
    -- The part of a source's address that nobody guesses; NULL where it came by a public route or as mail.
    source_id TEXT,
    -- The one provider that a source is for; NULL where the normalizer finds out.
    provider TEXT,
    -- The one customer whose emails it may be about; NULL for all.
    customer_id TEXT,
    -- Whether the source proved who it is.
    verified INTEGER NOT NULL,
    -- Further attributes for the normalizer, as a JSON list of pairs.
    settings TEXT NOT NULL,
    content_type TEXT NOT NULL,
    -- The headers that the normalizer is shown, as a JSON list of pairs.
    headers TEXT NOT NULL,
    -- What tells repetitions apart: the source's own key of the request, and the SHA-256 of what came.
    source_key TEXT,
    content_hash BLOB,
    received_at INTEGER NOT NULL,
    -- received: it waits to be read. normalized: it was read, and nothing in it is news about an email. matched: at
    -- least one event of it was recorded. unmatched: it was read, and its events fit no email. unparsed: no normalizer
    -- understands it. refused: the normalizer failed at it or was not to be had, and `error` says why.
    state TEXT NOT NULL CHECK (state IN ('received', 'normalized', 'matched', 'unmatched', 'unparsed', 'refused')),
    -- When it is to be read; while somebody reads it, when that lease ends. Means nothing in other states.
    due_at INTEGER NOT NULL,
    -- How often it was tried to read it.
    attempts INTEGER NOT NULL,
    -- How often it was read again after it had its state.
    replays INTEGER NOT NULL,
    -- When it got its state.
    settled_at INTEGER,
    -- `name@version` of the normalizer, and what it made of it, as JSON.
    plugin TEXT,
    outcome TEXT NOT NULL,
    -- For each event, which email it was matched to and how, as a JSON list.
    matches TEXT NOT NULL,
    error TEXT,
    -- Events that were recorded, that were known already, that fit no email, and of these the ones with a guess.
    accepted INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    unmatched INTEGER NOT NULL,
    guessed INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL,
    -- Last, so that reading the rest never reads it.
    body BLOB NOT NULL
) STRICT;
-- Until now nothing was tried twice, and what failed was told from what nobody knew by its outcome alone.
INSERT INTO inbox
    SELECT id, endpoint, NULL, NULL, NULL, 0, '[]', content_type, headers, NULL, NULL, received_at,
        CASE WHEN state = 'ignored' THEN 'normalized'
             WHEN state = 'unparsed' AND json_extract(outcome, '$.error') IS NOT NULL THEN 'refused'
             ELSE state END,
        received_at, 1, 0, received_at, plugin, outcome, '[]', json_extract(outcome, '$.error'),
        (SELECT COUNT(*) FROM reported_events WHERE notification_id = notifications.id), 0,
        CASE WHEN state = 'unmatched' THEN 1 ELSE 0 END, 0, length(body), body
    FROM notifications;
CREATE INDEX inbox_by_time ON inbox (received_at, id, body_bytes);
CREATE INDEX inbox_by_state ON inbox (state, id);
CREATE INDEX inbox_by_source ON inbox (source, id);
CREATE INDEX inbox_waiting ON inbox (due_at, body_bytes) WHERE state = 'received';
-- Those that changed nothing, oldest first: the room for them is bounded.
CREATE INDEX inbox_without_effect ON inbox (received_at, id, body_bytes) WHERE state NOT IN ('received', 'matched');
CREATE INDEX inbox_by_source_key ON inbox (source, source_key) WHERE source_key IS NOT NULL;
CREATE INDEX inbox_by_content ON inbox (content_hash);

-- Events that were taken from the inbox, by a key that tells repetitions apart. They outlive the row that they came
-- from, so that what is sent again later is still known.
CREATE TABLE taken_events (
    dedupe_key BLOB PRIMARY KEY,
    inbox_id TEXT NOT NULL,
    -- Email, recipient and kind alone: by it a row that is read again by another plugin knows what it told before.
    -- NULL in rows of before there was an inbox.
    subject_key BLOB,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO taken_events SELECT dedupe_key, notification_id, NULL, created_at FROM reported_events;
DROP TABLE reported_events;
ALTER TABLE taken_events RENAME TO reported_events;
CREATE INDEX reported_events_by_row ON reported_events (inbox_id);
CREATE INDEX reported_events_by_time ON reported_events (created_at);
DROP TABLE notifications;

-- For reports that name a recipient and no email.
CREATE INDEX recipients_by_address ON recipients (address, email_id);
