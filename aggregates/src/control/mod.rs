//! Controls: what evidence says about them, and whether it is fresh.

mod event;

pub use event::*;
