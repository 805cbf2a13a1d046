-- What a log was known to be before a loss was accepted (`ledger recover --accept-loss`). The row stays; it is pending
-- until a genesis among the entries from `has` on names it.
CREATE TABLE successions (
    log    integer NOT NULL REFERENCES logs (log),
    origin text    NOT NULL,
    size   bigint  NOT NULL,
    root   bytea   NOT NULL,
    -- How many entries the log had when the loss was accepted.
    has    bigint  NOT NULL,
    PRIMARY KEY (log, origin)
);

-- A recovery was begun whose head file is not known to be written.
ALTER TABLE store ADD COLUMN recovering boolean NOT NULL DEFAULT false;
