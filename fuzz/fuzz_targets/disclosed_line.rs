//! A line of disclosures that is read is written the same.
#![no_main]

use ledger::bundle::DisclosedLine;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(line) = DisclosedLine::parse(data) {
        assert_eq!(line.encode().strip_suffix(b"\n"), Some(data));
    }
});
