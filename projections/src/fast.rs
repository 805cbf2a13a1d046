//! A short cut for the two types of event that make up most of a log: read straight into their structs.
//!
//! The general way builds a map of values first, which costs several times as much and decides how fast read models can
//! be rebuilt. The short cut takes only what is plainly well formed; everything else goes the general way, which alone
//! says what is wrong. A test holds the two against each other.

use ledger::time::Timestamp;
use ledger_aggregates::AnyEvent;
use ledger_aggregates::control::{AppliedEvidence, ControlAssessed, ControlEvent};
use ledger_aggregates::evidence::{EvidenceEvent, EvidenceSubmitted};
use ledger_aggregates::schema::Confidential;
use ledger_aggregates::values::{CheckId, ControlRef, ProbeId, SourceId, TargetRef};
use serde::{Deserialize, Deserializer};

/// Reads the public members of an event. `None`: go the general way.
pub fn decode(event_type: &str, data: &[u8]) -> Option<AnyEvent> {
    match event_type {
        "ledger.evidence.submitted.v1" => submitted(data),
        "ledger.control.assessed.v1" => assessed(data),
        _ => None,
    }
}

/// A member that may be left out, but is not null.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlData<'a> {
    framework: &'a str,
    control: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubmittedData<'a> {
    check: &'a str,
    #[serde(default, deserialize_with = "given")]
    probe: Option<&'a str>,
    target_ref: &'a str,
    #[serde(borrow)]
    controls: Vec<ControlData<'a>>,
    result: &'a str,
    #[serde(default, deserialize_with = "given")]
    reported_result: Option<&'a str>,
    checked: u32,
    skipped: u32,
    observed_from: &'a str,
    observed_to: &'a str,
    sent_at: &'a str,
    received_at: &'a str,
    #[serde(default, deserialize_with = "given")]
    cadence_seconds: Option<u32>,
}

fn submitted(data: &[u8]) -> Option<AnyEvent> {
    let data: SubmittedData<'_> = serde_json::from_slice(data).ok()?;
    let control = |control: &ControlData<'_>| ControlRef::new(control.framework, control.control).ok();
    let event = EvidenceSubmitted {
        check: CheckId::new(data.check).ok()?,
        probe: data.probe.map(ProbeId::new).transpose().ok()?,
        target_ref: TargetRef::new(data.target_ref).ok()?,
        controls: data.controls.iter().map(control).collect::<Option<_>>()?,
        result: data.result.parse().ok()?,
        reported_result: data.reported_result.map(str::parse).transpose().ok()?,
        checked: data.checked,
        skipped: data.skipped,
        observed_from: time(data.observed_from)?,
        observed_to: time(data.observed_to)?,
        sent_at: time(data.sent_at)?,
        received_at: time(data.received_at)?,
        cadence_seconds: data.cadence_seconds,
        title: Confidential::none(),
        summary: Confidential::none(),
        target: Confidential::none(),
        findings: Confidential::none(),
        blobs: Confidential::none(),
    };
    Some(EvidenceEvent::from(event).into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppliedData<'a> {
    evidence: &'a str,
    source: &'a str,
    check: &'a str,
    target_ref: &'a str,
    result: &'a str,
    observed_to: &'a str,
    #[serde(default, deserialize_with = "given")]
    stale_after: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssessedData<'a> {
    #[serde(borrow)]
    applied: Vec<AppliedData<'a>>,
    status: &'a str,
    sources: u32,
    failing: u32,
    #[serde(default, deserialize_with = "given")]
    stale_after: Option<&'a str>,
}

fn assessed(data: &[u8]) -> Option<AnyEvent> {
    let data: AssessedData<'_> = serde_json::from_slice(data).ok()?;
    let event = ControlAssessed {
        applied: data.applied.iter().map(applied).collect::<Option<_>>()?,
        status: data.status.parse().ok()?,
        sources: data.sources,
        failing: data.failing,
        stale_after: maybe_time(data.stale_after)?,
    };
    Some(ControlEvent::from(event).into())
}

fn applied(data: &AppliedData<'_>) -> Option<AppliedEvidence> {
    Some(AppliedEvidence {
        evidence: data.evidence.parse().ok()?,
        source: SourceId::new(data.source).ok()?,
        check: CheckId::new(data.check).ok()?,
        target_ref: TargetRef::new(data.target_ref).ok()?,
        result: data.result.parse().ok()?,
        observed_to: time(data.observed_to)?,
        stale_after: maybe_time(data.stale_after)?,
    })
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[expect(clippy::option_option, reason = "absent is fine, unreadable is not")]
fn maybe_time(text: Option<&str>) -> Option<Option<Timestamp>> {
    text.map(str::parse).transpose().ok()
}

#[cfg(test)]
mod tests {
    use ledger::domain::DomainEvent;
    use serde_json::{Map, Value, json};

    use super::*;

    /// A member of an event, well formed or not.
    fn members() -> Vec<(&'static str, Vec<Value>)> {
        let texts = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect::<Vec<_>>();
        let times =
            || texts(&["2026-03-01T12:00:00.000000Z", "2026-03-01", "yesterday", "2026-02-30T12:00:00Z"]);
        let applied = |result: &str| {
            json!({ "evidence": "0190aaaa-0000-7000-8000-000000000001", "source": "probe-1", "check": "a/b",
                "target_ref": "host-1", "result": result, "observed_to": "2026-03-01T12:00:00.000000Z" })
        };
        let mut stray = applied("pass");
        stray["stray"] = json!(1);
        let mut spelled = applied("pass");
        spelled["evidence"] = json!("0190AAAA-0000-7000-8000-000000000001");
        vec![
            ("check", texts(&["linux/sshd", "", "UPPER", "esc\u{e9}", "a\"b"])),
            ("probe", vec![json!("probe-1"), Value::Null, json!("a b"), json!(7)]),
            ("target_ref", texts(&["host-1", "a/b"])),
            (
                "controls",
                vec![
                    json!([{ "framework": "nist", "control": "ac-2.1" }]),
                    json!([]),
                    json!([{ "framework": "nist.x", "control": "ac-2" }]),
                    json!([{ "framework": "nist" }]),
                    json!([{ "framework": "nist", "control": "ac-2", "stray": 1 }]),
                    json!("nist"),
                ],
            ),
            ("result", texts(&["pass", "fail", "PASS", "stale"])),
            ("reported_result", texts(&["fail", "none"])),
            ("checked", vec![json!(3), json!(-1), json!(4_294_967_296_u64), json!(1.5), json!("3")]),
            ("skipped", vec![json!(0), json!(4_294_967_295_u64)]),
            ("observed_from", times()),
            ("observed_to", times()),
            ("sent_at", times()),
            ("received_at", times()),
            ("cadence_seconds", vec![json!(3600), json!("3600"), Value::Null]),
            (
                "applied",
                vec![
                    json!([applied("pass")]),
                    json!([]),
                    json!([applied("odd")]),
                    json!([stray]),
                    json!([spelled]),
                ],
            ),
            ("status", texts(&["pass", "stale", "odd"])),
            ("sources", vec![json!(1), json!(true)]),
            ("failing", vec![json!(0)]),
            ("stale_after", times()),
            ("stray", vec![json!(1)]),
        ]
    }

    fn general(event_type: &str, data: &Value) -> Option<AnyEvent> {
        let data: Map<String, Value> = data.as_object().cloned().unwrap_or_default();
        AnyEvent::decode(event_type, &data).ok().flatten()
    }

    #[test]
    fn the_short_cut_reads_what_the_general_way_reads() {
        let whole = |names: &[&str]| {
            let chosen = members().into_iter().filter(|(name, _)| names.contains(name));
            Value::Object(chosen.map(|(name, mut values)| (name.to_owned(), values.swap_remove(0))).collect())
        };
        let types = [
            (
                "ledger.evidence.submitted.v1",
                whole(&[
                    "check",
                    "probe",
                    "target_ref",
                    "controls",
                    "result",
                    "checked",
                    "skipped",
                    "observed_from",
                    "observed_to",
                    "sent_at",
                    "received_at",
                    "cadence_seconds",
                ]),
            ),
            (
                "ledger.control.assessed.v1",
                whole(&["applied", "status", "sources", "failing", "stale_after"]),
            ),
        ];
        for (event_type, whole) in types {
            let bytes = |data: &Value| serde_json::to_vec(data).unwrap();
            assert!(decode(event_type, &bytes(&whole)).is_some());
            let mut taken = 0;
            for (name, values) in members() {
                // Every member left out, and with every value.
                let mut variants = vec![whole.clone()];
                variants[0].as_object_mut().unwrap().remove(name);
                for value in values {
                    let mut variant = whole.clone();
                    variant[name] = value;
                    variants.push(variant);
                }
                for variant in variants {
                    if let Some(fast) = decode(event_type, &bytes(&variant)) {
                        taken += 1;
                        assert_eq!(Some(fast), general(event_type, &variant), "{variant}");
                    }
                }
            }
            assert!(taken > 15, "the short cut was taken {taken} times");
        }
    }
}
