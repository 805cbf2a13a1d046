//! A verifier key that is read is written the same.
#![no_main]

use ledger::note::VerifierKey;

libfuzzer_sys::fuzz_target!(|data: &str| {
    if let Ok(key) = data.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), data);
    }
});
