//! Public key material and hashes of the ledger, as the texts that stand in events.
//!
//! Their bytes are checked where they are used (`ledger::keys`, `ledger::epochs`); here only their shape.

use crate::tokens;

const fn base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

const fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

const fn lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

const fn visible(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

tokens! {
    /// An Ed25519 public key, base64.
    PublicKeyText(Key, "public key", 44..=44, "44 base64 characters", base64)
    /// The id of a signing key: the first 16 bytes of SHA-256 of the public key, in hexadecimal.
    KeyIdText(Key, "key id", 32..=32, "32 of 0-9 and a-f", lower_hex)
    /// An Ed25519 signature, base64.
    SignatureText(Key, "signature", 88..=88, "88 base64 characters", base64)
    /// A verifier key of a signed note: `name+keyid+key`.
    VkeyText(Key, "verifier key", 1..=400, "1 to 400 visible ASCII characters", visible)
    /// A SHA-256 hash of an event or a disclosure, base64url without padding.
    HashText(LedgerHash, "hash", 43..=43, "43 base64url characters", base64url)
    /// A SHA-256 hash of a tree, base64 as in checkpoints.
    HashBase64(LedgerHash, "hash", 44..=44, "44 base64 characters", base64)
}
