//! Committing one append: check everything, then change everything.

use ledger::ids::{StreamId, TenantId};

use super::{Row, State};
use crate::append::{Append, CommandReceipt, KeyChange, StreamHead, Verdict};
use crate::read::StoredEvent;

impl State {
    pub(super) fn stream_head(&self, tenant: &TenantId, stream: &StreamId) -> Option<StreamHead> {
        let positions = self.logs.get(tenant)?.streams.get(stream)?;
        let row = self.row(*positions.last()?);
        Some(StreamHead { seq: positions.len() as u64 - 1, hash: row.hash })
    }

    pub(super) fn row(&self, position: u64) -> &Row {
        &self.events[usize::try_from(position - 1).expect("positions count what is in memory")]
    }

    pub(super) fn commit(&mut self, append: &Append) -> Verdict {
        match self.refusal(append) {
            Some(verdict) => verdict,
            None => self.store(append),
        }
    }

    /// The order of the checks is the contract's: log, command, repetition, key, revision.
    fn refusal(&self, append: &Append) -> Option<Verdict> {
        let Some(log) = self.logs.get(append.tenant()) else { return Some(Verdict::UnknownLog) };
        if let Some(command) = append.command()
            && let Some(receipt) = log.commands.get(&command.id)
        {
            let same = receipt.body_mac == command.body_mac;
            return Some(if same { Verdict::Duplicate(*receipt) } else { Verdict::CommandConflict });
        }
        let head = self.stream_head(append.tenant(), append.stream());
        if append.is_already(head.as_ref()) {
            let positions = &log.streams[append.stream()];
            let first = positions[positions.len() - append.events().len()];
            let last = positions[positions.len() - 1];
            return Some(Verdict::Committed {
                first_index: self.row(first).event.index,
                last_index: self.row(last).event.index,
                position: last,
            });
        }
        let genesis = log.leaves.is_empty() && append.is_genesis();
        if !genesis && log.active != Some(append.first().kid) {
            return Some(Verdict::StaleKey { active: log.active });
        }
        (!append.follows(head.as_ref())).then_some(Verdict::WrongRevision { current: head })
    }

    fn store(&mut self, append: &Append) -> Verdict {
        let Self { events, logs, .. } = self;
        let log = logs.get_mut(append.tenant()).expect("refusal() has found the log");
        let first_index = log.leaves.len() as u64;
        for (index, event) in (first_index..).zip(append.events()) {
            let position = events.len() as u64 + 1;
            events.push(Row {
                event: StoredEvent {
                    position,
                    index,
                    tenant: event.tenant.clone(),
                    event_type: event.event_type.as_ref().into(),
                    header: event.header.clone(),
                    signature: event.signature,
                },
                stream: event.stream.clone(),
                hash: event.hash,
            });
            log.leaves.push(event.leaf);
            log.positions.push(position);
            log.streams.entry(event.stream.clone()).or_default().push(position);
            if !event.disclosures.is_empty() {
                log.disclosures.insert(index, event.disclosures.clone());
            }
        }
        let (last_index, position) = (log.leaves.len() as u64 - 1, events.len() as u64);
        if let Some(command) = append.command() {
            let receipt = CommandReceipt { body_mac: command.body_mac, first_index, last_index, position };
            log.commands.insert(command.id.clone(), receipt);
        }
        match append.key_change() {
            Some(KeyChange::Activate(kid)) => log.active = Some(kid),
            Some(KeyChange::End) => log.active = None,
            None => {}
        }
        Verdict::Committed { first_index, last_index, position }
    }
}
