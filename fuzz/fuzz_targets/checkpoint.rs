//! A checkpoint that is read is written the same.
#![no_main]

use ledger::checkpoint::Checkpoint;

libfuzzer_sys::fuzz_target!(|data: &str| {
    if let Ok(checkpoint) = data.parse::<Checkpoint>() {
        assert_eq!(checkpoint.text(), data);
    }
});
