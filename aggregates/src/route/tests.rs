use super::*;
use crate::refusal::RefusalKind::{Invalid, NotFound};
use crate::testing::given;

fn rule() -> RouteRule {
    RouteRule {
        on: RouteTrigger::ControlFailed,
        framework: Some(FrameworkId::new("nist-800-53").unwrap()),
        control: None,
        severity_min: Some(Severity::Warning),
        action: RouteAction::OpenTicket,
        integration: Some(IntegrationId::new("jira-1").unwrap()),
        conflict: ConflictPolicy::Hold,
        severity: None,
        due_seconds: Some(86_400),
    }
}

fn set() -> RouteEvent {
    let events = given::<Route>([]).when(&RouteCommand::Set(rule())).events();
    events[0].clone()
}

#[test]
fn a_route_is_set_changed_and_removed() {
    given::<Route>([set()]).when(&RouteCommand::Set(rule())).then_nothing();
    let other = RouteRule { conflict: ConflictPolicy::Ours, ..rule() };
    assert_eq!(given::<Route>([set()]).when(&RouteCommand::Set(other)).events().len(), 1);
    let removed = RouteEvent::from(RouteRemoved {});
    given::<Route>([set()]).when(&RouteCommand::Remove).then([removed.clone()]);
    given::<Route>([set(), removed.clone()]).when(&RouteCommand::Remove).then_nothing();
    given::<Route>([]).when(&RouteCommand::Remove).then_refused(NotFound, "route-unknown", "");
    given::<Route>([set(), removed]).when(&RouteCommand::Set(rule())).then([set()]);
}

#[test]
fn a_route_that_leads_nowhere_is_refused() {
    let refused = |rule, code, pointer| {
        given::<Route>([]).when(&RouteCommand::Set(rule)).then_refused(Invalid, code, pointer);
    };
    refused(RouteRule { integration: None, ..rule() }, "route-without-integration", "/integration");
    let control = Some(ControlId::new("ac-2").unwrap());
    refused(RouteRule { framework: None, control, ..rule() }, "route-without-framework", "/framework");
    refused(RouteRule { due_seconds: Some(0), ..rule() }, "route-due", "/due_seconds");
}

#[test]
fn a_route_matches_by_trigger_framework_control_and_severity() {
    let (ac2, other) =
        (ControlRef::new("nist-800-53", "ac-2").unwrap(), ControlRef::new("soc-2", "ac-2").unwrap());
    let occasion =
        |control, severity| Occasion { on: RouteTrigger::ControlFailed, control: Some(control), severity };
    assert_eq!(rule().matches(&occasion(&ac2, Severity::Critical)), Ok(()));
    assert_eq!(rule().matches(&occasion(&other, Severity::Critical)), Err(Mismatch::Framework));
    assert_eq!(rule().matches(&occasion(&ac2, Severity::Info)), Err(Mismatch::Severity));
    let by_hand = Occasion { on: RouteTrigger::TaskOpenedByHand, ..occasion(&ac2, Severity::Critical) };
    assert_eq!(rule().matches(&by_hand), Err(Mismatch::Trigger));
    let narrow = RouteRule { control: Some(ControlId::new("ac-3").unwrap()), ..rule() };
    assert_eq!(narrow.matches(&occasion(&ac2, Severity::Critical)), Err(Mismatch::Control));
    let no_control = Occasion { control: None, ..occasion(&ac2, Severity::Critical) };
    assert_eq!(rule().matches(&no_control), Err(Mismatch::Framework));
}
