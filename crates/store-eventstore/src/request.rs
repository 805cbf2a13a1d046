//! What callers ask of the committer, and how they are answered.

use ledger_store::{Append, StoreError, Verdict};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// What became of one append.
pub(crate) type Outcome = Result<Verdict, StoreError>;

/// Appends of one caller.
pub(crate) struct AppendRequest {
    pub appends: Vec<Append>,
    pub reply: oneshot::Sender<Result<Vec<Verdict>, StoreError>>,
    /// Room in the queue, given back when the request is dropped.
    pub _room: OwnedSemaphorePermit,
}

impl AppendRequest {
    pub fn events(&self) -> usize {
        self.appends.iter().map(|append| append.events().len()).sum()
    }
}

/// Gives every caller its own part. An error concerns the whole call: if anything of it was stored, or may be, that is
/// what it says.
pub(crate) fn answer(group: Vec<AppendRequest>, outcomes: Vec<Outcome>) {
    let mut outcomes = outcomes.into_iter();
    for AppendRequest { appends, reply, .. } in group {
        let own: Vec<Outcome> = outcomes.by_ref().take(appends.len()).collect();
        let stored = own.iter().any(|outcome| matches!(outcome, Ok(Verdict::Committed { .. })));
        let doubt = own.iter().find(|o| matches!(o, Err(StoreError::OutcomeUnknown { .. }))).cloned();
        let all: Result<Vec<Verdict>, StoreError> = own.into_iter().collect();
        let all = match (all, doubt) {
            (Err(_), Some(Err(doubt))) => Err(doubt),
            (Err(error), _) if stored && error.retryable() => {
                Err(unknown(&format!("some of it is stored; then {error}")))
            }
            (all, _) => all,
        };
        // One that has gone away does not need it.
        drop(reply.send(all));
    }
}

pub(crate) fn unknown(reason: &str) -> StoreError {
    StoreError::OutcomeUnknown { reason: reason.to_owned() }
}
