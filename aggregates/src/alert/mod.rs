//! Alerts: what asks for attention.

mod event;

pub use event::*;
