//! An API key that is read is shown the same.
#![no_main]

use ledger::apikey::ApiKey;

libfuzzer_sys::fuzz_target!(|data: &str| {
    if let Ok(key) = ApiKey::parse(data) {
        assert_eq!(key.expose().as_str(), data);
    }
});
