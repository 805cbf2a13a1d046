//! Base64 in the two spellings that the formats use, read strictly: one text for one value.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A text that is not base64 as the format wants it (alphabet, padding, unused bits zero).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Base64Error {
    /// Wrong alphabet, wrong padding or unused bits that are not zero.
    #[error("not strict base64")]
    Malformed,
    /// Well-formed, but not of the length that the place wants.
    #[error("base64 of {found} bytes where {expected} are due")]
    Length {
        /// The length that the place wants.
        expected: usize,
        /// The length that was found.
        found: usize,
    },
}

/// Standard alphabet with padding (RFC 4648 §4): notes, checkpoints, proofs, DSSE.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Reads the standard alphabet with padding; refuses every other spelling of the same value.
///
/// # Errors
/// [`Base64Error::Malformed`].
pub fn decode(text: &str) -> Result<Vec<u8>, Base64Error> {
    STANDARD.decode(text).map_err(|_| Base64Error::Malformed)
}

/// Reads exactly `N` bytes in the standard alphabet.
///
/// # Errors
/// [`Base64Error`] if the text is malformed or of another length.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], Base64Error> {
    sized(&decode(text)?)
}

/// URL alphabet without padding (RFC 4648 §5): event hashes, disclosures and their digests.
pub fn encode_url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the URL alphabet without padding; refuses every other spelling of the same value.
///
/// # Errors
/// [`Base64Error::Malformed`].
pub fn decode_url(text: &str) -> Result<Vec<u8>, Base64Error> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Base64Error::Malformed)
}

/// Reads exactly `N` bytes in the URL alphabet.
///
/// # Errors
/// [`Base64Error`] if the text is malformed or of another length.
pub fn decode_url_array<const N: usize>(text: &str) -> Result<[u8; N], Base64Error> {
    sized(&decode_url(text)?)
}

/// The characters of 32 bytes in the URL alphabet.
pub const URL_32_LEN: usize = 43;

/// [`encode_url`] of a hash, on the stack: headers are full of them.
pub fn encode_url_32(hash: &[u8; 32]) -> [u8; URL_32_LEN] {
    let mut out = [0; URL_32_LEN];
    URL_SAFE_NO_PAD.encode_slice(hash, &mut out).expect("32 bytes are 43 characters");
    out
}

/// Reads the 43 characters of a hash, without an allocation; only the one spelling of it.
pub fn decode_url_32(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != URL_32_LEN {
        return None;
    }
    let mut out = [0; 32];
    (URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut out).ok()? == 32).then_some(out)
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Base64Error> {
    bytes.try_into().map_err(|_| Base64Error::Length { expected: N, found: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_of_a_value_is_read() {
        assert_eq!(decode("AQI=").unwrap(), [1, 2]);
        assert_eq!(decode_url("_-8").unwrap(), [0xff, 0xef]);
        for other in ["AQI", "AQJ=", "AQI=\n", " AQI=", "AQI==", "A", "_-8="] {
            assert_eq!(decode(other), Err(Base64Error::Malformed), "{other:?}");
        }
        for other in ["_-9", "_-8=", "/+8"] {
            assert_eq!(decode_url(other), Err(Base64Error::Malformed), "{other:?}");
        }
        assert_eq!(decode_array::<3>("AQI="), Err(Base64Error::Length { expected: 3, found: 2 }));
    }

    #[test]
    fn a_hash_has_one_spelling() {
        for n in 0..=255 {
            let text = encode_url_32(&[n; 32]);
            assert_eq!(text.as_slice(), encode_url([n; 32]).as_bytes());
            assert_eq!(decode_url_32(&text), Some([n; 32]));
        }
        let mut text = encode_url_32(&[0; 32]);
        assert_eq!(text, [b'A'; 43]);
        text[42] = b'B';
        assert_eq!(decode_url_32(&text), None, "bits beyond the last byte must be zero");
        assert_eq!(decode_url_32(&[b'A'; 42]), None);
        assert_eq!(decode_url_32(&[b'+'; 43]), None);
    }
}
