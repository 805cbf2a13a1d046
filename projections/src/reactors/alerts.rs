//! From what goes wrong and recovers to alerts.
//!
//! The id of an alert follows from its subject and the occurrence (the number of a failure, a missed deadline),
//! which both the beginning and the end name, so that nothing has to be looked up to close it.

use std::fmt::Display;

use ledger::time::Timestamp;
use ledger_aggregates::AnyEvent;
use ledger_aggregates::alert::{AlertCommand, RaiseAlert};
use ledger_aggregates::control::ControlEvent;
use ledger_aggregates::integration::IntegrationEvent;
use ledger_aggregates::intent::IntentEvent;
use ledger_aggregates::probe::ProbeEvent;
use ledger_aggregates::ticket::TicketEvent;
use ledger_aggregates::values::{AlertId, AlertKind, AlertResolution, ConflictPolicy, Severity};

use super::intent::command_id;
use super::{Intent, IntentCommand, SeenEvent};

/// The event types that [`alerts`] reacts to.
pub const ALERT_TYPES: &[&str] = &[
    "ledger.control.observation_raised.v1",
    "ledger.control.observation_resolved.v1",
    "ledger.control.went_stale.v1",
    "ledger.control.refreshed.v1",
    "ledger.probe.went_silent.v1",
    "ledger.probe.came_back.v1",
    "ledger.probe.retired.v1",
    "ledger.integration.degraded.v1",
    "ledger.integration.recovered.v1",
    "ledger.integration.retired.v1",
    "ledger.intent.parked.v1",
    "ledger.intent.replayed.v1",
    "ledger.intent.cancelled.v1",
    "ledger.ticket.conflicted.v1",
    "ledger.ticket.conflict_resolved.v1",
    "ledger.ticket.tombstone_suspected.v1",
    "ledger.ticket.found_again.v1",
    "ledger.ticket.relinked.v1",
    "ledger.ticket.recreated.v1",
    "ledger.ticket.closed.v1",
];

/// The alerts that a batch of events raises and resolves, in the order of the events.
pub fn alerts(batch: &[SeenEvent]) -> Vec<Intent> {
    batch.iter().filter_map(alert).collect()
}

fn alert(seen: &SeenEvent) -> Option<Intent> {
    use AlertKind::{ControlFailed, ControlStale, IntegrationDegraded, ProbeSilent};
    match &seen.event {
        AnyEvent::Control(event) => match event {
            ControlEvent::ObservationRaised(e) => {
                Some(raise(seen, ControlFailed, Severity::Critical, e.epoch, None))
            }
            ControlEvent::ObservationResolved(e) => Some(resolve(seen, ControlFailed, e.epoch)),
            ControlEvent::WentStale(e) => {
                Some(raise(seen, ControlStale, Severity::Warning, e.deadline, Some(e.deadline)))
            }
            ControlEvent::Refreshed(e) => Some(resolve(seen, ControlStale, e.deadline)),
            ControlEvent::Assessed(_)
            | ControlEvent::EvidenceRetracted(_)
            | ControlEvent::EvidenceLeftOut(_)
            | ControlEvent::StatusChanged(_) => None,
        },
        AnyEvent::Probe(event) => match event {
            ProbeEvent::WentSilent(e) => {
                Some(raise(seen, ProbeSilent, Severity::Warning, e.deadline, Some(e.deadline)))
            }
            ProbeEvent::CameBack(e) => Some(resolve(seen, ProbeSilent, e.deadline)),
            ProbeEvent::Retired(e) => e.deadline.map(|deadline| resolve(seen, ProbeSilent, deadline)),
            ProbeEvent::Registered(_) | ProbeEvent::Heartbeat(_) => None,
        },
        AnyEvent::Integration(event) => match event {
            IntegrationEvent::Degraded(e) => {
                Some(raise(seen, IntegrationDegraded, Severity::Warning, e.episode, None))
            }
            IntegrationEvent::Recovered(e) => Some(resolve(seen, IntegrationDegraded, e.episode)),
            IntegrationEvent::Retired(e) => {
                e.episode.map(|episode| resolve(seen, IntegrationDegraded, episode))
            }
            _ => None,
        },
        AnyEvent::Intent(event) => of_intent(seen, event),
        AnyEvent::Ticket(event) => of_ticket(seen, event),
        _ => None,
    }
}

fn of_intent(seen: &SeenEvent, event: &IntentEvent) -> Option<Intent> {
    use AlertKind::WorkParked;
    match event {
        IntentEvent::Parked(e) => Some(raise(seen, WorkParked, Severity::Warning, e.episode, None)),
        IntentEvent::Replayed(e) => Some(resolve(seen, WorkParked, e.episode)),
        IntentEvent::Cancelled(e) => e.episode.map(|episode| resolve(seen, WorkParked, episode)),
        _ => None,
    }
}

fn of_ticket(seen: &SeenEvent, event: &TicketEvent) -> Option<Intent> {
    use AlertKind::{TicketConflict, TicketMissing};
    let found = |episode| resolve(seen, TicketMissing, episode);
    match event {
        // What a policy decides asks for nobody's attention.
        TicketEvent::Conflicted(e) if e.policy == ConflictPolicy::Hold => {
            Some(raise(seen, TicketConflict, Severity::Warning, e.conflict, None))
        }
        TicketEvent::ConflictResolved(e) => Some(resolve(seen, TicketConflict, e.conflict)),
        TicketEvent::TombstoneSuspected(e) => {
            Some(raise(seen, TicketMissing, Severity::Warning, e.episode, None))
        }
        TicketEvent::FoundAgain(e) => Some(found(e.episode)),
        TicketEvent::Relinked(e) => e.episode.map(found),
        TicketEvent::Recreated(e) => Some(found(e.episode)),
        TicketEvent::Closed(e) => e.episode.map(found),
        _ => None,
    }
}

fn raise(
    seen: &SeenEvent,
    kind: AlertKind,
    severity: Severity,
    occurrence: impl Display,
    deadline: Option<Timestamp>,
) -> Intent {
    let raise = RaiseAlert { kind, severity, subject: seen.stream.clone(), deadline, detail: None };
    intent(seen, kind, occurrence, AlertCommand::Raise(raise))
}

fn resolve(seen: &SeenEvent, kind: AlertKind, occurrence: impl Display) -> Intent {
    let command = AlertCommand::Resolve { reason: AlertResolution::Recovered, note: None };
    intent(seen, kind, occurrence, command)
}

fn intent(seen: &SeenEvent, kind: AlertKind, occurrence: impl Display, command: AlertCommand) -> Intent {
    let id = AlertId::of(&seen.tenant, kind, &seen.stream, occurrence);
    Intent {
        tenant: seen.tenant.clone(),
        id: command_id("alerts", &seen.tenant, &id.stream(), [seen.id]),
        cause: seen.as_cause(),
        command: IntentCommand::Alert(id, command),
    }
}
