//! Integrations with other systems.

mod event;

pub use event::*;
