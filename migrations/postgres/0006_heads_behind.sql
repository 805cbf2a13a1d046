-- Heads are written behind the log, those of many commits at once: a head that its stream changes often is written seldom.
-- Up to `folded` they stand in the table; what came since is told by the events themselves.
ALTER TABLE store ADD COLUMN folded bigint NOT NULL DEFAULT 0;
UPDATE store SET folded = position;

-- An older version would believe the table alone: it must fail instead.
ALTER TABLE heads RENAME TO stream_heads;
