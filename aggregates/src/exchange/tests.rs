use super::*;
use crate::refusal::RefusalKind::Conflict;
use crate::testing::given;

#[test]
fn an_exchange_is_recorded_once() {
    let record = ExchangeCommand::Record(Box::new(RecordExchange {
        integration: IntegrationId::new("jira-1").unwrap(),
        purpose: ExchangePurpose::Task,
        intent: None,
        run: None,
        step: 1,
        method: HttpMethod::Post,
        status: Some(201),
        unsent: false,
        request_bytes: 10,
        response_bytes: 20,
        duration_ms: 30,
        started_at: "2026-03-01T12:00:00Z".parse().unwrap(),
        request_digest: Some("0".repeat(64)),
        response_digest: None,
        url: "https://jira.example/rest/api/3/issue".into(),
        headers: None,
        bodies: None,
        error: Some("x".repeat(5_000)),
    }));
    let events = given::<Exchange>([]).when(&record).events();
    let ExchangeEvent::Recorded(recorded) = &events[0];
    assert_eq!(recorded.error.get().map(String::len), Some(4_000));
    given::<Exchange>(events).when(&record).then_refused(Conflict, "exchange-exists", "");
}
