//! The heads of all streams, compactly: 56 bytes each, so that a million streams fit beside everything else.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use ledger::chain::ChainError;
use ledger::clock::Entropy;
use ledger::event::EventHash;
use ledger::ids::StreamId;
use sha2::{Digest, Sha256};

/// Tables grow one by one, so that not all of them are there twice at once.
const SHARDS: usize = 16;

/// Stands for a stream id: a keyed hash, so that nobody can prepare two ids that collide.
pub type StreamKey = [u8; 16];

/// Makes stream keys.
#[derive(Debug, Clone)]
pub struct StreamKeyer(Sha256);

impl StreamKeyer {
    /// With a key of its own.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 64];
        entropy.fill(&mut key);
        Self(Sha256::new_with_prefix(key))
    }

    /// The key of a stream.
    pub fn key(&self, stream: &StreamId) -> StreamKey {
        let hash: [u8; 32] = self.0.clone().chain_update(stream.as_str()).finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        key
    }
}

/// Takes the first bytes of what is a hash already.
#[derive(Debug, Default)]
pub struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }
}

type Shard = HashMap<StreamKey, (u64, [u8; 32]), BuildHasherDefault<FirstBytes>>;

/// The last (seq, hash) of every stream.
#[derive(Debug, Default)]
pub struct Heads([Shard; SHARDS]);

impl Heads {
    /// Takes the next event of the log. A bad event still becomes the head, so that one fault is named once.
    ///
    /// # Errors
    /// [`ChainError`] if it does not follow.
    pub fn follow(
        &mut self,
        key: StreamKey,
        seq: u64,
        prev: Option<EventHash>,
        hash: EventHash,
    ) -> Result<(), ChainError> {
        let shard = &mut self.0[usize::from(key[15]) % SHARDS];
        let before = shard.insert(key, (seq, hash.0));
        let expected_seq = before.map_or(0, |(seq, _)| seq + 1);
        let expected_prev = before.map(|(_, hash)| EventHash(hash));
        if seq != expected_seq {
            return Err(ChainError::Seq { expected: expected_seq, found: seq });
        }
        if prev != expected_prev {
            return Err(ChainError::Prev { expected: expected_prev, found: prev });
        }
        Ok(())
    }

    /// The number of streams.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|shard| shard.len() as u64).sum()
    }
}
