//! A witness request that is read is written the same.
#![no_main]

use ledger::cosignature::{AddCheckpoint, parse_conflict};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(data) {
        assert_eq!(request.encode().as_bytes(), data);
    }
    let _ = parse_conflict(data);
});
