//! A chunk of entries: read and hashed beside other chunks, folded in its turn, its signatures checked beside others.

use ledger::event::{ENTRY_MAX, Entry, EventHash, Header, parse_entry};
use ledger::ids::TenantId;
use ledger::merkle::{Hash, leaf_hash, root_of};
use ledger::tile::{EntriesId, TILE_BYTES, TILE_WIDTH, TileId, entries};

use super::disclosures::{self, BlobRefs};
use super::files::FileTable;
use super::fold::{Fold, Folded};
use super::heads::{StreamKey, StreamKeyer};
use super::schema::SchemaCheck;
use super::signatures::Signatures;
use super::turn::Turnstile;
use crate::directory::Directory;
use crate::progress::Progress;
use crate::report::{Counts, Failure, Failures};

/// Bundles of entries in a chunk: 4096 entries, the good size of a batch of signatures.
pub const CHUNK_BUNDLES: u64 = 16;
/// A bundle of entries is refused above this size.
const BUNDLE_BYTES_MAX: u64 = TILE_WIDTH * (ENTRY_MAX as u64 + 2);

/// What all threads share.
pub struct Work<'a> {
    pub directory: &'a Directory,
    pub files: &'a FileTable,
    pub failures: &'a Failures,
    pub progress: &'a dyn Progress,
    pub tenant: Option<&'a TenantId>,
    pub size: u64,
    pub strict: bool,
    pub keyer: StreamKeyer,
    pub blobs: BlobRefs,
}

/// The leaves of one bundle of entries.
pub struct Leaves {
    /// The index of the first.
    pub first: u64,
    /// Their hashes; empty if neither the entries nor their tile could be read.
    pub hashes: Vec<Hash>,
    /// The root over them, if they are 256.
    pub root: Option<Hash>,
}

/// One entry that could be read, without its header's text.
pub struct Seen {
    pub index: u64,
    pub key: StreamKey,
    pub hash: EventHash,
}

/// Takes chunks until none is left.
pub fn run(work: &Work<'_>, turnstile: &Turnstile<'_, Fold<'_>>) -> Counts {
    let mut counts = Counts::default();
    let mut buffer = Vec::new();
    let mut schemas = SchemaCheck::new();
    loop {
        let ticket = turnstile.ticket();
        let first = ticket.number() * CHUNK_BUNDLES;
        let bundles = work.size.div_ceil(TILE_WIDTH).saturating_sub(first).min(CHUNK_BUNDLES);
        if bundles == 0 {
            return counts;
        }
        let mut entries = Vec::with_capacity((bundles * TILE_WIDTH) as usize);
        let leaves: Vec<Leaves> = (first..first + bundles)
            .filter_map(|index| EntriesId::at(index, work.size))
            .map(|id| work.read_bundle(id, &mut buffer, &mut entries))
            .collect();
        let events = work.read_headers(&entries);
        let end = ((first + bundles) * TILE_WIDTH).min(work.size);
        let folded = ticket.enter(|fold| fold.chunk(&leaves, &events, end));
        counts.entries += entries.len() as u64;
        work.check(&entries, &events, &folded, &mut schemas, &mut counts);
        disclosures::check(&events, folded.disclosures, work, &mut counts);
        work.progress.advance(end - first * TILE_WIDTH);
    }
}

impl Work<'_> {
    /// Reads one bundle, hashes its entries and holds them against their tile.
    fn read_bundle(&self, id: EntriesId, buffer: &mut Vec<u8>, into: &mut Vec<(u64, Entry)>) -> Leaves {
        let (path, first) = (id.path(), id.index * TILE_WIDTH);
        let mut hashes = Vec::with_capacity(usize::from(id.width));
        if self.read_file(&path, BUNDLE_BYTES_MAX, buffer) {
            for (index, entry) in (first..).zip(entries(buffer)) {
                match entry {
                    Ok(bytes) => {
                        hashes.push(leaf_hash(bytes));
                        let read = parse_entry(bytes);
                        into.extend(
                            self.failures
                                .ok(read, |reason| Failure::entry(index, reason))
                                .map(|e| (index, e)),
                        );
                    }
                    Err(error) => self.failures.push(Failure::file(&path, error)),
                }
            }
            if hashes.len() != usize::from(id.width) {
                let reason = format!("has {} entries where {} are due", hashes.len(), id.width);
                self.failures.push(Failure::file(&path, reason));
                hashes.clear();
                into.retain(|(index, _)| *index < first);
            }
        }
        self.check_leaves(id, &mut hashes, buffer);
        let full = hashes.len() as u64 == TILE_WIDTH;
        let root = full.then(|| root_of(hashes.iter().copied()));
        Leaves { first, hashes, root }
    }

    /// Holds leaf hashes against the tile of level 0. Where the entries are lost, the tile's hashes stand in for them,
    /// so that the rest of the tree can still be judged.
    fn check_leaves(&self, id: EntriesId, hashes: &mut Vec<Hash>, buffer: &mut Vec<u8>) {
        let tile = TileId { level: 0, index: id.index, width: id.width };
        let path = tile.path();
        if !self.read_file(&path, TILE_BYTES as u64, buffer) {
            return;
        }
        if buffer.len() != tile.bytes() {
            let reason = format!("has {} bytes where {} are due", buffer.len(), tile.bytes());
            self.failures.push(Failure::file(&path, reason));
            return;
        }
        let listed = buffer.as_chunks::<32>().0;
        if hashes.is_empty() {
            hashes.extend_from_slice(listed);
            return;
        }
        for (index, (ours, listed)) in (id.index * TILE_WIDTH..).zip(hashes.iter().zip(listed)) {
            if ours != listed {
                let reason = "the entry has another hash than its tile says";
                self.failures.push(Failure { file: Some(path.clone()), ..Failure::entry(index, reason) });
            }
        }
    }

    /// Reads a file and holds it against the manifest; false if that failed and was noted.
    pub fn read_file(&self, path: &str, max: u64, buffer: &mut Vec<u8>) -> bool {
        let read = self.directory.read_into(path, max, buffer);
        if self.failures.ok(read, |reason| Failure::file(path, reason)).is_none() {
            return false;
        }
        self.files.check(path, buffer, self.failures);
        true
    }

    /// The headers of those entries whose header can be read.
    pub fn read_headers<'e>(&self, entries: &'e [(u64, Entry)]) -> Vec<(Seen, Header<'e>)> {
        let mut events = Vec::with_capacity(entries.len());
        for (index, entry) in entries {
            let Some(header) = self.failures.ok(entry.read(), |reason| Failure::entry(*index, reason)) else {
                continue;
            };
            if self.tenant.is_some_and(|tenant| *tenant != header.tenant) {
                let reason = format!("is an event of tenant {}", header.tenant);
                self.failures.push(of(*index, &header, reason));
            }
            let key = self.keyer.key(&header.stream);
            events.push((Seen { index: *index, key, hash: EventHash::of(&entry.header) }, header));
        }
        events
    }

    /// What an event has to fulfil by itself: its signature and its schema.
    pub fn check(
        &self,
        entries: &[(u64, Entry)],
        events: &[(Seen, Header<'_>)],
        folded: &Folded,
        schemas: &mut SchemaCheck,
        counts: &mut Counts,
    ) {
        let mut signatures = Signatures::new(self.strict, events.len());
        let mut rest = entries.iter();
        for ((seen, header), key) in events.iter().zip(&folded.key_of) {
            counts.members += header.sd.len() as u64;
            match schemas.check(header) {
                Ok(true) => {}
                Ok(false) => counts.unknown_types += 1,
                Err(reason) => self.failures.push(of(seen.index, header, reason)),
            }
            let entry = rest.find(|(index, _)| *index == seen.index);
            if let (Some(key), Some((_, entry))) = (*key, entry) {
                signatures.add(seen.index, &folded.keys[key], &entry.header, &entry.signature);
            }
        }
        let (good, bad) = signatures.finish();
        counts.signatures += good;
        for (index, error) in bad {
            if let Ok(at) = events.binary_search_by_key(&index, |(seen, _)| seen.index) {
                self.failures.push(of(index, &events[at].1, error));
            }
        }
    }
}

/// A failure of an event whose header could be read.
pub fn of(index: u64, header: &Header<'_>, reason: impl ToString) -> Failure {
    Failure {
        index: Some(index),
        stream: Some(header.stream.to_string()),
        seq: Some(header.seq),
        file: None,
        reason: reason.to_string(),
    }
}
