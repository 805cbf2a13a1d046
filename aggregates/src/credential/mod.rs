//! API keys.

mod event;

pub use event::*;
