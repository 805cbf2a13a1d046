//! A disclosure that is read is written the same.
#![no_main]

use ledger::disclosure::Disclosure;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(disclosure) = Disclosure::from_json(data) {
        assert_eq!(disclosure.to_json().unwrap(), data);
    }
});
