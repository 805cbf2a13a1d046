//! The export of one tenant: a tlog-tiles directory with what an auditor needs besides (formats §5).
//!
//! ```text
//! checkpoint            the signed head of the log
//! tile/<L>/<N>[.p/<W>]  hash tiles; tile/entries/… the entries
//! policy                the exporter's trust file; an auditor gives a better one
//! disclosures.ndjson    the confidential and personal members that the recipient may see
//! blobs/<sha256>        files that disclosures refer to, named by their digest
//! anchors/<N>.json      proofs of anchors in the system log
//! manifest.json         path, size and SHA-256 of all of these, signed
//! ```
//!
//! Any verifier of tiled logs can check `checkpoint` and `tile/`. Writing takes constant memory in the number of
//! entries but for the list of files, about 120 bytes for each 128 entries.

mod disclosed;
mod files;
mod pack;
mod writer;

pub use disclosed::{DisclosedLine, DisclosedLineError, LINE_BYTES_MAX};
pub use files::{BundleError, BundleMeta, BundleSink, BundleSummary, MemorySink};
pub use pack::{EVENTS, PackWriter, event_index, event_path};
pub use writer::BundleWriter;

/// The signed head.
pub const CHECKPOINT: &str = "checkpoint";
/// The trust file.
pub const POLICY: &str = "policy";
/// The disclosures.
pub const DISCLOSURES: &str = "disclosures.ndjson";
/// The directory of blobs, with its slash.
pub const BLOBS: &str = "blobs/";
/// The directory of anchors, with its slash.
pub const ANCHORS: &str = "anchors/";
/// The signed list of files.
pub const MANIFEST: &str = "manifest.json";

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
        text
    })
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Reads 64 lower-case hex digits.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |b: u8| HEX.iter().position(|h| *h == b).and_then(|at| u8::try_from(at).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let pairs: &[[u8; 2]; 32] = pairs.try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// The path of a blob.
pub fn blob_path(sha256: &[u8; 32]) -> String {
    format!("{BLOBS}{}", hex(sha256))
}

/// The digest that a blob's path names, if it is the path of a blob.
pub fn blob_digest(path: &str) -> Option<[u8; 32]> {
    path.strip_prefix(BLOBS).and_then(unhex)
}

#[cfg(test)]
mod tests;
