//! A header that the strict reader takes is canonical and reads the same the fast way.
#![no_main]

use ledger::canonical::canonicalize;
use ledger::event::Header;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let trusted = Header::parse_trusted(data);
    if let Ok(header) = Header::parse(data) {
        assert_eq!(trusted, Ok(header));
        assert_eq!(canonicalize(data).unwrap().as_bytes(), data);
    }
});
