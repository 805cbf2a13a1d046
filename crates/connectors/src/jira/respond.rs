//! What Jira's answers mean.

use ledger::time::Timestamp;
use serde_json::Value;

use crate::protocol::{Failure, FailureKind, Response};
use crate::vendor;

/// The JSON of a success, or the failure that the answer states.
pub(super) fn json(response: &Response, now: Timestamp) -> Result<Value, Failure> {
    if response.is_success() { vendor::json(response) } else { Err(failure(response, now)) }
}

/// `{"errorMessages": [..], "errors": {"field": ".."}}`, read by status.
pub(super) fn failure(response: &Response, now: Timestamp) -> Failure {
    let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
    let said = body["errorMessages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut said: Vec<String> = said.iter().filter_map(|text| text.as_str().map(String::from)).collect();
    let errors = body["errors"].as_object();
    for (field, message) in errors.into_iter().flatten() {
        said.push(format!("{field}: {}", message.as_str().unwrap_or_default()));
    }
    let failure = vendor::by_status(response, said.join("; "), now);
    if !matches!(response.status, 400 | 422) {
        return failure;
    }
    // A field that is required, unknown or has another choice of values: the mapping has to change.
    let failure = Failure { kind: FailureKind::NeedsConfiguration, ..failure }
        .hint("change the mapping of this field, or the screen of the project, then replay");
    match errors.and_then(|errors| errors.keys().next()) {
        Some(field) => failure.field(field.as_str()),
        None => failure,
    }
}
