//! Conformance with RFC 8785 and the ingest rules.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn canonical(text: &str) -> String {
    canonicalize(text.as_bytes()).unwrap().as_str().to_owned()
}

fn refused(text: &[u8]) -> (String, JsonProblem) {
    let error = canonicalize(text).unwrap_err();
    assert!(is_canonical(text).is_err());
    assert!(parse_checked(text).is_err());
    (error.pointer, error.problem)
}

/// RFC 8785 §3.2.2 to §3.2.4.
#[test]
fn the_example_of_the_rfc_is_canonicalised() {
    let source = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                    \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(canonical(source), expected);
    assert_eq!(is_canonical(expected.as_bytes()), Ok(()));
}

/// RFC 8785 §3.2.3.
#[test]
fn keys_sort_by_utf16_code_units() {
    let source = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
        "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
                    \"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\
                    \"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
    assert_eq!(canonical(source), expected);
    assert_eq!(is_canonical(expected.as_bytes()), Ok(()));
    let value: Value = serde_json::from_str(source).unwrap();
    assert_eq!(to_canonical(&value).unwrap().as_str(), expected);
}

/// RFC 8785 appendix B.
#[test]
fn numbers_are_spelled_as_ecmascript_spells_them() {
    for (bits, expected) in [
        (0x0000_0000_0000_0000_u64, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        let mut spelled = Vec::new();
        number::spell(f64::from_bits(bits), &mut spelled);
        assert_eq!(String::from_utf8(spelled).unwrap(), expected, "{bits:016x}");
    }
}

#[test]
fn a_broken_rule_is_named_with_its_place() {
    for (text, pointer, problem) in [
        (r#"{"a":{"b":1,"b":2}}"#, "/a/b", JsonProblem::DuplicateKey),
        (r#"{"b":1,"a":0,"\u0062":2}"#, "/b", JsonProblem::DuplicateKey),
        (r#"{"a":[0,{"x/y~z":9007199254740992}]}"#, "/a/1/x~1y~0z", JsonProblem::IntegerRange),
        (r#"[-9007199254740992]"#, "/0", JsonProblem::IntegerRange),
        (r#"[123456789012345678901234567890]"#, "/0", JsonProblem::IntegerRange),
        (r#"[1e20]"#, "/0", JsonProblem::IntegerRange),
        (r#"{"n":1e400}"#, "/n", JsonProblem::NotFinite),
        (r#"{"n":-1e400}"#, "/n", JsonProblem::NotFinite),
        (r#"{"s":"\ud800"}"#, "/s", JsonProblem::Surrogate),
        (r#"{"s":"\udc00\ud800"}"#, "/s", JsonProblem::Surrogate),
        (r#"{"s":"\ud800\u0041"}"#, "/s", JsonProblem::Surrogate),
    ] {
        assert_eq!(refused(text.as_bytes()), (pointer.to_owned(), problem), "{text}");
    }
    assert_eq!(refused(b"{\"a\":\"\xff\"}").1, JsonProblem::Utf8);
    // WTF-8: a surrogate encoded as if it were a character.
    assert_eq!(refused(b"\"\xed\xa0\x80\"").1, JsonProblem::Utf8);
    let error = canonicalize(br#"{"a":9007199254740993}"#).unwrap_err();
    assert_eq!(error.to_string(), "at /a: the integer is beyond 2^53-1; send 64-bit values as strings");
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "tru",
        "nul",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\u{1}\"",
        "\"\n\"",
        "1 2",
        "[1 2]",
        "NaN",
        "Infinity",
        "'a'",
        "{\"a\":1}}",
        "\u{feff}1",
        "[1,,2]",
        "/**/1",
        "-01",
    ] {
        let (_, problem) = refused(text.as_bytes());
        assert!(matches!(problem, JsonProblem::Syntax(_)), "{text}: {problem}");
    }
}

#[test]
fn nesting_ends_at_64() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(canonicalize(nested(64).as_bytes()).is_ok());
    assert!(is_canonical(nested(64).as_bytes()).is_ok());
    let (pointer, problem) = refused(nested(65).as_bytes());
    assert_eq!((pointer.matches("/0").count(), problem), (64, JsonProblem::Depth));
    let deep = (0..65).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(to_canonical(&deep).unwrap_err().problem, JsonProblem::Depth);
    // A million brackets neither overflow the stack nor take long.
    assert_eq!(refused("[".repeat(1_000_000).as_bytes()).1, JsonProblem::Depth);
}

#[test]
fn integers_up_to_the_limit_are_kept() {
    assert_eq!(
        canonical("[9007199254740991,-9007199254740991,-0,0,1.0,1e2]"),
        "[9007199254740991,-9007199254740991,0,0,1,100]"
    );
}

#[test]
fn near_misses_of_the_canonical_form_are_refused() {
    for (text, what) in [
        (r#"{"b":1,"a":2}"#, "order of keys"),
        (r#"{"a": 1}"#, "white space"),
        ("{\"a\":1}\n", "white space"),
        ("[1.0]", "spelling of a number"),
        ("[1e2]", "spelling of a number"),
        ("[-0]", "negative zero"),
        (r#"["\u0041"]"#, "escape"),
        (r#"["\/"]"#, "escape"),
        (r#"["\u001F"]"#, "escape"),
        (r#"["\u000a"]"#, "escape"),
    ] {
        assert_eq!(
            is_canonical(text.as_bytes()).unwrap_err().problem,
            JsonProblem::NotCanonical(what),
            "{text}"
        );
        assert!(is_canonical(canonical(text).as_bytes()).is_ok());
    }
}

/// Values of every kind, keys that need escapes and sorting included.
fn any_value() -> impl Strategy<Value = Value> {
    let text = proptest::string::string_regex("[a-c\"\\\\\u{1}\n\u{e000}\u{ffff}😀é]{0,12}").unwrap();
    let key = proptest::string::string_regex("[a-c\"\\\\\u{1}\u{e000}😀]{0,3}").unwrap().boxed();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(INTEGER_MAX as i64)..=INTEGER_MAX as i64).prop_map(Value::from),
        (-1e15..1e15_f64).prop_map(Value::from),
        (1e-300..1e-5_f64).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_way_to_the_canonical_form_agrees(value in any_value()) {
        let direct = to_canonical(&value).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(&canonicalize(&pretty).unwrap(), &direct);
        prop_assert_eq!(&canonicalize(direct.as_bytes()).unwrap(), &direct);
        prop_assert!(is_canonical(direct.as_bytes()).is_ok());
        prop_assert_eq!(to_canonical(&parse_checked(&pretty).unwrap()).unwrap(), direct);
    }

    /// The checker accepts exactly the fixed points of the rewriter, whatever the bytes.
    #[test]
    fn a_changed_byte_is_judged_alike_by_checker_and_rewriter(
        value in any_value(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = to_canonical(&value).unwrap().into_bytes().into_vec();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let fixed = canonicalize(&bytes).is_ok_and(|json| json.as_bytes() == bytes);
        prop_assert_eq!(is_canonical(&bytes).is_ok(), fixed);
        if canonicalize(&bytes).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
        }
    }
}
