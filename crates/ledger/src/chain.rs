//! The hash chain of every stream: seq without a gap, `prev` the hash of the event before (formats.md §7.2).

use std::collections::HashMap;

use crate::event::{EventHash, Header};
use crate::ids::StreamId;

/// An event that does not follow the one before it in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A gap, a repetition or a reordering.
    #[error("seq is {found}, expected {expected}")]
    Seq {
        /// The next seq of the stream.
        expected: u64,
        /// What the header says.
        found: u64,
    },
    /// Another event before it than the one in the log.
    #[error("prev is {found:?}, the event before has {expected:?}")]
    Prev {
        /// The hash of the event before.
        expected: Option<EventHash>,
        /// What the header says.
        found: Option<EventHash>,
    },
}

/// The last (seq, hash) of every stream of one log.
#[derive(Debug, Default)]
pub struct Chains {
    heads: HashMap<StreamId, (u64, EventHash)>,
}

impl Chains {
    /// Takes the next event of the log. A bad event still becomes the head, so that one fault is named once.
    ///
    /// # Errors
    /// [`ChainError`] if it does not follow.
    pub fn follow(&mut self, header: &Header<'_>, hash: EventHash) -> Result<(), ChainError> {
        let (expected_seq, expected_prev) = match self.heads.get(&header.stream) {
            Some((seq, hash)) => (seq + 1, Some(*hash)),
            None => (0, None),
        };
        self.heads.insert(header.stream.clone(), (header.seq, hash));
        if header.seq != expected_seq {
            return Err(ChainError::Seq { expected: expected_seq, found: header.seq });
        }
        if header.prev != expected_prev {
            return Err(ChainError::Prev { expected: expected_prev, found: header.prev });
        }
        Ok(())
    }

    /// The streams seen so far.
    pub fn streams(&self) -> usize {
        self.heads.len()
    }
}
