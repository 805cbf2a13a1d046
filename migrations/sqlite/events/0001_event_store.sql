-- The event store. Forward-only: a later change is a later file.
-- Nothing here is indexed at random places in the hot path: every table grows at its right edge, but `heads`,
-- which holds one small row a stream.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a tenant's log; size, root and key epoch change in the transaction that appends.
CREATE TABLE logs (
    log             INTEGER PRIMARY KEY,
    tenant          TEXT NOT NULL UNIQUE,
    slot            INTEGER UNIQUE,
    origin          TEXT NOT NULL UNIQUE,
    size            INTEGER NOT NULL DEFAULT 0,
    root            BLOB NOT NULL,
    -- NULL before the genesis, and after the active key was revoked.
    active_kid      BLOB,
    last_position   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What a log was known to be before a loss was accepted (`ledger recover --accept-loss`). The row stays; it is
-- pending until the log's next genesis names it.
CREATE TABLE successions (
    log     INTEGER NOT NULL REFERENCES logs (log),
    origin  TEXT NOT NULL,
    size    INTEGER NOT NULL,
    root    BLOB NOT NULL,
    pending INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (log, origin)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    log  INTEGER PRIMARY KEY REFERENCES logs (log),
    size INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;

-- Event types and stream categories, interned so that a filter compares one small number.
CREATE TABLE kinds (
    kind     INTEGER PRIMARY KEY,
    type     TEXT NOT NULL,
    category TEXT NOT NULL,
    UNIQUE (type, category)
) STRICT;

-- `back`: position of the event before in the stream, NULL at seq 0.
-- `jump`: position of the event at seq & (seq - 1), NULL where that is `back` (odd seq) or there is none.
CREATE TABLE events (
    position  INTEGER PRIMARY KEY,
    log       INTEGER NOT NULL,
    idx       INTEGER NOT NULL,
    kind      INTEGER NOT NULL,
    back      INTEGER,
    jump      INTEGER,
    header    BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TRIGGER events_are_never_updated BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'an event is never changed');
END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'an event is never deleted');
END;

-- `ancestors`: positions of the events at seq & (seq - 1) and so on down to 0, for the jumps of the next event.
CREATE TABLE heads (
    log       INTEGER NOT NULL,
    stream    TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    ancestors BLOB NOT NULL,
    PRIMARY KEY (log, stream)
) STRICT, WITHOUT ROWID;

-- Index to position: from `idx` on, the log's events lie at consecutive positions from `position` on, up to the
-- next row of the log. One row each time another log's events come between.
CREATE TABLE runs (
    log      INTEGER NOT NULL,
    idx      INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (log, idx)
) STRICT, WITHOUT ROWID;

-- Full tiles of every level, and the open tile of every level above 0; the open tile of level 0 is made from the
-- events. `tile` = log << 40 | level << 36 | index.
CREATE TABLE tiles (
    tile   INTEGER PRIMARY KEY,
    hashes BLOB NOT NULL
) STRICT;

CREATE TABLE commands (
    log       INTEGER NOT NULL,
    id        TEXT NOT NULL,
    mac       BLOB NOT NULL,
    first_idx INTEGER NOT NULL,
    last_idx  INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    PRIMARY KEY (log, id)
) STRICT, WITHOUT ROWID;

-- `disclosure` = position << 8 | number in the event. `subject` is NULL for confidential members.
CREATE TABLE disclosures (
    disclosure INTEGER PRIMARY KEY,
    log        INTEGER NOT NULL,
    idx        INTEGER NOT NULL,
    subject    TEXT,
    ciphertext BLOB NOT NULL
) STRICT;

CREATE INDEX disclosures_of_subject ON disclosures (log, subject) WHERE subject IS NOT NULL;

CREATE TABLE secrets (
    tenant  TEXT NOT NULL,
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    PRIMARY KEY (tenant, kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE anchors (
    root BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE anchor_leaves (
    root BLOB NOT NULL,
    slot INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (root, slot)
) STRICT, WITHOUT ROWID;
