//! The vectors that SDKs in all languages share.

use ledger::apikey::ApiKey;
use ledger::http_signature::{Request, sign};
use ledger::time::Timestamp;
use serde_json::Value;

#[test]
fn requests_are_signed_as_an_independent_implementation_does() {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/request-signature.json")).unwrap();
    let key = ApiKey::parse(vectors["api_key"].as_str().unwrap()).unwrap();
    assert_eq!(key.id(), vectors["keyid"]);
    let public_key: String =
        key.request_key().public_key().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(public_key, vectors["public_key"]);
    for case in vectors["requests"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let request = Request {
            method: text("method"),
            path: text("path"),
            query: case["query"].as_str(),
            body: text("body").as_bytes(),
        };
        let created = Timestamp::from_micros(case["created"].as_i64().unwrap() * 1_000_000);
        let signed = sign(&request, key.id(), &key.request_key(), created, text("nonce"));
        assert_eq!(signed.content_digest, case["content_digest"]);
        assert_eq!(signed.signature_input, case["signature_input"]);
        assert_eq!(signed.signature, case["signature"]);
    }
}
