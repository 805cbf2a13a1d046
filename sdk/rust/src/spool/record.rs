//! The records of a segment: `LGE1` ‖ length (u32 LE) ‖ CRC-32 of length and payload (u32 LE) ‖ payload.
//!
//! The magic lets a reader find the next record after damage; the checksum covers the length, so that a length that
//! was torn is not believed.

use ledger::crc32::crc32;

/// Starts every record.
pub const MAGIC: &[u8; 4] = b"LGE1";
/// Bytes before the payload.
pub const HEAD: usize = 12;
/// The longest payload that is believed; evidence is smaller.
pub const PAYLOAD_MAX: usize = 1 << 20;

/// A record around `payload`.
pub fn encode(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("payloads are at most 1 MiB").to_le_bytes();
    let mut out = Vec::with_capacity(HEAD + payload.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&length);
    out.extend_from_slice(&checksum(length, payload).to_le_bytes());
    out.extend_from_slice(payload);
    out
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32(&[&length, payload].concat())
}

/// The payload of the record that `bytes` starts with, if it is whole.
pub fn decode(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|size| *size <= PAYLOAD_MAX)?;
    let payload = rest.get(..size)?;
    (checksum(*length, payload) == u32::from_le_bytes(*crc)).then_some(payload)
}

/// A stretch of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A whole record: where its payload begins and how long it is.
    Record {
        /// Offset of the payload.
        at: usize,
        /// Its length.
        len: usize,
    },
    /// Bytes that are no record, with whole records behind them: damage.
    Damage {
        /// Where it begins.
        at: usize,
        /// Its length.
        len: usize,
    },
    /// Bytes at the end that are no record: a write that was cut off.
    Torn {
        /// Where it begins.
        at: usize,
        /// Its length.
        len: usize,
    },
}

/// Takes a segment apart. Nothing is left out: the parts cover all bytes but the records' heads.
pub fn scan(bytes: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if let Some(payload) = decode(&bytes[at..]) {
            parts.push(Part::Record { at: at + HEAD, len: payload.len() });
            at += HEAD + payload.len();
            continue;
        }
        let next = (at + 1..bytes.len()).find(|next| decode(&bytes[*next..]).is_some());
        match next {
            Some(next) => parts.push(Part::Damage { at, len: next - at }),
            None => parts.push(Part::Torn { at, len: bytes.len() - at }),
        }
        at = next.unwrap_or(bytes.len());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(bytes: &[u8]) -> Vec<&[u8]> {
        scan(bytes)
            .into_iter()
            .filter_map(|part| match part {
                Part::Record { at, len } => Some(&bytes[at..at + len]),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn every_cut_keeps_the_whole_records_before_it() {
        let bytes = [encode(b"first"), encode(b""), encode(b"third")].concat();
        assert_eq!(payloads(&bytes), [&b"first"[..], b"", b"third"]);
        for cut in 0..bytes.len() {
            let whole = usize::from(cut >= 17) + usize::from(cut >= 29);
            assert_eq!(payloads(&bytes[..cut]).len(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn every_flipped_byte_loses_one_record_and_is_seen() {
        let bytes = [encode(b"first"), encode(b"second"), encode(b"third")].concat();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x20;
            let parts = scan(&flipped);
            assert_eq!(payloads(&flipped).len(), 2, "flipped at {at}");
            assert!(parts.iter().any(|p| !matches!(p, Part::Record { .. })), "flipped at {at}");
        }
    }
}
