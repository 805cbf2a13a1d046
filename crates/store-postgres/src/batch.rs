//! One group of appends: what must be known of the database, and the decision about each append.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use ledger::ids::{CommandId, StreamId, TenantId};
use ledger_store::{Append, CommandReceipt, KeyChange, StreamHead, Verdict};
use tokio_postgres::{Client, Row};

use crate::error::PgError;
use crate::heads::{Asked, Heads, head};
use crate::logs::{Epoch, LogRow};
use crate::rows::{array, unsigned};
use crate::statements::Statements;
use crate::unfolded::Key;
use crate::write::Write;

/// More events of others are not read under the lock of the store: all processes would wait for that.
const BEHIND_MAX: u64 = 16_384;
/// Unless it is given up so often.
const ROUNDS_MAX: u32 = 4;

/// What the database says, read under the lock.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub position: u64,
    pub logs: HashMap<TenantId, LogRow>,
    heads: HashMap<Key, StreamHead>,
    /// What was known of heads when they were taken from it.
    pub epoch: u64,
    commands: HashMap<(i32, CommandId), CommandReceipt>,
}

/// What this process knows without asking.
pub(crate) struct Known<'a> {
    pub heads: &'a Heads,
    /// The numbers of tenants' logs: they never change.
    pub logs: &'a mut HashMap<TenantId, i32>,
}

/// Streams by name.
type Names<'a> = HashSet<(&'a TenantId, &'a StreamId)>;

impl Batch {
    /// Begins a transaction, takes the lock of the store, and reads what the group needs and this process does not know: one
    /// round trip.
    pub async fn load(
        client: &Client,
        sql: &Statements,
        known: &mut Known<'_>,
        group: &[&Append],
    ) -> Result<Self, PgError> {
        let mut rounds = 0;
        loop {
            // Before the lock: nobody waits for it.
            let Some(asked) = known.heads.ask() else {
                known.heads.catch_up(client).await?;
                continue;
            };
            let unknown = known.unknown(group);
            let (mut batch, behind, rows) = Self::begin(client, sql, asked, &unknown, group).await?;
            // Whatever does not fit is read again.
            if known.heads.answer(asked, &behind)?.is_err() {
                known.heads.forget();
            }
            rounds += 1;
            if known.heads.missing(batch.position) <= BEHIND_MAX || rounds == ROUNDS_MAX {
                batch.find_heads((client, sql), known, (group, &unknown), rows).await?;
                return Ok(batch);
            }
            client.batch_execute("ROLLBACK").await?;
            known.heads.catch_up(client).await?;
        }
    }

    /// All questions, sent in this order without waiting for one another: each sees what was committed before the lock was
    /// there. With what the database says: the rows of new events, and those of heads.
    async fn begin(
        client: &Client,
        sql: &Statements,
        asked: Asked,
        unknown: &Names<'_>,
        group: &[&Append],
    ) -> Result<(Self, Vec<Row>, Vec<Row>), PgError> {
        let mut tenants: Vec<&str> = group.iter().map(|append| append.tenant().as_str()).collect();
        tenants.sort_unstable();
        tenants.dedup();
        let with_command = group.iter().filter_map(|a| a.command().map(|command| (a.tenant(), &command.id)));
        let (of_commands, ids): (Vec<&str>, Vec<&str>) =
            with_command.map(|(tenant, id)| (tenant.as_str(), id.as_str())).unzip();
        let from = asked.from();
        let (_, position, logs, behind, heads, commands) = tokio::try_join!(
            async { Ok::<_, PgError>(client.batch_execute("BEGIN").await?) },
            async { Ok(client.query_one(&sql.lock, &[]).await?) },
            async { Ok(client.query(&sql.logs, &[&tenants]).await?) },
            async { Ok(client.query(&sql.behind, &[&from]).await?) },
            ask_heads(client, sql, unknown),
            async {
                Ok(match ids.is_empty() {
                    true => Vec::new(),
                    false => client.query(&sql.commands, &[&of_commands, &ids]).await?,
                })
            },
        )?;
        let mut batch = Self { position: unsigned(position.get(0))?, ..Self::default() };
        for row in &logs {
            let log = LogRow::read(row)?;
            batch.logs.insert(log.tenant.clone(), log);
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
        Ok((batch, behind, heads))
    }

    /// The heads of the group's streams: from memory, or from the rows that were asked for.
    async fn find_heads(
        &mut self,
        (client, sql): (&Client, &Statements),
        known: &mut Known<'_>,
        (group, asked): (&[&Append], &Names<'_>),
        mut rows: Vec<Row>,
    ) -> Result<(), PgError> {
        known.logs.extend(self.logs.values().map(|log| (log.tenant.clone(), log.id)));
        let number = |append: &Append| self.logs.get(append.tenant()).map(|log| log.id);
        let keys: HashSet<Key> =
            group.iter().filter_map(|append| Some((number(append)?, append.stream().clone()))).collect();
        let (epoch, mut found) = known.heads.known_at(client, self.position, &keys).await?;
        // Known when the question was asked, and not any more: folded meanwhile, and given up.
        let named = group.iter().map(|append| (number(append), (append.tenant(), append.stream())));
        let forgotten = named.filter(|(log, name)| {
            let key = log.map(|log| (log, name.1.clone()));
            key.is_some_and(|key| !found.contains_key(&key)) && !asked.contains(name)
        });
        rows.extend(ask_heads(client, sql, &forgotten.map(|(_, name)| name).collect()).await?);
        for row in &rows {
            let stream = StreamId::new(row.get::<_, &str>(1)).map_err(|e| PgError::Corrupt(e.to_string()))?;
            // What events say is newer than the table.
            if let Entry::Vacant(place) = found.entry((row.get(0), stream)) {
                let head = head(row, 2)?;
                known.heads.remember(self.position, place.key().clone(), head);
                place.insert(head);
            }
        }
        (self.heads, self.epoch) = (found, epoch);
        Ok(())
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
        let head = self.heads.get(&key).copied();
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

    fn store<'a>(&mut self, append: &'a Append, key: Key, write: &mut Write<'a>) -> Verdict {
        let log = self.logs.get_mut(append.tenant()).expect("apply() has found the log");
        let first_index = log.size;
        for event in append.events() {
            self.position += 1;
            write.event(log.id, log.size, self.position, event);
            log.size += 1;
        }
        self.heads.insert(key, StreamHead { seq: append.last().seq, hash: append.last().hash });
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
}

impl Known<'_> {
    /// Streams whose heads must be asked for.
    fn unknown<'a>(&self, group: &[&'a Append]) -> Names<'a> {
        let key = |append: &Append| Some((*self.logs.get(append.tenant())?, append.stream().clone()));
        let keys: Vec<Option<Key>> = group.iter().map(|append| key(append)).collect();
        let known = self.heads.known(keys.iter().flatten());
        let unknown = group.iter().zip(&keys);
        let unknown = unknown.filter(|(_, key)| key.as_ref().is_none_or(|key| !known.contains_key(key)));
        unknown.map(|(append, _)| (append.tenant(), append.stream())).collect()
    }
}

/// The rows of heads in the table.
async fn ask_heads(client: &Client, sql: &Statements, streams: &Names<'_>) -> Result<Vec<Row>, PgError> {
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let (tenants, streams): (Vec<&str>, Vec<&str>) =
        streams.iter().map(|(tenant, stream)| (tenant.as_str(), stream.as_str())).unzip();
    Ok(client.query(&sql.heads, &[&tenants, &streams]).await?)
}

/// What was decided about an append.
pub(crate) enum Decision {
    Verdict(Verdict),
    /// Its events are the stream's head already: their numbers are to be looked up.
    Already(i32),
}
