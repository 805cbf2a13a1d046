//! One manifest has one spelling, and every other is refused.

use proptest::prelude::*;

use super::*;

fn signer() -> NoteSigner {
    NoteSigner::from_seed("local-12345678/tenant", &[4; 32]).unwrap()
}

fn file(path: &str) -> ManifestFile {
    ManifestFile { path: path.to_owned(), sha256: [0xab; 32], size: 7 }
}

fn manifest(paths: &[&str]) -> Manifest {
    Manifest {
        files: paths.iter().map(|path| file(path)).collect(),
        origin: "local-12345678/tenant".into(),
        purpose: "audit \"2026\" \u{1f}\u{e9}\n".into(),
        redactions: vec!["confidential".into()],
        tenant: TenantId::new("tenant").unwrap(),
        time: "2026-03-01T12:00:00.000001Z".parse().unwrap(),
        v: 1,
    }
}

fn payload_of(bytes: &[u8]) -> String {
    let envelope: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    String::from_utf8(crate::b64::decode(envelope["payload"].as_str().unwrap()).unwrap()).unwrap()
}

/// What an attacker who has the key could sign: any payload.
fn sealed(payload: &str) -> Vec<u8> {
    envelope::seal(payload.as_bytes(), &signer())
}

#[test]
fn a_manifest_is_signed_and_opened() {
    let ours = manifest(&["checkpoint", "tile/0/000.p/1"]);
    let bytes = ours.sign(&signer()).unwrap();
    assert_eq!(Manifest::open(&bytes, signer().verifier()).unwrap(), ours);
}

#[test]
fn file_and_payload_are_canonical_json() {
    let bytes = manifest(&["checkpoint", "policy"]).sign(&signer()).unwrap();
    crate::canonical::is_canonical(&bytes).unwrap();
    crate::canonical::is_canonical(payload_of(&bytes).as_bytes()).unwrap();
}

#[test]
fn paths_that_could_leave_the_directory_are_neither_written_nor_read() {
    for path in [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        "a\\b",
        "a b",
        "é",
        "manifest.json",
        "C:/x",
    ] {
        assert!(matches!(manifest(&[path]).sign(&signer()), Err(ManifestError::Path(_))), "{path:?}");
        let payload = String::from_utf8(envelope::canonical(&manifest(&[path]))).unwrap();
        assert!(matches!(
            Manifest::open(&sealed(&payload), signer().verifier()),
            Err(ManifestError::Path(_))
        ));
    }
    for twice in [["a", "a"], ["b", "a"]] {
        assert!(matches!(manifest(&twice).sign(&signer()), Err(ManifestError::Path(_))));
    }
}

#[test]
fn only_the_log_key_signs_its_manifest() {
    let other = NoteSigner::from_seed("local-12345678/tenant", &[5; 32]).unwrap();
    let bytes = manifest(&[]).sign(&other).unwrap();
    assert!(matches!(Manifest::open(&bytes, signer().verifier()), Err(ManifestError::KeyId { .. })));
    let claimed = String::from_utf8(bytes).unwrap().replace(
        &Kid::of(other.verifier().public_key()).to_string(),
        &Kid::of(signer().verifier().public_key()).to_string(),
    );
    assert_eq!(Manifest::open(claimed.as_bytes(), signer().verifier()), Err(ManifestError::Signature));
}

#[test]
fn a_signed_payload_of_another_form_is_refused() {
    let good = payload_of(&manifest(&["a"]).sign(&signer()).unwrap());
    assert!(Manifest::open(&sealed(&good), signer().verifier()).is_ok());
    let open = |payload: &str| Manifest::open(&sealed(payload), signer().verifier()).unwrap_err();
    assert_eq!(open(&good.replace("\"v\":1", "\"v\": 1")), ManifestError::NotCanonical("the payload"));
    assert_eq!(open(&good.replace("\"v\":1", "\"v\":2")), ManifestError::Version(2));
    assert_eq!(
        open(&good.replace("2026-03-01T12:00:00.000001Z", "2026-03-01T13:00:00.000001+01:00")),
        ManifestError::NotCanonical("the payload")
    );
    for other in [
        good.replace("\"v\":1", "\"v\":1,\"w\":1"),
        good.replace("\"v\":1", "\"v\":1,\"v\":1"),
        good.replace("abab", "ABAB"),
        good.replace("\"v\":1", "\"v\":\"1\""),
        good.replace(",\"v\":1", ""),
        "[]".into(),
        String::new(),
    ] {
        assert!(matches!(open(&other), ManifestError::Payload(_)), "{other}");
    }
}

#[test]
fn an_envelope_of_another_form_is_refused() {
    let good = String::from_utf8(manifest(&[]).sign(&signer()).unwrap()).unwrap();
    let open = |envelope: &str| Manifest::open(envelope.as_bytes(), signer().verifier()).unwrap_err();
    assert_eq!(open(&format!("{good}\n")), ManifestError::NotCanonical("the envelope"));
    assert_eq!(
        open(&good.replace("manifest+json", "event+json")),
        ManifestError::Type(crate::dsse::PAYLOAD_TYPE.into())
    );
    let signature = &good[good.find("{\"keyid").unwrap()..good.len() - 2];
    for other in [
        good.replace("\"signatures\":[", &format!("\"signatures\":[{signature},")),
        good.replace(signature, ""),
        good.replace("\"payload\"", "\"a\":1,\"payload\""),
    ] {
        assert!(matches!(open(&other), ManifestError::Envelope(_)), "{other}");
    }
}

proptest! {
    #[test]
    fn every_changed_byte_is_refused(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = manifest(&["checkpoint", "policy"]).sign(&signer()).unwrap();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(Manifest::open(&bytes, signer().verifier()).is_err());
    }

    #[test]
    fn a_signed_payload_with_a_changed_byte_is_read_as_written_or_refused(at in any::<prop::sample::Index>(), to in any::<char>()) {
        let good = payload_of(&manifest(&["a", "b/c"]).sign(&signer()).unwrap());
        let mut payload: Vec<char> = good.chars().collect();
        let at = at.index(payload.len());
        payload[at] = to;
        let payload: String = payload.into_iter().collect();
        let bytes = sealed(&payload);
        if let Ok(read) = Manifest::open(&bytes, signer().verifier()) {
            prop_assert_eq!(read.sign(&signer()).unwrap(), bytes);
        }
    }
}
