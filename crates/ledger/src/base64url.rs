//! base64url without padding for 32-byte hashes, on the stack: headers are full of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The characters of 32 bytes.
pub const LEN_32: usize = 43;

/// Encodes a hash.
pub fn encode_32(hash: &[u8; 32]) -> [u8; LEN_32] {
    let mut out = [0; LEN_32];
    URL_SAFE_NO_PAD.encode_slice(hash, &mut out).expect("32 bytes are 43 characters");
    out
}

/// Decodes a hash; only the one spelling of it.
pub fn decode_32(text: &[u8]) -> Option<[u8; 32]> {
    if text.len() != LEN_32 {
        return None;
    }
    let mut out = [0; 32];
    (URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut out).ok()? == 32).then_some(out)
}

/// Encodes any bytes.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes any bytes; only the one spelling of them.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_spelling() {
        for n in 0..=255 {
            let hash = [n; 32];
            let text = encode_32(&hash);
            assert_eq!(decode_32(&text), Some(hash));
        }
        let mut text = encode_32(&[0; 32]);
        assert_eq!(text, [b'A'; 43]);
        text[42] = b'B';
        assert_eq!(decode_32(&text), None, "bits beyond the last byte must be zero");
        assert_eq!(decode_32(&[b'A'; 42]), None);
        assert_eq!(decode_32(&[b'+'; 43]), None);
    }
}
