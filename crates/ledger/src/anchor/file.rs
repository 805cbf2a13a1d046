//! One anchor of a tenant's checkpoint as a file of an export: `anchors/<index in the system log>.json`.

use serde::{Deserialize, Serialize};

use super::{ANCHORED, AnchorData, slot_leaf};
use crate::b64;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::event::{EventError, Header, parse_entry};
use crate::note::Note;
use crate::proof::{self, HASHES_MAX, VerifyError};
use crate::tlog_proof::{PROOF_BYTES_MAX, TlogProof, TlogProofError};

/// The version of the file.
const ANCHOR_VERSION: u8 = 1;
/// An anchor file is refused above this size.
const ANCHOR_BYTES_MAX: usize = 2 * PROOF_BYTES_MAX;

/// A tenant's checkpoint, its path to the anchored root, and the proof that the system log carries that root.
/// Members stand in the order of RFC 8785.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorFile {
    /// The text of the tenant's checkpoint that was anchored.
    pub checkpoint: String,
    /// The path from the slot to the anchored root, each hash in base64.
    pub path: Vec<String>,
    /// The `.tlog-proof` of the event in the system log.
    pub proof: String,
    /// The tenant's slot.
    pub slot: u64,
    /// The version of the format.
    pub v: u8,
}

/// What an anchor shows once it is verified. Whether the system's checkpoint is believed is the trust file's to say.
#[derive(Debug, Clone)]
pub struct VerifiedAnchor {
    /// The tenant's checkpoint that was anchored.
    pub anchored: Checkpoint,
    /// The index of the event in the system log.
    pub index: u64,
    /// The system log's checkpoint.
    pub system: Checkpoint,
    /// The note around it, with its signatures.
    pub note: Note,
}

/// Why a file is not an anchor, or why an anchor does not convince.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// Not JSON with the members of an anchor.
    #[error("not an anchor file: {0}")]
    Malformed(String),
    /// Another spelling than the canonical one.
    #[error("the file is not in its canonical form (RFC 8785)")]
    NotCanonical,
    /// A version that this program does not know.
    #[error("version {0} is not known; a newer program may read it")]
    Version(u8),
    /// The anchored checkpoint.
    #[error("the anchored checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof into the system log.
    #[error("the proof into the system log: {0}")]
    Proof(#[from] TlogProofError),
    /// The event in the system log.
    #[error("the event in the system log: {0}")]
    Event(#[from] EventError),
    /// An event of another type or of another log.
    #[error("the event in the system log is {0}, not {ANCHORED} of the tenant system")]
    OtherEvent(String),
    /// The checkpoint does not lead to the anchored root.
    #[error("the checkpoint is not under the anchored root: {0}")]
    Path(VerifyError),
}

impl AnchorFile {
    /// The anchor of the checkpoint with this text.
    pub fn new(checkpoint: &str, slot: u64, path: &[[u8; 32]], proof: &TlogProof) -> Self {
        Self {
            checkpoint: checkpoint.to_owned(),
            path: path.iter().map(b64::encode).collect(),
            proof: proof.encode(),
            slot,
            v: ANCHOR_VERSION,
        }
    }

    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and integers always serialise")
    }

    /// Reads a file; every anchor has exactly one spelling.
    ///
    /// # Errors
    /// [`AnchorError`] says what is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, AnchorError> {
        if bytes.len() > ANCHOR_BYTES_MAX {
            return Err(AnchorError::Malformed(format!("{} bytes are too long", bytes.len())));
        }
        let file: Self =
            serde_json::from_slice(bytes).map_err(|error| AnchorError::Malformed(error.to_string()))?;
        if file.v != ANCHOR_VERSION {
            return Err(AnchorError::Version(file.v));
        }
        if file.path.len() > HASHES_MAX {
            return Err(AnchorError::Malformed(format!("{} hashes are too many", file.path.len())));
        }
        if file.encode() == bytes { Ok(file) } else { Err(AnchorError::NotCanonical) }
    }

    /// Checks that the system log's entry carries a root under which the tenant's checkpoint stands at its slot.
    ///
    /// # Errors
    /// [`AnchorError`] says what does not hold.
    pub fn verify(&self) -> Result<VerifiedAnchor, AnchorError> {
        let anchored: Checkpoint = self.checkpoint.parse()?;
        let proof = TlogProof::parse(self.proof.as_bytes())?;
        let (system, note) = proof.verify_path()?;
        let entry = parse_entry(&proof.entry)?;
        let header = Header::parse(&entry.header)?;
        if header.event_type != ANCHORED || !header.tenant.is_system() {
            return Err(AnchorError::OtherEvent(format!("{} of {}", header.event_type, header.tenant)));
        }
        let malformed = |what: &str| AnchorError::Malformed(what.to_owned());
        let data: AnchorData =
            serde_json::from_slice(header.data).map_err(|error| AnchorError::Malformed(error.to_string()))?;
        let root = b64::decode_array(&data.root).map_err(|_| malformed("the anchored root is no hash"))?;
        let path = self.path.iter().map(|hash| b64::decode_array(hash)).collect::<Result<Vec<_>, _>>();
        let path = path.map_err(|_| malformed("a line of the path is no hash"))?;
        let leaf = slot_leaf(Some(&self.checkpoint));
        proof::verify_inclusion(&leaf, self.slot, data.slots, &path, &root).map_err(AnchorError::Path)?;
        Ok(VerifiedAnchor { anchored, index: proof.index, system, note })
    }
}
