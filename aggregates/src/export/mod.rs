//! Exports of a log.

mod event;

pub use event::*;
