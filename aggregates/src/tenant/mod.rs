//! Tenants: who has a log.

mod event;

pub use event::*;
