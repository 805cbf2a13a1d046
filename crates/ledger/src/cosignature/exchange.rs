//! C2SP tlog-witness: the body of `add-checkpoint` and of its answers.

use crate::b64;
use crate::merkle::Hash;
use crate::proof::HASHES_MAX;
use crate::tile::parse_number;

/// The media type of a conflict answer.
pub const SIZE_CONTENT_TYPE: &str = "text/x.tlog.size";

/// Why a body does not follow tlog-witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The first line is not `old <size>`.
    #[error("the first line must be: old <size>")]
    Old,
    /// A proof line is not the base64 of a hash.
    #[error("proof line {0} is not the base64 of a hash")]
    Hash(usize),
    /// More proof lines than any tree needs.
    #[error("more than {HASHES_MAX} proof lines")]
    TooManyHashes,
    /// No empty line before the checkpoint.
    #[error("an empty line must stand before the checkpoint")]
    NoCheckpoint,
    /// A conflict answer that is not a size and a newline.
    #[error("the answer is not a size")]
    Size,
}

/// The body of `POST <prefix>/add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is believed to have cosigned last.
    pub old_size: u64,
    /// Consistency from there.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl AddCheckpoint {
    /// The body to send.
    pub fn encode(&self) -> String {
        let mut body = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            body.push_str(&b64::encode(hash));
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&self.checkpoint);
        body
    }

    /// Reads a body; the checkpoint is not looked into.
    ///
    /// # Errors
    /// [`ExchangeError`] says what is malformed.
    pub fn parse(body: &[u8]) -> Result<Self, ExchangeError> {
        let body = std::str::from_utf8(body).map_err(|_| ExchangeError::NotUtf8)?;
        let (first, mut rest) = body.split_once('\n').ok_or(ExchangeError::Old)?;
        let old_size = first.strip_prefix("old ").and_then(parse_number).ok_or(ExchangeError::Old)?;
        let mut proof = Vec::new();
        loop {
            let (line, below) = rest.split_once('\n').ok_or(ExchangeError::NoCheckpoint)?;
            rest = below;
            if line.is_empty() {
                break;
            }
            if proof.len() == HASHES_MAX {
                return Err(ExchangeError::TooManyHashes);
            }
            proof.push(b64::decode_array(line).map_err(|_| ExchangeError::Hash(proof.len() + 1))?);
        }
        Ok(Self { old_size, proof, checkpoint: rest.to_owned() })
    }
}

/// The body of a 409 answer: the size that the witness has.
pub fn conflict_body(size: u64) -> String {
    format!("{size}\n")
}

/// Reads the body of a 409 answer.
///
/// # Errors
/// [`ExchangeError::Size`].
pub fn parse_conflict(body: &[u8]) -> Result<u64, ExchangeError> {
    let text = std::str::from_utf8(body).map_err(|_| ExchangeError::NotUtf8)?;
    text.strip_suffix('\n').and_then(parse_number).ok_or(ExchangeError::Size)
}
