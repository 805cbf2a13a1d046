//! What goes wrong with an append.

use std::sync::{Mutex, PoisonError};

/// One append's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It goes well.
    None,
    /// Committed; the answer is lost with the connection.
    LostAnswer,
    /// Committed, and answered with the server's own timeout (`ABORTED`).
    TimedOut,
    /// Refused before anything happened (`UNAVAILABLE`).
    Unavailable,
    /// Answered `UNAVAILABLE` at once, and written only when the next append comes in: the write that turns up late.
    Late,
    /// Every connection of every node is reset before anything happened.
    Reset,
    /// Another node becomes the leader, and this one says so.
    LeaderChange,
    /// Answered only after the client's patience of so many milliseconds.
    SlowMs(u64),
}

type Script = Box<dyn FnMut(u64) -> Fault + Send>;

/// Decides about each append, in the order in which they come in.
#[derive(Default)]
pub(crate) struct Faults {
    script: Mutex<Option<Script>>,
    seen: std::sync::atomic::AtomicU64,
}

impl Faults {
    pub fn set(&self, script: Option<Script>) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// The fate of the append that has just come in.
    pub fn next(&self) -> Fault {
        let number = self.seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.as_mut().map_or(Fault::None, |script| script(number))
    }
}
