//! The status of a control at a point in time.

use ledger::time::Timestamp;
use ledger_aggregates::control::status;
use ledger_aggregates::values::ControlStatus;

use super::tables::ControlRow;

/// The status of a control at `at`, from its row alone: whoever asks at the same time gets the same answer, whether a
/// stale event was recorded by then or not.
pub fn status_at(row: &ControlRow, at: Timestamp) -> ControlStatus {
    status::status_at(row.worst, row.stale_after, at)
}
