//! One commit: many appends, each checked against what is stored, then written in one transaction.

use std::collections::HashMap;

use ledger::epochs::GENESIS;
use ledger::event::SealedEvent;
use ledger::ids::{StreamId, TenantId};
use ledger::tile::TILE_BYTES;
use ledger_store::{Append, CommandReceipt, KeyChange, StreamHead, Verdict};
use rusqlite::Connection;

use super::heads::HeadCache;
use super::insert::{Place, Statements};
use super::kinds::KindIds;
use super::logs::{tile_key, trim_trees};
use super::{Core, Epoch, Head, Log, SharedNames};
use crate::error::CoreError;
use crate::portable::Order;

/// A commit that failed. The core must be dropped: its memory may be ahead of the database.
#[derive(Debug)]
pub(crate) struct CommitFailure {
    pub error: CoreError,
    /// Nothing was committed. Otherwise the outcome is unknown.
    pub before_commit: bool,
}

impl Core {
    /// Stores a group of appends in one transaction, then names the new heads in the head file.
    ///
    /// By tenant the group is taken tenant by tenant, each tenant's appends in their order: so every log's events of one
    /// commit lie together, and the way from index to position stays short (table `runs`).
    ///
    /// # Errors
    /// [`CommitFailure`]
    pub fn commit(&mut self, group: &[&Append], order: Order) -> Result<Vec<Verdict>, CommitFailure> {
        let (verdicts, changed) = match self.write(group, order) {
            Ok(written) => written,
            Err(error) => return Err(CommitFailure { error, before_commit: true }),
        };
        if !changed.is_empty() {
            self.finish(&changed).map_err(|error| CommitFailure { error, before_commit: false })?;
        }
        Ok(verdicts)
    }

    /// Everything up to the commit. Gives the tenants whose logs grew; if there are none the transaction is over.
    pub(crate) fn write(
        &mut self,
        group: &[&Append],
        by: Order,
    ) -> Result<(Vec<Verdict>, Vec<TenantId>), CoreError> {
        self.writable()?;
        self.commits += 1;
        let mut order: Vec<usize> = (0..group.len()).collect();
        if by == Order::ByTenant {
            order.sort_by(|a, b| group[*a].tenant().cmp(group[*b].tenant()));
        }
        let mut verdicts = vec![Verdict::UnknownLog; group.len()];
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut commit = Commit::new(self)?;
        for place in order {
            verdicts[place] = commit.apply(group[place])?;
        }
        let changed = commit.write_edges()?;
        if changed.is_empty() {
            self.conn.prepare_cached("ROLLBACK")?.execute([])?;
        }
        Ok((verdicts, changed))
    }

    pub(crate) fn finish(&mut self, changed: &[TenantId]) -> Result<(), CoreError> {
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        for tenant in changed {
            let log = &self.logs[tenant];
            self.head_file.write(log.id, log.size, log.root).map_err(CoreError::HeadFile)?;
        }
        trim_trees(&mut self.logs);
        Ok(())
    }
}

/// What an event's row takes in the WAL besides its header: signature, pointers, key.
const ROW_BYTES: usize = 120;
/// A head's page is shared with its neighbours, of which a group changes some.
const HEAD_BYTES: usize = 4096;
/// The pages that a commit touches whatever it holds: the events' last page, the log's row.
const LOG_BYTES: usize = 2 * 8192;

/// The open transaction.
struct Commit<'a> {
    conn: &'a Connection,
    statements: Statements<'a>,
    logs: &'a mut HashMap<TenantId, Log>,
    heads: &'a mut HeadCache,
    kinds: &'a mut KindIds,
    names: &'a SharedNames,
    next_position: &'a mut u64,
    written: &'a mut usize,
    number: u64,
    changed_logs: Vec<TenantId>,
    changed_heads: Vec<(i64, StreamId)>,
}

impl<'a> Commit<'a> {
    fn new(core: &'a mut Core) -> Result<Self, CoreError> {
        Ok(Self {
            conn: &core.conn,
            statements: Statements::new(&core.conn)?,
            logs: &mut core.logs,
            heads: &mut core.heads,
            kinds: &mut core.kinds,
            names: &core.names,
            next_position: &mut core.next_position,
            written: &mut core.written,
            number: core.commits,
            changed_logs: Vec::new(),
            changed_heads: Vec::new(),
        })
    }

    /// The order of the checks is the contract's: log, command, repetition, key, revision.
    fn apply(&mut self, append: &Append) -> Result<Verdict, CoreError> {
        let Some(log) = self.logs.get_mut(append.tenant()) else { return Ok(Verdict::UnknownLog) };
        if let Some(command) = append.command()
            && let Some(receipt) = self.statements.find_command(log.id, &command.id)?
        {
            let same = receipt.body_mac == command.body_mac;
            return Ok(if same { Verdict::Duplicate(receipt) } else { Verdict::CommandConflict });
        }
        let key = (log.id, append.stream().clone());
        let head = match self.heads.get(&key) {
            Some(head) => Some(head),
            None => match self.statements.find_head(log.id, append.stream())? {
                Some(head) => Some(self.heads.put(key.clone(), head)),
                None => None,
            },
        };
        let public = head.as_ref().map(|head| head.public());
        if let Some(refusal) = refusal(append, log, public.as_ref()) {
            return match (refusal, head) {
                (Refusal::Already, Some(head)) => already(self.conn, append, head),
                (Refusal::Verdict(verdict), _) => Ok(verdict),
                (Refusal::Already, None) => Err(CoreError::Corrupt("a head without a stream".to_owned())),
            };
        }
        if !log.dirty {
            log.dirty = true;
            self.changed_logs.push(append.tenant().clone());
        }
        log.used = self.number;
        let fresh = head.is_none_or(|head| !std::mem::replace(&mut head.dirty, true));
        if fresh {
            self.changed_heads.push(key.clone());
        }
        self.store(append, key)
    }

    fn store(&mut self, append: &Append, key: (i64, StreamId)) -> Result<Verdict, CoreError> {
        let log = self.logs.get_mut(append.tenant()).expect("apply() has found the log");
        let first_index = log.size;
        let run = *self.next_position - first_index;
        if log.run != Some(run) {
            self.statements.put_run(log.id, first_index, *self.next_position)?;
            log.run = Some(run);
        }
        log.tree(self.conn)?;
        let mut head = self.heads.get(&key);
        for event in append.events() {
            let kind = kind(self.kinds, self.names, self.conn, event)?;
            let position = *self.next_position;
            let back = head.as_ref().map(|head| head.position);
            let jump = head.as_mut().and_then(|head| head.advance(event.hash, position));
            if head.is_none() {
                head = Some(self.heads.put(key.clone(), Head::first(event.hash, position)));
            }
            let place = Place { position, log: log.id, index: log.size, kind, back, jump };
            self.statements.event(place, event)?;
            *self.written += event.header.len() + ROW_BYTES;
            log.tree.as_mut().expect("it was taken up above").push(event.leaf);
            log.size += 1;
            *self.next_position += 1;
        }
        if let Some(head) = head {
            head.dirty = true;
        }
        let (last_index, position) = (log.size - 1, *self.next_position - 1);
        log.last_position = position;
        match append.key_change() {
            Some(KeyChange::Activate(kid)) => log.epoch = Epoch::Active(kid),
            Some(KeyChange::End) => log.epoch = Epoch::Ended,
            None => {}
        }
        if append.first().event_type == GENESIS {
            self.statements.name_succession(log.id)?;
        }
        if let Some(command) = append.command() {
            let receipt = CommandReceipt { body_mac: command.body_mac, first_index, last_index, position };
            self.statements.put_command(log.id, command, receipt)?;
        }
        Ok(Verdict::Committed { first_index, last_index, position })
    }

    /// Writes what the whole group has changed once: heads, tiles, logs. Gives the tenants whose logs grew.
    fn write_edges(mut self) -> Result<Vec<TenantId>, CoreError> {
        // In the order of the table, so that neighbours are written together.
        self.changed_heads.sort_unstable();
        for (id, stream) in &self.changed_heads {
            let key = (*id, stream.clone());
            let head = self.heads.get(&key).expect("a commit touches fewer streams than the cache holds");
            head.dirty = false;
            self.statements.put_head(*id, stream, head)?;
            *self.written += HEAD_BYTES;
        }
        for tenant in &self.changed_logs {
            let log = self.logs.get_mut(tenant).expect("a changed log is known");
            log.dirty = false;
            let tree = log.tree.as_mut().expect("a log that grew has its tree");
            for (tile, hashes) in tree.drain() {
                // The open tile of level 0 changes with every commit and can be made from the events.
                if tile.level > 0 || hashes.len() == TILE_BYTES {
                    *self.written += hashes.len();
                    self.statements.put_tile(tile_key(log.id, tile), &hashes)?;
                }
            }
            log.root = tree.root();
            self.statements.put_log(log)?;
            *self.written += LOG_BYTES;
        }
        Ok(self.changed_logs)
    }
}

enum Refusal {
    /// The events are the stream's head already.
    Already,
    Verdict(Verdict),
}

fn refusal(append: &Append, log: &Log, head: Option<&StreamHead>) -> Option<Refusal> {
    if append.is_already(head) {
        return Some(Refusal::Already);
    }
    let genesis = log.epoch == Epoch::Waiting && append.is_genesis();
    if !genesis && log.active() != Some(append.first().kid) {
        return Some(Refusal::Verdict(Verdict::StaleKey { active: log.active() }));
    }
    let wrong = Verdict::WrongRevision { current: head.copied() };
    (!append.follows(head)).then_some(Refusal::Verdict(wrong))
}

/// The verdict that the events got when they were stored.
pub(super) fn already(conn: &Connection, append: &Append, head: &Head) -> Result<Verdict, CoreError> {
    let mut query = conn.prepare_cached("SELECT idx, back FROM events WHERE position = ?1")?;
    let mut at = |position: u64| -> Result<(u64, Option<u64>), CoreError> {
        Ok(query.query_row([position], |row| Ok((row.get(0)?, row.get(1)?)))?)
    };
    let (last_index, mut back) = at(head.position)?;
    let mut first_index = last_index;
    for _ in 1..append.events().len() {
        let position = back.ok_or_else(|| CoreError::Corrupt("a stream ends before its start".to_owned()))?;
        (first_index, back) = at(position)?;
    }
    Ok(Verdict::Committed { first_index, last_index, position: head.position })
}

/// The number of an event's type and category, made if they are new.
fn kind(
    kinds: &mut KindIds,
    names: &SharedNames,
    conn: &Connection,
    event: &SealedEvent,
) -> Result<i64, CoreError> {
    let category = event.stream.category();
    if let Some(kind) = kinds.get(&event.event_type, category) {
        return Ok(kind);
    }
    let (id, kind) = kinds.add(conn, &event.event_type, category)?;
    // Known to readers before they can see a row with it.
    names.write().unwrap_or_else(std::sync::PoisonError::into_inner).kinds.insert(id, kind);
    Ok(id)
}
