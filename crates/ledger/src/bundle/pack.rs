//! An evidence pack: some events of a log, each with its proof, under one checkpoint (formats §5).
//!
//! ```text
//! checkpoint                    the signed head that all proofs lead to
//! events/<index>.tlog-proof     an entry with its path; the log's key events are always among them
//! policy, disclosures.ndjson, blobs/, anchors/, manifest.json   as in an export
//! ```
//!
//! A pack shows what it holds, and nothing about the entries between: only an export of the whole log does that.

use std::collections::BTreeSet;

use super::files::Files;
use super::{BundleError, BundleMeta, BundleSink, BundleSummary, DisclosedLine};
use crate::anchor::AnchorFile;
use crate::checkpoint::Checkpoint;
use crate::note::NoteSigner;
use crate::policy::Policy;
use crate::tile::parse_number;
use crate::tlog_proof::{EXTENSION, TlogProof};

/// The directory of proofs, with its slash.
pub const EVENTS: &str = "events/";

/// The path of an event's proof.
pub fn event_path(index: u64) -> String {
    format!("{EVENTS}{index}.{EXTENSION}")
}

/// The index that the path of a proof names, if it is one.
pub fn event_index(path: &str) -> Option<u64> {
    let number = path.strip_prefix(EVENTS)?.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    parse_number(number)
}

/// Writes a pack: all proofs in the order of the log, then disclosures, then blobs and anchors, then [`finish`].
///
/// [`finish`]: PackWriter::finish
pub struct PackWriter<S: BundleSink> {
    files: Files<S>,
    checkpoint: String,
    events: BTreeSet<u64>,
}

impl<S: BundleSink> PackWriter<S> {
    /// Begins a pack under this signed checkpoint.
    pub fn new(sink: S, checkpoint: String) -> Self {
        Self { files: Files::new(sink), checkpoint, events: BTreeSet::new() }
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// [`BundleError`] from the sink, or for a proof out of order or under another checkpoint.
    pub fn event(&mut self, proof: &TlogProof) -> Result<(), BundleError<S::Error>> {
        let rising = self.events.last().is_none_or(|last| *last < proof.index);
        if !rising || proof.checkpoint != self.checkpoint {
            return Err(BundleError::Proof(proof.index));
        }
        self.files.write(&event_path(proof.index), proof.encode().as_bytes())?;
        self.events.insert(proof.index);
        Ok(())
    }

    /// Takes a disclosed member of an event of the pack, in the order of events.
    ///
    /// # Errors
    /// [`BundleError`] from the sink, or for an event that is not in the pack or out of order.
    pub fn disclosure(&mut self, line: &DisclosedLine) -> Result<(), BundleError<S::Error>> {
        self.files.disclosure(line, self.events.contains(&line.index))
    }

    /// Takes a file that disclosures refer to; the same bytes are written once.
    ///
    /// # Errors
    /// [`BundleError`] from the sink.
    pub fn blob(&mut self, bytes: &[u8]) -> Result<[u8; 32], BundleError<S::Error>> {
        self.files.blob(bytes)
    }

    /// Takes the anchor of the pack's checkpoint, under its index in the system log.
    ///
    /// # Errors
    /// [`BundleError`] from the sink.
    pub fn anchor(&mut self, index: u64, anchor: &AnchorFile) -> Result<(), BundleError<S::Error>> {
        self.files.anchor(index, anchor)
    }

    /// Writes the rest: checkpoint (verbatim), trust file and manifest.
    ///
    /// # Errors
    /// [`BundleError`] if the checkpoint is not this signer's, or from the sink.
    pub fn finish(
        self,
        policy: &Policy,
        meta: BundleMeta,
        signer: &NoteSigner,
    ) -> Result<(S, BundleSummary), BundleError<S::Error>> {
        let (head, _) = Checkpoint::open(self.checkpoint.as_bytes(), signer.verifier())?;
        let entries = self.events.len() as u64;
        self.files.finish(entries, (head, &self.checkpoint), policy, meta, signer)
    }
}
