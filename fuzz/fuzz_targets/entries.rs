//! A bundle of entries that is read is written the same.
#![no_main]

use ledger::tile::{decode_entries, encode_entries, entries};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let width = u16::try_from(entries(data).count()).unwrap_or(u16::MAX);
    if let Ok(read) = decode_entries(data, width) {
        assert_eq!(encode_entries(read).unwrap(), data);
    }
});
