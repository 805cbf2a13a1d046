//! Evidence: the results of checks.

mod event;

pub use event::*;
