//! What is read of a signed request stands in its header, and no header makes the verifier panic.
#![no_main]

use ledger::http_signature::{Request, SignatureInput};
use ledger::time::Timestamp;

libfuzzer_sys::fuzz_target!(|data: (&str, &str, &str)| {
    let (header, digest, signature) = data;
    if let Ok(input) = SignatureInput::parse(header) {
        for part in [format!("created={}", input.created), format!("keyid=\"{}\"", input.keyid), format!("nonce=\"{}\"", input.nonce)] {
            assert!(header.contains(&part));
        }
        let request = Request { method: "POST", path: "/", query: None, body: b"" };
        let now = Timestamp::from_micros(input.created.saturating_mul(1_000_000));
        assert!(input.verify(&request, digest, signature, &[9; 32], now).is_err());
    }
});
