use ledger::ids::TenantId;

use super::*;
use crate::refusal::RefusalKind::{Conflict, Gone, Invalid, NotFound};
use crate::schema::Confidential;
use crate::testing::{at, given};
use crate::values::{
    CheckResult, ClaimSource, CloseReason, ConflictPolicy, ControlRef, EvidenceId, IntegrationId, Severity,
    TaskId, TicketId,
};

fn evidence(n: u8) -> EvidenceId {
    format!("01900000-0000-7000-8000-0000000000{n:02x}").parse().unwrap()
}

fn of_control() -> OpenTask {
    OpenTask {
        control: Some(ControlRef::new("nist-800-53", "ac-2").unwrap()),
        epoch: Some(1),
        evidence: Some(evidence(1)),
        severity: Severity::Critical,
        due: None,
        title: "AC-2 fails".into(),
        text: None,
    }
}

fn by_hand() -> OpenTask {
    OpenTask { control: None, epoch: None, evidence: None, ..of_control() }
}

fn opened(open: OpenTask) -> TaskEvent {
    given::<Task>([]).when(&TaskCommand::Open(open)).events().remove(0)
}

fn ticket() -> TicketId {
    let tenant = TenantId::new("t-1").unwrap();
    let task = TaskId::of_control(&tenant, &ControlRef::new("nist-800-53", "ac-2").unwrap(), 1);
    TicketId::of(&tenant, task, &IntegrationId::new("jira-1").unwrap())
}

fn link() -> TaskCommand {
    TaskCommand::LinkTicket {
        ticket: ticket(),
        integration: IntegrationId::new("jira-1").unwrap(),
        conflict: ConflictPolicy::Hold,
        title: Some("AC-2 fails".into()),
        text: None,
    }
}

fn linked() -> TaskEvent {
    given::<Task>([opened(of_control())]).when(&link()).events().remove(0)
}

fn close(reason: CloseReason) -> TaskCommand {
    TaskCommand::Close { reason, evidence: None, until: None, note: None }
}

#[test]
fn the_same_failure_opens_one_task() {
    given::<Task>([opened(of_control())]).when(&TaskCommand::Open(of_control())).then_nothing();
    given::<Task>([opened(by_hand())]).when(&TaskCommand::Open(by_hand())).then_refused(
        Conflict,
        "task-exists",
        "",
    );
    let no_title = OpenTask { title: String::new(), ..by_hand() };
    given::<Task>([]).when(&TaskCommand::Open(no_title)).then_refused(Invalid, "task-text", "/title");
}

#[test]
fn a_ticket_is_linked_once_and_learns_what_the_task_is() {
    let TaskEvent::TicketLinked(e) = linked() else { panic!("linked") };
    assert_eq!((e.severity, e.evidence), (Severity::Critical, Some(evidence(1))));
    assert_eq!(e.title, Confidential::of("AC-2 fails".into()));
    given::<Task>([opened(of_control()), linked()]).when(&link()).then_nothing();
    given::<Task>([]).when(&link()).then_refused(NotFound, "task-unknown", "");
}

#[test]
fn a_claim_closes_nothing_and_evidence_does() {
    let claim = TaskCommand::Claim { by: ClaimSource::Ticket, ticket: Some(ticket()), note: None };
    let past = || vec![opened(of_control()), linked()];
    let claimed = given::<Task>(past()).when(&claim).events();
    assert!(
        matches!(given::<Task>([past(), claimed].concat()).state(), TaskState::Open(duty) if duty.claimed)
    );
    given::<Task>(past()).when(&close(CloseReason::Cancelled)).then_refused(
        Conflict,
        "task-needs-evidence",
        "/reason",
    );
    let by_evidence = TaskCommand::Close {
        reason: CloseReason::Evidence,
        evidence: Some(evidence(2)),
        until: None,
        note: None,
    };
    let closed = given::<Task>(past()).when(&by_evidence).events();
    let TaskEvent::Closed(e) = &closed[0] else { panic!("closed") };
    assert_eq!((e.evidence, &*e.tickets), (Some(evidence(2)), &[ticket()][..]));
    let over = || [past(), closed.clone()].concat();
    given::<Task>(over()).when(&by_evidence).then_nothing();
    given::<Task>(over()).when(&claim).then_nothing();
    given::<Task>(over()).when(&link()).then_refused(Gone, "task-closed", "");
    given::<Task>([]).when(&by_evidence).then_nothing();
    given::<Task>([opened(by_hand())]).when(&close(CloseReason::Evidence)).then_refused(
        Invalid,
        "task-without-evidence",
        "/evidence",
    );
}

#[test]
fn an_accepted_risk_ends_on_its_day() {
    let accept = |until: &str| TaskCommand::Close {
        reason: CloseReason::AcceptedRisk,
        evidence: None,
        until: Some(at(until)),
        note: Some("cheaper".into()),
    };
    given::<Task>([opened(of_control())]).when(&accept("2026-02-01")).then_refused(
        Invalid,
        "task-until-past",
        "/until",
    );
    let closed = given::<Task>([opened(of_control())]).when(&accept("2026-04-01")).events();
    let past = [vec![opened(of_control())], closed].concat();
    given::<Task>(past.clone()).when(&TaskCommand::Reconsider).then_nothing();
    let reopened = TaskReopened { until: at("2026-04-01"), tickets: Vec::new() };
    given::<Task>(past.clone()).at("2026-04-02").when(&TaskCommand::Reconsider).then([reopened.into()]);
    // The control holds before that: nothing is left to be done.
    let shown = TaskCommand::Close {
        reason: CloseReason::Evidence,
        evidence: Some(evidence(2)),
        until: None,
        note: None,
    };
    let held = [past.clone(), given::<Task>(past).when(&shown).events()].concat();
    given::<Task>(held.clone()).when(&shown).then_nothing();
    given::<Task>(held).at("2026-04-02").when(&TaskCommand::Reconsider).then_nothing();
}

#[test]
fn each_piece_of_evidence_is_noted_once_and_not_without_end() {
    let add = |n| TaskCommand::AddEvidence { evidence: evidence(n), result: CheckResult::Fail };
    let first = vec![opened(of_control()), linked()];
    given::<Task>(first.clone()).when(&add(1)).then_nothing();
    given::<Task>([]).when(&add(2)).then_nothing();
    let full = (2..60).fold(first, |past, n| {
        let more = given::<Task>(past.clone()).when(&add(n)).events();
        given::<Task>([past.clone(), more.clone()].concat()).when(&add(n)).then_nothing();
        [past, more].concat()
    });
    assert_eq!(full.len(), 2 + limits::EVIDENCE_MAX);
    let TaskEvent::EvidenceAdded(last) = full.last().unwrap() else { panic!("evidence") };
    assert_eq!((last.count, &*last.tickets), (50, &[ticket()][..]));
}

#[test]
fn a_change_tells_what_is_another_now() {
    let change = |change| TaskCommand::Change(change);
    let past = || [opened(of_control()), linked()];
    given::<Task>(past()).when(&change(ChangeTask::default())).then_refused(Invalid, "task-change-empty", "");
    let same = ChangeTask { severity: Some(Severity::Critical), ..ChangeTask::default() };
    given::<Task>(past()).when(&change(same)).then_nothing();
    let milder = ChangeTask { severity: Some(Severity::Warning), ..ChangeTask::default() };
    let events = given::<Task>(past()).when(&change(milder)).events();
    assert!(
        matches!(&events[0], TaskEvent::Changed(e) if e.severity == Some(Severity::Warning) && e.tickets == [ticket()])
    );
}
