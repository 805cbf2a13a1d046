//! Data of key events is read or refused, never a panic; what is read is written to the same data.
#![no_main]

use ledger::epochs::{DISPUTED, GENESIS, KeyEvent, REVOKED, ROTATED};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for event_type in [GENESIS, ROTATED, REVOKED, DISPUTED] {
        if let Ok(event) = KeyEvent::parse(event_type, data) {
            let again = serde_json::to_vec(&event.to_data()).unwrap();
            assert_eq!(KeyEvent::parse(event_type, &again), Ok(event));
        }
    }
});
