//! What may be asked of a control. Only reactors ask: people and probes hand in evidence.

use super::AppliedEvidence;
use crate::values::EvidenceId;

/// Evidence that one command may carry: a reactor splits larger batches, so that one append stays small.
pub const APPLY_MAX: usize = 256;

/// What may be asked of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlCommand {
    /// Weigh evidence. What is known already, or older than what its source said, changes nothing.
    Apply {
        /// The evidence, in any order.
        evidence: Vec<AppliedEvidence>,
    },
    /// Leave evidence out of account. Unknown evidence changes nothing.
    Retract {
        /// The evidence.
        evidence: EvidenceId,
    },
    /// Look at the clock. A control that is not overdue, or stale already, does not change.
    MarkStale,
}
