//! The status of a control as a pure function, shared by the aggregate, the read models and the offline tool.

use ledger::time::Timestamp;

use crate::values::{CheckResult, ControlStatus};

/// The worst of several results: fail, error, inconclusive, pass, not applicable. None: no source.
pub fn worst(results: impl IntoIterator<Item = CheckResult>) -> Option<CheckResult> {
    results.into_iter().max_by_key(|result| result.weight())
}

/// Has a source missed its deadline at `at`? The deadline itself is still in time.
pub fn overdue(stale_after: Option<Timestamp>, at: Timestamp) -> bool {
    stale_after.is_some_and(|deadline| at > deadline)
}

/// The status at `at`, from the worst result and the earliest deadline of all sources.
pub fn status_at(worst: Option<CheckResult>, stale_after: Option<Timestamp>, at: Timestamp) -> ControlStatus {
    match worst {
        None => ControlStatus::Unknown,
        Some(_) if overdue(stale_after, at) => ControlStatus::Stale,
        Some(result) => result.into(),
    }
}
