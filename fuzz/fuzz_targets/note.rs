//! A note that is read is written the same.
#![no_main]

use ledger::note::Note;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_string().as_bytes(), data);
    }
});
