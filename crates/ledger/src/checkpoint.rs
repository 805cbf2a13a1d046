//! C2SP tlog-checkpoint: the signed head of a log.
//!
//! The text has three lines and nothing else: extensions would be a place to hide a difference between two views.

use std::str::FromStr;

use crate::b64;
use crate::merkle::Hash;
use crate::note::{Note, NoteError, NoteRefused, NoteSigner, VerifierKey, is_key_name};
use crate::tile::parse_number;

/// The head of a log: which log, how many entries, which root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name: `<ledger name>/<tenant id>`.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Hash,
}

/// Why a text is not a checkpoint, or why a checkpoint does not convince.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not the three lines.
    #[error("a checkpoint has three lines: origin, size, base64 of the root")]
    Malformed,
    /// The note around it is malformed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The log's signature is missing or wrong.
    #[error(transparent)]
    Refused(#[from] NoteRefused),
    /// Signed by a key of another name.
    #[error("the checkpoint is of {found:?}, not of {expected:?}")]
    Origin {
        /// The name of the key.
        expected: String,
        /// What the checkpoint says.
        found: String,
    },
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, b64::encode(self.root))
    }

    /// The signed checkpoint, with the log's signature alone.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] if the signer has another name than the origin.
    pub fn sign(&self, signer: &NoteSigner) -> Result<Note, CheckpointError> {
        self.check_origin(signer.verifier())?;
        let mut note = Note::new(self.text())?;
        note.sign(signer);
        Ok(note)
    }

    /// Reads a signed checkpoint without judging its signatures.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is malformed.
    pub fn parse_note(bytes: &[u8]) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(bytes)?;
        Ok((note.text().parse()?, note))
    }

    /// Reads a signed checkpoint and verifies the log's signature.
    ///
    /// # Errors
    /// [`CheckpointError`] if it is malformed, of another log, or not signed by its key.
    pub fn open(bytes: &[u8], log: &VerifierKey) -> Result<(Self, Note), CheckpointError> {
        let (checkpoint, note) = Self::parse_note(bytes)?;
        checkpoint.check_origin(log)?;
        note.verify(std::slice::from_ref(log))?;
        Ok((checkpoint, note))
    }

    fn check_origin(&self, log: &VerifierKey) -> Result<(), CheckpointError> {
        if self.origin == log.name() {
            Ok(())
        } else {
            Err(CheckpointError::Origin { expected: log.name().to_owned(), found: self.origin.clone() })
        }
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads the text of a checkpoint, with its final newline.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else { return Err(CheckpointError::Malformed) };
        let (Some(size), Ok(root)) = (parse_number(size), b64::decode_array(root)) else {
            return Err(CheckpointError::Malformed);
        };
        if !is_key_name(origin) {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

#[cfg(test)]
mod tests;
