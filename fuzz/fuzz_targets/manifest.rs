//! Whatever payload the log's key signs, a manifest that is opened is written the same.
#![no_main]

use ledger::manifest::Manifest;
use ledger::note::NoteSigner;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let signer = NoteSigner::from_seed("log", &[1; 32]).unwrap();
    assert!(Manifest::open(data, signer.verifier()).is_err(), "nobody forges a signature");
    let signed = Manifest::seal_payload(data, &signer);
    if let Ok(manifest) = Manifest::open(&signed, signer.verifier()) {
        assert_eq!(manifest.sign(&signer).unwrap(), signed);
    }
});
