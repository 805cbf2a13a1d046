//! A line of `disclosures.ndjson`: one disclosed member of one event.

use serde::{Deserialize, Serialize};

/// A line is refused above this size; blobs carry what is larger than a member.
pub const LINE_BYTES_MAX: usize = 8 << 20;

/// One disclosed member. Members stand in the order of RFC 8785.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosedLine {
    /// `base64url(JSON [salt, name, value])`, exactly the text whose SHA-256 stands in `_sd`.
    pub disclosure: String,
    /// The index of its event.
    pub index: u64,
}

/// Why a line is not a disclosure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisclosedLineError {
    /// Above [`LINE_BYTES_MAX`].
    #[error("a line of {0} bytes is too long")]
    TooLong(usize),
    /// Not JSON with the members of a line.
    #[error("not a disclosure: {0}")]
    Malformed(String),
    /// Another spelling than the canonical one.
    #[error("the line is not in its canonical form (RFC 8785)")]
    NotCanonical,
}

impl DisclosedLine {
    /// The line, with its newline.
    pub fn encode(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a string and an integer always serialise");
        line.push(b'\n');
        line
    }

    /// Reads a line without its newline; every disclosure has exactly one spelling.
    ///
    /// # Errors
    /// [`DisclosedLineError`] says what is malformed.
    pub fn parse(line: &[u8]) -> Result<Self, DisclosedLineError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(DisclosedLineError::TooLong(line.len()));
        }
        let parsed: Self =
            serde_json::from_slice(line).map_err(|error| DisclosedLineError::Malformed(error.to_string()))?;
        let encoded = parsed.encode();
        if encoded.strip_suffix(b"\n") == Some(line) {
            Ok(parsed)
        } else {
            Err(DisclosedLineError::NotCanonical)
        }
    }
}
