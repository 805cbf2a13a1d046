//! The heads of streams: what an append must stand on, and where the stream's events lie.
//!
//! **Jumps.** Each event points back to the one before it in its stream and, at even revisions, to the one at
//! `seq & (seq - 1)` (the lowest one bit cleared). Any earlier revision is reached in O(log² n) hops, and a page
//! of a stream is read without an index of (stream, seq), whose random inserts would be the store's bottleneck.
//! To write the pointers, a head carries the positions of the revisions that one reaches by clearing bits: as
//! many as its revision has ones.

use std::collections::HashMap;

use ledger::event::EventHash;
use ledger::ids::StreamId;
use ledger_store::StreamHead;

/// Heads kept in memory. The working set of active streams; a miss costs one lookup.
const CACHED_MAX: usize = 32_768;

/// The last event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub seq: u64,
    pub hash: EventHash,
    pub position: u64,
    /// Positions of the revisions `seq & (seq - 1)` and so on, down to 0.
    pub ancestors: Vec<u64>,
    /// Changed in this commit, not yet written.
    pub dirty: bool,
}

impl Head {
    /// The head of a new stream.
    pub fn first(hash: EventHash, position: u64) -> Self {
        Self { seq: 0, hash, position, ancestors: Vec::new(), dirty: false }
    }

    /// Moves on to the next event, and gives its jump pointer: where its seq is even and not 0.
    pub fn advance(&mut self, hash: EventHash, position: u64) -> Option<u64> {
        match self.seq.trailing_ones() as usize {
            0 => self.ancestors.insert(0, self.position),
            ones => _ = self.ancestors.drain(..ones - 1),
        }
        (self.seq, self.hash, self.position) = (self.seq + 1, hash, position);
        if self.seq.is_multiple_of(2) { self.ancestors.first().copied() } else { None }
    }

    pub fn public(&self) -> StreamHead {
        StreamHead { seq: self.seq, hash: self.hash }
    }

    /// The ancestors as differences to the one before, each in LEB128.
    pub fn encode_ancestors(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.ancestors.len() * 4);
        let mut above = self.position;
        for ancestor in &self.ancestors {
            let mut rest = above - ancestor;
            while rest >= 0x80 {
                bytes.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
            above = *ancestor;
        }
        bytes
    }

    /// The inverse; `None` if the bytes do not fit the revision.
    pub fn decode_ancestors(seq: u64, position: u64, bytes: &[u8]) -> Option<Vec<u64>> {
        let mut ancestors = Vec::with_capacity(seq.count_ones() as usize);
        let (mut above, mut value, mut shift) = (position, 0_u64, 0);
        for byte in bytes {
            if shift > 56 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                above = above.checked_sub(value).filter(|_| value > 0)?;
                ancestors.push(above);
                (value, shift) = (0, 0);
            }
        }
        (shift == 0 && ancestors.len() == seq.count_ones() as usize).then_some(ancestors)
    }
}

/// Heads by log and stream, in two generations: a full young one becomes the old one, and what is used again
/// moves to the young. Constant time, and nothing that the current commit has touched is ever dropped, because
/// a commit touches fewer streams than a generation holds.
#[derive(Debug, Default)]
pub(crate) struct HeadCache {
    young: HashMap<(i64, StreamId), Head>,
    old: HashMap<(i64, StreamId), Head>,
}

impl HeadCache {
    pub fn get(&mut self, key: &(i64, StreamId)) -> Option<&mut Head> {
        if !self.young.contains_key(key) {
            let (key, head) = self.old.remove_entry(key)?;
            self.put(key, head);
        }
        self.young.get_mut(key)
    }

    pub fn put(&mut self, key: (i64, StreamId), head: Head) -> &mut Head {
        if self.young.len() >= CACHED_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.entry(key).insert_entry(head).into_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Position of revision `seq` in the test stream: gaps of several sizes.
    fn at(seq: u64) -> u64 {
        5 + seq * 3 + seq / 7 * 200
    }

    #[test]
    fn a_head_knows_the_revisions_reached_by_clearing_bits() {
        let mut head = Head::first(EventHash([0; 32]), at(0));
        for seq in 1..5000_u64 {
            let jump = head.advance(EventHash([0; 32]), at(seq));
            let mut expected = Vec::new();
            let mut rest = seq;
            while rest > 0 {
                rest &= rest - 1;
                expected.push(at(rest));
            }
            assert_eq!(head.ancestors, expected, "{seq}");
            assert_eq!(jump, (seq % 2 == 0).then(|| at(seq & (seq - 1))));
            let bytes = head.encode_ancestors();
            assert_eq!(Head::decode_ancestors(seq, at(seq), &bytes), Some(expected));
        }
    }

    #[test]
    fn damaged_ancestors_are_refused() {
        assert_eq!(Head::decode_ancestors(1, 10, &[]), None);
        assert_eq!(Head::decode_ancestors(1, 10, &[0]), None);
        assert_eq!(Head::decode_ancestors(1, 10, &[11]), None);
        assert_eq!(Head::decode_ancestors(1, 10, &[0x80]), None);
        assert_eq!(Head::decode_ancestors(1, 10, &[0xff; 12]), None);
        assert_eq!(Head::decode_ancestors(1, 10, &[9]), Some(vec![1]));
    }

    #[test]
    fn the_cache_forgets_what_was_not_used_and_nothing_else() {
        let mut cache = HeadCache::default();
        let key = |i: usize| (1, StreamId::of("s", i).unwrap());
        for i in 0..CACHED_MAX * 2 {
            cache.put(key(i), Head::first(EventHash([0; 32]), i as u64));
            assert_eq!(cache.get(&key(0)).map(|head| head.position), Some(0), "{i}");
        }
        assert!(cache.get(&key(1)).is_none());
        assert!(cache.young.len() + cache.old.len() <= CACHED_MAX);
    }
}
