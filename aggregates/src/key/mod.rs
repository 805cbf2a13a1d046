//! The event-signing keys of a log.
//!
//! The rules here keep a mistaken command out of the log. Whether an entry is valid is decided by `ledger::epochs`,
//! which checks keys and signatures as bytes; both read the same events.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::KeyCommand;
pub use decide::{Key, KeyRefusal};
pub use event::*;
pub use state::KeyState;
