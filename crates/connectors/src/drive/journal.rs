//! What must be durable while a task runs.

use async_trait::async_trait;

use crate::protocol::{Fact, Plan};

/// A step that is about to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// Counted from 1 over the whole task.
    pub step: u32,
    /// The request, with the adapter's continuation.
    pub plan: Plan,
    /// It is known that it was not carried out: it never left, or the vendor turned it away.
    pub unsent: bool,
}

/// The journal could not be written. Nothing was sent because of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal could not be written: {0}")]
pub struct JournalError(pub String);

/// Keeps the progress of one task.
#[async_trait]
pub trait Journal: Send + Sync {
    /// A request is about to be sent; or it was, and is known not to have been carried out. Replaces what was kept
    /// before. Durable before it returns.
    async fn sending(&self, sending: &Sending) -> Result<(), JournalError>;

    /// Something was found out on the way. Durable before it returns.
    async fn facts(&self, facts: Vec<Fact>) -> Result<(), JournalError>;
}
