//! Single and batch verification agree on any key, message and signature.
#![no_main]

use ledger::clock::SeededEntropy;
use ledger::keys::{BatchVerifier, PublicKey, Signer, SoftSigner, verify};

libfuzzer_sys::fuzz_target!(|data: (bool, [u8; 32], [u8; 32], [u8; 32], Vec<u8>)| {
    let (forged, key, r, s, message) = data;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    let signer = SoftSigner::from_seed(&key);
    let key = if forged { PublicKey::from_bytes(&key).ok() } else { Some(signer.public_key()) };
    let Some(key) = key else { return };
    if !forged {
        // One byte off at most, so that the equation is reached.
        signature = signer.sign(&message);
        signature[usize::from(r[0]) % 64] ^= r[1];
    }
    let mut batch = BatchVerifier::new();
    batch.add(0, &key, &message, &signature);
    let refused = batch.finish(&SeededEntropy::new(1)).first().map(|(_, error)| *error);
    assert_eq!(verify(&key, &message, &signature).err(), refused);
});
