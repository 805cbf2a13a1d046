//! Anchors of all tenants' checkpoints.

mod event;

pub use event::*;
