//! Appending: what is asked, and the verdict.

use ledger::epochs::{KEY_CATEGORY, KEY_TYPES, KeyEvent};
use ledger::event::{EventHash, SealedEvent};
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::keys::Kid;

use crate::error::StoreError;

/// The most events of one append: a command decides a handful; this bounds what one commit must hold.
pub const EVENTS_PER_APPEND_MAX: usize = 1000;

/// Sealed events of one stream, to be stored together on the head that they were sealed on.
///
/// The expected revision is what the first event says: `seq` 0 expects no stream, `seq` n with `prev` h expects
/// the head (n-1, h).
#[derive(Debug, Clone)]
pub struct Append {
    events: Vec<SealedEvent>,
    command: Option<CommandRecord>,
    key_change: Option<KeyChange>,
}

/// Events that cannot be one append.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppend {
    /// There is nothing to store.
    #[error("an append needs at least one event")]
    Empty,
    /// More than one commit should hold.
    #[error("{0} events in one append, the most is {EVENTS_PER_APPEND_MAX}")]
    TooMany(usize),
    /// The events are of several streams.
    #[error("event {0} is of another stream or tenant than the first")]
    MixedStreams(usize),
    /// The events do not follow one another.
    #[error("event {0} does not follow its predecessor in seq and prev")]
    Broken(usize),
    /// The events are sealed with different keys.
    #[error("event {0} is sealed with another key than the first")]
    MixedKeys(usize),
}

impl Append {
    /// Events that follow one another in one stream, sealed with one key.
    ///
    /// # Errors
    /// [`InvalidAppend`] names the event that does not fit.
    pub fn new(events: Vec<SealedEvent>) -> Result<Self, InvalidAppend> {
        let Some(first) = events.first() else { return Err(InvalidAppend::Empty) };
        if events.len() > EVENTS_PER_APPEND_MAX {
            return Err(InvalidAppend::TooMany(events.len()));
        }
        if (first.seq == 0) != first.prev.is_none() {
            return Err(InvalidAppend::Broken(0));
        }
        for (i, pair) in events.windows(2).enumerate() {
            let (before, event) = (&pair[0], &pair[1]);
            if event.tenant != before.tenant || event.stream != before.stream {
                return Err(InvalidAppend::MixedStreams(i + 1));
            }
            if event.seq != before.seq + 1 || event.prev != Some(before.hash) {
                return Err(InvalidAppend::Broken(i + 1));
            }
            if event.kid != before.kid {
                return Err(InvalidAppend::MixedKeys(i + 1));
            }
        }
        Ok(Self { events, command: None, key_change: None })
    }

    /// Stores the command's id with the events, or refuses both.
    #[must_use]
    pub fn with_command(mut self, command: CommandRecord) -> Self {
        self.command = Some(command);
        self
    }

    /// Changes the log's active key for everything after the last event of this append.
    #[must_use]
    pub fn with_key_change(mut self, change: KeyChange) -> Self {
        self.key_change = Some(change);
        self
    }

    /// The events, at least one.
    pub fn events(&self) -> &[SealedEvent] {
        &self.events
    }

    /// The events, owned.
    pub fn into_events(self) -> Vec<SealedEvent> {
        self.events
    }

    /// The first event.
    pub fn first(&self) -> &SealedEvent {
        &self.events[0]
    }

    /// The last event.
    pub fn last(&self) -> &SealedEvent {
        &self.events[self.events.len() - 1]
    }

    /// Whose log.
    pub fn tenant(&self) -> &TenantId {
        &self.first().tenant
    }

    /// Which stream.
    pub fn stream(&self) -> &StreamId {
        &self.first().stream
    }

    /// The command, if there is one.
    pub fn command(&self) -> Option<&CommandRecord> {
        self.command.as_ref()
    }

    /// What becomes of the log's active key after the last event.
    pub fn key_change(&self) -> Option<KeyChange> {
        self.key_change
    }

    /// Is this the first append of a log: its genesis introduces the key that it is sealed with?
    pub fn is_genesis(&self) -> bool {
        self.key_change == Some(KeyChange::Activate(self.first().kid)) && self.first().seq == 0
    }

    /// Does the first event stand on this head?
    pub fn follows(&self, head: Option<&StreamHead>) -> bool {
        match head {
            None => self.first().seq == 0,
            Some(head) => self.first().seq == head.seq + 1 && self.first().prev == Some(head.hash),
        }
    }

    /// Is the last event this head: has exactly this append been stored before?
    pub fn is_already(&self, head: Option<&StreamHead>) -> bool {
        head.is_some_and(|head| head.seq == self.last().seq && head.hash == self.last().hash)
    }
}

/// What an append does to the active key of its log (formats.md §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// Genesis or rotation: this key signs from the next entry on.
    Activate(Kid),
    /// The active key is revoked without a successor: the log ends here.
    End,
}

impl KeyChange {
    /// What an event does to the active key, which is the one that it is sealed with. `data`: its public members as
    /// JSON. `None`: nothing.
    ///
    /// # Errors
    /// `Invalid`: it is no key event that a log could have.
    pub fn of(
        stream: &StreamId,
        event_type: &str,
        data: &[u8],
        active: Kid,
    ) -> Result<Option<Self>, StoreError> {
        if !event_type.starts_with(KEY_TYPES) {
            return Ok(None);
        }
        let invalid = |reason: String| StoreError::invalid(format!("{event_type}: {reason}"));
        if stream.category() != KEY_CATEGORY {
            return Err(invalid("key events stand in a key stream".to_owned()));
        }
        let event = KeyEvent::parse(event_type, data).map_err(|error| invalid(error.to_string()))?;
        Ok(match event {
            KeyEvent::Genesis(genesis) => Some(Self::Activate(genesis.kid)),
            KeyEvent::Rotated(rotated) => Some(Self::Activate(rotated.kid)),
            KeyEvent::Revoked(revoked) if revoked.kid == active => Some(Self::End),
            KeyEvent::Revoked(_) | KeyEvent::Disputed(_) => None,
        })
    }
}

/// A command's id and what its body was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRecord {
    /// The id: unique in the tenant.
    pub id: CommandId,
    /// HMAC under a tenant key of the body's canonical form.
    pub body_mac: [u8; 32],
}

/// What a command led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandReceipt {
    /// The HMAC that it was recorded with.
    pub body_mac: [u8; 32],
    /// Index of its first event in the tenant's log.
    pub first_index: u64,
    /// Index of its last event.
    pub last_index: u64,
    /// Position of its last event.
    pub position: u64,
}

/// The last event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamHead {
    /// Its revision.
    pub seq: u64,
    /// Its hash: what the next event names in `prev`.
    pub hash: EventHash,
}

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Stored, durably.
    Committed {
        /// Index of its first event in the tenant's log.
        first_index: u64,
        /// Index of its last event.
        last_index: u64,
        /// Position of its last event.
        position: u64,
    },
    /// The command had been stored before with the same body: its first receipt.
    Duplicate(CommandReceipt),
    /// The command id had been stored before with another body.
    CommandConflict,
    /// The stream's head is not the one the events were sealed on. Decide again.
    WrongRevision {
        /// The head as it is, `None`: no such stream.
        current: Option<StreamHead>,
    },
    /// The events were sealed with a key that is not the active one. Seal again.
    StaleKey {
        /// The active key, `None`: the log waits for its genesis, or its key was revoked.
        active: Option<Kid>,
    },
    /// The store has no log of this tenant.
    UnknownLog,
}
