//! Signatures of a chunk: together, or one by one when the auditor wants it strict.

use ledger::clock::OsEntropy;
use ledger::dsse::{PAYLOAD_TYPE, pae_into};
use ledger::keys::{BatchVerifier, PublicKey, SignatureError, verify_strict};

/// Collects the signatures of a chunk.
pub struct Signatures {
    strict: bool,
    batch: BatchVerifier,
    bad: Vec<(u64, SignatureError)>,
    message: Vec<u8>,
    added: u64,
}

impl Signatures {
    /// None yet; so many will come.
    pub fn new(strict: bool, signatures: usize) -> Self {
        let mut batch = BatchVerifier::new();
        batch.reserve(if strict { 0 } else { signatures });
        Self { strict, batch, bad: Vec::new(), message: Vec::new(), added: 0 }
    }

    /// Adds the signature of a header, named by `tag`.
    pub fn add(&mut self, tag: u64, key: &PublicKey, header: &[u8], signature: &[u8; 64]) {
        self.message.clear();
        pae_into(PAYLOAD_TYPE, header, &mut self.message);
        self.added += 1;
        if !self.strict {
            self.batch.add(tag, key, &self.message, signature);
        } else if let Err(error) = verify_strict(key, &self.message, signature) {
            self.bad.push((tag, error));
        }
    }

    /// How many verify, and which do not.
    pub fn finish(&mut self) -> (u64, Vec<(u64, SignatureError)>) {
        let mut bad = std::mem::take(&mut self.bad);
        bad.extend(self.batch.finish(&OsEntropy));
        let good = std::mem::take(&mut self.added) - bad.len() as u64;
        (good, bad)
    }
}
