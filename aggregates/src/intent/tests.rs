use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::refusal::RefusalKind::{Conflict, NotFound};
use crate::testing::{Given, at, given};
use crate::values::{CancelReason, EffectKind, EffectPurpose, FailureWord, IntegrationId, RepeatRule};

fn request() -> IntentCommand {
    IntentCommand::Request {
        integration: IntegrationId::new("jira-1").unwrap(),
        kind: EffectKind::Open,
        ticket: None,
        number: None,
        payload: json!({}),
    }
}

fn attempt(step: u32, repeat: RepeatRule, unsent: bool) -> IntentCommand {
    IntentCommand::Attempt { step, purpose: EffectPurpose::Perform, repeat, unsent, sending: json!({}) }
}

fn lookup(step: u32) -> IntentCommand {
    IntentCommand::Attempt {
        step,
        purpose: EffectPurpose::Lookup,
        repeat: RepeatRule::Safe,
        unsent: false,
        sending: json!({}),
    }
}

fn once() -> IntentCommand {
    attempt(1, RepeatRule::Once, false)
}

fn doubt() -> IntentCommand {
    IntentCommand::Doubt { not_before: at("2026-03-01T12:00:00Z"), detail: None }
}

fn not_found() -> IntentCommand {
    IntentCommand::NotFound { not_before: at("2026-03-01T12:00:00Z") }
}

fn delay(reason: FailureWord, not_before: &str) -> IntentCommand {
    IntentCommand::Delay { reason, not_before: at(not_before), detail: Some("503".into()) }
}

fn park() -> IntentCommand {
    IntentCommand::Park { reason: FailureWord::Forbidden, conflicts: Vec::new(), detail: None }
}

fn succeed() -> IntentCommand {
    IntentCommand::Succeed { remote: None, receipts: Vec::new(), seen: None, result: json!({}) }
}

/// What has happened after these commands, each of which must be taken.
fn history(commands: &[IntentCommand]) -> Vec<IntentEvent> {
    commands.iter().fold(given::<Intent>([]).when(&request()).events(), |past, command| {
        let more = given::<Intent>(past.clone()).when(command).events();
        [past, more].concat()
    })
}

fn after(commands: &[IntentCommand]) -> Given<Intent> {
    given::<Intent>(history(commands))
}

#[test]
fn a_request_is_recorded_before_it_leaves_and_ends_in_success() {
    after(&[]).when(&request()).then_nothing();
    after(&[once(), attempt(2, RepeatRule::Same, false)]).when(&succeed()).events();
    after(&[once(), succeed()]).when(&succeed()).then_nothing();
    after(&[once(), succeed()]).when(&once()).then_refused(Conflict, "intent-ended", "");
    given::<Intent>([]).when(&once()).then_refused(NotFound, "intent-unknown", "");
}

#[test]
fn what_must_not_be_repeated_is_not_sent_again_blindly() {
    after(&[once()]).when(&once()).then_refused(Conflict, "intent-uncertain", "");
    // It is known that the first was not carried out.
    after(&[once(), attempt(1, RepeatRule::Once, true)]).when(&once()).events();
    // Twice is as once.
    let same = || attempt(1, RepeatRule::Same, false);
    after(&[same()]).when(&same()).events();
    after(&[attempt(2, RepeatRule::Once, false)]).when(&once()).then_refused(
        Conflict,
        "intent-step",
        "/step",
    );
}

#[test]
fn an_uncertain_outcome_is_looked_up_twice_before_it_is_tried_again() {
    after(&[once(), doubt()]).when(&doubt()).then_nothing();
    after(&[once(), doubt()]).when(&once()).then_refused(Conflict, "intent-uncertain", "");
    after(&[once(), doubt(), lookup(1), not_found()]).when(&once()).then_refused(
        Conflict,
        "intent-uncertain",
        "",
    );
    let twice = [once(), doubt(), lookup(1), not_found(), lookup(1), not_found()];
    after(&twice).when(&once()).events();
    after(&twice).when(&lookup(1)).then_refused(Conflict, "intent-certain", "");
    after(&[once(), doubt(), lookup(1)]).when(&succeed()).events();
    // A lookup that fails leaves it as uncertain as it was.
    let failed = [once(), doubt(), lookup(1), delay(FailureWord::Unavailable, "2026-03-01T12:00:00Z")];
    after(&failed).when(&once()).then_refused(Conflict, "intent-uncertain", "");
    after(&failed).when(&lookup(1)).events();
}

#[test]
fn no_attempt_begins_before_its_time() {
    let past = [once(), delay(FailureWord::Unavailable, "2026-03-01T12:00:30Z")];
    after(&past).when(&once()).then_refused(Conflict, "intent-not-due", "");
    let events = after(&past).at("2026-03-01T12:00:30Z").when(&once()).events();
    assert!(matches!(&events[0], IntentEvent::AttemptStarted(e) if e.attempt == 2));
    let early = IntentCommand::Doubt { not_before: at("2026-03-01T12:01:00Z"), detail: None };
    after(&[once(), early]).when(&lookup(1)).then_refused(Conflict, "intent-not-due", "");
}

#[test]
fn failures_and_doubts_are_bounded() {
    let now = "2026-03-01T12:00:00Z";
    let failures = vec![delay(FailureWord::Unavailable, now); 30];
    let parked = after(&failures).when(&delay(FailureWord::Unavailable, now)).events();
    assert!(matches!(&parked[0], IntentEvent::Parked(e) if e.reason == FailureWord::Unavailable));
    // The other side said when to come back.
    let waits = after(&failures).when(&delay(FailureWord::RateLimited, now)).events();
    assert!(matches!(waits[0], IntentEvent::Delayed(_)));
    let round = [once(), doubt(), not_found(), not_found()];
    let doubts: Vec<_> = std::iter::repeat_n(round, 10).flatten().chain([once()]).collect();
    let parked = after(&doubts).when(&doubt()).events();
    assert!(matches!(&parked[0], IntentEvent::Parked(e) if e.reason == FailureWord::Uncertain));
    // The last of them may have been carried out as well as the first.
    let replayed: Vec<_> = doubts.into_iter().chain([doubt(), IntentCommand::Replay]).collect();
    after(&replayed).when(&once()).then_refused(Conflict, "intent-uncertain", "");
    after(&replayed).when(&lookup(1)).events();
}

#[test]
fn parked_work_waits_and_is_replayed_to_where_it_was() {
    after(&[once(), park()]).when(&once()).then_refused(Conflict, "intent-parked", "");
    after(&[once(), park(), IntentCommand::Replay]).when(&once()).events();
    let uncertain = [once(), doubt(), park(), IntentCommand::Replay];
    after(&uncertain).when(&once()).then_refused(Conflict, "intent-uncertain", "");
    after(&uncertain).when(&lookup(1)).events();
    after(&[]).when(&IntentCommand::Replay).then_refused(Conflict, "intent-not-parked", "");
    let again = history(&[park(), IntentCommand::Replay, park()]);
    assert!(matches!(&again[3], IntentEvent::Parked(e) if e.episode == 2));
}

#[test]
fn what_may_be_on_its_way_is_not_cancelled() {
    let cancel = IntentCommand::Cancel { reason: CancelReason::Superseded };
    after(&[once()]).when(&cancel).then_refused(Conflict, "intent-under-way", "");
    after(&[once(), doubt()]).when(&cancel).then_refused(Conflict, "intent-under-way", "");
    after(&[]).when(&cancel).events();
    let events = after(&[once(), park()]).when(&cancel).events();
    assert!(matches!(&events[0], IntentEvent::Cancelled(e) if e.episode == Some(1)));
    after(std::slice::from_ref(&cancel)).when(&cancel).then_nothing();
}

fn any_command() -> impl Strategy<Value = IntentCommand> {
    prop_oneof![
        (1..4_u32, prop::bool::ANY).prop_map(|(step, unsent)| attempt(step, RepeatRule::Once, unsent)),
        (1..4_u32).prop_map(lookup),
        Just(doubt()),
        Just(not_found()),
        Just(delay(FailureWord::Unavailable, "2026-03-01T12:00:00Z")),
        Just(park()),
        Just(IntentCommand::Replay),
        Just(request()),
    ]
}

proptest! {
    /// Whatever a dispatcher asks in whatever order: between two requests of one step that must not be repeated stand
    /// the knowledge that the first was not carried out, or two lookups that did not find it.
    #[test]
    fn no_order_of_commands_repeats_blindly(commands in proptest::collection::vec(any_command(), 0..80)) {
        let mut past = history(&[]);
        for command in commands {
            let state = given::<Intent>(past.clone()).state();
            let ctx = ledger::domain::DecideCtx { now: at("2026-03-01T12:00:00Z") };
            past.extend(<Intent as ledger::domain::Aggregate>::decide(&state, &command, &ctx).unwrap_or_default());
        }
        let (mut open, mut uncertain) = (None, false);
        for event in &past {
            match event {
                IntentEvent::AttemptStarted(e) if e.purpose == EffectPurpose::Lookup => {}
                IntentEvent::AttemptStarted(e) if e.unsent => open = None,
                IntentEvent::AttemptStarted(e) => {
                    // A later step of the same attempt shows that the answer came.
                    let goes_on = open.is_some_and(|(attempt, step)| attempt == e.attempt && e.step > step);
                    prop_assert!(!uncertain && (open.is_none() || goes_on));
                    open = Some((e.attempt, e.step));
                }
                IntentEvent::Uncertain(_) => uncertain = true,
                IntentEvent::Parked(e) if e.reason == FailureWord::Uncertain => uncertain = true,
                IntentEvent::Absent(e) if e.looked >= limits::LOOKS_MIN => (open, uncertain) = (None, false),
                // The answer came, and said that it was not carried out.
                IntentEvent::Delayed(_) | IntentEvent::Parked(_) if !uncertain => open = None,
                _ => {}
            }
        }
    }
}
