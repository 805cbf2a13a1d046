-- Of what one process at a time may do: who does it, and how far it has come. The clock is the server's alone.
CREATE TABLE leases (
    name   text        PRIMARY KEY COLLATE "C",
    holder text        NOT NULL,
    -- How often the holder has changed: what is kept under an older epoch is refused.
    epoch  bigint      NOT NULL,
    until  timestamptz NOT NULL,
    place  bytea       NOT NULL DEFAULT ''
);
