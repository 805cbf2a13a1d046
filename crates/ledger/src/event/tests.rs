//! Headers, entries and seals.

use serde_json::json;

use super::*;
use crate::clock::SeededEntropy;
use crate::disclosure::{DataKey, DataKeys, DisclosureError, NoDataKeys};
use crate::domain::{Cause, Class, EventBody, Withheld};
use crate::ids::{ActorKind, SubjectId};
use crate::keys::{Signer, SoftSigner, verify, verify_strict};
use std::sync::Arc;

struct Keys;

impl DataKeys for Keys {
    fn tenant_key(&self, _: &TenantId) -> Result<Arc<DataKey>, DisclosureError> {
        Ok(Arc::new(DataKey::new(&[1; 32])))
    }

    fn subject_key(&self, _: &TenantId, _: &SubjectId) -> Result<Arc<DataKey>, DisclosureError> {
        Ok(Arc::new(DataKey::new(&[2; 32])))
    }
}

fn body() -> EventBody {
    let subject = SubjectId::new("subject-1").unwrap();
    EventBody {
        public: json!({"result": "pass", "checked": 12, "nested": {"}": "\"{", "b": [1]}})
            .as_object()
            .unwrap()
            .clone(),
        withheld: vec![
            Withheld { name: "title", value: json!("Root login"), class: Class::Confidential },
            Withheld { name: "owner", value: json!({"name": "Ada"}), class: Class::Personal(subject) },
            Withheld { name: "findings", value: json!([{"line": 3}]), class: Class::Confidential },
        ],
    }
}

fn sealed_with(body: &EventBody, seq: u64, command: Option<&str>) -> Result<SealedEvent, SealError> {
    let (tenant, stream) = (TenantId::new("t1").unwrap(), StreamId::new("evidence-1").unwrap());
    let actor = Actor { id: CommandId::new("probe\"\\1").unwrap(), kind: ActorKind::Probe };
    let command = command.map(|id| CommandId::new(id).unwrap());
    let ctx = SealContext {
        tenant: &tenant,
        stream: &stream,
        seq,
        prev: (seq > 0).then_some(EventHash([7; 32])),
        time: "2026-03-01T12:00:00.000001Z".parse().unwrap(),
        actor: &actor,
        command: command.as_ref(),
        cause: Cause::default(),
    };
    let signer = SoftSigner::from_seed(&[9; 32]);
    seal("ledger.evidence.submitted.v1", body, &ctx, &signer, &Keys, &SeededEntropy::new(seq + 1))
}

fn sealed(seq: u64) -> SealedEvent {
    sealed_with(&body(), seq, Some("key\"1")).unwrap()
}

#[test]
fn a_sealed_header_reads_back_and_verifies() {
    for seq in [0, 1, 9_007_199_254_740_991] {
        let event = sealed(seq);
        let header = Header::parse(&event.header).unwrap();
        assert_eq!(header, Header::parse_trusted(&event.header).unwrap());
        assert_eq!((header.id, header.seq, header.kid, header.time), (event.id, seq, event.kid, event.time));
        assert_eq!((&header.tenant, &header.stream), (&event.tenant, &event.stream));
        assert_eq!(header.event_type, event.event_type);
        assert_eq!(header.actor.id.as_str(), "probe\"\\1");
        assert_eq!(header.cmd.unwrap().as_str(), "key\"1");
        assert_eq!(header.prev.is_some(), seq > 0);
        assert_eq!(header.sd.len(), 3);
        assert_eq!(header.data, br#"{"checked":12,"nested":{"b":[1],"}":"\"{"},"result":"pass"}"#);
        let signer = SoftSigner::from_seed(&[9; 32]);
        let pae = dsse::pae(dsse::PAYLOAD_TYPE, &event.header);
        assert_eq!(verify(&signer.public_key(), &pae, &event.signature), Ok(()));
        assert_eq!(verify_strict(&signer.public_key(), &pae, &event.signature), Ok(()));
        assert_eq!(event.hash, EventHash::of(&event.header));
        assert_eq!(event.leaf, leaf_of(&event.entry()));
    }
}

#[test]
fn an_entry_is_canonical_and_reads_back() {
    let event = sealed(1);
    let bytes = event.entry();
    assert_eq!(crate::canonical::is_canonical(&bytes), Ok(()));
    let entry = parse_entry(&bytes).unwrap();
    assert_eq!(
        (&entry.header[..], entry.signature, entry.kid),
        (&event.header[..], event.signature, event.kid)
    );
    assert_eq!(entry.read().unwrap().id, event.id);
}

#[test]
fn a_changed_byte_of_an_entry_never_reads_as_the_same_event() {
    let event = sealed(1);
    let bytes = event.entry();
    for place in 0..bytes.len() {
        for byte in [bytes[place] ^ 1, bytes[place] ^ 0x20, b'"', b'='] {
            let mut changed = bytes.clone();
            changed[place] = byte;
            match parse_entry(&changed) {
                // What still reads is another entry that reads back to exactly these bytes.
                Ok(entry) => assert_eq!(entry_bytes(&entry.header, &entry.signature, entry.kid), changed),
                Err(error) => assert!(matches!(error, EventError::Entry(_)), "{error}"),
            }
        }
    }
    for cut in 0..bytes.len() {
        assert!(parse_entry(&bytes[..cut]).is_err());
    }
    let mut other = parse_entry(&bytes).unwrap();
    other.kid = Kid([0; 16]);
    assert_eq!(other.read(), Err(EventError::Entry("its keyid is not the kid of the header")));
}

/// Whatever byte of a header changes, the strict reader refuses it or reads a header that is canonical.
#[test]
fn a_changed_byte_of_a_header_is_never_waved_through() {
    let header = sealed(1).header;
    for place in 0..header.len() {
        for byte in [header[place] ^ 1, b'"', b'{', b',', b' ', b'\\', 0xFF] {
            let mut changed = header.to_vec();
            changed[place] = byte;
            if Header::parse(&changed).is_ok() {
                assert_eq!(crate::canonical::canonicalize(&changed).unwrap().as_bytes(), changed);
            }
            let _no_panic = Header::parse_trusted(&changed);
        }
    }
    for cut in 0..header.len() {
        assert!(Header::parse(&header[..cut]).is_err());
        assert!(Header::parse_trusted(&header[..cut]).is_err());
    }
}

#[test]
fn a_header_off_the_format_is_refused_by_name() {
    let plain = EventBody { public: serde_json::Map::new(), withheld: Vec::new() };
    let event = sealed_with(&plain, 1, None).unwrap();
    let good: serde_json::Value = serde_json::from_slice(&event.header).unwrap();
    let missing = |member, rule| EventError::Member { member, rule };
    for (pointer, value, expected) in [
        ("seq", json!(0), missing("prev", "is there if and only if seq is not 0")),
        ("seq", json!("1"), missing("seq", "must be a whole number up to 2^53-1")),
        ("v", json!(2), missing("v", "must be 1")),
        (
            "time",
            json!("2026-03-01T12:00:00Z"),
            missing("time", "must be UTC with microseconds, as in 2026-03-01T12:00:00.000000Z"),
        ),
        (
            "id",
            json!("00000000-0000-4000-8000-000000000000"),
            missing("id", "must be a UUIDv7 in lower case with hyphens"),
        ),
        (
            "id",
            json!("01900000-0000-7000-8000-00000000000A"),
            missing("id", "must be a UUIDv7 in lower case with hyphens"),
        ),
        (
            "type",
            json!("ledger.evidence"),
            missing("type", "must be a dotted lower-case name with a version"),
        ),
        ("kid", json!("AB"), missing("kid", "must be 32 lower-case hex digits")),
        ("data", json!([]), missing("data", "must be an object")),
        ("_sd", json!([]), missing("_sd", "must be a string")),
        ("actor", json!({"id": "a", "kind": "robot"}), missing("actor", "has an unknown kind")),
        (
            "actor",
            json!({"id": "a", "kind": "user", "x": 1}),
            missing("actor", "must have the members id and kind alone"),
        ),
        ("zzz", json!(1), EventError::UnknownMember("zzz".into())),
        ("aaa", json!(1), EventError::UnknownMember("aaa".into())),
        ("middle", json!(1), EventError::UnknownMember("middle".into())),
        ("stream", serde_json::Value::Null, missing("stream", "must be a string")),
    ] {
        let mut changed = good.clone();
        changed[pointer] = value;
        let bytes = crate::canonical::to_canonical(&changed).unwrap();
        assert_eq!(Header::parse(bytes.as_bytes()).unwrap_err(), expected, "{pointer}");
    }
    for member in ["actor", "data", "id", "kid", "seq", "stream", "tenant", "time", "type", "v"] {
        let mut changed = good.clone();
        changed.as_object_mut().unwrap().remove(member);
        let bytes = crate::canonical::to_canonical(&changed).unwrap();
        let error = Header::parse(bytes.as_bytes()).unwrap_err();
        assert!(
            matches!(error, EventError::Member { member: named, rule: "is missing" } if named == member),
            "{error}"
        );
    }
    let spaced = [b"{ ", &event.header[1..]].concat();
    assert!(matches!(Header::parse(&spaced), Err(EventError::Json(_))));
}

#[test]
fn a_large_event_is_refused_at_the_limit_and_the_largest_fits_an_entry() {
    let of_len = |len: usize| {
        let public = json!({"text": "x".repeat(len)}).as_object().unwrap().clone();
        sealed_with(&EventBody { public, withheld: Vec::new() }, 0, None)
    };
    let frame = of_len(0).unwrap().header.len();
    let largest = of_len(HEADER_MAX - frame).unwrap();
    assert_eq!(largest.header.len(), HEADER_MAX);
    assert!(largest.entry().len() <= ENTRY_MAX);
    assert!(parse_entry(&largest.entry()).unwrap().read().is_ok());
    let error = of_len(HEADER_MAX - frame + 1).unwrap_err();
    assert_eq!(error.to_string(), format!("the header has {} bytes, more than {HEADER_MAX}", HEADER_MAX + 1));
}

#[test]
fn disclosures_open_for_their_key_and_event_and_match_the_header() {
    let event = sealed(1);
    let header = Header::parse(&event.header).unwrap();
    let (confidential, personal) = (&event.disclosures[0], &event.disclosures[1]);
    assert_eq!(confidential.class, Class::Confidential);
    let key = DataKey::new(&[1; 32]);
    let opened = confidential.open(&key, &event.tenant, &event.id, &header.sd).unwrap();
    assert_eq!(opened.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["title", "findings"]);
    assert_eq!(opened[0].value, json!("Root login"));
    assert!(opened.iter().all(|d| header.sd.contains(&d.digest().unwrap())));
    assert_eq!(personal.open(&key, &event.tenant, &event.id, &header.sd), Err(DisclosureError::Ciphertext));
    let other = sealed(2);
    assert_eq!(
        confidential.open(&key, &event.tenant, &other.id, &header.sd),
        Err(DisclosureError::Ciphertext)
    );
    let stranger = TenantId::new("t2").unwrap();
    assert_eq!(confidential.open(&key, &stranger, &event.id, &header.sd), Err(DisclosureError::Ciphertext));
    // The control of the second check: the right key and event, but a header without the digest.
    let digests: Vec<_> = header.sd.iter().copied().filter(|d| *d != opened[0].digest().unwrap()).collect();
    assert_eq!(
        confidential.open(&key, &event.tenant, &event.id, &digests),
        Err(DisclosureError::Digest("title".into()))
    );
}

#[test]
fn no_withheld_value_stands_in_the_header() {
    let header = String::from_utf8(sealed(1).header.to_vec()).unwrap();
    for secret in ["Root login", "title", "Ada", "owner", "findings"] {
        assert!(!header.contains(secret), "{secret}");
    }
}

#[test]
fn an_event_without_a_data_key_is_not_sealed() {
    let event = sealed(0);
    let actor = Actor::system("test");
    let ctx = SealContext {
        tenant: &event.tenant,
        stream: &event.stream,
        seq: 0,
        prev: None,
        time: event.time,
        actor: &actor,
        command: None,
        cause: Cause::default(),
    };
    let signer = SoftSigner::from_seed(&[9; 32]);
    let entropy = SeededEntropy::new(1);
    let sealed = seal("ledger.evidence.submitted.v1", &body(), &ctx, &signer, &NoDataKeys, &entropy);
    assert_eq!(sealed.unwrap_err(), SealError::Disclosure(DisclosureError::NoKey));
    let mut public = body();
    public.withheld[0].class = Class::Public;
    let sealed = seal("ledger.evidence.submitted.v1", &public, &ctx, &signer, &Keys, &entropy);
    assert_eq!(sealed.unwrap_err(), SealError::Disclosure(DisclosureError::Public("title")));
}
