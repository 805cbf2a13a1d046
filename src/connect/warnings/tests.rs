use super::super::schedule_spec::ScheduleSpec;
use super::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn limited(degraded: Option<&'static str>) -> IntegrationRow {
    IntegrationRow {
        integration: "jira".parse().unwrap(),
        kind: "jira".parse().unwrap(),
        adapter_version: "0.1.0".parse().unwrap(),
        chosen: None,
        state: "enabled".into(),
        reason: None,
        degraded: degraded.map(Into::into),
        config_version: Some(1),
        cadence_seconds: None,
        registered_at: time("2026-03-01T11:00:00Z"),
        changed_at: time("2026-03-01T12:00:00Z"),
        name_index: 1,
        config_index: Some(2),
        degraded_index: Some(9),
        changed_index: 9,
    }
}

#[test]
fn a_rate_limit_that_lasts_is_told_of_once_and_over_when_it_is() {
    let row = limited(Some(DegradedReason::RateLimited.as_str()));
    assert_eq!(rate_limited(&row, time("2026-03-01T12:14:59Z")), Finding::Unknown, "it may pass by itself");
    let told = |now: &str| match rate_limited(&row, time(now)) {
        Finding::Yes { occurrence, detail } => {
            assert!(detail.contains("lower rates"), "{detail}");
            occurrence
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(told("2026-03-01T12:15:00Z"), told("2026-03-02T12:15:00Z"), "the same, however long it lasts");
    assert_eq!(rate_limited(&limited(None), time("2026-03-01T13:00:00Z")), Finding::No);
    // Control: another kind of bad time is another alert's.
    let other = limited(Some(DegradedReason::Unreachable.as_str()));
    assert_eq!(rate_limited(&other, time("2026-03-01T13:00:00Z")), Finding::No);
}

#[test]
fn three_turns_that_bring_nothing_are_silence() {
    let schedule = ScheduleSpec::every(300).compile().unwrap();
    let end = silent_after(&schedule, "a", time("2026-03-01T12:01:00Z"), Duration::from_secs(30));
    assert_eq!(end, Some(time("2026-03-01T12:15:30Z")));
}

#[test]
fn a_token_that_nothing_renews_is_told_of_before_and_after_its_end() {
    let end = time("2026-03-01T12:00:00Z");
    let told = |standing: &Standing, now: &str| {
        of_tokens(standing, Some(7), time(now)).map(|finding| match finding {
            Finding::Yes { occurrence, .. } => occurrence,
            other => format!("{other:?}"),
        })
    };
    let ending = Standing::Ending(end);
    let named = format!("7.{end}");
    assert_eq!(told(&ending, "2026-02-27T12:00:00Z"), ["No", "No"]);
    assert_eq!(told(&ending, "2026-03-01T11:00:00Z"), [named.as_str(), "No"]);
    assert_eq!(told(&ending, "2026-03-01T12:00:00Z"), ["No", named.as_str()]);
    let refused = |version| Standing::Refused { version, words: String::new() };
    assert_eq!(told(&refused(3), "2026-03-01T12:00:00Z"), ["No", "7.3"]);
    // A renewal that fails says nothing of what was refused before; after a start nothing is known.
    let failing = Standing::Failing { since: end, words: String::new() };
    assert_eq!(told(&failing, "2026-03-01T13:00:00Z"), [named.as_str(), "Unknown"]);
    assert_eq!(told(&Standing::Unknown, "2026-03-01T12:00:00Z"), ["Unknown", "Unknown"]);
    assert_eq!(told(&Standing::Well, "2026-03-01T12:00:00Z"), ["No", "No"]);
}
