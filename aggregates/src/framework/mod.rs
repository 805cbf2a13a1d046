//! Frameworks and their catalogues.

mod event;

pub use event::*;
