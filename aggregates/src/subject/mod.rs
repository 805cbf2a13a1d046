//! Data subjects: holds and erasure.

mod event;

pub use event::*;
