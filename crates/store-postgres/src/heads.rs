//! The heads of streams as this process knows them: what the events say that are not in the table yet.
//!
//! **What keeps it right.** What is in memory reaches without a gap from what is folded to the last event that was asked
//! for, each question begins at that event, and a commit asks under the lock of the store. Whatever does not fit, and every
//! connection that breaks, ends in forgetting: the server may be another one, which has less.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::event::{EventHash, Header};
use ledger::ids::StreamId;
use ledger_store::StreamHead;
use tokio::sync::watch;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::PgError;
use crate::rows::{array, signed, unsigned};
use crate::unfolded::{Diverged, Key, Link, Reached, Tail, Unfolded};

/// Events that are asked for at once, by the statement below.
const EVENTS_MAX: usize = 1024;

/// The last event that is known and what came after it, with what is folded.
pub(crate) const BEHIND: &str = "
    SELECT position, log, header, (SELECT folded FROM store) FROM events
    WHERE position >= $1 ORDER BY position LIMIT 1024";

/// The heads as this process knows them. The lock is held for looking things up, never over a question.
pub(crate) struct Heads {
    unfolded: Mutex<Unfolded>,
    /// Where much is to be read, one reads it for all.
    reading: tokio::sync::Mutex<()>,
    behind: watch::Sender<u64>,
    /// Has this process committed anything?
    wrote: AtomicBool,
}

/// What a question is about: what was known when it was asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    epoch: u64,
    from: Reached,
    folded: u64,
}

impl Asked {
    /// The parameter of [`BEHIND`].
    pub fn from(&self) -> i64 {
        signed(self.from.position)
    }
}

impl Heads {
    pub fn new() -> Self {
        Self {
            unfolded: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            behind: watch::Sender::new(0),
            wrote: AtomicBool::new(false),
        }
    }

    /// What is known; nothing is asked while it is held.
    pub fn lock(&self) -> MutexGuard<'_, Unfolded> {
        self.unfolded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, unfolded: &Unfolded) {
        let now = unfolded.behind();
        self.behind.send_if_modified(|behind| std::mem::replace(behind, now) != now);
    }

    /// Forgets everything: a connection was lost, and the next one may lead to a server that has less.
    pub fn forget(&self) {
        self.lock().forget();
    }

    /// How many events this process knows that are not folded, as far as it knows.
    pub fn watch_behind(&self) -> watch::Receiver<u64> {
        self.behind.subscribe()
    }

    /// Has this process committed anything?
    pub fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// What to ask for next; `None`: nothing is known yet.
    pub fn ask(&self) -> Option<Asked> {
        let unfolded = self.lock();
        let (epoch, folded) = (unfolded.epoch(), unfolded.folded_to());
        unfolded.reached().map(|from| Asked { epoch, from, folded })
    }

    /// Takes an answer in. `true`: there may be more.
    pub fn answer(&self, asked: Asked, rows: &[Row]) -> Result<Result<bool, Diverged>, PgError> {
        let links = rows.iter().map(link).collect::<Result<Vec<_>, _>>()?;
        let folded = rows.first().map(|row| unsigned(row.get(3))).transpose()?;
        let mut unfolded = self.lock();
        if unfolded.epoch() != asked.epoch {
            return Ok(Ok(true));
        }
        // A server that has folded less than was known before it was asked has lost that; one that has folded more than is
        // known has it all in its table. An answer may also be late: then more is known by now.
        if folded.is_some_and(|folded| folded < asked.folded) {
            return Ok(Err(Diverged { position: asked.from.position }));
        }
        if folded.is_some_and(|folded| folded > asked.from.position && !unfolded.reaches(folded)) {
            unfolded.forget();
            return Ok(Ok(true));
        }
        if links.first().is_none_or(|first| first.position != asked.from.position) && asked.from.position > 0
        {
            return Ok(Err(Diverged { position: asked.from.position }));
        }
        for link in links {
            if let Err(diverged) = unfolded.take(link) {
                return Ok(Err(diverged));
            }
        }
        if let Some(folded) = folded {
            unfolded.folded(folded);
        }
        self.tell(&unfolded);
        Ok(Ok(rows.len() == EVENTS_MAX))
    }

    /// Asks for what was committed since. Gives the epoch in which all of it is known.
    pub async fn catch_up(&self, client: &Client) -> Result<u64, PgError> {
        let (mut diverged, mut reading) = (None, None);
        loop {
            let Some(asked) = self.ask() else {
                if reading.is_none() {
                    reading = Some(self.reading.lock().await);
                    continue;
                }
                let epoch = self.lock().epoch();
                let row = client.query_typed_one("SELECT folded FROM store", &[]).await?;
                self.lock().begin(epoch, unsigned(row.get(0))?);
                continue;
            };
            let rows = client.query_typed(BEHIND, &[(&asked.from(), Type::INT8)]).await?;
            match self.answer(asked, &rows)? {
                Ok(true) if reading.is_none() => reading = Some(self.reading.lock().await),
                Ok(true) => {}
                Ok(false) => return Ok(asked.epoch),
                // Once more from what is folded: this time it is the database that contradicts itself.
                Err(again) if diverged.is_some() => {
                    return Err(PgError::Corrupt(format!("{again}; `ledger verify` says what is wrong")));
                }
                Err(first) => {
                    diverged = Some(first);
                    self.forget();
                }
            }
        }
    }

    /// The heads that are known of some streams, whatever has happened since.
    pub fn known<'k>(&self, keys: impl Iterator<Item = &'k Key>) -> HashMap<Key, StreamHead> {
        self.lock().heads(keys)
    }

    /// The heads that are known of some streams at a position, which is the last while the lock of the store is held: those
    /// of others are as the table says. With the epoch in which they are known.
    pub async fn known_at(
        &self,
        client: &Client,
        position: u64,
        keys: &HashSet<Key>,
    ) -> Result<(u64, HashMap<Key, StreamHead>), PgError> {
        loop {
            let epoch = {
                let unfolded = self.lock();
                if unfolded.is_at(position) {
                    return Ok((unfolded.epoch(), unfolded.heads(keys.iter())));
                }
                unfolded.epoch()
            };
            self.catch_up(client).await?;
            let unfolded = self.lock();
            // Unless it was forgotten meanwhile.
            if unfolded.epoch() == epoch && !unfolded.is_at(position) {
                return Err(PgError::Corrupt(format!(
                    "event {position} is missing; `ledger verify` says more"
                )));
            }
        }
    }

    /// How many events this process must read before it knows all up to a position.
    pub fn missing(&self, position: u64) -> u64 {
        self.lock().reached().map_or(position, |reached| position.saturating_sub(reached.position))
    }

    /// Keeps a head that the table has at a position, which is the last while the lock of the store is held.
    pub fn remember(&self, position: u64, key: Key, head: StreamHead) {
        let mut unfolded = self.lock();
        if unfolded.is_at(position) {
            unfolded.remember(key, head);
        }
    }

    /// Takes in what this process has committed in an epoch.
    pub fn committed(&self, epoch: u64, links: impl Iterator<Item = Link>) {
        self.wrote.store(true, Ordering::Relaxed);
        let mut unfolded = self.lock();
        // What was forgotten, or does not follow, is asked for again.
        if unfolded.epoch() == epoch && links.map(|link| unfolded.take(link)).any(|taken| taken.is_err()) {
            unfolded.forget();
        }
        self.tell(&unfolded);
    }

    /// All that is not folded and up to where, if nothing was forgotten since an epoch.
    pub fn all(&self, epoch: u64) -> Option<(u64, BTreeMap<Key, Tail>)> {
        let unfolded = self.lock();
        let reached = unfolded.reached().filter(|_| unfolded.epoch() == epoch)?;
        Some((reached.position, unfolded.all()))
    }

    /// The table has everything up to a position, durably; told in an epoch.
    pub fn folded(&self, epoch: u64, position: u64) {
        let mut unfolded = self.lock();
        if unfolded.epoch() == epoch {
            unfolded.folded(position);
            self.tell(&unfolded);
        }
    }
}

/// A head in two columns of a row.
pub(crate) fn head(row: &Row, at: usize) -> Result<StreamHead, PgError> {
    Ok(StreamHead { seq: unsigned(row.get(at))?, hash: EventHash(array(row.get(at + 1))?) })
}

fn link(row: &Row) -> Result<Link, PgError> {
    let position = unsigned(row.get(0))?;
    let bytes: &[u8] = row.get(2);
    let header = Header::parse_trusted(bytes)
        .map_err(|error| PgError::Corrupt(format!("event {position}: {error}")))?;
    let key: (i32, StreamId) = (row.get(1), header.stream);
    Ok(Link { position, key, seq: header.seq, prev: header.prev, hash: EventHash::of(bytes) })
}
