//! An entry that is read is written the same.
#![no_main]

use ledger::event::{entry_bytes, parse_entry};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(entry) = parse_entry(data) {
        assert_eq!(entry_bytes(&entry.header, &entry.signature, entry.kid), data);
        let _ = entry.read();
    }
});
