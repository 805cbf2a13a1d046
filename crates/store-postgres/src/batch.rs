//! One group of appends: what must be known of the database, and the decision about each append.

use std::collections::HashMap;

use ledger::event::EventHash;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger_store::{Append, CommandReceipt, KeyChange, StreamHead, Verdict};
use tokio_postgres::Client;

use crate::error::PgError;
use crate::logs::{Epoch, LogRow};
use crate::rows::{array, signed, unsigned};
use crate::statements::Statements;
use crate::write::Write;

/// Positions in `heads.recent` at most; then they become a page.
pub(crate) const PAGE_POSITIONS: u64 = 32;

/// A stream's row.
#[derive(Debug, Clone)]
pub(crate) struct HeadRow {
    pub seq: u64,
    pub hash: EventHash,
    /// Positions of the revisions from the last multiple of [`PAGE_POSITIONS`] on.
    pub recent: Vec<i64>,
}

impl HeadRow {
    pub fn public(&self) -> StreamHead {
        StreamHead { seq: self.seq, hash: self.hash }
    }
}

/// What the database says, read under the lock.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub position: u64,
    pub logs: HashMap<TenantId, LogRow>,
    heads: HashMap<(i32, StreamId), HeadRow>,
    commands: HashMap<(i32, CommandId), CommandReceipt>,
}

impl Batch {
    /// Begins a transaction, takes the lock of the store, and reads what the group needs: one round trip.
    pub async fn load(client: &Client, sql: &Statements, group: &[&Append]) -> Result<Self, PgError> {
        let mut tenants: Vec<&str> = group.iter().map(|append| append.tenant().as_str()).collect();
        let streams: Vec<&str> = group.iter().map(|append| append.stream().as_str()).collect();
        let of_streams = tenants.clone();
        let with_command = group.iter().filter_map(|a| a.command().map(|command| (a.tenant(), &command.id)));
        let (of_commands, ids): (Vec<&str>, Vec<&str>) =
            with_command.map(|(tenant, id)| (tenant.as_str(), id.as_str())).unzip();
        tenants.sort_unstable();
        tenants.dedup();
        // Sent in this order without waiting for one another; each sees what was committed before it got the lock.
        let (_, position, logs, heads, commands) = tokio::try_join!(
            client.batch_execute("BEGIN"),
            client.query_one(&sql.lock, &[]),
            async { client.query(&sql.logs, &[&tenants]).await },
            async { client.query(&sql.heads, &[&of_streams, &streams]).await },
            async { client.query(&sql.commands, &[&of_commands, &ids]).await },
        )?;
        let mut batch = Self { position: unsigned(position.get(0))?, ..Self::default() };
        for row in &logs {
            let log = LogRow::read(row)?;
            batch.logs.insert(log.tenant.clone(), log);
        }
        for row in &heads {
            let stream = StreamId::new(row.get::<_, &str>(1)).map_err(|e| PgError::Corrupt(e.to_string()))?;
            let head = HeadRow {
                seq: unsigned(row.get(2))?,
                hash: EventHash(array(row.get(3))?),
                recent: row.get(4),
            };
            batch.heads.insert((row.get(0), stream), head);
        }
        for row in &commands {
            let id = CommandId::new(row.get::<_, &str>(1)).map_err(|e| PgError::Corrupt(e.to_string()))?;
            let receipt = CommandReceipt {
                body_mac: array(row.get(2))?,
                first_index: unsigned(row.get(3))?,
                last_index: unsigned(row.get(4))?,
                position: unsigned(row.get(5))?,
            };
            batch.commands.insert((row.get(0), id), receipt);
        }
        Ok(batch)
    }

    /// Decides about one append and takes note of what it writes. The order of the checks is the contract's: log,
    /// command, repetition, key, revision.
    pub fn apply<'a>(&mut self, append: &'a Append, write: &mut Write<'a>) -> Decision {
        let Some(log) = self.logs.get_mut(append.tenant()) else {
            return Decision::Verdict(Verdict::UnknownLog);
        };
        if let Some(command) = append.command()
            && let Some(receipt) = self.commands.get(&(log.id, command.id.clone()))
        {
            let same = receipt.body_mac == command.body_mac;
            return Decision::Verdict(if same {
                Verdict::Duplicate(*receipt)
            } else {
                Verdict::CommandConflict
            });
        }
        let key = (log.id, append.stream().clone());
        let head = self.heads.get(&key).map(HeadRow::public);
        if append.is_already(head.as_ref()) {
            return Decision::Already(log.id);
        }
        let genesis = log.epoch == Epoch::Waiting && append.is_genesis();
        if !genesis && log.active() != Some(append.first().kid) {
            return Decision::Verdict(Verdict::StaleKey { active: log.active() });
        }
        if !append.follows(head.as_ref()) {
            return Decision::Verdict(Verdict::WrongRevision { current: head });
        }
        Decision::Verdict(self.store(append, key, write))
    }

    fn store<'a>(&mut self, append: &'a Append, key: (i32, StreamId), write: &mut Write<'a>) -> Verdict {
        let log = self.logs.get_mut(append.tenant()).expect("apply() has found the log");
        let first_index = log.size;
        let mut head = self.heads.remove(&key);
        let new = head.is_none();
        for event in append.events() {
            self.position += 1;
            write.event(log.id, log.size, self.position, event);
            log.size += 1;
            let recent = match head.take() {
                Some(full) if full.recent.len() as u64 == PAGE_POSITIONS => {
                    write.page(&key, signed(full.seq / PAGE_POSITIONS), full.recent);
                    Vec::new()
                }
                Some(head) => head.recent,
                None => Vec::new(),
            };
            let recent = recent.into_iter().chain([signed(self.position)]).collect();
            head = Some(HeadRow { seq: event.seq, hash: event.hash, recent });
        }
        if let Some(head) = head {
            self.heads.insert(key.clone(), head);
            // New at the first of several appends, and so to the database.
            write.changed_heads.entry(key).or_insert(new);
        }
        log.last_position = self.position;
        match append.key_change() {
            Some(KeyChange::Activate(kid)) => log.epoch = Epoch::Active(kid),
            Some(KeyChange::End) => log.epoch = Epoch::Ended,
            None => {}
        }
        let (last_index, position) = (log.size - 1, self.position);
        if let Some(command) = append.command() {
            let receipt = CommandReceipt { body_mac: command.body_mac, first_index, last_index, position };
            self.commands.insert((log.id, command.id.clone()), receipt);
            write.command(log.id, command, receipt);
        }
        Verdict::Committed { first_index, last_index, position }
    }

    pub fn head(&self, key: &(i32, StreamId)) -> Option<&HeadRow> {
        self.heads.get(key)
    }
}

/// What was decided about an append.
pub(crate) enum Decision {
    Verdict(Verdict),
    /// Its events are the stream's head already: their numbers are to be looked up.
    Already(i32),
}
