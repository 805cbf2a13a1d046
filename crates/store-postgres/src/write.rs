//! What a commit writes: one statement a table, with arrays or by COPY, all sent at once with the commit.

use std::collections::HashMap;

use ledger::disclosure::SealedDisclosure;
use ledger::domain::Class;
use ledger::event::SealedEvent;
use ledger::tile::{TILE_BYTES, TileBuilder};
use ledger_store::{CommandReceipt, CommandRecord};
use tokio_postgres::Client;

use crate::batch::Batch;
use crate::copy_in::{self, Rows};
use crate::error::PgError;
use crate::rows::signed;
use crate::statements::Statements;

/// What a row is long beside its header or ciphertext, about: a guess too small costs a copy.
const EVENT_ROW_BYTES: usize = 150;
const COMMAND_ROW_BYTES: usize = 128;
const DISCLOSURE_ROW_BYTES: usize = 80;

/// The rows of one commit.
#[derive(Default)]
pub(crate) struct Write<'a> {
    pub events: Vec<(i32, u64, u64, &'a SealedEvent)>,
    commands: Vec<(i32, &'a CommandRecord, CommandReceipt)>,
}

impl<'a> Write<'a> {
    pub fn event(&mut self, log: i32, index: u64, position: u64, event: &'a SealedEvent) {
        self.events.push((log, index, position, event));
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
        if self.events.len() >= copy_in::ROWS_MIN {
            return self.copy_events(client, sql, kinds).await;
        }
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

    async fn copy_events(&self, client: &Client, sql: &Statements, kinds: &[i32]) -> Result<(), PgError> {
        let bytes = self.events.iter().map(|(.., event)| event.header.len() + EVENT_ROW_BYTES).sum();
        let mut rows = Rows::of(7, bytes);
        for ((log, index, position, event), kind) in self.events.iter().zip(kinds) {
            rows.row().int8(signed(*position)).int4(*log).int8(signed(*index)).int4(*kind);
            rows.field(&event.header).field(&event.signature).field(&event.leaf);
        }
        rows.send(client, &sql.copy_events).await
    }

    async fn put_commands(&self, client: &Client, sql: &Statements) -> Result<(), PgError> {
        if self.commands.is_empty() {
            return Ok(());
        }
        if self.commands.len() >= copy_in::ROWS_MIN {
            let mut rows = Rows::of(6, self.commands.len() * COMMAND_ROW_BYTES);
            for (log, command, receipt) in &self.commands {
                let numbers = [receipt.first_index, receipt.last_index, receipt.position].map(signed);
                rows.row().int4(*log).text(Some(command.id.as_str())).field(&command.body_mac);
                rows.int8(numbers[0]).int8(numbers[1]).int8(numbers[2]);
            }
            return rows.send(client, &sql.copy_commands).await;
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
        if logs.len() >= copy_in::ROWS_MIN {
            let bytes =
                all().map(|(.., disclosure)| disclosure.ciphertext.len() + DISCLOSURE_ROW_BYTES).sum();
            let mut rows = Rows::of(5, bytes);
            for (log, index, number, disclosure) in all() {
                rows.row().int4(log).int8(index).int2(number);
                rows.text(subject(disclosure)).field(&disclosure.ciphertext);
            }
            return rows.send(client, &sql.copy_disclosures).await;
        }
        let indexes: Vec<i64> = all().map(|(_, index, ..)| index).collect();
        let numbers: Vec<i16> = all().map(|(.., number, _)| number).collect();
        let subjects: Vec<Option<&str>> = all().map(|(.., disclosure)| subject(disclosure)).collect();
        let texts: Vec<&[u8]> = all().map(|(.., disclosure)| &*disclosure.ciphertext).collect();
        client.execute(&sql.put_disclosures, &[&logs, &indexes, &numbers, &subjects, &texts]).await?;
        Ok(())
    }
}

/// Whose member it is.
fn subject(disclosure: &SealedDisclosure) -> Option<&str> {
    match &disclosure.class {
        Class::Personal(subject) => Some(subject.as_str()),
        Class::Confidential | Class::Public => None,
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
