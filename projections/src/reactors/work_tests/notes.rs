//! What a task tells its tickets later.

use super::*;
use ledger_aggregates::task::TaskEvent;

#[test]
fn a_risk_that_is_accepted_no_longer_opens_the_tickets_again() {
    let mut world = World::new(routes(ConflictPolicy::Hold));
    world.fail();
    world.settle();
    let until: Timestamp = "2026-04-01".parse().unwrap();
    let reason = CloseReason::AcceptedRisk;
    world.task(&TaskCommand::Close { reason, evidence: None, until: Some(until), note: None });
    world.settle();
    let statuses = |world: &World| world.remotes.values().map(|remote| remote.status).collect::<Vec<_>>();
    assert_eq!(statuses(&world), [Some(TicketStatus::Closed); 2]);
    let row = || RiskDeadline { tenant: tenant(), task: task(), reconsider_at: until };
    assert_eq!(ended_risks([row()], until), [], "it is accepted to the end");
    world.now = "2026-04-02".parse().unwrap();
    let reconsider = ended_risks([row()], world.now);
    assert_eq!(reconsider, ended_risks([row()], world.now), "one command however often it is looked at");
    let [Intent { command: IntentCommand::Task(whose, command), .. }] = &reconsider[..] else {
        panic!("{reconsider:?}")
    };
    assert_eq!(*whose, task());
    world.task(command);
    world.react(0);
    world.react(usize::MAX);
    world.settle();
    assert_eq!((statuses(&world), world.creations), (vec![Some(TicketStatus::Open); 2], 2));
    // They are kept in step as before, and evidence closes them for good.
    world.task(&TaskCommand::Change(title(3)));
    world.settle();
    assert_eq!(world.titles().first().map(String::as_str), Some("\"title 3\""));
    let resolved: ControlEvent = ControlObservationResolved { epoch: 1, evidence: Some(evidence(2)) }.into();
    world.record(&control().stream(), resolved);
    world.settle();
    assert_eq!(statuses(&world), [Some(TicketStatus::Closed); 2]);
}

fn linked(n: u128) -> (StreamId, EvidenceEvent) {
    let linked = EvidenceLinked {
        controls: vec![control()],
        check: CheckId::new("check").unwrap(),
        probe: None,
        target_ref: TargetRef::default_ref(),
        result: CheckResult::Fail,
        observed_to: now(),
        cadence_seconds: None,
    };
    (evidence(n).stream(), linked.into())
}

fn assign(n: u32) -> TaskCommand {
    let subject = ledger::ids::SubjectId::new("subject-1").unwrap();
    TaskCommand::Assign { subject, assignee: format!("person {n}") }
}

#[test]
fn who_is_to_do_it_and_new_evidence_reach_the_tickets_without_an_echo() {
    let mut world = World::new(vec![route("jira-1", ConflictPolicy::Hold)]);
    world.fail();
    world.settle();
    for n in 0..50 {
        world.task(&assign(n));
        let (stream, event) = linked(2 + u128::from(n));
        world.record(&stream, event);
        world.react(0);
    }
    world.react(usize::MAX);
    world.settle();
    let told = |what: &str| world.comments.iter().filter(|comment| comment.contains(what)).count();
    // The place of the latest assignment, and nobody's name.
    let assigned = |seen: &&SeenEvent| matches!(&seen.event, AnyEvent::Task(TaskEvent::Assigned(_)));
    let place = format!(":{}:", world.log.iter().rev().find(assigned).unwrap().seq);
    assert!(
        told("person 4") == 0 && told(&place) == 1 && told(&evidence(51).to_string()) == 1,
        "{:?}",
        world.comments
    );
    assert!(world.comments.len() <= 4, "one on its way and one that waits, of each: {:?}", world.comments);
    let link = format!("https://l.example/{}", evidence(51).stream());
    assert_eq!(told(&link), 1);
    let (before, comments) = (world.log.len(), world.comments.len());
    world.react(usize::MAX);
    world.settle();
    assert_eq!((world.log.len(), world.comments.len()), (before, comments), "they are told once");
    // Control: what does not come too fast is told each time.
    for n in [60, 61, 62] {
        world.task(&assign(n));
        world.settle();
    }
    assert_eq!(world.comments.len(), comments + 3);
}
