//! Public members against the schemas of their types, fast.
//!
//! The judge is `AnyEvent::decode`. It costs as much as all hashing of an event together, and it judges each member by
//! itself; so a value that a member was seen to take needs no second judgement. Times and numbers, which are always
//! new, are judged here. Whatever is not known to be right goes to the judge.

use std::collections::{HashMap, HashSet};

use ledger::domain::DomainEvent;
use ledger::event::Header;
use ledger::time::Timestamp;
use ledger_aggregates::schema::{EventSchema, Kind, MemberClass};
use ledger_aggregates::{AnyEvent, all_schemas};
use serde_json::{Map, Value};

/// Values that are remembered for each member of each type; ids are always new and would only fill the memory.
const SEEN_MAX: usize = 1024;
/// Longer values are not remembered.
const SEEN_BYTES_MAX: usize = 256;

/// Judges public members; one for each thread.
pub struct SchemaCheck(HashMap<&'static str, Type>);

struct Type {
    schema: &'static EventSchema,
    required: usize,
    seen: Vec<HashSet<Box<[u8]>>>,
}

impl SchemaCheck {
    /// Nothing was seen yet.
    pub fn new() -> Self {
        let entry = |schema: &'static EventSchema| {
            let required =
                schema.members.iter().filter(|m| m.required && m.class == MemberClass::Public).count();
            let seen = schema.members.iter().map(|_| HashSet::new()).collect();
            (schema.event_type, Type { schema, required, seen })
        };
        Self(all_schemas().map(entry).collect())
    }

    /// Does the public part of an event fit its type? `false`: this version does not know the type.
    pub fn check(&mut self, header: &Header<'_>) -> Result<bool, String> {
        let Some(known) = self.0.get_mut(&*header.event_type) else {
            // An older version of a type has no schema of its own, but can be read.
            return judge(&header.event_type, header.data);
        };
        let category = known.schema.category;
        if header.stream.category() != category {
            return Err(format!("an event of type {} must be in a stream {category}-…", header.event_type));
        }
        if known.fits(header.data) {
            return Ok(true);
        }
        let judged = judge(&header.event_type, header.data)?;
        known.remember(header.data);
        Ok(judged)
    }
}

fn judge(event_type: &str, data: &[u8]) -> Result<bool, String> {
    let data: Map<String, Value> = serde_json::from_slice(data).map_err(|error| error.to_string())?;
    let event = AnyEvent::decode(event_type, &data).map_err(|error| error.to_string())?;
    Ok(event.is_some())
}

impl Type {
    /// Is every member known to be right, and none missing?
    fn fits(&self, data: &[u8]) -> bool {
        let mut required = 0;
        for (name, value) in members(data) {
            let Some(at) = self.place_of(name) else { return false };
            let member = &self.schema.members[at];
            let right = match member.kind {
                Kind::Time => is_time(value),
                Kind::Integer { max } => is_integer(value, max),
                Kind::Flag => matches!(value, b"true" | b"false"),
                _ => self.seen[at].contains(value),
            };
            if !right || member.class != MemberClass::Public {
                return false;
            }
            required += usize::from(member.required);
        }
        required == self.required
    }

    /// Keeps the values of data that was judged to be right.
    fn remember(&mut self, data: &[u8]) {
        for (name, value) in members(data) {
            let Some(at) = self.place_of(name) else { continue };
            let seen = &mut self.seen[at];
            if seen.len() < SEEN_MAX && value.len() <= SEEN_BYTES_MAX {
                seen.insert(value.into());
            }
        }
    }

    fn place_of(&self, name: &[u8]) -> Option<usize> {
        self.schema.members.iter().position(|member| member.name.as_bytes() == name)
    }
}

fn is_time(value: &[u8]) -> bool {
    let text = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    text.and_then(|text| std::str::from_utf8(text).ok()).is_some_and(|text| text.parse::<Timestamp>().is_ok())
}

fn is_integer(value: &[u8], max: u64) -> bool {
    let digits = value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| digits).and_then(|text| text.parse::<u64>().ok());
    number.is_some_and(|number| number <= max)
}

/// The members of an object in canonical form (the header was checked to be): name and value as they stand there.
fn members(object: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = object.get(1..object.len().saturating_sub(1)).unwrap_or_default();
    std::iter::from_fn(move || {
        let end = value_end(rest)?;
        let name = rest.get(1..end.checked_sub(1)?)?;
        let value = rest.get(end + 1..)?;
        let end = value_end(value)?;
        rest = value.get(end + 1..).unwrap_or_default();
        Some((name, &value[..end]))
    })
}

/// Where the value ends that starts here: at a colon, a comma or the end, outside of strings and brackets.
fn value_end(text: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut at) = (0_usize, false, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.checked_sub(1)?,
            b':' | b',' if !quoted && depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    (at > 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TYPE: &str = "ledger.evidence.submitted.v1";

    fn sample() -> Value {
        json!({
            "check": "linux/sshd", "target_ref": "host-1", "controls": [{"framework": "nist", "control": "ac-6"}],
            "result": "pass", "checked": 1, "skipped": 0, "observed_from": "2026-03-01T12:00:00.000000Z",
            "observed_to": "2026-03-01T12:00:00.000000Z", "sent_at": "2026-03-01T12:00:00.000000Z",
            "received_at": "2026-03-01T12:00:00.000000Z",
        })
    }

    fn header(data: &[u8]) -> Vec<u8> {
        let data = std::str::from_utf8(data).unwrap();
        let kid = "00".repeat(16);
        let id = "01900000-0000-7000-8000-000000000000";
        format!(
            "{{\"actor\":{{\"id\":\"a\",\"kind\":\"system\"}},\"data\":{data},\"id\":\"{id}\",\"kid\":\"{kid}\",\"seq\":0,\
             \"stream\":\"evidence-x\",\"tenant\":\"t\",\"time\":\"2026-03-01T12:00:00.000000Z\",\"type\":\"{TYPE}\",\"v\":1}}"
        )
        .into_bytes()
    }

    fn canonical(value: &Value) -> Vec<u8> {
        ledger::canonical::to_canonical(value).unwrap().into_bytes().into_vec()
    }

    fn agree(check: &mut SchemaCheck, value: &Value) -> bool {
        let data = canonical(value);
        let bytes = header(&data);
        let header = Header::parse_trusted(&bytes).unwrap();
        let expected = judge(TYPE, &data);
        assert_eq!(check.check(&header), expected, "{value}");
        expected.is_ok()
    }

    #[test]
    fn members_are_taken_apart() {
        let data = br#"{"a":"x,\"}:","b":[1,{"c":2}],"d":{},"e":null}"#;
        let found: Vec<_> =
            members(data).map(|(n, v)| (str::from_utf8(n).unwrap(), str::from_utf8(v).unwrap())).collect();
        assert_eq!(found, [("a", r#""x,\"}:""#), ("b", r#"[1,{"c":2}]"#), ("d", "{}"), ("e", "null")]);
        assert_eq!(members(b"{}").count(), 0);
        assert_eq!(members(b"").count(), 0);
    }

    #[test]
    fn a_value_that_was_right_elsewhere_does_not_excuse_another_member() {
        let mut check = SchemaCheck::new();
        assert!(agree(&mut check, &sample()));
        assert!(agree(&mut check, &sample()));
        for (member, wrong) in [
            ("result", json!("linux/sshd")),
            ("check", json!("A B")),
            ("checked", json!(-1)),
            ("checked", json!("1")),
            ("checked", json!(4_294_967_296_u64)),
            ("observed_to", json!("yesterday")),
            ("probe", json!(null)),
            ("title", json!("public by mistake")),
            ("unknown", json!(1)),
        ] {
            let mut data = sample();
            data[member] = wrong;
            assert!(!agree(&mut check, &data), "{member}");
        }
        for missing in sample().as_object().unwrap().keys() {
            let mut data = sample();
            data.as_object_mut().unwrap().remove(missing);
            assert!(!agree(&mut check, &data), "{missing}");
        }
    }

    #[test]
    fn a_stream_of_another_category_is_refused() {
        let bytes = header(&canonical(&sample()));
        let text = String::from_utf8(bytes).unwrap().replace("evidence-x", "control-x");
        let refused = SchemaCheck::new().check(&Header::parse_trusted(text.as_bytes()).unwrap());
        assert!(refused.unwrap_err().contains("evidence-"));
    }

    proptest! {
        #[test]
        fn the_fast_way_and_the_judge_agree(
            changes in prop::collection::vec((0_usize..13, 0_usize..10), 1..12),
        ) {
            let names = ["check", "target_ref", "controls", "result", "checked", "skipped", "observed_from", "observed_to",
                "sent_at", "received_at", "cadence_seconds", "reported_result", "probe"];
            let values = [json!("pass"), json!("fail"), json!(1), json!(3600), json!("2026-03-01T12:00:00.000001Z"),
                json!("host-1"), json!(null), json!([{"framework": "nist", "control": "ac-6"}]), json!(true), json!("p1")];
            let mut check = SchemaCheck::new();
            agree(&mut check, &sample());
            let mut data = sample();
            for (name, value) in changes {
                data[names[name]] = values[value].clone();
                agree(&mut check, &data);
            }
        }
    }
}
