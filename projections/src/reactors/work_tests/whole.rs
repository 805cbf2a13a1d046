//! From a failed control to a closed ticket.

use super::*;

#[test]
fn a_failed_control_opens_one_ticket_that_closes_on_evidence() {
    let mut world = World::new(routes(ConflictPolicy::Hold));
    world.fail();
    world.react(0);
    world.react(usize::MAX);
    world.settle();
    assert_eq!((world.creations, world.titles().len()), (2, 1));
    assert_eq!(world.titles().first().unwrap(), "\"AC-2 Account Management: the control fails\"");
    // The other side calls it done: a claim.
    for remote in world.remotes.values_mut() {
        remote.set(&Map::new(), Some(TicketStatus::Resolved));
    }
    world.settle();
    assert!(matches!(&world.tasks[&task().stream()], TaskState::Open(duty) if duty.claimed));
    let resolved: ControlEvent = ControlObservationResolved { epoch: 1, evidence: Some(evidence(2)) }.into();
    world.record(&control().stream(), resolved);
    world.settle();
    assert!(world.remotes.values().all(|remote| remote.status == Some(TicketStatus::Closed)));
    assert!(
        world
            .tickets
            .values()
            .all(|ticket| matches!(ticket, TicketState::Over { reason: TicketEnd::Closed, .. }))
    );
    let note = world.payloads.values().find_map(|(_, payload)| payload["effect"]["move"]["note"].as_str());
    assert!(note.unwrap().contains(&evidence(2).to_string()), "the note names the evidence");
}

#[test]
fn a_lost_answer_is_looked_up_and_not_asked_again() {
    let mut world = World::new(vec![route("jira-1", ConflictPolicy::Hold)]);
    world.fail();
    for _ in 0..4 {
        world.react(0);
    }
    assert!(world.dispatch(true));
    world.settle();
    assert_eq!(world.creations, 1);
    assert!(world.log.iter().any(|seen| matches!(&seen.event, AnyEvent::Ticket(TicketEvent::Opened(_)))));
}

#[test]
fn without_a_route_nothing_leaves() {
    let mut world = World::new(Vec::new());
    world.fail();
    world.settle();
    assert_eq!((world.tasks.len(), world.intents.len()), (0, 0));
}

#[test]
fn parked_work_raises_an_alert_until_it_is_replayed() {
    let mut world = World::new(vec![route("jira-1", ConflictPolicy::Hold)]);
    world.fail();
    for _ in 0..4 {
        world.react(0);
    }
    let stream = world.due().unwrap();
    let park = Wish::Park { reason: FailureWord::Forbidden, conflicts: Vec::new(), detail: None };
    assert!(world.intent(&stream, &park));
    let raised = |world: &World| world.alerts.values().filter(|state| **state == AlertState::Raised).count();
    let before = raised(&world);
    world.react(0);
    assert_eq!(raised(&world), before + 1);
    assert!(world.intent(&stream, &Wish::Replay));
    world.settle();
    assert_eq!((raised(&world), world.creations), (before, 1));
}
