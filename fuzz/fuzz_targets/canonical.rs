//! The checker accepts exactly the fixed points of the rewriter, and both read what serde_json reads.
#![no_main]

use ledger::canonical::{canonicalize, is_canonical, parse_checked, to_canonical};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    match canonicalize(data) {
        Ok(canonical) => {
            let bytes = canonical.as_bytes();
            assert_eq!(is_canonical(bytes), Ok(()));
            assert_eq!(is_canonical(data).is_ok(), bytes == data);
            assert_eq!(canonicalize(bytes).unwrap().as_bytes(), bytes);
            let value = parse_checked(data).expect("what is canonicalised is read");
            assert_eq!(to_canonical(&value).unwrap().as_bytes(), bytes);
        }
        Err(_) => assert!(is_canonical(data).is_err()),
    }
});
