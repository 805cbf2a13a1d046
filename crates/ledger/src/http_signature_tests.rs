use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;

/// RFC 9421 appendix B.1.4, `test-key-ed25519`.
fn rfc_key() -> RequestKey {
    let seed = URL_SAFE_NO_PAD.decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU").unwrap();
    RequestKey::from_seed(&seed.try_into().unwrap())
}

#[test]
fn rfc_9421_appendix_b_2_6() {
    assert_eq!(URL_SAFE_NO_PAD.encode(rfc_key().public_key()), "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs");
    let params = "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
                  ;created=1618884473;keyid=\"test-key-ed25519\"";
    let components = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("@method", "POST"),
        ("@path", "/foo"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ];
    let base = signature_base(components, params);
    assert_eq!(
        STANDARD.encode(rfc_key().sign(base.as_bytes())),
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    );
}

#[test]
fn rfc_9530_content_digest() {
    // RFC 9530 appendix D: the JSON object with its trailing line feed.
    assert_eq!(
        content_digest(b"{\"hello\": \"world\"}\n"),
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    );
}

const NOW: i64 = 1_780_000_000;
const BODY: &[u8] = b"{\"items\":[]}";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn request() -> Request<'static> {
    Request { method: "POST", path: "/v1/evidence/batch", query: None, body: BODY }
}

fn signed() -> SignedHeaders {
    sign(&request(), "0011223344556677", &rfc_key(), at(NOW), "abc-123")
}

fn check(request: &Request<'_>, headers: &SignedHeaders, now: i64) -> Result<(), SignatureError> {
    SignatureInput::parse(&headers.signature_input)?.verify(
        request,
        &headers.content_digest,
        &headers.signature,
        &rfc_key().public_key(),
        at(now),
    )
}

#[test]
fn what_is_signed_verifies_within_the_window() {
    let headers = signed();
    let input = SignatureInput::parse(&headers.signature_input).unwrap();
    assert_eq!(
        (input.keyid.as_str(), input.nonce.as_str(), input.created),
        ("0011223344556677", "abc-123", NOW)
    );
    for now in [NOW - WINDOW_SECONDS, NOW, NOW + WINDOW_SECONDS] {
        assert_eq!(check(&request(), &headers, now), Ok(()));
    }
    for now in [NOW - WINDOW_SECONDS - 1, NOW + WINDOW_SECONDS + 1, 0] {
        assert_eq!(check(&request(), &headers, now), Err(SignatureError::Skewed { created: NOW, now }));
    }
}

#[test]
fn another_request_is_refused() {
    use SignatureError::{Coverage, Digest, Signature};
    let headers = signed();
    for (other, refusal) in [
        (Request { method: "PUT", ..request() }, Signature),
        (Request { path: "/v1/evidence", ..request() }, Signature),
        (Request { body: b"{}", ..request() }, Digest),
        (
            Request { query: Some("a=b"), ..request() },
            Coverage(covered_list(&Request { query: Some(""), ..request() })),
        ),
    ] {
        assert_eq!(check(&other, &headers, NOW), Err(refusal));
    }
    let with_query = Request { query: Some("a=b"), ..request() };
    let headers = sign(&with_query, "k", &rfc_key(), at(NOW), "n");
    assert_eq!(check(&with_query, &headers, NOW), Ok(()));
    assert_eq!(check(&Request { query: Some("a=c"), ..request() }, &headers, NOW), Err(Signature));
    assert!(matches!(check(&request(), &headers, NOW), Err(Coverage(_))));
}

#[test]
fn another_key_and_a_forged_parameter_are_refused() {
    let headers = signed();
    let input = SignatureInput::parse(&headers.signature_input).unwrap();
    let stranger = RequestKey::from_seed(&[7; 32]).public_key();
    let verify = |input: &SignatureInput, key| {
        input.verify(&request(), &headers.content_digest, &headers.signature, key, at(NOW))
    };
    assert_eq!(verify(&input, &stranger), Err(SignatureError::Signature));
    // All zero but one: a point of small order, for which forgeries exist.
    let mut small_order = [0; 32];
    small_order[0] = 1;
    assert!(verify(&input, &small_order).is_err());
    for (from, to) in
        [("created=178", "created=179"), ("abc-123", "abc-124"), ("0011", "0012"), ("ledger=", "other=")]
    {
        let forged =
            SignedHeaders { signature_input: headers.signature_input.replace(from, to), ..headers.clone() };
        assert!(check(&request(), &forged, NOW).is_err(), "{from} -> {to}");
    }
}

#[test]
fn malformed_headers_are_refused() {
    let good = signed().signature_input;
    let cases = [
        String::new(),
        "ledger".into(),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}, other=()"),
        format!("{good};tag=\"x\""),
        format!("{good};nonce=\"again\""),
        good.replace("alg=\"ed25519\"", "alg=\"hmac-sha256\""),
        good.replace(";alg=\"ed25519\"", ""),
        good.replace("created=1780000000", "created=01780000000"),
        good.replace("created=1780000000", "created=\"1780000000\""),
        good.replace("created=1780000000", "created=-1"),
        good.replace("abc-123", "abc\\\"123"),
        good.replace("abc-123", &"n".repeat(PARAM_BYTES_MAX + 1)),
        good.replace("abc-123", ""),
        "x".repeat(HEADER_BYTES_MAX + 1),
    ];
    for case in cases {
        assert!(matches!(SignatureInput::parse(&case), Err(SignatureError::Malformed(_))), "{case}");
    }
    let respelt = good.replace("\"@method\" \"@path\"", "\"@path\" \"@method\"");
    let headers = SignedHeaders { signature_input: respelt, ..signed() };
    assert!(matches!(check(&request(), &headers, NOW), Err(SignatureError::Coverage(_))));
    for signature in ["", "ledger=::", "ledger=:AAAA:", "ledger=:!:", "other=:AAAA:"] {
        let headers = SignedHeaders { signature: signature.into(), ..signed() };
        assert!(matches!(check(&request(), &headers, NOW), Err(SignatureError::Malformed(_))), "{signature}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_read_panics(header in "\\PC{0,200}", signature in "\\PC{0,120}") {
        if let Ok(input) = SignatureInput::parse(&header) {
            let _ = input.verify(&request(), "", &signature, &[0; 32], at(NOW));
        }
    }

    #[test]
    fn each_flipped_bit_is_refused(which in 0_usize..3, at_byte in 0_usize..300, bit in 0_u8..7) {
        let mut headers = signed();
        let field = [&mut headers.content_digest, &mut headers.signature_input, &mut headers.signature]
            .into_iter().nth(which).unwrap();
        let mut bytes = std::mem::take(field).into_bytes();
        let position = at_byte % bytes.len();
        bytes[position] ^= 1 << bit;
        *field = String::from_utf8(bytes).unwrap();
        prop_assert!(check(&request(), &headers, NOW).is_err());
    }
}
