//! C2SP tlog-proof: one entry of a log with all that is needed to check it, as a text file.

use crate::b64;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::event::ENTRY_MAX;
use crate::merkle::{Hash, leaf_hash};
use crate::note::{NOTE_BYTES_MAX, Note};
use crate::proof::{self, HASHES_MAX, VerifyError};
use crate::tile::parse_number;

/// The first line.
pub const MAGIC: &str = "c2sp.org/tlog-proof@v1";
/// The suffix of such a file.
pub const EXTENSION: &str = "tlog-proof";
/// A proof is refused above this size: the entry in base64, 63 hashes and a note.
pub const PROOF_BYTES_MAX: usize = ENTRY_MAX * 4 / 3 + HASHES_MAX * 45 + NOTE_BYTES_MAX + 256;

/// One entry, its place and the path to a signed root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The log entry, in the `extra` line.
    pub entry: Vec<u8>,
    /// Its index.
    pub index: u64,
    /// The audit path.
    pub path: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

/// Why a text is not a proof, or why a proof does not convince.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Above [`PROOF_BYTES_MAX`].
    #[error("a proof of {0} bytes is too long")]
    TooLong(usize),
    /// A line that does not follow the format.
    #[error("line {line} of the proof is not {expected}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The checkpoint in it.
    #[error("the proof's checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The path does not lead to the root.
    #[error(transparent)]
    Path(#[from] VerifyError),
}

impl TlogProof {
    /// The file.
    pub fn encode(&self) -> String {
        let mut text = format!("{MAGIC}\nextra {}\nindex {}\n", b64::encode(&self.entry), self.index);
        for hash in &self.path {
            text.push_str(&b64::encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads a file; every proof has exactly one spelling. Verifies nothing.
    ///
    /// # Errors
    /// [`TlogProofError`] names the line that is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(TlogProofError::TooLong(bytes.len()));
        }
        let malformed = |line, expected| TlogProofError::Line { line, expected };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, "UTF-8"))?;
        let mut lines = text.splitn(4, '\n');
        let mut next = |line| lines.next().ok_or(malformed(line, "there"));
        let (magic, extra, index, mut rest) = (next(1)?, next(2)?, next(3)?, next(4)?);
        if magic != MAGIC {
            return Err(malformed(1, MAGIC));
        }
        let entry = extra.strip_prefix("extra ").and_then(|entry| b64::decode(entry).ok());
        let entry = entry.ok_or(malformed(2, "extra <base64 of the entry>"))?;
        let index = index.strip_prefix("index ").and_then(parse_number);
        let index = index.ok_or(malformed(3, "index <number>"))?;
        let mut path = Vec::new();
        loop {
            let number = 4 + path.len();
            let (line, below) = rest.split_once('\n').ok_or(malformed(number, "an empty line or a hash"))?;
            rest = below;
            if line.is_empty() {
                break;
            }
            if path.len() == HASHES_MAX {
                return Err(malformed(number, "the empty line below at most 63 hashes"));
            }
            path.push(b64::decode_array(line).map_err(|_| malformed(number, "the base64 of a hash"))?);
        }
        Ok(Self { entry, index, path, checkpoint: rest.to_owned() })
    }

    /// Reads the checkpoint in it and checks that the entry is at its index under that root.
    /// Whether the checkpoint itself is believed is the trust file's to say.
    ///
    /// # Errors
    /// [`TlogProofError`] if the checkpoint is malformed or the path does not lead to its root.
    pub fn verify_path(&self) -> Result<(Checkpoint, Note), TlogProofError> {
        let (checkpoint, note) = Checkpoint::parse_note(self.checkpoint.as_bytes())?;
        let leaf = leaf_hash(&self.entry);
        proof::verify_inclusion(&leaf, self.index, checkpoint.size, &self.path, &checkpoint.root)?;
        Ok((checkpoint, note))
    }
}

#[cfg(test)]
mod tests;
