//! How an event type gets a new version: the old one is turned into the new one before it is read.

use ledger::domain::DomainEvent;
use ledger_aggregates::values::CheckResult;
use ledger_aggregates::{events, schema::EventSchema};
use serde_json::{Map, Value, json};

events! {
    /// An example.
    "example" ExampleEvent upcast upcast {
        /// A measurement; its first version had a flag in the place of a result.
        Measured(ExampleMeasured) = "ledger.example.measured.v2" {
            /// What was found.
            result: CheckResult,
        }
    }
}

fn upcast(event_type: &str, data: &Map<String, Value>) -> Option<(&'static str, Map<String, Value>)> {
    if event_type != "ledger.example.measured.v1" {
        return None;
    }
    let result = if data.get("ok") == Some(&Value::Bool(true)) { "pass" } else { "fail" };
    Some((ExampleMeasured::SCHEMA.event_type, Map::from_iter([("result".to_owned(), json!(result))])))
}

#[test]
fn an_old_version_is_read_as_the_new_one() {
    let old = Map::from_iter([("ok".to_owned(), json!(true))]);
    let read = ExampleEvent::decode("ledger.example.measured.v1", &old).unwrap();
    assert_eq!(read, Some(ExampleMeasured { result: CheckResult::Pass }.into()));
    let new = Map::from_iter([("result".to_owned(), json!("fail"))]);
    let read = ExampleEvent::decode("ledger.example.measured.v2", &new).unwrap();
    assert_eq!(read, Some(ExampleMeasured { result: CheckResult::Fail }.into()));
    assert_eq!(ExampleEvent::decode("ledger.example.measured.v3", &new).unwrap(), None);
    let schemas: &[EventSchema] = ExampleEvent::SCHEMAS;
    assert_eq!(schemas.len(), 1);
}
