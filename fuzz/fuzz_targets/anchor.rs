//! An anchor that is read is written the same, and verifying it never panics.
#![no_main]

use ledger::anchor::AnchorFile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(anchor) = AnchorFile::parse(data) {
        assert_eq!(anchor.encode(), data);
        let _ = anchor.verify();
    }
});
