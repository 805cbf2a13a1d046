//! Holding a signed checkpoint against a trust file.

use super::{Policy, Rule};
use crate::checkpoint::Checkpoint;
use crate::note::{Note, NoteRefused, VerifierKey};

/// Why a trust file does not believe a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// The trust file has no log of this origin.
    #[error("the trust file does not know the log {0:?}")]
    UnknownLog(String),
    /// The log's or a known witness's signature is missing or wrong.
    #[error(transparent)]
    Refused(#[from] NoteRefused),
    /// Too few cosignatures.
    #[error("the witness quorum {quorum:?} is not reached: cosigned by {cosigned:?}")]
    Quorum {
        /// The quorum's name.
        quorum: String,
        /// The witnesses that have cosigned.
        cosigned: Vec<String>,
    },
}

impl Policy {
    /// The key by which the log itself signed this checkpoint.
    ///
    /// # Errors
    /// [`QuorumError`] if the log is unknown, or its signature is missing or wrong.
    pub fn verify_log(&self, checkpoint: &Checkpoint, note: &Note) -> Result<VerifierKey, QuorumError> {
        let keys = self.keys_of(&checkpoint.origin);
        if keys.is_empty() {
            return Err(QuorumError::UnknownLog(checkpoint.origin.clone()));
        }
        Ok(note.verify(&keys)?.first().copied().expect("verify names at least one key").clone())
    }

    /// The names of the witnesses that cosigned this note; unknown ones are ignored.
    ///
    /// # Errors
    /// [`QuorumError::Refused`] if a known witness's cosignature is wrong.
    pub fn cosigned(&self, note: &Note) -> Result<Vec<&str>, QuorumError> {
        let keys: Vec<VerifierKey> = self.witnesses().map(|(_, vkey, _)| vkey.clone()).collect();
        let verified = match note.verify(&keys) {
            Ok(verified) => verified,
            Err(NoteRefused::NoKnownKey(_)) => Vec::new(),
            Err(refused) => return Err(refused.into()),
        };
        Ok(self.witnesses().filter(|(_, vkey, _)| verified.contains(vkey)).map(|(name, _, _)| name).collect())
    }

    /// Checks that enough witnesses cosigned; gives the names of those that did.
    ///
    /// # Errors
    /// [`QuorumError`] names the quorum that is not reached and who cosigned.
    pub fn verify_quorum(&self, note: &Note) -> Result<Vec<&str>, QuorumError> {
        let cosigned = self.cosigned(note)?;
        match self.quorum {
            Some(quorum) if !self.is_quorum(&cosigned) => Err(QuorumError::Quorum {
                quorum: self.members[quorum].name.clone(),
                cosigned: cosigned.iter().map(|&name| name.to_owned()).collect(),
            }),
            _ => Ok(cosigned),
        }
    }

    /// Would the cosignatures of these witnesses, by name, be enough?
    pub fn is_quorum(&self, cosigned: &[&str]) -> bool {
        self.quorum.is_none_or(|quorum| self.reached(quorum, cosigned))
    }

    /// Recursion ends: members stand above their group, and each is a member once.
    fn reached(&self, at: usize, cosigned: &[&str]) -> bool {
        let member = &self.members[at];
        match &member.rule {
            Rule::Witness { .. } => cosigned.contains(&member.name.as_str()),
            Rule::Group { threshold, members } => {
                members.iter().filter(|member| self.reached(**member, cosigned)).count() >= *threshold
            }
        }
    }
}
