use serde_json::json;

use super::*;
use crate::refusal::RefusalKind::{Conflict, NotFound};
use crate::schema::Confidential;
use crate::testing::given;

fn start() -> RunCommand {
    RunCommand::Start {
        integration: IntegrationId::new("jira-1").unwrap(),
        what: RunKind::Poll,
        trigger: RunTrigger::Schedule,
        due: None,
    }
}

fn page(page: u32) -> RunEvent {
    RunPageRead { page, facts: 50 }.into()
}

#[test]
fn a_run_reads_pages_in_turn_and_ends_once() {
    let started = given::<Run>([]).when(&start()).events().remove(0);
    given::<Run>([started.clone()]).when(&start()).then_nothing();
    let read = |n| RunCommand::ReadPage { page: n, facts: 50 };
    given::<Run>([started.clone()]).when(&read(1)).then([page(1)]);
    given::<Run>([started.clone(), page(1)]).when(&read(1)).then_nothing();
    given::<Run>([started.clone()]).when(&read(2)).then_refused(Conflict, "run-page", "/page");
    let finish = RunCommand::Finish { cursor: Some(json!({ "at": 1 })), detail: None };
    let finished = RunEvent::from(RunFinished {
        pages: 2,
        facts: 100,
        cursor: Confidential::of(json!({ "at": 1 })),
        detail: Confidential::none(),
    });
    let whole = [started.clone(), page(1), page(2)];
    given::<Run>(whole.clone()).when(&finish).then([finished.clone()]);
    let fail = RunCommand::Fail { reason: FailureWord::Unavailable, detail: None };
    given::<Run>([started, finished]).when(&fail).then_refused(Conflict, "run-ended", "");
    given::<Run>([]).when(&fail).then_refused(NotFound, "run-unknown", "");
    let gap = RunCommand::BreakOff { reason: RunGap::Page, detail: None };
    let events = given::<Run>(whole).when(&gap).events();
    assert!(matches!(&events[0], RunEvent::Inconclusive(e) if e.facts == 100));
}
