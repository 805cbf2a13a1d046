//! DSSE v1: the pre-authentication encoding that is signed and hashed, and the envelope that is the log's entry.
//!
//! <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>

use sha2::{Digest, Sha256};

/// The payload type of every event of the ledger.
pub const PAYLOAD_TYPE: &str = "application/vnd.integration-ledger.event+json";

/// `"DSSEv1" SP len(type) SP type SP len(body) SP body`, lengths in ASCII decimal.
pub fn pae(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload_type.len() + body.len() + 32);
    pae_into(payload_type, body, &mut out);
    out
}

/// [`pae`] into a buffer that is reused.
pub fn pae_into(payload_type: &str, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"DSSEv1 ");
    put_decimal(payload_type.len(), out);
    out.push(b' ');
    out.extend_from_slice(payload_type.as_bytes());
    out.push(b' ');
    put_decimal(body.len(), out);
    out.push(b' ');
    out.extend_from_slice(body);
}

/// SHA-256 of [`pae`].
pub fn pae_hash(payload_type: &str, body: &[u8]) -> [u8; 32] {
    let mut prefix = Vec::with_capacity(payload_type.len() + 32);
    pae_into(payload_type, &[], &mut prefix);
    // The prefix was written for an empty body; its last two bytes `0 ` give way to the real length.
    prefix.truncate(prefix.len() - 2);
    put_decimal(body.len(), &mut prefix);
    prefix.push(b' ');
    Sha256::new().chain_update(&prefix).chain_update(body).finalize().into()
}

fn put_decimal(value: usize, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_encoded() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }

    #[test]
    fn the_hash_is_that_of_the_encoding() {
        for body in [&b""[..], b"x", &[7; 1000]] {
            let whole: [u8; 32] = Sha256::digest(pae(PAYLOAD_TYPE, body)).into();
            assert_eq!(pae_hash(PAYLOAD_TYPE, body), whole);
        }
    }
}
