//! One log, computed again from its signed bytes.

use std::collections::HashMap;

use ledger::clock::OsEntropy;
use ledger::dsse::{PAYLOAD_TYPE, pae_into};
use ledger::epochs::Epochs;
use ledger::event::{EventHash, Header, entry_bytes};
use ledger::ids::{StreamId, TenantId};
use ledger::keys::BatchVerifier;
use ledger::merkle::{Hash, leaf_hash};
use sha2::{Digest, Sha256};

use super::tree::TreeVerifier;
use crate::core::{Head, Kind, Log};
use ledger_store::verify::{Failure, Verification, VerifiedLog};

/// A row of the events table, as it is stored.
pub(super) struct StoredRow<'a> {
    pub position: u64,
    pub index: u64,
    pub kind: Option<&'a Kind>,
    pub header: &'a [u8],
    pub signature: [u8; 64],
    pub back: Option<u64>,
    pub jump: Option<u64>,
}

/// Computes a log again.
pub(super) struct LogVerifier {
    pub tenant: TenantId,
    pub stored: Log,
    pub tree: TreeVerifier,
    /// By 16 bytes of the hash of the stream's id: a million streams fit 150 MB.
    pub heads: HashMap<[u8; 16], Followed>,
    pub last_position: u64,
    pub epochs: Epochs,
    batch: BatchVerifier,
    /// What is said of a signature of the batch that does not hold.
    places: Vec<Failure>,
    message: Vec<u8>,
}

pub(super) fn stream_key(stream: &StreamId) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(stream.as_str()).into();
    std::array::from_fn(|i| hash[i])
}

impl LogVerifier {
    pub fn new(tenant: TenantId, stored: Log) -> Self {
        Self {
            tree: TreeVerifier::new(stored.id),
            tenant,
            stored,
            heads: HashMap::new(),
            last_position: 0,
            epochs: Epochs::default(),
            batch: BatchVerifier::new(),
            places: Vec::new(),
            message: Vec::new(),
        }
    }

    pub fn result(&self) -> VerifiedLog {
        VerifiedLog { tenant: self.tenant.clone(), size: self.tree.size(), root: self.tree.root() }
    }

    /// Takes the next row of the log.
    pub fn take(&mut self, row: &StoredRow<'_>, report: &mut Verification) {
        self.last_position = row.position;
        let mut place = Failure {
            position: Some(row.position),
            index: Some(row.index),
            ..Failure::of_log(&self.tenant, String::new())
        };
        let mut fail = |place: &Failure, reason: String| report.fail(Failure { reason, ..place.clone() });
        let index = self.tree.size();
        if row.index != index {
            fail(&place, format!("is stored as index {}, but is number {index} of its log", row.index));
        }
        let header = match Header::parse(row.header) {
            Ok(header) => header,
            Err(error) => {
                fail(&place, format!("the header is damaged: {error}"));
                // No leaf can be made of it; the tree must differ from here on.
                self.tree.push([0; 32], row.position);
                return;
            }
        };
        place.stream = Some((header.stream.to_string(), header.seq));
        if header.tenant != self.tenant {
            fail(&place, format!("the event is of tenant {}", header.tenant));
        }
        let named = |kind: &Kind| {
            *kind.event_type == *header.event_type && *kind.category == *header.stream.category()
        };
        if !row.kind.is_some_and(named) {
            fail(&place, "its type or category is stored wrongly".to_owned());
        }
        match self.epochs.admit(index, &header) {
            Ok(key) => {
                self.message.clear();
                pae_into(PAYLOAD_TYPE, row.header, &mut self.message);
                let tag = self.places.len() as u64;
                self.batch.add(tag, &key, &self.message, &row.signature);
                self.places.push(place.clone());
            }
            Err(error) => fail(&place, format!("its key: {error}")),
        }
        if let Err(reason) = self.follow(&header, row) {
            fail(&place, reason);
        }
        self.tree.push(leaf_hash(&entry_bytes(row.header, &row.signature, header.kid)), row.position);
        if self.batch.len() >= BatchVerifier::GOOD_SIZE {
            self.check_signatures(report);
        }
    }

    /// The chain of its stream, and the pointers that readers follow.
    fn follow(&mut self, header: &Header<'_>, row: &StoredRow<'_>) -> Result<(), String> {
        let (key, hash) = (stream_key(&header.stream), EventHash::of(row.header));
        let Some(Followed { head, whole }) = self.heads.get_mut(&key) else {
            let whole = header.seq == 0;
            let head = if whole { Head::first(hash, row.position) } else { restarted(header, hash, row) };
            self.heads.insert(key, Followed { head, whole });
            return match (header.seq, header.prev, row.back, row.jump) {
                (0, None, None, None) => Ok(()),
                (0, None, ..) => Err("it points back, but is the first of its stream".to_owned()),
                (seq, ..) => Err(format!("it has revision {seq}, but nothing of its stream comes before")),
            };
        };
        let before = StreamBefore { seq: head.seq, hash: head.hash, position: head.position };
        if header.seq != before.seq + 1 {
            // A bad event becomes the head all the same, so that one fault is named once.
            (*head, *whole) = (restarted(header, hash, row), false);
            return Err(format!(
                "it has revision {}, the one before in its stream {}",
                header.seq, before.seq
            ));
        }
        let jump = if *whole { head.advance(hash, row.position) } else { row.jump };
        if !*whole {
            *head = restarted(header, hash, row);
        }
        before.check(header, row, jump)
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

    /// The root that the first `size` entries have, if it was asked for before they were taken.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        self.tree.root_at(size)
    }
}

/// A stream as its events so far make it.
pub(super) struct Followed {
    pub head: Head,
    /// Every event before is known, and so are the pointers of the next one.
    pub whole: bool,
}

/// The head of a stream of which something is missing.
fn restarted(header: &Header<'_>, hash: EventHash, row: &StoredRow<'_>) -> Head {
    Head { seq: header.seq, ..Head::first(hash, row.position) }
}

struct StreamBefore {
    seq: u64,
    hash: EventHash,
    position: u64,
}

impl StreamBefore {
    fn check(&self, header: &Header<'_>, row: &StoredRow<'_>, jump: Option<u64>) -> Result<(), String> {
        if header.prev != Some(self.hash) {
            return Err("its `prev` is not the hash of the event before in its stream".to_owned());
        }
        if row.back != Some(self.position) || row.jump != jump {
            return Err("its pointers do not lead to the events before in its stream".to_owned());
        }
        Ok(())
    }
}
