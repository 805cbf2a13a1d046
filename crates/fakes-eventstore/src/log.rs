//! What is committed: events in one order, streams over them, and the rule of an append.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;

/// Bytes of one append at most, as the server is configured by default.
pub const APPEND_BYTES_MAX: usize = 1 << 20;

/// An event as it was proposed.
#[derive(Debug, Clone)]
pub(crate) struct Proposed {
    pub id: Uuid,
    pub metadata: HashMap<String, String>,
    pub custom_metadata: Bytes,
    pub data: Bytes,
}

/// A committed event.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its stream.
    pub stream: String,
    /// Its revision in it.
    pub revision: u64,
    /// Its commit and prepare position.
    pub position: u64,
    /// Its id.
    pub id: Uuid,
    /// `type`, `content-type` and `created`.
    pub metadata: HashMap<String, String>,
    /// What the client attached.
    pub custom_metadata: Bytes,
    /// What it holds.
    pub data: Bytes,
}

/// Where an append must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Revision(u64),
    NoStream,
    Any,
    Exists,
}

/// Why an append is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The stream is at another revision.
    WrongVersion {
        current: Option<u64>,
    },
    Deleted,
    TooLarge,
}

/// An append that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub revision: u64,
    /// `None`: it had been stored before.
    pub position: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    all: Vec<Recorded>,
    /// Places in `all`.
    streams: HashMap<String, Vec<usize>>,
    deleted: HashSet<String>,
    end: u64,
}

/// The committed events.
pub(crate) struct Log {
    state: Mutex<State>,
    grown: watch::Sender<u64>,
}

impl Default for Log {
    fn default() -> Self {
        Self { state: Mutex::default(), grown: watch::Sender::new(0) }
    }
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes after each append.
    pub fn grown(&self) -> watch::Receiver<u64> {
        self.grown.subscribe()
    }

    /// Every event, in commit order.
    pub fn all(&self) -> Vec<Recorded> {
        self.state().all.clone()
    }

    /// Does the stream exist, has it been deleted?
    pub fn stream(&self, stream: &str) -> Result<Option<Vec<Recorded>>, Refusal> {
        let state = self.state();
        if state.deleted.contains(stream) {
            return Err(Refusal::Deleted);
        }
        Ok(state.streams.get(stream).map(|at| at.iter().map(|&at| state.all[at].clone()).collect()))
    }

    pub fn tombstone(&self, stream: &str) {
        self.state().deleted.insert(stream.to_owned());
    }

    /// Takes away everything of a stream from a revision on: what a server that was restored from an older backup has.
    pub fn lose_tail(&self, stream: &str, from: u64) {
        let mut state = self.state();
        state.all.retain(|event| event.stream != stream || event.revision < from);
        let mut streams: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, event) in state.all.iter().enumerate() {
            streams.entry(event.stream.clone()).or_default().push(at);
        }
        state.streams = streams;
    }

    /// The server's rule (`CheckCommit`): at the expected revision it is written, the same ids right behind it are
    /// answered as the first time, anything else is the wrong version.
    pub fn append(
        &self,
        stream: &str,
        expected: Expected,
        events: Vec<Proposed>,
    ) -> Result<Appended, Refusal> {
        let bytes = |event: &Proposed| event.data.len() + event.custom_metadata.len();
        if events.iter().map(bytes).sum::<usize>() > APPEND_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let mut state = self.state();
        if state.deleted.contains(stream) {
            return Err(Refusal::Deleted);
        }
        let there = state.streams.get(stream).map_or(0, Vec::len) as u64;
        let wrong = Refusal::WrongVersion { current: there.checked_sub(1) };
        let first = match expected {
            Expected::Revision(revision) => revision + 1,
            Expected::NoStream => 0,
            Expected::Any => there,
            Expected::Exists if there > 0 => there,
            Expected::Exists => return Err(wrong),
        };
        if first > there {
            return Err(wrong);
        }
        if first < there {
            let places = &state.streams[stream];
            let same = |(i, event): (usize, &Proposed)| {
                let at = usize::try_from(first).ok().and_then(|first| places.get(first + i));
                at.is_some_and(|&at| state.all[at].id == event.id)
            };
            let stored = events.iter().enumerate().all(same);
            let revision = first + events.len() as u64 - 1;
            return if stored { Ok(Appended { revision, position: None }) } else { Err(wrong) };
        }
        for (revision, event) in (first..).zip(events) {
            let position = state.end;
            state.end += 200 + event.data.len() as u64;
            let at = state.all.len();
            state.streams.entry(stream.to_owned()).or_default().push(at);
            let Proposed { id, metadata, custom_metadata, data } = event;
            let stream = stream.to_owned();
            state.all.push(Recorded { stream, revision, position, id, metadata, custom_metadata, data });
        }
        let last = state.all.last().map_or((0, 0), |event| (event.revision, event.position));
        // Announced under the lock, so that lengths are announced in order.
        self.grown.send_replace(state.all.len() as u64);
        Ok(Appended { revision: last.0, position: Some(last.1) })
    }
}
