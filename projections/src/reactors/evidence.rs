//! From evidence to the controls that it bears on: one command for each control and batch.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::domain::Cause;
use ledger::ids::{EventId, TenantId};
use ledger::time::Timestamp;
use ledger_aggregates::AnyEvent;
use ledger_aggregates::control::{APPLY_MAX, AppliedEvidence, ControlCommand};
use ledger_aggregates::evidence::EvidenceEvent;
use ledger_aggregates::values::{ControlRef, EvidenceId, ReviewVerdict, SourceId};

use super::intent::command_id;
use super::{Intent, IntentCommand, SeenEvent};

/// The event types that [`evidence_to_controls`] reacts to.
pub const EVIDENCE_TYPES: &[&str] = &[
    "ledger.evidence.submitted.v1",
    "ledger.evidence.linked.v1",
    "ledger.evidence.reviewed.v1",
    "ledger.evidence.superseded.v1",
    "ledger.evidence.expired.v1",
];

/// The cadence that the catalogue expects of a control, in seconds, where the evidence says none itself.
pub type DefaultCadence<'a> = &'a dyn Fn(&TenantId, &ControlRef) -> Option<u32>;

/// What a batch of evidence events means for each control, in the order of the events.
pub fn evidence_to_controls(batch: &[SeenEvent], cadence: DefaultCadence<'_>) -> Vec<Intent> {
    let mut controls: BTreeMap<(&TenantId, ControlRef), Vec<Step>> = BTreeMap::new();
    for seen in batch {
        let AnyEvent::Evidence(event) = &seen.event else { continue };
        let Some(evidence) = EvidenceId::from_stream(&seen.stream) else { continue };
        for (control, change) in changes(seen, evidence, event, cadence) {
            controls.entry((&seen.tenant, control)).or_default().push(Step { seen, change });
        }
    }
    controls.into_iter().flat_map(|((tenant, control), steps)| commands(tenant, &control, &steps)).collect()
}

struct Step<'a> {
    seen: &'a SeenEvent,
    change: Change,
}

enum Change {
    Apply(AppliedEvidence),
    Retract(EvidenceId),
}

fn changes(
    seen: &SeenEvent,
    evidence: EvidenceId,
    event: &EvidenceEvent,
    cadence: DefaultCadence<'_>,
) -> Vec<(ControlRef, Change)> {
    let retract = |controls: &[ControlRef]| {
        controls.iter().map(|control| (control.clone(), Change::Retract(evidence))).collect()
    };
    macro_rules! apply {
        ($e:expr) => {{
            let e = $e;
            let source = e.probe.as_ref().map_or_else(|| SourceId::actor(&seen.actor), SourceId::probe);
            let says = |control: &ControlRef| AppliedEvidence {
                evidence,
                source: source.clone(),
                check: e.check.clone(),
                target_ref: e.target_ref.clone(),
                result: e.result,
                observed_to: e.observed_to,
                stale_after: stale_after(
                    e.observed_to,
                    e.cadence_seconds.or_else(|| cadence(&seen.tenant, control)),
                ),
            };
            e.controls.iter().map(|control| (control.clone(), Change::Apply(says(control)))).collect()
        }};
    }
    match event {
        EvidenceEvent::Submitted(e) => apply!(e),
        EvidenceEvent::Linked(e) => apply!(e),
        EvidenceEvent::Reviewed(e) if e.verdict == ReviewVerdict::Rejected => retract(&e.controls),
        EvidenceEvent::Reviewed(_) => Vec::new(),
        EvidenceEvent::Superseded(e) => retract(&e.controls),
        EvidenceEvent::Expired(e) => retract(&e.controls),
    }
}

fn stale_after(observed_to: Timestamp, cadence_seconds: Option<u32>) -> Option<Timestamp> {
    cadence_seconds.map(|seconds| observed_to.plus(Duration::from_secs(u64::from(seconds))))
}

/// Neighbouring applications become one command, up to its bound; a retraction stands alone and keeps its place.
fn commands(tenant: &TenantId, control: &ControlRef, steps: &[Step<'_>]) -> Vec<Intent> {
    let together =
        |a: &Step<'_>, b: &Step<'_>| matches!((&a.change, &b.change), (Change::Apply(_), Change::Apply(_)));
    let runs = steps.chunk_by(together).flat_map(|run| run.chunks(APPLY_MAX));
    runs.map(|run| {
        let command = match &run[0].change {
            Change::Retract(evidence) => ControlCommand::Retract { evidence: *evidence },
            Change::Apply(_) => ControlCommand::Apply { evidence: run.iter().filter_map(applied).collect() },
        };
        let sources = run.iter().map(|step| step.seen.id);
        Intent {
            tenant: tenant.clone(),
            id: command_id("evidence-to-controls", tenant, &control.stream(), sources),
            cause: cause(run),
            command: IntentCommand::Control(control.clone(), command),
        }
    })
    .collect()
}

fn applied(step: &Step<'_>) -> Option<AppliedEvidence> {
    match &step.change {
        Change::Apply(applied) => Some(applied.clone()),
        Change::Retract(_) => None,
    }
}

/// The last event is the cause; a conversation goes on only where the whole run belongs to it.
fn cause(run: &[Step<'_>]) -> Cause {
    let conversation = |step: &Step<'_>| step.seen.correlation.unwrap_or(step.seen.id);
    let last: Option<EventId> = run.last().map(|step| step.seen.id);
    let first = conversation(&run[0]);
    let correlation = run.iter().all(|step| conversation(step) == first).then_some(first);
    Cause { cause: last, correlation }
}
