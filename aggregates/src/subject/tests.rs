use super::*;
use crate::refusal::RefusalKind::{Conflict, Gone};
use crate::testing::{at, given};

fn digests(count: usize) -> Vec<HashText> {
    (0..count).map(|n| HashText::new(format!("{n:043x}")).unwrap()).collect()
}

fn hold(until: Option<&str>) -> SubjectCommand {
    SubjectCommand::Hold { until: until.map(at), reason: "litigation".into() }
}

fn held(until: Option<&str>) -> SubjectEvent {
    SubjectHeld { until: until.map(at), reason: Some("litigation".to_owned()).into() }.into()
}

fn erase(count: usize) -> SubjectCommand {
    SubjectCommand::Erase { digests: digests(count) }
}

#[test]
fn a_hold_forbids_erasure_until_it_ends() {
    given::<Subject>([]).when(&hold(None)).then([held(None)]);
    given::<Subject>([held(None)]).when(&erase(1)).then_refused(Conflict, "subject-held", "");
    given::<Subject>([held(Some("2026-03-02"))]).when(&erase(1)).then_refused(Conflict, "subject-held", "");
    let erased = SubjectEvent::from(SubjectErased { digests: digests(1) });
    given::<Subject>([held(Some("2026-03-02"))]).at("2026-03-02").when(&erase(1)).then([erased.clone()]);
    let released = SubjectEvent::from(SubjectReleased {});
    given::<Subject>([held(None)]).when(&SubjectCommand::Release).then([released.clone()]);
    given::<Subject>([held(None), released]).when(&erase(1)).then([erased.clone()]);
    given::<Subject>([]).when(&SubjectCommand::Release).then_nothing();
    given::<Subject>([erased]).when(&hold(None)).then_refused(Gone, "subject-erased", "");
}

#[test]
fn an_erasure_lists_all_digests_in_events_that_fit_and_may_be_repeated() {
    let events = given::<Subject>([]).when(&erase(1_025)).events();
    let count = |event: &SubjectEvent| match event {
        SubjectEvent::Erased(erased) => erased.digests.len(),
        _ => 0,
    };
    assert_eq!(events.iter().map(count).collect::<Vec<_>>(), [512, 512, 1]);
    given::<Subject>(events.clone()).when(&erase(0)).then_nothing();
    assert_eq!(given::<Subject>(events).when(&erase(1)).events().len(), 1);
    assert_eq!(given::<Subject>([]).when(&erase(0)).events().len(), 1);
}
