//! Notes, and how a ticket ends and begins again.

use super::*;

#[test]
fn done_is_a_claim_and_evidence_closes() {
    let events = after(&[open()]).when(&observe(2, TicketStatus::Resolved, &[])).events();
    assert_eq!(names(&events), ["observed", "claimed_done"]);
    let claimed = [open(), observe(2, TicketStatus::Resolved, &[])];
    assert_eq!(names(&after(&claimed).when(&observe(3, TicketStatus::Closed, &[])).events()), ["observed"]);
    let wanted = after(&claimed).when(&close()).events();
    assert_eq!(sent(&wanted), [(2, EffectKind::Move)]);
    after(&[open(), close()]).when(&close()).then_nothing();
    let closed = [open(), close(), settle(2, 4, &[])];
    let past = history_of(ConflictPolicy::Hold, &closed);
    assert_eq!(names(&past).last(), Some(&"closed"));
    given::<Ticket>(past.clone()).when(&observe(9, TicketStatus::Open, &[("title", "z")])).then_nothing();
    let relink = TicketCommand::Relink { remote_mac: mac("r"), remote: json!({}) };
    given::<Ticket>(past).when(&relink).then_refused(Gone, "ticket-over", "");
}

#[test]
fn what_is_held_up_does_not_hold_up_the_closing() {
    let stuck = [open(), want(&[("title", "b")]), hold(2, FailureWord::Rejected)];
    let events = after(&stuck).when(&close()).events();
    let TicketEvent::Sent(next) = events.last().unwrap() else { panic!("sent") };
    assert_eq!((next.kind, next.replaces), (EffectKind::Move, Some(2)));
    // Without a new wish nothing is tried again.
    assert_eq!(sent(&after(&stuck).when(&observe(2, TicketStatus::InProgress, &[])).events()), []);
}

#[test]
fn notes_wait_for_their_turn() {
    let note = |text: &str| note(None, text);
    assert_eq!(names(&after(&[]).when(&note("early")).events()), ["noted"]);
    let events = after(&[note("early"), note("later")]).when(&open()).events();
    assert_eq!(sent(&events), [(2, EffectKind::Comment)]);
    // A comment of which nobody knows whether it was posted does not hold up the next.
    let held = after(&[note("early"), note("later"), open()]).when(&hold(2, FailureWord::Uncertain)).events();
    assert_eq!(sent(&held), [(3, EffectKind::Comment)]);
}

fn note(evidence: Option<u128>, text: &str) -> TicketCommand {
    let evidence = evidence.map(|n| EvidenceId(uuid::Uuid::from_u128(n)));
    TicketCommand::Note { kind: EffectKind::Comment, evidence, content: json!(text) }
}

#[test]
fn a_note_takes_the_place_of_one_about_the_same_that_waits() {
    let about = |n: u32| TicketCommand::NoteAssignee { content: json!(n) };
    let busy = [open(), note(None, "a person's"), note(Some(1), "e"), note(Some(2), "f")];
    let many: Vec<TicketCommand> = busy.into_iter().chain((0..200).map(about)).collect();
    let TicketState::Kept(link) = after(&many).state() else { panic!("kept") };
    let waiting: Vec<_> = link.waiting.iter().map(|waiting| (waiting.note, waiting.topic)).collect();
    assert_eq!(waiting, [(3, Some(NoteTopic::Evidence)), (203, Some(NoteTopic::Assignee))]);
    // Control: what tells about nothing in particular waits for its turn, up to a bound.
    let all = (0..=limits::NOTES_MAX).map(|n| note(None, &n.to_string()));
    let full: Vec<TicketCommand> = [open()].into_iter().chain(all).collect();
    after(&full).when(&note(None, "more")).then_refused(Invalid, "ticket-too-many", "/notes");
}

#[test]
fn what_was_closed_is_opened_again_and_then_changed() {
    let reopen = |heard| TicketCommand::Reopen { note: "the risk is accepted no longer".into(), heard };
    let closed = || vec![open(), close(), settle(2, 4, &[("title", "a")])];
    let events = after(&closed()).when(&reopen(7)).events();
    assert_eq!(names(&events), ["reopened", "wanted", "sent"]);
    let TicketEvent::Sent(next) = &events[2] else { panic!("sent") };
    assert_eq!((next.kind, next.status), (EffectKind::Move, Some(TicketStatus::Open)));
    let again = [closed(), vec![reopen(7)]].concat();
    after(&again).when(&reopen(7)).then_nothing();
    // What is wanted meanwhile waits until it is open; closing it a second time works as the first did.
    let changed = [again, vec![want(&[("title", "b")])]].concat();
    let landed = after(&changed).when(&settle(3, 5, &[("title", "a")])).events();
    assert_eq!((names(&landed), sent(&landed)), (vec!["synced", "sent"], vec![(4, EffectKind::Update)]));
    let over = [changed, vec![settle(3, 5, &[("title", "a")]), settle(4, 6, &[("title", "b")]), close()]];
    let over = [over.concat(), vec![settle(5, 7, &[("title", "b")])]].concat();
    assert!(matches!(after(&over).state(), TicketState::Over { reason: TicketEnd::Closed, .. }));
    // It is being closed: it is open again all the same.
    let closing = [open(), close(), reopen(7)];
    let landed = after(&closing).when(&settle(2, 4, &[("title", "a")])).events();
    assert_eq!(sent(&landed), [(3, EffectKind::Move)]);
    // Control: what was given up stays so.
    let gone = [open(), TicketCommand::Miss, TicketCommand::Waive];
    after(&gone).when(&reopen(7)).then_nothing();
}

#[test]
fn one_that_is_closed_for_good_has_a_successor_when_it_is_to_be_done_again() {
    let reopen = |heard| TicketCommand::Reopen { note: "the risk is accepted no longer".into(), heard };
    let refused = [open(), close(), settle(2, 4, &[("title", "a")]), reopen(7)];
    let events = after(&refused).when(&hold(3, FailureWord::Closed)).events();
    assert_eq!(
        (names(&events), sent(&events)),
        (vec!["held", "superseded", "sent"], vec![(4, EffectKind::Open)])
    );
    // One, whatever is told again.
    let again = [refused.to_vec(), vec![hold(3, FailureWord::Closed)]].concat();
    after(&again).when(&hold(3, FailureWord::Closed)).then_nothing();
    after(&again).when(&reopen(7)).then_nothing();
    let TicketState::Kept(link) = after(&again).state() else { panic!("kept") };
    assert_eq!((link.successors, link.place, link.wanted_status), (1, Place::Opening, None));
    // Control: a change that the closed one does not take waits for somebody, and so does closing it.
    let changed = after(&[open(), want(&[("title", "b")])]).when(&hold(2, FailureWord::Closed)).events();
    assert_eq!(names(&changed), ["held"]);
    assert_eq!(names(&after(&[open(), close()]).when(&hold(2, FailureWord::Closed)).events()), ["held"]);
}

#[test]
fn a_ticket_that_is_gone_is_not_made_again_by_itself() {
    let missed = after(&[open(), want(&[("title", "b")])]).when(&hold(2, FailureWord::Missing)).events();
    assert_eq!(names(&missed), ["held", "tombstone_suspected"]);
    let gone = [open(), TicketCommand::Miss, TicketCommand::ConfirmGone];
    after(&gone).when(&want(&[("title", "b")])).events();
    assert_eq!(sent(&after(&gone).when(&want(&[("title", "b")])).events()), []);
    let found =
        after(&[open(), TicketCommand::Miss]).when(&observe(1, TicketStatus::Open, &[("title", "a")]));
    assert_eq!(names(&found.events()), ["found_again"]);
    after(&[open()]).when(&TicketCommand::ConfirmGone).then_refused(Conflict, "ticket-not-gone", "");
    after(&[open()]).when(&TicketCommand::Recreate).then_refused(Conflict, "ticket-not-gone", "");
    let again = after(&gone).when(&TicketCommand::Recreate).events();
    assert_eq!((names(&again), sent(&again)), (vec!["recreated", "sent"], vec![(2, EffectKind::Open)]));
    let relink = TicketCommand::Relink { remote_mac: mac("r2"), remote: json!({ "id": "2" }) };
    assert_eq!(sent(&after(&gone).when(&relink).events()), [(2, EffectKind::Update)]);
    assert_eq!(names(&after(&gone).when(&TicketCommand::Waive).events()), ["closed"]);
}
