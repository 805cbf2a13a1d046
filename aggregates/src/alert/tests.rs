use ledger::ids::{StreamId, TenantId};

use super::*;
use crate::refusal::RefusalKind::{Conflict, Invalid, NotFound};
use crate::schema::Confidential;
use crate::testing::given;
use crate::values::{AlertId, AlertKind, AlertResolution, Severity};

fn subject() -> StreamId {
    StreamId::new("control-nist-800-53.ac-6").unwrap()
}

fn raise() -> AlertCommand {
    AlertCommand::Raise(RaiseAlert {
        kind: AlertKind::ControlFailed,
        severity: Severity::Critical,
        subject: subject(),
        deadline: None,
        detail: Some("AC-6 fails".into()),
    })
}

fn raised() -> AlertEvent {
    AlertRaised {
        kind: AlertKind::ControlFailed,
        severity: Severity::Critical,
        subject: subject(),
        deadline: None,
        detail: Confidential::of("AC-6 fails".into()),
    }
    .into()
}

fn acknowledge(note: &str) -> AlertCommand {
    AlertCommand::Acknowledge { note: Some(note.into()) }
}

fn resolve(reason: AlertResolution) -> AlertCommand {
    AlertCommand::Resolve { reason, note: None }
}

#[test]
fn an_alert_is_raised_once_acknowledged_and_resolved() {
    given::<Alert>([]).when(&raise()).then([raised()]);
    given::<Alert>([raised()]).when(&raise()).then_nothing();
    let acknowledged = AlertEvent::from(AlertAcknowledged { note: Confidential::of("mine".into()) });
    given::<Alert>([raised()]).when(&acknowledge("mine")).then([acknowledged.clone()]);
    given::<Alert>([raised(), acknowledged.clone()]).when(&acknowledge("mine")).then_nothing();
    let (reason, note) = (AlertResolution::Recovered, Confidential::none());
    let resolved = AlertEvent::from(AlertResolved { reason, note });
    for past in [vec![raised()], vec![raised(), acknowledged]] {
        given::<Alert>(past).when(&resolve(AlertResolution::Recovered)).then([resolved.clone()]);
    }
    let over = || [raised(), resolved.clone()];
    given::<Alert>(over()).when(&raise()).then_nothing();
    given::<Alert>(over()).when(&resolve(AlertResolution::Closed)).then_nothing();
    given::<Alert>(over()).when(&acknowledge("mine")).then_refused(Conflict, "alert-resolved", "");
}

#[test]
fn an_alert_that_was_never_raised_is_unknown_to_people_and_harmless_to_reactors() {
    given::<Alert>([]).when(&acknowledge("mine")).then_refused(NotFound, "alert-unknown", "");
    given::<Alert>([]).when(&resolve(AlertResolution::Closed)).then_refused(NotFound, "alert-unknown", "");
    given::<Alert>([]).when(&resolve(AlertResolution::Recovered)).then_nothing();
    let long = acknowledge(&"x".repeat(4_001));
    given::<Alert>([raised()]).when(&long).then_refused(Invalid, "alert-note", "/note");
}

/// Ids are for ever: another id for the same occurrence would raise the alarm twice.
#[test]
fn ids_follow_from_tenant_kind_subject_and_occurrence() {
    let tenant = TenantId::new("t-1").unwrap();
    let id = |kind, occurrence: u32| AlertId::of(&tenant, kind, &subject(), occurrence).to_string();
    assert_eq!(id(AlertKind::ControlFailed, 1), "3fba6190-c05b-553f-b927-14c49eb456ea");
    assert_ne!(id(AlertKind::ControlFailed, 1), id(AlertKind::ControlFailed, 2));
    assert_ne!(id(AlertKind::ControlFailed, 1), id(AlertKind::ControlStale, 1));
}
