//! Deciding about appends: on the index, and on what the same group appends before.

use std::collections::HashMap;

use ledger::event::EventHash;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::keys::Kid;
use ledger_store::{Append, EventStore, KeyChange, Read, StoreError, StreamHead, Verdict};
use ledger_store_sqlite::SqliteStore;

/// What was decided about an append.
#[derive(Debug, Clone)]
pub(crate) enum Decision {
    /// Nothing is to be appended.
    Verdict(Verdict),
    /// It is to be appended.
    Send,
    /// It is what another append of this group appends: the one with this last event.
    Same(EventHash),
    /// It repeats a command of another append of this group; its body is the same.
    Repeats(EventHash),
}

/// A log as the appends of a round find it.
#[derive(Debug, Clone, Copy)]
struct Log {
    size: u64,
    active: Option<Kid>,
}

/// The state that the next append of a round is decided on. Made anew for each round.
pub(crate) struct Plan<'a> {
    index: &'a SqliteStore,
    logs: HashMap<TenantId, Option<Log>>,
    heads: HashMap<(TenantId, StreamId), Option<StreamHead>>,
    commands: HashMap<(TenantId, CommandId), ([u8; 32], EventHash)>,
    sent: HashMap<EventHash, ()>,
}

impl<'a> Plan<'a> {
    pub fn new(index: &'a SqliteStore) -> Self {
        let (logs, heads, commands, sent) = Default::default();
        Self { index, logs, heads, commands, sent }
    }

    /// Decides about one append and takes note of what it appends. The order of the checks is the contract's: log,
    /// command, repetition, key, revision.
    pub async fn decide(&mut self, append: &Append) -> Result<Decision, StoreError> {
        let tenant = append.tenant();
        let Some(log) = self.log(tenant).await? else {
            return Ok(Decision::Verdict(Verdict::UnknownLog));
        };
        if let Some(decision) = self.repeated(append).await? {
            return Ok(decision);
        }
        let key = (tenant.clone(), append.stream().clone());
        let head = match self.heads.get(&key) {
            Some(head) => *head,
            None => self.index.stream_head(tenant, append.stream()).await?,
        };
        if append.is_already(head.as_ref()) {
            let last = append.last().hash;
            if self.sent.contains_key(&last) {
                return Ok(Decision::Same(last));
            }
            return Ok(Decision::Verdict(stored(self.index, append).await?));
        }
        let genesis = log.size == 0 && append.is_genesis();
        if !genesis && log.active != Some(append.first().kid) {
            return Ok(Decision::Verdict(Verdict::StaleKey { active: log.active }));
        }
        if !append.follows(head.as_ref()) {
            return Ok(Decision::Verdict(Verdict::WrongRevision { current: head }));
        }
        self.note(append, log, key);
        Ok(Decision::Send)
    }

    async fn log(&mut self, tenant: &TenantId) -> Result<Option<Log>, StoreError> {
        if let Some(log) = self.logs.get(tenant) {
            return Ok(*log);
        }
        let head = self.index.log_head(tenant).await?;
        let log = head.map(|head| Log { size: head.size, active: head.active_kid });
        self.logs.insert(tenant.clone(), log);
        Ok(log)
    }

    async fn repeated(&self, append: &Append) -> Result<Option<Decision>, StoreError> {
        let Some(command) = append.command() else { return Ok(None) };
        let key = (append.tenant().clone(), command.id.clone());
        if let Some((mac, last)) = self.commands.get(&key) {
            return Ok(Some(match *mac == command.body_mac {
                true => Decision::Repeats(*last),
                false => Decision::Verdict(Verdict::CommandConflict),
            }));
        }
        let receipt = self.index.command(append.tenant(), &command.id).await?;
        Ok(receipt.map(|receipt| {
            let same = receipt.body_mac == command.body_mac;
            Decision::Verdict(if same { Verdict::Duplicate(receipt) } else { Verdict::CommandConflict })
        }))
    }

    fn note(&mut self, append: &Append, log: Log, key: (TenantId, StreamId)) {
        let last = append.last();
        let active = match append.key_change() {
            Some(KeyChange::Activate(kid)) => Some(kid),
            Some(KeyChange::End) => None,
            None => log.active,
        };
        let size = log.size + append.events().len() as u64;
        self.logs.insert(append.tenant().clone(), Some(Log { size, active }));
        self.heads.insert(key, Some(StreamHead { seq: last.seq, hash: last.hash }));
        if let Some(command) = append.command() {
            let key = (append.tenant().clone(), command.id.clone());
            self.commands.insert(key, (command.body_mac, last.hash));
        }
        self.sent.insert(last.hash, ());
    }
}

/// The verdict that an append got when it was stored; its last event is the head of its stream.
pub(crate) async fn stored(index: &SqliteStore, append: &Append) -> Result<Verdict, StoreError> {
    let count = append.events().len();
    let read = Read::stream(append.tenant(), append.stream(), append.first().seq).limit(count);
    let page = index.read(read).await?;
    let ends = page.events.first().zip(page.events.get(count - 1));
    let (first, last) = ends.ok_or_else(|| StoreError::corrupt("a stream ends before its head"))?;
    Ok(Verdict::Committed { first_index: first.index, last_index: last.index, position: last.position })
}
