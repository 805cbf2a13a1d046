//! The statements of a commit.

use tokio_postgres::{Client, Statement};

use crate::error::PgError;
use crate::heads::BEHIND;

/// The prepared statements of the committer's connection.
pub(crate) struct Statements {
    pub lock: Statement,
    pub logs: Statement,
    pub behind: Statement,
    pub heads: Statement,
    pub commands: Statement,
    pub put_events: Statement,
    pub put_commands: Statement,
    pub put_disclosures: Statement,
    pub copy_events: Statement,
    pub copy_commands: Statement,
    pub copy_disclosures: Statement,
    pub put_tiles: Statement,
    pub put_logs: Statement,
    pub put_position: Statement,
}

impl Statements {
    pub async fn prepare(client: &Client) -> Result<Self, PgError> {
        let logs = format!("SELECT {} FROM logs WHERE tenant = ANY($1)", crate::logs::LOG_COLUMNS);
        Ok(Self {
            lock: client.prepare("SELECT position FROM store FOR UPDATE").await?,
            logs: client.prepare(&logs).await?,
            behind: client.prepare(BEHIND).await?,
            heads: client.prepare(HEADS).await?,
            commands: client.prepare(COMMANDS).await?,
            put_events: client.prepare(PUT_EVENTS).await?,
            put_commands: client.prepare(PUT_COMMANDS).await?,
            put_disclosures: client.prepare(PUT_DISCLOSURES).await?,
            copy_events: client.prepare(COPY_EVENTS).await?,
            copy_commands: client.prepare(COPY_COMMANDS).await?,
            copy_disclosures: client.prepare(COPY_DISCLOSURES).await?,
            put_tiles: client.prepare(PUT_TILES).await?,
            put_logs: client.prepare(PUT_LOGS).await?,
            put_position: client.prepare(PUT_POSITION).await?,
        })
    }
}

// LATERAL with OFFSET 0 keeps the planner from scanning the whole table for a few hundred keys.
const HEADS: &str = r#"
    SELECT h.log, h.stream, h.seq, h.hash
    FROM unnest($1::text[], $2::text[]) AS w (tenant, stream) JOIN logs l ON l.tenant = w.tenant
    CROSS JOIN LATERAL
        (SELECT * FROM stream_heads s WHERE s.log = l.log AND s.stream = w.stream COLLATE "C" OFFSET 0) h"#;
const COMMANDS: &str = r#"
    SELECT c.log, c.id, c.mac, c.first_idx, c.last_idx, c.position
    FROM unnest($1::text[], $2::text[]) AS w (tenant, id) JOIN logs l ON l.tenant = w.tenant
    CROSS JOIN LATERAL
        (SELECT * FROM commands WHERE commands.log = l.log AND commands.id = w.id COLLATE "C" OFFSET 0) c"#;
const PUT_EVENTS: &str = "
    INSERT INTO events (position, log, idx, kind, header, signature, leaf)
    SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::integer[], $5::bytea[], $6::bytea[],
                         $7::bytea[])";
const PUT_COMMANDS: &str = "
    INSERT INTO commands (log, id, mac, first_idx, last_idx, position)
    SELECT * FROM unnest($1::integer[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[])";
const PUT_DISCLOSURES: &str = "
    INSERT INTO disclosures (log, idx, number, subject, ciphertext)
    SELECT * FROM unnest($1::integer[], $2::bigint[], $3::smallint[], $4::text[], $5::bytea[])";
const COPY_EVENTS: &str = "
    COPY events (position, log, idx, kind, header, signature, leaf) FROM STDIN (FORMAT binary)";
const COPY_COMMANDS: &str = "
    COPY commands (log, id, mac, first_idx, last_idx, position) FROM STDIN (FORMAT binary)";
const COPY_DISCLOSURES: &str = "
    COPY disclosures (log, idx, number, subject, ciphertext) FROM STDIN (FORMAT binary)";
const PUT_TILES: &str = "
    INSERT INTO tiles (log, level, idx, hashes)
    SELECT * FROM unnest($1::integer[], $2::smallint[], $3::bigint[], $4::bytea[])
    ON CONFLICT (log, level, idx) DO UPDATE SET hashes = excluded.hashes";
const PUT_LOGS: &str = "
    UPDATE logs SET size = w.size, root = w.root, active_kid = w.kid, last_position = w.position
    FROM unnest($1::integer[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[])
         AS w (log, size, root, kid, position)
    WHERE logs.log = w.log";
const PUT_POSITION: &str =
    "WITH moved AS (UPDATE store SET position = $1) SELECT pg_notify('ledger', $1::bigint::text)";
