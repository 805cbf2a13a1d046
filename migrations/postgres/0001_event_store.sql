-- The event store. Forward-only: a later change is a later file.

-- One row: whoever commits holds its lock from its checks to its commit, so commit order is position order, in
-- all processes, and a rollback leaves no gap. Never a sequence.
CREATE TABLE store (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    id       bytea   NOT NULL,
    position bigint  NOT NULL DEFAULT 0
);

-- One row a tenant's log; size, root and key epoch change in the transaction that appends.
CREATE TABLE logs (
    log           integer PRIMARY KEY,
    tenant        text    NOT NULL UNIQUE,
    slot          integer UNIQUE,
    origin        text    NOT NULL UNIQUE,
    size          bigint  NOT NULL DEFAULT 0,
    root          bytea   NOT NULL,
    -- NULL before the genesis, and after the active key was revoked.
    active_kid    bytea,
    last_position bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE checkpoints (
    log  integer PRIMARY KEY REFERENCES logs (log),
    size bigint  NOT NULL,
    note text    NOT NULL
);

-- Event types and stream categories, interned so that a filter compares one small number.
CREATE TABLE kinds (
    kind     integer PRIMARY KEY,
    type     text NOT NULL,
    category text NOT NULL,
    UNIQUE (type, category)
);

CREATE TABLE events (
    position  bigint  PRIMARY KEY,
    log       integer NOT NULL,
    idx       bigint  NOT NULL,
    kind      integer NOT NULL,
    header    bytea   NOT NULL,
    signature bytea   NOT NULL,
    -- RFC 6962 leaf hash: what another process needs to take the tree up.
    leaf      bytea   NOT NULL,
    UNIQUE (log, idx)
);
-- Compressing signed JSON costs more than it saves, and it is read as it is.
ALTER TABLE events ALTER COLUMN header SET STORAGE EXTERNAL;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an event is never changed or deleted';
END $$;

CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- `recent`: the positions of the stream's last revisions, from the last multiple of 32 on. When they are 32 they
-- move to `stream_pages`: an index of (stream, revision) that is written once in 32 events.
CREATE TABLE heads (
    log    integer  NOT NULL,
    stream text     NOT NULL COLLATE "C",
    seq    bigint   NOT NULL,
    hash   bytea    NOT NULL,
    recent bigint[] NOT NULL,
    PRIMARY KEY (log, stream)
) WITH (fillfactor = 70);

CREATE TABLE stream_pages (
    log       integer  NOT NULL,
    stream    text     NOT NULL COLLATE "C",
    page      bigint   NOT NULL,
    positions bigint[] NOT NULL,
    PRIMARY KEY (log, stream, page)
);

-- Full tiles of every level, and the open tile of every level above 0.
CREATE TABLE tiles (
    log    integer  NOT NULL,
    level  smallint NOT NULL,
    idx    bigint   NOT NULL,
    hashes bytea    NOT NULL,
    PRIMARY KEY (log, level, idx)
);
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE commands (
    log       integer NOT NULL,
    id        text    NOT NULL COLLATE "C",
    mac       bytea   NOT NULL,
    first_idx bigint  NOT NULL,
    last_idx  bigint  NOT NULL,
    position  bigint  NOT NULL,
    PRIMARY KEY (log, id)
);

-- `subject` is NULL for confidential members.
CREATE TABLE disclosures (
    log        integer  NOT NULL,
    idx        bigint   NOT NULL,
    number     smallint NOT NULL,
    subject    text COLLATE "C",
    ciphertext bytea    NOT NULL,
    PRIMARY KEY (log, idx, number)
);
CREATE INDEX disclosures_of_subject ON disclosures (log, subject) WHERE subject IS NOT NULL;

CREATE TABLE secrets (
    tenant  text  NOT NULL COLLATE "C",
    kind    text  NOT NULL COLLATE "C",
    id      text  NOT NULL COLLATE "C",
    wrapped bytea NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);

CREATE TABLE blobs (
    tenant     text  NOT NULL COLLATE "C",
    id         text  NOT NULL COLLATE "C",
    ciphertext bytea NOT NULL,
    PRIMARY KEY (tenant, id)
);
ALTER TABLE blobs ALTER COLUMN ciphertext SET STORAGE EXTERNAL;

CREATE TABLE anchors (
    root bytea PRIMARY KEY
);

CREATE TABLE anchor_leaves (
    root bytea   NOT NULL REFERENCES anchors (root),
    slot integer NOT NULL,
    text text    NOT NULL,
    PRIMARY KEY (root, slot)
);
