//! A proof that is read is written the same, and checking its path never panics.
#![no_main]

use ledger::tlog_proof::TlogProof;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(proof) = TlogProof::parse(data) {
        assert_eq!(proof.encode().as_bytes(), data);
        let _ = proof.verify_path();
    }
});
