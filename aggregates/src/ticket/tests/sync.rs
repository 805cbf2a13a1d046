//! Both sides of a ticket in step.

use super::*;

#[test]
fn a_ticket_is_requested_once_and_opened() {
    let events = given::<Ticket>([]).when(&request(ConflictPolicy::Hold)).events();
    assert_eq!(names(&events), ["requested", "sent"]);
    given::<Ticket>(events).when(&request(ConflictPolicy::Hold)).then_nothing();
    assert_eq!(names(&after(&[]).when(&open()).events()), ["opened", "synced"]);
    after(&[open()]).when(&open()).then_nothing();
    given::<Ticket>([]).when(&open()).then_refused(NotFound, "ticket-unknown", "");
}

#[test]
fn what_is_read_as_it_is_known_is_no_news() {
    after(&[open()]).when(&observe(1, TicketStatus::Open, &[("title", "a")])).then_nothing();
    after(&[open()]).when(&observe(2, TicketStatus::Open, &[("title", "a")])).then_nothing();
    // An old state out of a search that lags, after we wrote again.
    let wrote = [open(), want(&[("title", "b")]), settle(2, 3, &[("title", "b")])];
    after(&wrote).when(&observe(2, TicketStatus::Open, &[("title", "a")])).then_nothing();
    // The echo of our own write.
    after(&wrote).when(&observe(3, TicketStatus::Open, &[("title", "b")])).then_nothing();
}

#[test]
fn one_thing_is_sent_at_a_time_and_many_wishes_together() {
    let first = after(&[open()]).when(&want(&[("title", "b")])).events();
    assert_eq!(sent(&first), [(2, EffectKind::Update)]);
    let busy = [open(), want(&[("title", "b")])];
    assert_eq!(sent(&after(&busy).when(&want(&[("title", "c")])).events()), []);
    let more = [open(), want(&[("title", "b")]), want(&[("title", "c")]), want(&[("title", "d")]), close()];
    let landed = after(&more).when(&settle(2, 2, &[("title", "b")])).events();
    let TicketEvent::Sent(next) = landed.last().unwrap() else { panic!("sent") };
    assert_eq!((next.kind, &next.fields[..]), (EffectKind::Update, &fields(&[("title", "d")])[..]));
    // The same again is no wish.
    after(&[open()]).when(&want(&[("title", "a")])).then_nothing();
}

#[test]
fn their_change_is_taken_where_ours_does_not_wait() {
    let events = after(&[open()]).when(&observe(2, TicketStatus::InProgress, &[("title", "x")])).events();
    let [TicketEvent::Observed(e)] = &events[..] else { panic!("observed alone: {events:?}") };
    assert_eq!((&e.taken[..], e.status), (&fields(&[("title", "x")])[..], Some(TicketStatus::InProgress)));
    let taken = [open(), observe(2, TicketStatus::Open, &[("title", "x")])];
    after(&taken).when(&want(&[("title", "x")])).then_nothing();
}

/// Our write is parked, so that it waits while theirs comes.
fn both_changed() -> [TicketCommand; 4] {
    let held = hold(2, FailureWord::Forbidden);
    [open(), want(&[("title", "b")]), held, observe(2, TicketStatus::Open, &[("title", "x")])]
}

#[test]
fn what_both_changed_is_a_conflict_that_a_person_decides() {
    let resolve = |choice| TicketCommand::Resolve { field: name("title"), choice, note: None };
    let past = history_of(ConflictPolicy::Hold, &both_changed());
    assert_eq!(names(&past)[5..], ["sent", "held", "observed", "conflicted"]);
    let ours = given::<Ticket>(past.clone()).when(&resolve(ConflictChoice::Ours)).events();
    assert_eq!(
        sent(&ours),
        [(3, EffectKind::Update)],
        "the parked one compares with what is no longer agreed on"
    );
    let theirs = given::<Ticket>(past.clone()).when(&resolve(ConflictChoice::Theirs)).events();
    assert_eq!(names(&theirs), ["conflict_resolved"]);
    given::<Ticket>(past.clone()).when(&resolve(ConflictChoice::Agreed)).then_refused(
        Invalid,
        "ticket-choice",
        "/choice",
    );
    let decided = [past, theirs].concat();
    given::<Ticket>(decided).when(&resolve(ConflictChoice::Ours)).then_refused(
        Conflict,
        "ticket-no-conflict",
        "/field",
    );
}

#[test]
fn a_policy_decides_without_a_person() {
    let ours = history_of(ConflictPolicy::Ours, &both_changed());
    assert_eq!(names(&ours)[6..], ["held", "observed", "conflicted", "conflict_resolved"]);
    let theirs = history_of(ConflictPolicy::Theirs, &both_changed());
    let TicketState::Kept(link) = given::<Ticket>(theirs).state() else { panic!("kept") };
    assert_eq!(link.fields[&name("title")].ours, Some(mac("x")));
}

/// The adapter compares too, at the last moment.
#[test]
fn a_conflict_at_the_last_moment_is_decided_and_sent_anew() {
    let conflict = TicketCommand::Hold {
        number: 2,
        reason: FailureWord::Conflict,
        conflicts: fields(&[("title", "x")]),
        values: values(&[("title", "x")]),
    };
    let both = settle(1, 1, &[("title", "a"), ("due", "0")]);
    let past = [both, want(&[("title", "b"), ("due", "1")]), conflict];
    let held = history_of(ConflictPolicy::Hold, &past);
    assert_eq!(names(&held)[7..], ["held", "conflicted", "sent"]);
    let TicketEvent::Sent(next) = held.last().unwrap() else { panic!("sent") };
    assert_eq!(&next.fields[..], &fields(&[("due", "1")])[..], "what does not conflict goes on");
    let ours = history_of(ConflictPolicy::Ours, &past);
    assert_eq!(names(&ours)[7..], ["held", "conflicted", "conflict_resolved", "sent"]);
    let base = given::<Ticket>(ours).state();
    let TicketState::Kept(link) = base else { panic!("kept") };
    assert_eq!(link.fields[&name("title")].base, Some(mac("x")), "so that the adapter lets it pass");
}

/// A poll reads their later change before our write is known to have arrived: it is not lost.
#[test]
fn a_change_after_our_write_is_taken_when_our_write_is_known() {
    let early = [open(), want(&[("title", "b")]), observe(3, TicketStatus::Open, &[("title", "x")])];
    let events = after(&early).when(&settle(2, 2, &[("title", "b")])).events();
    assert_eq!(names(&events), ["synced", "observed"]);
    let TicketState::Kept(link) =
        given::<Ticket>([history_of(ConflictPolicy::Hold, &early), events].concat()).state()
    else {
        panic!("kept")
    };
    assert_eq!(link.fields[&name("title")].ours, Some(mac("x")));
}

#[test]
fn the_other_sides_spelling_of_our_value_is_no_change() {
    let shown = |text| [("title", "a"), ("text", text)];
    let spelled = [settle(1, 1, &shown("a")), want(&[("text", "*b*")]), settle(2, 2, &shown("b"))];
    after(&spelled).when(&observe(3, TicketStatus::Open, &shown("b"))).then_nothing();
}

#[test]
fn what_the_other_side_does_not_show_is_not_written() {
    let events = after(&[open()]).when(&want(&[("severity", "critical")])).events();
    assert_eq!(names(&events), ["wanted"]);
}

#[test]
fn values_in_clear_follow_the_macs() {
    let mut clear = TicketValues::default();
    let past = history_of(
        ConflictPolicy::Ours,
        &[
            open(),
            want(&[("title", "b")]),
            observe(3, TicketStatus::Open, &[("title", "x")]),
            settle(2, 2, &[("title", "b")]),
        ],
    );
    for event in &past {
        use ledger::domain::DomainEvent;
        let opened = event.encode().withheld.into_iter().map(|w| (w.name.to_owned(), w.value)).collect();
        clear.fold(event, &opened);
    }
    assert_eq!(clear.remote, Some(json!({ "id": "1" })));
    assert_eq!((clear.ours(), clear.base(), clear.theirs()), {
        let all = values(&[("title", "x")]);
        (all.clone(), all.clone(), all)
    });
    assert_eq!(clear.value(&mac("b")), Some(&json!("b")));
}

/// A parked write is replayed with the base of its time, which has been decided about since.
#[test]
fn a_conflict_that_was_decided_already_is_sent_anew_once() {
    let stale = |number| TicketCommand::Hold {
        number,
        reason: FailureWord::Conflict,
        conflicts: fields(&[("title", "x")]),
        values: values(&[("title", "x")]),
    };
    let past = history_of(ConflictPolicy::Ours, &both_changed());
    let anew = given::<Ticket>(past.clone()).when(&stale(2)).events();
    assert_eq!(names(&anew), ["sent"]);
    let again = given::<Ticket>([past, anew].concat()).when(&stale(3)).events();
    assert_eq!(names(&again), ["held"], "an adapter that does not see it is not asked for ever");
}

#[test]
fn the_echo_of_their_change_does_not_overwrite_their_next() {
    let theirs = |rank, value| observe(rank, TicketStatus::Open, &[("title", value)]);
    let TicketCommand::Want { fields, values, status, note, .. } = want(&[("title", "x")]) else {
        panic!("a wish")
    };
    let echo = TicketCommand::Want { fields, values, status, note, heard: None, echo: true };
    after(&[open(), theirs(2, "x"), theirs(3, "y")]).when(&echo).then_nothing();
    // Another system's change came in between: the task's order decides.
    let events = after(&[open(), theirs(2, "x"), want(&[("title", "z")])]).when(&echo).events();
    assert_eq!(names(&events), ["wanted"]);
}
