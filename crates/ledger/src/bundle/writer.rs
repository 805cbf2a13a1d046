//! Writing an export, entry by entry, to wherever it goes.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{ANCHORS, CHECKPOINT, DISCLOSURES, DisclosedLine, POLICY, blob_path};
use crate::anchor::AnchorFile;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::ids::TenantId;
use crate::manifest::{MANIFEST_VERSION, Manifest, ManifestError, ManifestFile};
use crate::merkle::leaf_hash;
use crate::note::NoteSigner;
use crate::policy::Policy;
use crate::tile::{EntriesError, EntriesId, TILE_WIDTH, TileBuilder, push_entry};
use crate::time::Timestamp;

/// Where the files of an export go: a directory, an archive, memory.
pub trait BundleSink {
    /// Why a file could not be written.
    type Error;

    /// Appends to the file at `path` (with `/`), creating it at the first call.
    /// A path is never taken up again once another was begun.
    ///
    /// # Errors
    /// If the bytes cannot be written; the export is then given up.
    fn append(&mut self, path: &str, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// What the manifest says besides the files.
#[derive(Debug, Clone)]
pub struct BundleMeta {
    /// Whose log.
    pub tenant: TenantId,
    /// When it is exported.
    pub time: Timestamp,
    /// Why, in the exporter's words.
    pub purpose: String,
    /// What is left out on purpose.
    pub redactions: Vec<String>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleSummary {
    /// Entries of the log.
    pub entries: u64,
    /// Disclosed members.
    pub disclosures: u64,
    /// Files, the manifest among them.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Why an export cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError<E> {
    /// The sink failed.
    #[error("{path} cannot be written: {error}")]
    Sink {
        /// The file.
        path: String,
        /// What the sink says.
        error: E,
    },
    /// An entry that does not fit a bundle.
    #[error(transparent)]
    Entry(#[from] EntriesError),
    /// A disclosure of an entry that is not there, or not in the order of entries.
    #[error("a disclosure of entry {0} comes out of order")]
    DisclosureOrder(u64),
    /// Called in another order than entries, disclosures, the rest.
    #[error("{0} must come before the disclosures, blobs and anchors")]
    Order(&'static str),
    /// The checkpoint is malformed or not signed by this key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entries have another root than the checkpoint.
    #[error("the {entries} entries do not have the root of the checkpoint of size {size}")]
    Root {
        /// Entries that were written.
        entries: u64,
        /// What the checkpoint says.
        size: u64,
    },
    /// The same file twice, or a path that a manifest may not have.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Writes the export of one log: all entries in order, then disclosures, then blobs and anchors, then [`finish`].
///
/// [`finish`]: BundleWriter::finish
pub struct BundleWriter<S: BundleSink> {
    sink: S,
    files: BTreeMap<String, (Sha256, u64)>,
    tree: TileBuilder,
    open: Vec<u8>,
    disclosures: u64,
    last_disclosed: u64,
}

impl<S: BundleSink> BundleWriter<S> {
    /// Begins an export.
    pub fn new(sink: S) -> Self {
        Self {
            sink,
            files: BTreeMap::new(),
            tree: TileBuilder::default(),
            open: Vec::new(),
            disclosures: 0,
            last_disclosed: 0,
        }
    }

    /// Takes the next entry of the log.
    ///
    /// # Errors
    /// [`BundleError`] from the sink, or for an entry that is too long.
    pub fn entry(&mut self, entry: &[u8]) -> Result<(), BundleError<S::Error>> {
        if self.files.contains_key(DISCLOSURES) {
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
            self.write(&last.path(), &bundle)?;
        }
        // Open tiles of the levels above would be written again and again: only the last state counts.
        for (tile, bytes) in self.tree.drain_full() {
            self.write(&tile.path(), &bytes)?;
        }
        Ok(())
    }

    /// Takes a disclosed member of an entry, in the order of entries.
    ///
    /// # Errors
    /// [`BundleError`] from the sink, or for an entry out of order.
    pub fn disclosure(&mut self, line: &DisclosedLine) -> Result<(), BundleError<S::Error>> {
        if line.index < self.last_disclosed || line.index >= self.tree.size() {
            return Err(BundleError::DisclosureOrder(line.index));
        }
        self.last_disclosed = line.index;
        self.disclosures += 1;
        self.write(DISCLOSURES, &line.encode())
    }

    /// Takes a file that disclosures refer to; gives its digest. The same bytes are written once.
    ///
    /// # Errors
    /// [`BundleError`] from the sink.
    pub fn blob(&mut self, bytes: &[u8]) -> Result<[u8; 32], BundleError<S::Error>> {
        let digest = Sha256::digest(bytes).into();
        let path = blob_path(&digest);
        if !self.files.contains_key(&path) {
            self.write(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Takes an anchor, under its index in the system log.
    ///
    /// # Errors
    /// [`BundleError`] from the sink.
    pub fn anchor(&mut self, index: u64, anchor: &AnchorFile) -> Result<(), BundleError<S::Error>> {
        self.write(&format!("{ANCHORS}{index}.json"), &anchor.encode())
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
            self.write(&tile.path(), &bytes)?;
        }
        if !self.files.contains_key(DISCLOSURES) {
            self.write(DISCLOSURES, &[])?;
        }
        self.write(CHECKPOINT, checkpoint.as_bytes())?;
        self.write(POLICY, policy.to_string().as_bytes())?;
        self.write_manifest(head, meta, signer)
    }

    fn write_manifest(
        mut self,
        head: Checkpoint,
        meta: BundleMeta,
        signer: &NoteSigner,
    ) -> Result<(S, BundleSummary), BundleError<S::Error>> {
        let file = |(path, (sha256, size)): (String, (Sha256, u64))| ManifestFile {
            path,
            sha256: sha256.finalize().into(),
            size,
        };
        let files: Vec<ManifestFile> = std::mem::take(&mut self.files).into_iter().map(file).collect();
        let mut summary = BundleSummary {
            entries: head.size,
            disclosures: self.disclosures,
            files: files.len() + 1,
            bytes: files.iter().map(|file| file.size).sum(),
        };
        let manifest = Manifest {
            files,
            origin: head.origin,
            purpose: meta.purpose,
            redactions: meta.redactions,
            tenant: meta.tenant,
            time: meta.time,
            v: MANIFEST_VERSION,
        };
        let bytes = manifest.sign(signer)?;
        summary.bytes += bytes.len() as u64;
        self.write(super::MANIFEST, &bytes)?;
        Ok((self.sink, summary))
    }

    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), BundleError<S::Error>> {
        let written = self.sink.append(path, bytes);
        written.map_err(|error| BundleError::Sink { path: path.to_owned(), error })?;
        let (sha256, size) = self.files.entry(path.to_owned()).or_default();
        sha256.update(bytes);
        *size += bytes.len() as u64;
        Ok(())
    }
}

/// An export in memory, for tests and small logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemorySink(pub BTreeMap<String, Vec<u8>>);

impl BundleSink for MemorySink {
    type Error = std::convert::Infallible;

    fn append(&mut self, path: &str, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.entry(path.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }
}
