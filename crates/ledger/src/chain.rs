//! The hash chain of every stream: seq without a gap, `prev` the hash of the event before (formats.md §7.2).

use std::collections::HashMap;

use sha2::{Digest, Sha256};

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
///
/// A stream is known by 16 bytes of the hash of its id: a million streams fit 120 MB, whatever their names.
#[derive(Debug, Default)]
pub struct Chains {
    heads: HashMap<[u8; 16], (u64, EventHash)>,
}

fn key_of(stream: &StreamId) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(stream.as_str()).into();
    let mut key = [0; 16];
    key.copy_from_slice(&hash[..16]);
    key
}

impl Chains {
    /// Takes the next event of the log. A bad event still becomes the head, so that one fault is named once.
    ///
    /// # Errors
    /// [`ChainError`] if it does not follow.
    pub fn follow(&mut self, header: &Header<'_>, hash: EventHash) -> Result<(), ChainError> {
        let before = self.heads.insert(key_of(&header.stream), (header.seq, hash));
        let (expected_seq, expected_prev) = before.map_or((0, None), |(seq, hash)| (seq + 1, Some(hash)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Actor, EventId, TenantId};
    use crate::keys::Kid;

    fn header(stream: &str, seq: u64, prev: Option<[u8; 32]>) -> Header<'static> {
        Header {
            id: EventId(uuid::Uuid::nil()),
            event_type: "ledger.test.v1".into(),
            tenant: TenantId::system(),
            stream: StreamId::new(stream).unwrap(),
            seq,
            prev: prev.map(EventHash),
            time: crate::time::Timestamp::from_micros(0),
            actor: Actor::system("test"),
            cause: None,
            correlation: None,
            cmd: None,
            kid: Kid([0; 16]),
            data: b"{}",
            sd: Vec::new(),
        }
    }

    #[test]
    fn every_stream_must_follow_itself() {
        let mut chains = Chains::default();
        let hash = |n| EventHash([n; 32]);
        assert_eq!(chains.follow(&header("a-1", 0, None), hash(1)), Ok(()));
        assert_eq!(chains.follow(&header("b-1", 0, None), hash(2)), Ok(()));
        assert_eq!(chains.follow(&header("a-1", 1, Some([1; 32])), hash(3)), Ok(()));
        assert_eq!(chains.streams(), 2);
    }

    #[test]
    fn a_gap_a_repetition_and_another_predecessor_are_named_once() {
        let hash = |n| EventHash([n; 32]);
        let mut chains = Chains::default();
        chains.follow(&header("a-1", 0, None), hash(1)).unwrap();
        let gap = chains.follow(&header("a-1", 2, Some([9; 32])), hash(2));
        assert_eq!(gap, Err(ChainError::Seq { expected: 1, found: 2 }));
        assert_eq!(chains.follow(&header("a-1", 3, Some([2; 32])), hash(3)), Ok(()), "the rest is sound");
        let again = chains.follow(&header("a-1", 3, Some([2; 32])), hash(3));
        assert_eq!(again, Err(ChainError::Seq { expected: 4, found: 3 }));
        let forged = chains.follow(&header("a-1", 4, Some([7; 32])), hash(4));
        assert_eq!(forged, Err(ChainError::Prev { expected: Some(hash(3)), found: Some(hash(7)) }));
        let late = chains.follow(&header("b-1", 5, Some([7; 32])), hash(4));
        assert_eq!(late, Err(ChainError::Seq { expected: 0, found: 5 }));
    }
}
