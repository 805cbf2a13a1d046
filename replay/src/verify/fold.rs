//! What can only be judged in the order of the log: keys, chains, the tree, erasures.

use std::collections::{BTreeSet, HashMap};

use ledger::b64;
use ledger::bundle::CHECKPOINT;
use ledger::epochs::{Dispute, Epochs};
use ledger::event::Header;
use ledger::keys::PublicKey;
use ledger::merkle::{EMPTY_ROOT, Frontier, Hash};
use ledger::tile::{TILE_BYTES, TileBuilder, TileId};

use super::chunk::{Leaves, Seen, of};
use super::disclosures::{Lines, Raw};
use super::files::FileTable;
use super::head::Head;
use super::heads::Heads;
use crate::directory::Directory;
use crate::report::{Counts, Erasure, Failure, Failures};

/// The type of the event that lists erased members.
const ERASED: &str = "ledger.subject.erased.v1";

/// Does this event list erased members?
pub fn is_erasure(header: &Header<'_>) -> bool {
    header.event_type == ERASED
}

/// The digests of the members that an erasure lists. Data that does not fit its type is reported by the check of schemas.
pub fn erased_by(header: &Header<'_>) -> Vec<Hash> {
    #[derive(serde::Deserialize)]
    struct Erased {
        digests: Vec<String>,
    }
    let digests =
        serde_json::from_slice::<Erased>(header.data).map_or_else(|_| Vec::new(), |data| data.digests);
    digests.iter().filter_map(|digest| b64::decode_url_array(digest).ok()).collect()
}

/// Holds the first event of the log against the genesis that the trust file pins.
pub fn check_genesis(pin: &Hash, seen: &Seen, header: &Header<'_>, failures: &Failures) -> bool {
    let fits = *pin == seen.hash.0;
    if !fits {
        let pin = b64::encode_url(pin);
        failures.push(of(0, header, format!("the trust file pins the genesis {pin}, this is {}", seen.hash)));
    }
    fits
}

/// A range that is in doubt, in words.
pub fn told(Dispute { marked_at, disputed }: &Dispute) -> String {
    let (from, to) = (disputed.from_index, disputed.to_index);
    format!("entries {from} to {to} of key {} are in doubt, says entry {marked_at}", disputed.kid)
}

/// The state after the entries so far.
pub struct Fold<'a> {
    directory: &'a Directory,
    files: &'a FileTable,
    failures: &'a Failures,
    genesis_pin: Option<Hash>,
    genesis_fits: bool,
    log_keys: Vec<String>,
    epochs: Epochs,
    heads: Heads,
    /// The tree above the tiles of level 0: its leaves are their roots.
    upper: TileBuilder,
    edge: Vec<Hash>,
    lost: bool,
    sizes: BTreeSet<u64>,
    roots: HashMap<u64, Hash>,
    lines: Lines<'a>,
    erased: HashMap<Hash, u64>,
    erasures: Vec<Erasure>,
    notes: Vec<String>,
}

/// What the other checks of a chunk need from the fold.
pub struct Folded {
    /// The keys of the chunk, each once.
    pub keys: Vec<PublicKey>,
    /// For each event the place of the key under which its signature must verify, if its log vouches for one.
    pub key_of: Vec<Option<usize>>,
    /// The disclosures of the chunk's entries.
    pub disclosures: Vec<Raw>,
}

/// What the fold has found out.
pub struct Outcome {
    pub roots: HashMap<u64, Hash>,
    pub genesis_pinned: bool,
    pub erasures: Vec<Erasure>,
    pub disputes: Vec<String>,
    pub notes: Vec<String>,
}

impl<'a> Fold<'a> {
    /// Before the first entry. The roots at `sizes` will be known at the end.
    pub fn new(
        directory: &'a Directory,
        files: &'a FileTable,
        head: &Head,
        sizes: BTreeSet<u64>,
        failures: &'a Failures,
    ) -> Self {
        let policy = head.policy();
        let keys = policy.map(|policy| policy.keys_of(head.origin())).unwrap_or_default();
        Self {
            directory,
            files,
            failures,
            genesis_pin: policy.and_then(|policy| policy.genesis().copied()),
            genesis_fits: false,
            log_keys: keys.iter().map(ToString::to_string).collect(),
            epochs: Epochs::default(),
            heads: Heads::default(),
            upper: TileBuilder::default(),
            edge: Vec::new(),
            lost: false,
            roots: sizes.contains(&0).then_some((0, EMPTY_ROOT)).into_iter().collect(),
            sizes,
            lines: Lines::open(directory, files, failures),
            erased: HashMap::new(),
            erasures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes the next chunk of the log, which ends before entry `end`.
    pub fn chunk(&mut self, leaves: &[Leaves], events: &[(Seen, Header<'_>)], end: u64) -> Folded {
        leaves.iter().for_each(|leaves| self.take_leaves(leaves));
        let mut keys: Vec<PublicKey> = Vec::new();
        let mut place = |key: PublicKey| {
            if keys.last().is_none_or(|last| last.kid() != key.kid()) {
                keys.push(key);
            }
            keys.len() - 1
        };
        let key_of =
            events.iter().map(|(seen, header)| self.take_event(seen, header).map(&mut place)).collect();
        Folded { keys, key_of, disclosures: self.lines.before(end) }
    }

    fn take_event(&mut self, seen: &Seen, header: &Header<'_>) -> Option<PublicKey> {
        if seen.index == 0 {
            self.take_genesis(seen, header);
        }
        if is_erasure(header) {
            self.take_erasure(seen.index, header);
        }
        let followed = self.heads.follow(seen.key, header.seq, header.prev, seen.hash);
        self.failures.ok(followed, |reason| of(seen.index, header, reason));
        let admitted = self.epochs.admit(seen.index, header);
        self.failures.ok(admitted, |reason| of(seen.index, header, reason))
    }

    fn take_genesis(&mut self, seen: &Seen, header: &Header<'_>) {
        if let Some(pin) = &self.genesis_pin {
            self.genesis_fits = check_genesis(pin, seen, header, self.failures);
        }
    }

    fn take_erasure(&mut self, index: u64, header: &Header<'_>) {
        let digests = erased_by(header);
        self.erasures.push(Erasure { index, members: digests.len() as u64 });
        self.erased.extend(digests.into_iter().map(|digest| (digest, index)));
    }

    fn take_leaves(&mut self, leaves: &Leaves) {
        if leaves.hashes.is_empty() {
            self.lost = true;
            return;
        }
        let end = leaves.first + leaves.hashes.len() as u64;
        let wanted: Vec<u64> = self.sizes.range(leaves.first + 1..=end).copied().collect();
        for size in wanted {
            let root = self.frontier(&leaves.hashes, size - leaves.first);
            self.roots.extend(root.map(|frontier| (size, frontier.root())));
        }
        match leaves.root {
            Some(root) => self.upper.push(root),
            None => self.edge.clone_from(&leaves.hashes),
        }
        for (tile, bytes) in self.upper.drain_full() {
            self.check_tile(TileId { level: tile.level + 1, ..tile }, &bytes);
        }
    }

    /// The right edge after `count` of these leaves, which follow the full tiles so far.
    fn frontier(&self, leaves: &[Hash], count: u64) -> Option<Frontier> {
        if self.lost {
            return None;
        }
        let size = self.upper.size() * ledger::tile::TILE_WIDTH;
        let mut frontier = Frontier::from_parts(size, self.upper.frontier().hashes().to_vec()).ok()?;
        leaves.iter().zip(0..count).for_each(|(leaf, _)| frontier.push(*leaf));
        Some(frontier)
    }

    /// Holds a tile above level 0 against the hashes that were computed.
    fn check_tile(&self, tile: TileId, computed: &[u8]) {
        let path = tile.path();
        let read = self.directory.read(&path, TILE_BYTES as u64);
        let Some(bytes) = self.failures.ok(read, |reason| Failure::file(&path, reason)) else { return };
        self.files.check(&path, &bytes, self.failures);
        if bytes != computed && !self.lost {
            self.failures.push(Failure::file(&path, "has other hashes than the entries below it"));
        }
    }

    /// After the last entry.
    pub fn finish(mut self, head: &Head, counts: &mut Counts) -> Outcome {
        for (tile, bytes) in self.upper.drain() {
            self.check_tile(TileId { level: tile.level + 1, ..tile }, &bytes);
        }
        if self.lost {
            let reason = "the root cannot be computed, because entries and their tiles are lost";
            self.failures.push(Failure::general(reason));
        } else if let (Some(expected), Some(edge)) =
            (head.root(), self.frontier(&self.edge, self.edge.len() as u64))
        {
            self.check_root(head, expected, &edge.root());
        }
        if let Some(genesis) = self.epochs.genesis().filter(|genesis| genesis.origin != head.origin()) {
            let reason =
                format!("the genesis is of {:?}, the checkpoint of {:?}", genesis.origin, head.origin());
            self.failures.push(Failure::entry(0, reason));
        }
        if let Some(genesis) = self.epochs.genesis()
            && !self.log_keys.contains(&genesis.checkpoint_vkey)
        {
            self.notes.push(format!(
                "the genesis names another checkpoint key, {}: it was rotated, or the trust file is of another log",
                genesis.checkpoint_vkey
            ));
        }
        counts.streams = self.heads.len();
        counts.erased = self.erased.len() as u64;
        self.lines.finish(&self.erased);
        Outcome {
            roots: self.roots,
            genesis_pinned: self.genesis_fits,
            erasures: self.erasures,
            disputes: self.epochs.disputes().iter().map(told).collect(),
            notes: self.notes,
        }
    }

    fn check_root(&self, head: &Head, expected: &Hash, computed: &Hash) {
        if expected != computed {
            let (expected, computed) = (b64::encode(expected), b64::encode(computed));
            let size = head.size();
            let reason =
                format!("the {size} entries have the root {computed}, the checkpoint says {expected}");
            self.failures.push(Failure::file(CHECKPOINT, reason));
        }
    }
}
