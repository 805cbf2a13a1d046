//! A path that is read is written the same.
#![no_main]

use ledger::tile::Resource;

libfuzzer_sys::fuzz_target!(|data: &str| {
    if let Ok(resource) = data.parse::<Resource>() {
        assert_eq!(resource.to_string(), data);
    }
});
