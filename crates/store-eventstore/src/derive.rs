//! The way from the server's log into the index.
//!
//! Entries are taken in the order of `$all`, each once: one that is in the index already is held against it, one that
//! would leave a gap, or that contradicts what was derived, stops everything. Only the committer's task derives.

use std::collections::HashMap;
use std::sync::Arc;

use kurrentdb::{Position, RecordedEvent};
use ledger::event::{EventHash, SealedEvent};
use ledger::ids::{SubjectId, TenantId};
use ledger_store::{Append, EventStore, Read, SideStore, Verdict};

use crate::annex::{self, Annex};
use crate::entry::Entry;
use crate::error::Failure;
use crate::options::PAGE_EVENTS;
use crate::parts::Parts;

/// Takes entries into the index.
pub(crate) struct Deriver {
    parts: Arc<Parts>,
    /// Everything up to here is in the index.
    at: Option<Position>,
    sizes: HashMap<TenantId, u64>,
    /// Annexes of appends that are under way here, and the last one that was read.
    annexes: HashMap<String, Arc<Annex>>,
    last_annex: Option<(String, Arc<Annex>)>,
    /// The appends that are waited for, by the hash of their last event.
    awaited: HashMap<EventHash, Option<Verdict>>,
}

impl Deriver {
    pub fn new(parts: Arc<Parts>, at: Option<Position>) -> Self {
        let (sizes, annexes, awaited) = Default::default();
        Self { parts, at, sizes, annexes, last_annex: None, awaited }
    }

    /// Looks out for these appends from now on. Their annex need not be read again.
    pub fn expect(&mut self, appends: &[&Append], annex: Option<(String, Annex)>) {
        self.awaited.extend(appends.iter().map(|append| (append.last().hash, None)));
        self.annexes.extend(annex.map(|(name, annex)| (name, Arc::new(annex))));
    }

    /// The verdict of an append that has come in since it was expected.
    pub fn came(&self, last: EventHash) -> Option<Verdict> {
        self.awaited.get(&last).cloned().flatten()
    }

    /// Stops looking out.
    pub fn forget_expected(&mut self) {
        self.awaited.clear();
        self.annexes.clear();
    }

    /// How many entries of a log are in the index. `None`: it does not know the log.
    pub async fn size(&mut self, tenant: &TenantId) -> Result<Option<u64>, Failure> {
        if let Some(size) = self.sizes.get(tenant) {
            return Ok(Some(*size));
        }
        let mut head = self.parts.index.log_head(tenant).await?;
        if head.is_none() {
            self.parts.refresh_logs().await?;
            head = self.parts.index.log_head(tenant).await?;
        }
        Ok(head.map(|head| *self.sizes.entry(tenant.clone()).or_insert(head.size)))
    }

    /// Takes in everything that is on the server now.
    pub async fn catch_up(&mut self) -> Result<(), Failure> {
        loop {
            let prefix = format!("{}{}", self.parts.prefix, crate::entry::LOG);
            let page = self.parts.link.page(&prefix, self.at, PAGE_EVENTS).await?;
            let full = page.len() == PAGE_EVENTS;
            let before = self.at;
            let taken = self.take(page, full).await;
            if taken.is_err() {
                // Some of it may be in the index: what is there is asked for again.
                self.sizes.clear();
                self.at = before;
            }
            if !taken? {
                return Ok(());
            }
        }
    }

    /// `false`: nothing more follows.
    async fn take(&mut self, page: Vec<RecordedEvent>, full: bool) -> Result<bool, Failure> {
        let at = self.at;
        let fresh = |event: &RecordedEvent| at.is_none_or(|at| order(event.position) > order(at));
        let mut events = page.into_iter().filter(fresh).peekable();
        let mut batch: Vec<Append> = Vec::new();
        while let Some(first) = events.next() {
            let first_entry = Entry::decode(&self.parts.prefix, &first)?;
            let mut position = first.position;
            let wanted = first_entry.beside.of.1;
            let mut unit = vec![first_entry];
            // The rest of the same append, if it says so.
            while unit.len() < wanted
                && let Some(next) = events.next_if(|next| {
                    next.stream_id() == first.stream_id()
                        && next.revision == first.revision + unit.len() as u64
                })
            {
                unit.push(Entry::decode(&self.parts.prefix, &next)?);
                position = next.position;
            }
            if full && unit.len() < wanted && events.peek().is_none() {
                // The page ends in the middle of an append: the next one begins with it.
                break;
            }
            self.unit(unit, &mut batch).await?;
            self.at = Some(position);
        }
        self.commit(batch).await?;
        Ok(full)
    }

    /// Takes the entries of one append.
    async fn unit(&mut self, mut unit: Vec<Entry>, batch: &mut Vec<Append>) -> Result<(), Failure> {
        let tenant = unit[0].event.tenant.clone();
        let Some(size) = self.size(&tenant).await? else {
            return Err(Failure::Unknown(tenant.to_string()));
        };
        let index = unit[0].index;
        if index > size {
            return Err(Failure::Corrupt(format!(
                "entries {size} to {} of the log of tenant {tenant} are missing on the server; was the stream \
                 truncated?",
                index - 1
            )));
        }
        if index < size {
            self.commit(std::mem::take(batch)).await?;
            let there = usize::try_from(size - index).unwrap_or(usize::MAX).min(unit.len());
            for known in unit.drain(..there) {
                self.same(&known).await?;
            }
            if unit.is_empty() {
                return Ok(());
            }
        }
        if let Some(subject) = unit.iter().find_map(Entry::erased) {
            self.commit(std::mem::take(batch)).await?;
            self.erased(&tenant, &subject).await?;
        }
        let contradiction = |what: &dyn std::fmt::Display| {
            Failure::Corrupt(format!("entry {index} of the log of tenant {tenant}: {what}"))
        };
        let key_change = unit.iter().rev().find_map(|entry| entry.key_change);
        let annex = match unit[0].beside.annex.clone() {
            Some(name) => self.annex(&tenant, &name).await?,
            None => None,
        };
        let (count, last) = (unit.len() as u64, unit[unit.len() - 1].event.hash);
        let with_annex = |mut event: SealedEvent| {
            if let Some(annex) = &annex {
                annex.attach(&mut event);
            }
            event
        };
        let events = unit.into_iter().map(|entry| with_annex(entry.event)).collect();
        let mut append = Append::new(events).map_err(|error| contradiction(&error))?;
        if let Some(change) = key_change {
            append = append.with_key_change(change);
        }
        if let Some(command) = annex.as_ref().and_then(|annex| annex.command(last)) {
            append = append.with_command(command);
        }
        self.sizes.insert(tenant, size + count);
        batch.push(append);
        Ok(())
    }

    async fn annex(&mut self, tenant: &TenantId, name: &str) -> Result<Option<Arc<Annex>>, Failure> {
        if let Some(own) = self.annexes.get(name) {
            return Ok(Some(own.clone()));
        }
        if let Some((last, annex)) = &self.last_annex
            && last == name
        {
            return Ok(Some(annex.clone()));
        }
        // Missing: all that was in it has been erased.
        let found = annex::load(&*self.parts.side, tenant, name).await?.map(Arc::new);
        self.last_annex = found.clone().map(|annex| (name.to_owned(), annex));
        Ok(found)
    }

    /// Stores what was taken, log after log as they take turns: within one call the index keeps each log's order, not
    /// that of all, and positions must be the same wherever this is done.
    async fn commit(&mut self, batch: Vec<Append>) -> Result<(), Failure> {
        for run in batch.chunk_by(|before, after| before.tenant() == after.tenant()) {
            self.commit_run(run).await?;
        }
        Ok(())
    }

    /// The index checks everything again: chains, keys, revisions, commands.
    async fn commit_run(&mut self, run: &[Append]) -> Result<(), Failure> {
        let verdicts = self.parts.index.append(run.to_vec()).await?;
        for (append, verdict) in run.iter().zip(verdicts) {
            if !matches!(verdict, Verdict::Committed { .. }) {
                return Err(Failure::Corrupt(format!(
                    "event {} of stream {} in the log of tenant {} contradicts what was before it: {verdict:?}",
                    append.first().seq,
                    append.stream(),
                    append.tenant()
                )));
            }
            if let Some(awaited) = self.awaited.get_mut(&append.last().hash) {
                *awaited = Some(verdict);
            }
        }
        Ok(())
    }

    /// Holds an entry against the index, which has it already.
    async fn same(&mut self, entry: &Entry) -> Result<(), Failure> {
        let tenant = &entry.event.tenant;
        let page = self.parts.index.read(Read::log(tenant, entry.index).limit(1)).await?;
        let stored = page.events.first();
        let same = |stored: &ledger_store::StoredEvent| {
            stored.header == entry.event.header && stored.signature == entry.event.signature
        };
        if !stored.is_some_and(same) {
            return Err(Failure::Corrupt(format!(
                "entry {} of the log of tenant {tenant} is another one on the server than was derived",
                entry.index
            )));
        }
        // Taken in by an attempt that failed afterwards.
        if self.awaited.contains_key(&entry.event.hash) {
            let (all, event) = (entry.beside.of.1.max(1) as u64, &entry.event);
            let position = stored.map_or(0, |stored| stored.position);
            let (first_index, last_index) = ((entry.index + 1).saturating_sub(all), entry.index);
            let verdict = Verdict::Committed { first_index, last_index, position };
            self.awaited.insert(event.hash, Some(verdict));
        }
        Ok(())
    }

    /// What the index has of a data subject goes before the event that says so comes in, in every process.
    async fn erased(&mut self, tenant: &TenantId, subject: &SubjectId) -> Result<(), Failure> {
        let mut commands = Vec::new();
        for found in self.parts.index.disclosures_of(tenant, subject).await? {
            let page = self.parts.index.read(Read::log(tenant, found.index).limit(1)).await?;
            for event in page {
                let header = ledger::event::Header::parse_trusted(&event.header)
                    .map_err(|error| Failure::Corrupt(error.to_string()))?;
                commands.extend(header.cmd);
            }
        }
        self.last_annex = None;
        self.parts.forget(tenant, subject, &commands).await.map(drop)
    }
}

/// Positions in the order of `$all`.
fn order(position: Position) -> (u64, u64) {
    (position.commit, position.prepare)
}
