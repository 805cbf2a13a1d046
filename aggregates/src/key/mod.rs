//! The event-signing keys of a log.

mod event;

pub use event::*;
