//! Writing an export, entry by entry, to wherever it goes.

use super::files::Files;
use super::{BundleError, BundleMeta, BundleSink, BundleSummary, DISCLOSURES, DisclosedLine};
use crate::anchor::AnchorFile;
use crate::checkpoint::Checkpoint;
use crate::merkle::leaf_hash;
use crate::note::NoteSigner;
use crate::policy::Policy;
use crate::tile::{EntriesId, TILE_WIDTH, TileBuilder, push_entry};

/// Writes the export of one log: all entries in order, then disclosures, then blobs and anchors, then [`finish`].
///
/// [`finish`]: BundleWriter::finish
pub struct BundleWriter<S: BundleSink> {
    files: Files<S>,
    tree: TileBuilder,
    open: Vec<u8>,
}

impl<S: BundleSink> BundleWriter<S> {
    /// Begins an export.
    pub fn new(sink: S) -> Self {
        Self { files: Files::new(sink), tree: TileBuilder::default(), open: Vec::new() }
    }

    /// Takes the next entry of the log.
    ///
    /// # Errors
    /// [`BundleError`] from the sink, or for an entry that is too long.
    pub fn entry(&mut self, entry: &[u8]) -> Result<(), BundleError<S::Error>> {
        if self.files.contains(DISCLOSURES) {
            return Err(BundleError::Order("entries"));
        }
        push_entry(&mut self.open, entry)?;
        self.tree.push(leaf_hash(entry));
        if self.tree.size().is_multiple_of(TILE_WIDTH) { self.flush() } else { Ok(()) }
    }

    /// Writes the tiles and the bundle of entries that are complete, or all that there are.
    fn flush(&mut self) -> Result<(), BundleError<S::Error>> {
        let size = self.tree.size();
        let bundle = std::mem::take(&mut self.open);
        if let Some(last) = size.checked_sub(1).and_then(|last| EntriesId::at(last / TILE_WIDTH, size)) {
            self.files.write(&last.path(), &bundle)?;
        }
        // Open tiles of the levels above would be written again and again: only the last state counts.
        for (tile, bytes) in self.tree.drain_full() {
            self.files.write(&tile.path(), &bytes)?;
        }
        Ok(())
    }

    /// Takes a disclosed member of an entry, in the order of entries.
    ///
    /// # Errors
    /// [`BundleError`] from the sink, or for an entry out of order.
    pub fn disclosure(&mut self, line: &DisclosedLine) -> Result<(), BundleError<S::Error>> {
        self.files.disclosure(line, line.index < self.tree.size())
    }

    /// Takes a file that disclosures refer to; gives its digest. The same bytes are written once.
    ///
    /// # Errors
    /// [`BundleError`] from the sink.
    pub fn blob(&mut self, bytes: &[u8]) -> Result<[u8; 32], BundleError<S::Error>> {
        self.files.blob(bytes)
    }

    /// Takes an anchor, under its index in the system log.
    ///
    /// # Errors
    /// [`BundleError`] from the sink.
    pub fn anchor(&mut self, index: u64, anchor: &AnchorFile) -> Result<(), BundleError<S::Error>> {
        self.files.anchor(index, anchor)
    }

    /// Writes the rest: checkpoint (verbatim), trust file and manifest.
    ///
    /// # Errors
    /// [`BundleError::Root`] if the entries are not those of the checkpoint.
    pub fn finish(
        mut self,
        checkpoint: &str,
        policy: &Policy,
        meta: BundleMeta,
        signer: &NoteSigner,
    ) -> Result<(S, BundleSummary), BundleError<S::Error>> {
        let (head, _) = Checkpoint::open(checkpoint.as_bytes(), signer.verifier())?;
        if head.size != self.tree.size() || head.root != self.tree.root() {
            return Err(BundleError::Root { entries: self.tree.size(), size: head.size });
        }
        if !self.open.is_empty() {
            self.flush()?;
        }
        for (tile, bytes) in self.tree.drain() {
            self.files.write(&tile.path(), &bytes)?;
        }
        self.files.finish(head.size, (head, checkpoint), policy, meta, signer)
    }
}
