//! The files of an export while it is written: each goes to its place and into the manifest.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{CHECKPOINT, DISCLOSURES, DisclosedLine, POLICY};
use crate::anchor::AnchorFile;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::ids::TenantId;
use crate::manifest::{MANIFEST_VERSION, Manifest, ManifestError, ManifestFile};
use crate::note::NoteSigner;
use crate::policy::Policy;
use crate::tile::EntriesError;
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
    /// A proof that is not under the checkpoint of its pack, or out of order.
    #[error("the proof of entry {0} is out of order, or under another checkpoint")]
    Proof(u64),
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

/// The files so far.
pub(super) struct Files<S> {
    sink: S,
    files: BTreeMap<String, (Sha256, u64)>,
    disclosures: u64,
    last_disclosed: u64,
}

impl<S: BundleSink> Files<S> {
    pub fn new(sink: S) -> Self {
        Self { sink, files: BTreeMap::new(), disclosures: 0, last_disclosed: 0 }
    }

    pub fn contains(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Appends to a file; a path is not taken up again once another was begun.
    pub fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), BundleError<S::Error>> {
        let written = self.sink.append(path, bytes);
        written.map_err(|error| BundleError::Sink { path: path.to_owned(), error })?;
        let (sha256, size) = self.files.entry(path.to_owned()).or_default();
        sha256.update(bytes);
        *size += bytes.len() as u64;
        Ok(())
    }

    /// Writes a disclosed member; `there`: its entry is in this export.
    pub fn disclosure(&mut self, line: &DisclosedLine, there: bool) -> Result<(), BundleError<S::Error>> {
        if line.index < self.last_disclosed || !there {
            return Err(BundleError::DisclosureOrder(line.index));
        }
        self.last_disclosed = line.index;
        self.disclosures += 1;
        self.write(DISCLOSURES, &line.encode())
    }

    /// Writes a file that disclosures refer to, once; gives its digest.
    pub fn blob(&mut self, bytes: &[u8]) -> Result<[u8; 32], BundleError<S::Error>> {
        let digest = Sha256::digest(bytes).into();
        let path = super::blob_path(&digest);
        if !self.contains(&path) {
            self.write(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Writes an anchor, under its index in the system log.
    pub fn anchor(&mut self, index: u64, anchor: &AnchorFile) -> Result<(), BundleError<S::Error>> {
        self.write(&format!("{}{index}.json", super::ANCHORS), &anchor.encode())
    }

    /// Writes the checkpoint (verbatim), the trust file, and the manifest over all files.
    pub fn finish(
        mut self,
        entries: u64,
        (head, checkpoint): (Checkpoint, &str),
        policy: &Policy,
        meta: BundleMeta,
        signer: &NoteSigner,
    ) -> Result<(S, BundleSummary), BundleError<S::Error>> {
        if !self.contains(DISCLOSURES) {
            self.write(DISCLOSURES, &[])?;
        }
        self.write(CHECKPOINT, checkpoint.as_bytes())?;
        self.write(POLICY, policy.to_string().as_bytes())?;
        let file = |(path, (sha256, size)): (String, (Sha256, u64))| ManifestFile {
            path,
            sha256: sha256.finalize().into(),
            size,
        };
        let files: Vec<ManifestFile> = std::mem::take(&mut self.files).into_iter().map(file).collect();
        let mut summary = BundleSummary {
            entries,
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
        let manifest = manifest.sign(signer)?;
        summary.bytes += manifest.len() as u64;
        self.write(super::MANIFEST, &manifest)?;
        Ok((self.sink, summary))
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
