//! The vector of an event in docs/FORMATS.md, computed again line by line.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ledger::b64;
use ledger::disclosure::Disclosure;
use ledger::dsse;
use ledger::event::{EventHash, Header, entry_bytes, leaf_of, parse_entry};
use ledger::keys::{Signer, SoftSigner, verify};

const HEADER: &str = concat!(
    r#"{"_sd":["DIGEST"],"actor":{"id":"0123456789abcdef","kind":"api-key"},"#,
    r#""cmd":"01900000-0000-7000-8000-000000000001","#,
    r#""data":{"check":"linux-host/sshd-permit-root-login","checked":1,"#,
    r#""controls":[{"control":"ac-6","framework":"nist-800-53"}],"observed_from":"2026-03-01T11:59:59.000000Z","#,
    r#""observed_to":"2026-03-01T12:00:00.000000Z","received_at":"2026-03-01T12:00:02.000000Z","#,
    r#""result":"fail","sent_at":"2026-03-01T12:00:01.000000Z","skipped":0,"target_ref":"db-1"},"#,
    r#""id":"019ca90a-2ed0-7000-8000-000000000002","kid":"KID","#,
    r#""seq":0,"stream":"evidence-01900000-0000-7000-8000-000000000001","tenant":"t-1","#,
    r#""time":"2026-03-01T12:00:02.000000Z","type":"ledger.evidence.submitted.v1","v":1}"#,
);

fn computed() -> BTreeMap<&'static str, String> {
    let bytes = |n: u8| -> Vec<u8> { (0..n).collect() };
    let signer = SoftSigner::from_seed(&bytes(32).try_into().unwrap());
    let disclosure = Disclosure {
        name: "title".to_owned(),
        salt: bytes(16).try_into().unwrap(),
        value: serde_json::json!("Root login by password"),
    };
    let kid = signer.kid().to_string();
    let digest = EventHash(disclosure.digest().unwrap()).to_string();
    let header = HEADER.replace("DIGEST", &digest).replace("KID", &kid);
    Header::parse(header.as_bytes()).expect("the example is a header");
    let pae = dsse::pae(dsse::PAYLOAD_TYPE, header.as_bytes());
    let signature = signer.sign(&pae);
    verify(&signer.public_key(), &pae, &signature).unwrap();
    let entry = entry_bytes(header.as_bytes(), &signature, signer.kid());
    parse_entry(&entry).unwrap().read().unwrap();
    BTreeMap::from([
        ("kid", kid),
        ("disclosure", String::from_utf8(disclosure.to_json().unwrap()).unwrap()),
        ("digest", digest),
        ("event_hash", EventHash::of(header.as_bytes()).to_string()),
        ("header", header),
        ("signature", b64::encode(signature)),
        ("leaf", b64::encode(leaf_of(&entry))),
        ("entry", String::from_utf8(entry).unwrap()),
    ])
}

#[test]
fn the_vector_in_the_page_of_formats_is_right() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/FORMATS.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, block) = page.split_once("```vector\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let written: BTreeMap<&str, String> = block
        .lines()
        .map(|line| line.split_once(' ').map(|(name, value)| (name, value.trim_start().to_owned())).unwrap())
        .collect();
    let computed = computed();
    let lines: Vec<String> = computed.iter().map(|(name, value)| format!("{name:<11} {value}")).collect();
    assert!(written == computed, "docs/FORMATS.md should say\n{}", lines.join("\n"));
}
