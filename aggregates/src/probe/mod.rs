//! Probes: what hands in evidence, and whether it lives.

mod event;

pub use event::*;
