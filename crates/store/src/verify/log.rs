//! One log, computed again from its signed bytes.

use std::collections::{BTreeMap, HashMap};

use ledger::clock::OsEntropy;
use ledger::dsse::{PAYLOAD_TYPE, pae_into};
use ledger::epochs::Epochs;
use ledger::event::{EventHash, Header, entry_bytes};
use ledger::ids::{StreamId, TenantId};
use ledger::keys::BatchVerifier;
use ledger::merkle::{EMPTY_ROOT, Frontier, Hash, leaf_hash};
use ledger::tile::{TILE_WIDTH, TileId};

use super::report::{Failure, Verification};
use crate::{StoredEvent, StreamHead};

/// Computes a log again.
pub(super) struct LogVerifier {
    pub tenant: TenantId,
    tree: Frontier,
    /// The bytes of the full tiles of leaves, and of the open one.
    leaves: Vec<u8>,
    roots: BTreeMap<u64, Option<Hash>>,
    heads: HashMap<StreamId, StreamHead>,
    epochs: Epochs,
    batch: BatchVerifier,
    /// What is said of a signature of the batch that does not hold.
    places: Vec<Failure>,
    message: Vec<u8>,
}

impl LogVerifier {
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            tree: Frontier::default(),
            leaves: Vec::new(),
            roots: BTreeMap::from([(0, Some(EMPTY_ROOT))]),
            heads: HashMap::new(),
            epochs: Epochs::default(),
            batch: BatchVerifier::new(),
            places: Vec::new(),
            message: Vec::new(),
        }
    }

    /// Asks for the root over the first `size` entries, before they are taken.
    pub fn want(&mut self, size: u64) {
        self.roots.entry(size).or_insert(None);
    }

    /// The root that was asked for, if the log has so many entries.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        self.roots.get(&size).copied().flatten()
    }

    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The full tiles of leaves.
    pub fn tiles(&self) -> impl Iterator<Item = (TileId, &[u8])> {
        let width = u16::try_from(TILE_WIDTH).expect("a tile has 256 hashes");
        let full = self.leaves.chunks_exact(usize::from(width) * 32);
        (0..).zip(full).map(move |(index, bytes)| (TileId { level: 0, index, width }, bytes))
    }

    /// The last event of each stream.
    pub fn heads(&self) -> impl Iterator<Item = (&StreamId, &StreamHead)> {
        self.heads.iter()
    }

    /// Takes the next event of the log.
    pub fn take(&mut self, event: &StoredEvent, report: &mut Verification) {
        let mut place = Failure {
            position: Some(event.position),
            index: Some(event.index),
            ..Failure::of_log(&self.tenant, String::new())
        };
        let mut fail = |place: &Failure, reason: String| report.fail(Failure { reason, ..place.clone() });
        let index = self.tree.size();
        if event.index != index {
            fail(&place, format!("is given as index {}, but is number {index} of its log", event.index));
        }
        let header = match Header::parse(&event.header) {
            Ok(header) => header,
            Err(error) => {
                fail(&place, format!("the header is damaged: {error}"));
                // No leaf can be made of it; the tree must differ from here on.
                self.push([0; 32]);
                return;
            }
        };
        place.stream = Some((header.stream.to_string(), header.seq));
        if header.tenant != self.tenant {
            fail(&place, format!("the event is of tenant {}", header.tenant));
        }
        if *header.event_type != *event.event_type {
            fail(&place, format!("is given as {}, but is {}", event.event_type, header.event_type));
        }
        match self.epochs.admit(index, &header) {
            Ok(key) => {
                self.message.clear();
                pae_into(PAYLOAD_TYPE, &event.header, &mut self.message);
                self.batch.add(self.places.len() as u64, &key, &self.message, &event.signature);
                self.places.push(place.clone());
            }
            Err(error) => fail(&place, format!("its key: {error}")),
        }
        let head = StreamHead { seq: header.seq, hash: EventHash::of(&event.header) };
        let before = self.heads.insert(header.stream.clone(), head);
        let expected = before.map_or((0, None), |before| (before.seq + 1, Some(before.hash)));
        if (header.seq, header.prev) != expected {
            fail(
                &place,
                format!("does not follow revision {:?} of its stream", before.map(|before| before.seq)),
            );
        }
        self.push(leaf_hash(&entry_bytes(&event.header, &event.signature, header.kid)));
        if self.batch.len() >= BatchVerifier::GOOD_SIZE {
            self.check_signatures(report);
        }
    }

    fn push(&mut self, leaf: Hash) {
        self.tree.push(leaf);
        self.leaves.extend_from_slice(&leaf);
        if let Some(root) = self.roots.get_mut(&self.tree.size()) {
            *root = Some(self.tree.root());
        }
    }

    /// Checks the signatures that were collected.
    pub fn check_signatures(&mut self, report: &mut Verification) {
        for (tag, error) in self.batch.finish(&OsEntropy) {
            if let Some(place) = usize::try_from(tag).ok().and_then(|tag| self.places.get(tag)) {
                report.fail(Failure { reason: error.to_string(), ..place.clone() });
            }
        }
        self.places.clear();
    }
}
