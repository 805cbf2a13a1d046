//! A long, plausible history: probes that hand in evidence, controls that are assessed, now and then a change.

use std::time::Duration;

use ledger::ids::TenantId;
use ledger_aggregates::control::{AppliedEvidence, ControlAssessed, ControlEvent, ControlStatusChanged};
use ledger_aggregates::evidence::{EvidenceEvent, EvidenceSubmitted};
use ledger_aggregates::framework::{
    CatalogControl, FrameworkControlsAdded, FrameworkEvent, FrameworkImported,
};
use ledger_aggregates::schema::Confidential;
use ledger_aggregates::values::{
    CheckId, CheckResult, ControlId, ControlRef, ControlStatus, EvidenceId, FrameworkId, FrameworkSource,
    ProbeId, PublishedTitle, SourceId, TargetRef, Version,
};
use uuid::Uuid;

use super::History;

/// Controls of the framework.
const CONTROLS: usize = 320;
/// Probes, each with its own target.
const PROBES: usize = 200;
/// Evidence that is weighed in one go.
const WEIGHED_TOGETHER: usize = 8;

/// The name that goes with a number.
fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(prefix: &str, n: usize) -> T {
    format!("{prefix}-{n}").parse().expect("the name follows the rules")
}

/// The workload's framework.
pub fn framework() -> FrameworkId {
    FrameworkId::new("nist-800-53").expect("the name follows the rules")
}

/// A history of about so many events of two tenants, in turns: the second one's begin when a part of the first one's are
/// there.
pub fn in_turns(events: usize) -> (History, [TenantId; 2]) {
    let tenants = ["0190aaaa-0000-7000-8000-000000000001", "second"].map(super::tenant);
    let mut history = History::new();
    for turn in 0..8 {
        extend(&mut history, &tenants[(turn % 3) % 2], events / 8);
    }
    (history, tenants)
}

/// Adds about `events` events to a tenant's log: a catalogue, then evidence and what follows from it.
pub fn extend(history: &mut History, tenant: &TenantId, events: usize) {
    let end = history.events.len() + events;
    if history.size(tenant) == 0 {
        import(history, tenant);
    }
    let mut n = history.events.len();
    while history.events.len() < end {
        let control = ControlRef { framework: framework(), control: id("ac", n * 7 % CONTROLS) };
        let mut weighed = Vec::with_capacity(WEIGHED_TOGETHER);
        for _ in 0..WEIGHED_TOGETHER {
            n += 1;
            history.now = history.now.plus(Duration::from_millis(250));
            weighed.push(submit(history, tenant, &control, n));
        }
        weigh(history, tenant, &control, weighed);
    }
}

fn import(history: &mut History, tenant: &TenantId) {
    let stream = framework().stream();
    let imported = FrameworkImported {
        version: Version::new("5.1.1").expect("a version"),
        title: PublishedTitle::new("Security and Privacy Controls").expect("a title"),
        source: FrameworkSource::Oscal,
        controls: u32::try_from(CONTROLS).unwrap_or(u32::MAX),
        groups: Vec::new(),
        cadence_seconds: Some(86_400),
    };
    history.push(tenant, &stream, &FrameworkEvent::from(imported));
    let numbers: Vec<usize> = (0..CONTROLS).collect();
    for chunk in numbers.chunks(64) {
        let control = |n: &usize| CatalogControl {
            id: id("ac", *n),
            title: PublishedTitle::new(format!("Control number {n}")).expect("a title"),
            parent: None,
            group: Some(ControlId::new("ac").expect("a group")),
            cadence_seconds: None,
            maps_to: Vec::new(),
        };
        let added = FrameworkControlsAdded {
            controls: chunk.iter().map(control).collect(),
            prose: Confidential::none(),
        };
        history.push(tenant, &stream, &FrameworkEvent::from(added));
    }
}

fn submit(history: &mut History, tenant: &TenantId, control: &ControlRef, n: usize) -> AppliedEvidence {
    let (probe, check, target_ref): (ProbeId, CheckId, TargetRef) =
        (id("probe", n % PROBES), id("linux-host/check", n % 25), id("host", n % PROBES));
    let result = match n % 40 {
        0 => CheckResult::Fail,
        1 => CheckResult::Inconclusive,
        _ => CheckResult::Pass,
    };
    let evidence = EvidenceId(Uuid::from_u128(super::event_id(history.events.len()).0.as_u128() ^ 0xE));
    let observed_to = history.now;
    let submitted = EvidenceSubmitted {
        check: check.clone(),
        probe: Some(probe.clone()),
        target_ref: target_ref.clone(),
        controls: vec![control.clone()],
        result,
        reported_result: None,
        checked: 12,
        skipped: 1,
        observed_from: observed_to,
        observed_to,
        sent_at: observed_to,
        received_at: observed_to,
        cadence_seconds: Some(86_400),
        title: Confidential::none(),
        summary: Confidential::none(),
        target: Confidential::none(),
        findings: Confidential::none(),
        blobs: Confidential::none(),
    };
    history.actor = probe.to_string();
    history.push(tenant, &evidence.stream(), &EvidenceEvent::from(submitted));
    AppliedEvidence {
        evidence,
        source: SourceId::new(probe.as_str()).expect("a probe is a source"),
        check,
        target_ref,
        result,
        observed_to,
        stale_after: Some(observed_to.plus(Duration::from_secs(86_400))),
    }
}

fn weigh(history: &mut History, tenant: &TenantId, control: &ControlRef, weighed: Vec<AppliedEvidence>) {
    let worst = weighed.iter().map(|applied| applied.result).max_by_key(|result| result.weight());
    let status: ControlStatus = worst.unwrap_or(CheckResult::Inconclusive).into();
    let evidence = weighed.first().map(|applied| applied.evidence);
    let assessed = ControlAssessed {
        status,
        sources: u32::try_from(weighed.len()).unwrap_or(u32::MAX),
        failing: u32::try_from(weighed.iter().filter(|applied| applied.result == CheckResult::Fail).count())
            .unwrap_or(u32::MAX),
        stale_after: weighed.iter().filter_map(|applied| applied.stale_after).min(),
        applied: weighed,
    };
    "system".clone_into(&mut history.actor);
    history.push(tenant, &control.stream(), &ControlEvent::from(assessed));
    if status != ControlStatus::Pass {
        let changed = ControlStatusChanged { from: ControlStatus::Pass, to: status, evidence };
        history.push(tenant, &control.stream(), &ControlEvent::from(changed));
    }
}
