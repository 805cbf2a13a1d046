//! What ServiceNow's answers mean.

use ledger::time::Timestamp;
use serde_json::Value;

use crate::protocol::{Failure, FailureKind, Response};
use crate::vendor;

/// `result` of a success, or the failure that the answer states.
pub(super) fn result(response: &Response, now: Timestamp) -> Result<Value, Failure> {
    if !response.is_success() {
        return Err(failure(response, now));
    }
    let mut body = vendor::json(response)?;
    match body.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(Failure::new(FailureKind::Malformed, "an answer without a result")),
    }
}

/// A result that is one record.
pub(super) fn record(response: &Response, now: Timestamp) -> Result<Value, Failure> {
    let record = result(response, now)?;
    if record["sys_id"].as_str().is_some_and(|id| !id.is_empty()) {
        return Ok(record);
    }
    Err(Failure::new(FailureKind::Malformed, "a record without a sys_id")
        .hint("the account may not read the sys_id column of this table"))
}

/// A result that is a list.
pub(super) fn list(response: &Response, now: Timestamp) -> Result<Vec<Value>, Failure> {
    match result(response, now)? {
        Value::Array(records) => Ok(records),
        _ => Err(Failure::new(FailureKind::Malformed, "a list was expected")),
    }
}

/// `{"error": {"message", "detail"}}`, read by status. 403 is used for rights, data policies and business rules alike.
pub(super) fn failure(response: &Response, now: Timestamp) -> Failure {
    let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
    let text = |name: &str| body["error"][name].as_str().unwrap_or_default().to_owned();
    let (message, detail) = (text("message"), text("detail"));
    let said = if detail.is_empty() { message } else { format!("{message}: {detail}") };
    let failure = vendor::by_status(response, said, now);
    let mandatory = detail.split_once("fields are mandatory:").map(|(_, names)| names);
    match response.status {
        400 => Failure { kind: FailureKind::NeedsConfiguration, ..failure }
            .hint("check the table's name and the columns of the mapping"),
        403 if mandatory.is_some() => {
            let first = mandatory.and_then(|names| names.split(',').next()).unwrap_or_default().trim();
            Failure { kind: FailureKind::NeedsConfiguration, ..failure }
                .field(first)
                .hint("set this column in the mapping, with the state that asks for it")
        }
        403 if detail.contains("aborted by Business Rule") => {
            Failure { kind: FailureKind::NeedsConfiguration, ..failure }.hint(
                "a rule of the instance refuses this change: change the mapping or the rule, then replay",
            )
        }
        _ => failure,
    }
}
