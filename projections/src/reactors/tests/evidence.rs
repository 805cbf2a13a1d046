//! From evidence to controls.

use super::*;

#[test]
fn a_batch_gives_one_command_for_each_control() {
    let batch = [
        submitted(1, CheckResult::Pass, &["host-1", "host-2"]),
        submitted(2, CheckResult::Fail, &["host-2"]),
        submitted(3, CheckResult::Pass, &["host-1"]),
    ];
    let intents = evidence_to_controls(&batch, &no_default);
    let streams: Vec<_> = intents.iter().map(|i| i.command.stream().to_string()).collect();
    assert_eq!(streams, ["control-starter.host-1", "control-starter.host-2"]);
    assert_eq!((applied(&intents[0]), applied(&intents[1])), (vec![1, 3], vec![1, 2]));
    assert_eq!(intents[0].cause.cause, Some(batch[2].id));
    // Two conversations meet in one command, so it belongs to neither.
    assert_eq!(intents[0].cause.correlation, None);
    assert_eq!(evidence_to_controls(&batch, &no_default), intents, "the same events give the same intents");
}

#[test]
fn a_large_batch_is_split_and_tenants_stay_apart() {
    let mut batch: Vec<SeenEvent> =
        (0..600).map(|n| submitted(n % 60, CheckResult::Pass, &["host-1"])).collect();
    batch[599].tenant = tenant(2);
    let intents = evidence_to_controls(&batch, &no_default);
    let sizes: Vec<_> = intents.iter().map(|i| (i.tenant.to_string(), applied(i).len())).collect();
    let one = tenant(1).to_string();
    assert_eq!(sizes, [(one.clone(), 256), (one.clone(), 256), (one, 87), (tenant(2).to_string(), 1)]);
    let ids: BTreeSet<_> = intents.iter().map(|i| i.id.to_string()).collect();
    assert_eq!(ids.len(), intents.len());
}

#[test]
fn the_catalogue_gives_a_cadence_where_the_evidence_does_not() {
    let mut event = submitted(1, CheckResult::Pass, &["host-1"]);
    let AnyEvent::Evidence(EvidenceEvent::Submitted(e)) = &mut event.event else { panic!() };
    e.cadence_seconds = None;
    let deadline = |intents: &[Intent]| match &intents[0].command {
        IntentCommand::Control(_, ControlCommand::Apply { evidence }) => evidence[0].stale_after,
        other => panic!("{other:?}"),
    };
    assert_eq!(deadline(&evidence_to_controls(std::slice::from_ref(&event), &no_default)), None);
    let day = |_: &TenantId, _: &ControlRef| Some(86_400);
    assert_eq!(deadline(&evidence_to_controls(&[event], &day)), Some(at("2026-03-02T11:01:00Z")));
}

#[test]
fn a_source_is_the_probe_or_else_the_actor() {
    let mut event = submitted(1, CheckResult::Pass, &["host-1"]);
    let source = |intents: &[Intent]| match &intents[0].command {
        IntentCommand::Control(_, ControlCommand::Apply { evidence }) => evidence[0].source.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(source(&evidence_to_controls(std::slice::from_ref(&event), &no_default)), "probe:host-1");
    let AnyEvent::Evidence(EvidenceEvent::Submitted(e)) = &mut event.event else { panic!() };
    e.probe = None;
    assert_eq!(source(&evidence_to_controls(&[event], &no_default)), "api-key:0123456789abcdef");
}

#[test]
fn a_rejection_takes_its_place_between_applications() {
    let batch = [
        submitted(1, CheckResult::Fail, &["host-1"]),
        rejected(2, 1, &["host-1"]),
        submitted(3, CheckResult::Pass, &["host-1"]),
    ];
    let intents = evidence_to_controls(&batch, &no_default);
    assert_eq!(intents.len(), 3);
    let retract = ControlCommand::Retract { evidence: evidence(1) };
    assert_eq!(intents[1].command, IntentCommand::Control(control("host-1"), retract));
}
