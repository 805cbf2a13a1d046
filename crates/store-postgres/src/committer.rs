//! The committer: one task a process, which drains what waits and commits it together.
//!
//! **When a commit fails** its outcome is unknown, and the server may still be at work on it. So a new connection
//! takes the lock of the store, which waits until the old transaction is over, and looks each append up by the hash
//! of its last event: no false acknowledgement, no duplicate.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::ids::TenantId;
use ledger::tile::TileBuilder;
use ledger_store::{Append, StoreError, Verdict};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_postgres::Client;

use crate::batch::{Batch, Decision, Known};
use crate::connect::connect;
use crate::error::PgError;
use crate::guard::{self, Guard};
use crate::heads::Heads;
use crate::logs::{LogRow, Trees};
use crate::look_up::{look_up, missing, stored};
use crate::names::{self, Names, SharedNames};
use crate::options::{GROUP_EVENTS_MAX, PostgresOptions};
use crate::rows::unsigned;
use crate::statements::Statements;
use crate::unfolded::Link;
use crate::write::Write;

/// Appends of one caller.
pub(crate) struct AppendRequest {
    pub appends: Vec<Append>,
    pub reply: oneshot::Sender<Result<Vec<Verdict>, StoreError>>,
    /// Room in the queue, given back when the request is dropped.
    pub _room: OwnedSemaphorePermit,
}

/// A connection with its statements.
struct Session {
    client: Client,
    sql: Statements,
}

/// The committer's task.
pub(crate) struct Committer {
    options: PostgresOptions,
    names: SharedNames,
    announce: Arc<dyn Fn(u64) + Send + Sync>,
    /// `None` after an error, until the server could be reached again.
    session: Option<Session>,
    /// Was the last transaction sent, or did it fail while it was decided about?
    sent: bool,
    trees: Trees,
    guard: Arc<Guard>,
    heads: Arc<Heads>,
    /// The numbers of tenants' logs.
    logs: HashMap<TenantId, i32>,
}

impl Committer {
    pub fn new(
        options: PostgresOptions,
        names: SharedNames,
        guard: Arc<Guard>,
        heads: Arc<Heads>,
        announce: Arc<dyn Fn(u64) + Send + Sync>,
    ) -> Self {
        let (trees, logs) = Default::default();
        Self { options, names, announce, session: None, sent: false, trees, guard, heads, logs }
    }

    /// Works until every sender is gone and what waits is done.
    pub async fn run(mut self, mut requests: mpsc::Receiver<AppendRequest>) {
        while let Some(first) = requests.recv().await {
            let mut events = first.events();
            let mut group = vec![first];
            while events < GROUP_EVENTS_MAX
                && let Ok(next) = requests.try_recv()
            {
                events += next.events();
                group.push(next);
            }
            let appends: Vec<&Append> = group.iter().flat_map(|request| &request.appends).collect();
            let outcome = self.commit(&appends).await;
            answer(group, outcome);
        }
    }

    async fn commit(&mut self, group: &[&Append]) -> Result<Vec<Verdict>, StoreError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.connect().await.map_err(|error| error.nothing_happened())?,
        };
        match self.transact(&session, group).await {
            Ok(verdicts) => {
                self.session = Some(session);
                Ok(verdicts)
            }
            Err(failure) => {
                drop(session);
                if !self.sent {
                    return Err(failure.nothing_happened());
                }
                self.resolve(group, &failure).await
            }
        }
    }

    async fn connect(&self) -> Result<Session, PgError> {
        let client = connect(&self.options).await.map_err(|error| PgError::Server(error.to_string()))?;
        // The server may be another one.
        self.heads.forget();
        let sql = Statements::prepare(&client).await?;
        Ok(Session { client, sql })
    }

    async fn transact(&mut self, session: &Session, group: &[&Append]) -> Result<Vec<Verdict>, PgError> {
        let Session { client, sql } = session;
        self.sent = false;
        let mut known = Known { heads: &self.heads, logs: &mut self.logs };
        let mut batch = Batch::load(client, sql, &mut known, group).await?;
        let before = batch.logs.clone();
        before.values().try_for_each(|log| self.guard.refuse(log))?;
        let mut write = Write::default();
        let mut verdicts = Vec::with_capacity(group.len());
        for append in group {
            verdicts.push(match batch.apply(append, &mut write) {
                Decision::Verdict(verdict) => verdict,
                // Written in this very transaction, perhaps: then its numbers are those of the write.
                Decision::Already(log) => match write.numbers(log, append) {
                    Some(verdict) => verdict,
                    None => stored(client, &self.heads, log, append).await?.ok_or_else(missing)?,
                },
            });
        }
        if write.events.is_empty() {
            client.batch_execute("ROLLBACK").await?;
            return Ok(verdicts);
        }
        let (kinds, fresh) = self.kinds(client, &write).await?;
        let mut grown: HashMap<i32, TileBuilder> = HashMap::new();
        for log in before.values().filter(|log| batch.logs[&log.tenant].size > log.size) {
            grown.insert(log.id, self.trees.take(client, log).await?);
        }
        for (log, _, _, event) in &write.events {
            grown.get_mut(log).expect("a log with events has grown").push(event.leaf);
        }
        self.sent = true;
        write.send(client, sql, &batch, &kinds, &mut grown).await?;
        let links = write.events.iter().map(|(log, _, position, event)| Link {
            position: *position,
            key: (*log, event.stream.clone()),
            seq: event.seq,
            prev: event.prev,
            hash: event.hash,
        });
        self.heads.committed(batch.epoch, links);
        for (log, tree) in grown {
            self.guard.record(log, tree.size(), tree.root())?;
            self.trees.keep(log, tree);
        }
        if let Some(fresh) = fresh {
            names::publish(&self.names, fresh);
        }
        (self.announce)(batch.position);
        Ok(verdicts)
    }

    /// The number of each event's type and category, made where it is new.
    /// With it the names that hold once this transaction is committed, if some are new.
    async fn kinds(
        &self,
        client: &Client,
        write: &Write<'_>,
    ) -> Result<(Vec<i32>, Option<Arc<Names>>), PgError> {
        let number = |names: &Names| {
            let ids: HashMap<(&str, &str), i32> =
                names.kinds.iter().map(|(id, kind)| ((&*kind.event_type, &*kind.category), *id)).collect();
            let of = write
                .events
                .iter()
                .map(|(.., event)| ids.get(&(&*event.event_type, event.stream.category())).copied());
            of.collect::<Option<Vec<i32>>>()
        };
        if let Some(kinds) = number(&names::known(&self.names)) {
            return Ok((kinds, None));
        }
        let types: Vec<&str> = write.events.iter().map(|(.., event)| &*event.event_type).collect();
        let categories: Vec<&str> = write.events.iter().map(|(.., event)| event.stream.category()).collect();
        // Under the store's lock: no two processes number at once.
        let sql = "INSERT INTO kinds (kind, type, category)
                   SELECT (SELECT coalesce(max(kind), 0) FROM kinds) + row_number() OVER (), w.type, w.category
                   FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS u (type, category)
                         EXCEPT SELECT type, category FROM kinds) w";
        client.execute(sql, &[&types, &categories]).await?;
        let fresh = names::load(client).await?;
        let kinds = number(&fresh);
        let kinds =
            kinds.ok_or_else(|| PgError::Corrupt("a type that was just numbered has none".to_owned()))?;
        Ok((kinds, Some(fresh)))
    }

    /// Notes the logs of a group as they are in the head file.
    async fn note(&self, client: &Client, group: &[&Append]) -> Result<(), PgError> {
        let of = |log: &LogRow| group.iter().any(|append| *append.tenant() == log.tenant);
        for log in guard::logs(client).await?.iter().filter(|log| of(log)) {
            self.guard.refuse(log)?;
            self.guard.record(log.id, log.size, log.root)?;
        }
        Ok(())
    }

    /// Finds out what became of a failed commit.
    async fn resolve(&mut self, group: &[&Append], failure: &PgError) -> Result<Vec<Verdict>, StoreError> {
        let unknown = |error: &dyn std::fmt::Display| StoreError::OutcomeUnknown {
            reason: format!("{failure}; then {error}"),
        };
        let session = self.connect().await.map_err(|error| unknown(&error))?;
        let asked = (&session.client, &session.sql);
        let found = look_up(asked, &self.heads, group).await.map_err(|error| unknown(&error))?;
        if found.iter().all(Option::is_none) {
            self.session = Some(session);
            return Err(failure.nothing_happened());
        }
        self.note(&session.client, group).await.map_err(|error| unknown(&error))?;
        // A transaction is there whole or not at all: what is missing was refused, and is refused again.
        let missing: Vec<&Append> = group
            .iter()
            .zip(&found)
            .filter(|(_, found)| found.is_none())
            .map(|(append, _)| *append)
            .collect();
        let refused = self.transact(&session, &missing).await.map_err(|error| unknown(&error))?;
        self.session = Some(session);
        let mut refused = refused.into_iter();
        Ok(found.into_iter().filter_map(|found| found.or_else(|| refused.next())).collect())
    }
}

impl AppendRequest {
    fn events(&self) -> usize {
        self.appends.iter().map(|append| append.events().len()).sum()
    }
}

/// Gives every caller its own part. One that has gone away does not need it.
fn answer(group: Vec<AppendRequest>, outcome: Result<Vec<Verdict>, StoreError>) {
    match outcome {
        Ok(verdicts) => {
            let mut verdicts = verdicts.into_iter();
            for AppendRequest { appends, reply, .. } in group {
                drop(reply.send(Ok(verdicts.by_ref().take(appends.len()).collect())));
            }
        }
        Err(error) => group.into_iter().for_each(|request| drop(request.reply.send(Err(error.clone())))),
    }
}

/// The position that is committed.
pub(crate) async fn committed(client: &Client) -> Result<u64, PgError> {
    unsigned(client.query_one("SELECT position FROM store", &[]).await?.get(0))
}
