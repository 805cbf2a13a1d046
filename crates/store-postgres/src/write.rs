//! What a commit writes, as arrays: one statement a table, all sent at once with the commit.

use std::collections::{BTreeSet, HashMap};

use ledger::domain::Class;
use ledger::event::SealedEvent;
use ledger::ids::StreamId;
use ledger::tile::{TILE_BYTES, TileBuilder};
use ledger_store::{CommandReceipt, CommandRecord};
use tokio_postgres::{Client, Statement};

use crate::batch::Batch;
use crate::error::PgError;
use crate::rows::signed;

/// The prepared statements of the committer's connection.
pub(crate) struct Statements {
    pub lock: Statement,
    pub logs: Statement,
    pub heads: Statement,
    pub commands: Statement,
    put_events: Statement,
    put_heads: Statement,
    put_pages: Statement,
    put_commands: Statement,
    put_disclosures: Statement,
    put_tiles: Statement,
    put_logs: Statement,
    put_position: Statement,
}

impl Statements {
    pub async fn prepare(client: &Client) -> Result<Self, PgError> {
        let logs = format!("SELECT {} FROM logs WHERE tenant = ANY($1)", crate::logs::LOG_COLUMNS);
        Ok(Self {
            lock: client.prepare("SELECT position FROM store FOR UPDATE").await?,
            logs: client.prepare(&logs).await?,
            heads: client.prepare(HEADS).await?,
            commands: client.prepare(COMMANDS).await?,
            put_events: client.prepare(PUT_EVENTS).await?,
            put_heads: client.prepare(PUT_HEADS).await?,
            put_pages: client.prepare(PUT_PAGES).await?,
            put_commands: client.prepare(PUT_COMMANDS).await?,
            put_disclosures: client.prepare(PUT_DISCLOSURES).await?,
            put_tiles: client.prepare(PUT_TILES).await?,
            put_logs: client.prepare(PUT_LOGS).await?,
            put_position: client.prepare(PUT_POSITION).await?,
        })
    }
}

// LATERAL with OFFSET 0 keeps the planner from scanning the whole table for a few hundred keys.
const HEADS: &str = r#"
    SELECT h.log, h.stream, h.seq, h.hash, h.recent
    FROM unnest($1::text[], $2::text[]) AS w (tenant, stream) JOIN logs l ON l.tenant = w.tenant
    CROSS JOIN LATERAL
        (SELECT * FROM heads WHERE heads.log = l.log AND heads.stream = w.stream COLLATE "C" OFFSET 0) h"#;
const COMMANDS: &str = r#"
    SELECT c.log, c.id, c.mac, c.first_idx, c.last_idx, c.position
    FROM unnest($1::text[], $2::text[]) AS w (tenant, id) JOIN logs l ON l.tenant = w.tenant
    CROSS JOIN LATERAL
        (SELECT * FROM commands WHERE commands.log = l.log AND commands.id = w.id COLLATE "C" OFFSET 0) c"#;
const PUT_EVENTS: &str = "
    INSERT INTO events (position, log, idx, kind, header, signature, leaf)
    SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::integer[], $5::bytea[], $6::bytea[],
                         $7::bytea[])";
// Arrays of arrays must be rectangular, so `recent` travels as text.
const PUT_HEADS: &str = "
    INSERT INTO heads (log, stream, seq, hash, recent)
    SELECT log, stream, seq, hash, recent::bigint[]
    FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bytea[], $5::text[])
         AS w (log, stream, seq, hash, recent)
    ON CONFLICT (log, stream) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, recent = excluded.recent";
const PUT_PAGES: &str = "
    INSERT INTO stream_pages (log, stream, page, positions)
    SELECT log, stream, page, positions::bigint[]
    FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[]) AS w (log, stream, page, positions)";
const PUT_COMMANDS: &str = "
    INSERT INTO commands (log, id, mac, first_idx, last_idx, position)
    SELECT * FROM unnest($1::integer[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[])";
const PUT_DISCLOSURES: &str = "
    INSERT INTO disclosures (log, idx, number, subject, ciphertext)
    SELECT * FROM unnest($1::integer[], $2::bigint[], $3::smallint[], $4::text[], $5::bytea[])";
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

/// The rows of one commit.
#[derive(Default)]
pub(crate) struct Write<'a> {
    pub events: Vec<(i32, u64, u64, &'a SealedEvent)>,
    pub changed_heads: BTreeSet<(i32, StreamId)>,
    pages: Vec<(i32, StreamId, i64, String)>,
    commands: Vec<(i32, &'a CommandRecord, CommandReceipt)>,
}

fn array_text(positions: &[i64]) -> String {
    let numbers: Vec<String> = positions.iter().map(i64::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

impl<'a> Write<'a> {
    pub fn event(&mut self, log: i32, index: u64, position: u64, event: &'a SealedEvent) {
        self.events.push((log, index, position, event));
    }

    pub fn page(&mut self, key: &(i32, StreamId), page: i64, positions: Vec<i64>) {
        self.pages.push((key.0, key.1.clone(), page, array_text(&positions)));
    }

    pub fn command(&mut self, log: i32, command: &'a CommandRecord, receipt: CommandReceipt) {
        self.commands.push((log, command, receipt));
    }

    /// Sends everything and the commit, and waits for all answers.
    pub async fn send(
        &self,
        client: &Client,
        sql: &Statements,
        batch: &Batch,
        kinds: &[i32],
        trees: &mut HashMap<i32, TileBuilder>,
    ) -> Result<(), PgError> {
        let logs = self.logs(batch, trees);
        let tiles = tiles(trees);
        let position = signed(batch.position);
        tokio::try_join!(
            self.put_events(client, sql, kinds),
            self.put_heads(client, sql, batch),
            self.put_pages(client, sql),
            self.put_commands(client, sql),
            self.put_disclosures(client, sql),
            put_tiles(client, sql, &tiles),
            put_logs(client, sql, &logs),
            async { Ok(client.execute(&sql.put_position, &[&position]).await?) },
            async { Ok(client.batch_execute("COMMIT").await?) },
        )?;
        Ok(())
    }

    fn logs(&self, batch: &Batch, trees: &HashMap<i32, TileBuilder>) -> Vec<LogUpdate> {
        let changed = batch.logs.values().filter(|log| trees.contains_key(&log.id));
        let update = |log: &crate::logs::LogRow| LogUpdate {
            log: log.id,
            size: signed(log.size),
            root: trees[&log.id].root(),
            kid: log.active().map(|kid| kid.0),
            position: signed(log.last_position),
        };
        changed.map(update).collect()
    }

    async fn put_events(&self, client: &Client, sql: &Statements, kinds: &[i32]) -> Result<(), PgError> {
        let positions: Vec<i64> = self.events.iter().map(|(_, _, position, _)| signed(*position)).collect();
        let logs: Vec<i32> = self.events.iter().map(|(log, ..)| *log).collect();
        let indexes: Vec<i64> = self.events.iter().map(|(_, index, ..)| signed(*index)).collect();
        let headers: Vec<&[u8]> = self.events.iter().map(|(.., event)| &*event.header).collect();
        let signatures: Vec<&[u8]> = self.events.iter().map(|(.., event)| &event.signature[..]).collect();
        let leaves: Vec<&[u8]> = self.events.iter().map(|(.., event)| &event.leaf[..]).collect();
        client
            .execute(&sql.put_events, &[&positions, &logs, &indexes, &kinds, &headers, &signatures, &leaves])
            .await?;
        Ok(())
    }

    async fn put_heads(&self, client: &Client, sql: &Statements, batch: &Batch) -> Result<(), PgError> {
        let heads = || self.changed_heads.iter().filter_map(|key| batch.head(key).map(|head| (key, head)));
        let logs: Vec<i32> = heads().map(|((log, _), _)| *log).collect();
        let streams: Vec<&str> = heads().map(|((_, stream), _)| stream.as_str()).collect();
        let seqs: Vec<i64> = heads().map(|(_, head)| signed(head.seq)).collect();
        let hashes: Vec<&[u8]> = heads().map(|(_, head)| &head.hash.0[..]).collect();
        let recent: Vec<String> = heads().map(|(_, head)| array_text(&head.recent)).collect();
        client.execute(&sql.put_heads, &[&logs, &streams, &seqs, &hashes, &recent]).await?;
        Ok(())
    }

    async fn put_pages(&self, client: &Client, sql: &Statements) -> Result<(), PgError> {
        if self.pages.is_empty() {
            return Ok(());
        }
        let logs: Vec<i32> = self.pages.iter().map(|page| page.0).collect();
        let streams: Vec<&str> = self.pages.iter().map(|page| page.1.as_str()).collect();
        let pages: Vec<i64> = self.pages.iter().map(|page| page.2).collect();
        let positions: Vec<&str> = self.pages.iter().map(|page| page.3.as_str()).collect();
        client.execute(&sql.put_pages, &[&logs, &streams, &pages, &positions]).await?;
        Ok(())
    }

    async fn put_commands(&self, client: &Client, sql: &Statements) -> Result<(), PgError> {
        if self.commands.is_empty() {
            return Ok(());
        }
        let logs: Vec<i32> = self.commands.iter().map(|(log, ..)| *log).collect();
        let ids: Vec<&str> = self.commands.iter().map(|(_, command, _)| command.id.as_str()).collect();
        let macs: Vec<&[u8]> = self.commands.iter().map(|(_, command, _)| &command.body_mac[..]).collect();
        let firsts: Vec<i64> =
            self.commands.iter().map(|(.., receipt)| signed(receipt.first_index)).collect();
        let lasts: Vec<i64> = self.commands.iter().map(|(.., receipt)| signed(receipt.last_index)).collect();
        let positions: Vec<i64> =
            self.commands.iter().map(|(.., receipt)| signed(receipt.position)).collect();
        client.execute(&sql.put_commands, &[&logs, &ids, &macs, &firsts, &lasts, &positions]).await?;
        Ok(())
    }

    async fn put_disclosures(&self, client: &Client, sql: &Statements) -> Result<(), PgError> {
        let all = || {
            self.events.iter().flat_map(|(log, index, _, event)| {
                (0_i16..).zip(&event.disclosures).map(move |(number, d)| (*log, signed(*index), number, d))
            })
        };
        let logs: Vec<i32> = all().map(|(log, ..)| log).collect();
        if logs.is_empty() {
            return Ok(());
        }
        let indexes: Vec<i64> = all().map(|(_, index, ..)| index).collect();
        let numbers: Vec<i16> = all().map(|(.., number, _)| number).collect();
        let subjects: Vec<Option<&str>> = all()
            .map(|(.., disclosure)| match &disclosure.class {
                Class::Personal(subject) => Some(subject.as_str()),
                Class::Confidential | Class::Public => None,
            })
            .collect();
        let texts: Vec<&[u8]> = all().map(|(.., disclosure)| &*disclosure.ciphertext).collect();
        client.execute(&sql.put_disclosures, &[&logs, &indexes, &numbers, &subjects, &texts]).await?;
        Ok(())
    }
}

struct LogUpdate {
    log: i32,
    size: i64,
    root: [u8; 32],
    kid: Option<[u8; 16]>,
    position: i64,
}

struct TileRow {
    log: i32,
    level: i16,
    index: i64,
    hashes: Vec<u8>,
}

/// The open tile of level 0 changes with every commit and can be made from the leaves.
fn tiles(trees: &mut HashMap<i32, TileBuilder>) -> Vec<TileRow> {
    let mut rows = Vec::new();
    for (log, tree) in trees {
        let grown = tree.drain().into_iter();
        let kept = grown.filter(|(tile, hashes)| tile.level > 0 || hashes.len() == TILE_BYTES);
        rows.extend(kept.map(|(tile, hashes)| TileRow {
            log: *log,
            level: i16::from(tile.level),
            index: signed(tile.index),
            hashes,
        }));
    }
    rows
}

async fn put_tiles(client: &Client, sql: &Statements, tiles: &[TileRow]) -> Result<(), PgError> {
    if tiles.is_empty() {
        return Ok(());
    }
    let logs: Vec<i32> = tiles.iter().map(|tile| tile.log).collect();
    let levels: Vec<i16> = tiles.iter().map(|tile| tile.level).collect();
    let indexes: Vec<i64> = tiles.iter().map(|tile| tile.index).collect();
    let hashes: Vec<&[u8]> = tiles.iter().map(|tile| &*tile.hashes).collect();
    client.execute(&sql.put_tiles, &[&logs, &levels, &indexes, &hashes]).await?;
    Ok(())
}

async fn put_logs(client: &Client, sql: &Statements, updates: &[LogUpdate]) -> Result<(), PgError> {
    let logs: Vec<i32> = updates.iter().map(|update| update.log).collect();
    let sizes: Vec<i64> = updates.iter().map(|update| update.size).collect();
    let roots: Vec<&[u8]> = updates.iter().map(|update| &update.root[..]).collect();
    let kids: Vec<Option<&[u8]>> =
        updates.iter().map(|update| update.kid.as_ref().map(|kid| &kid[..])).collect();
    let positions: Vec<i64> = updates.iter().map(|update| update.position).collect();
    client.execute(&sql.put_logs, &[&logs, &sizes, &roots, &kids, &positions]).await?;
    Ok(())
}
