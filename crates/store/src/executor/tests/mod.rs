//! Commands over the memory store, with faults put between them and it.

mod bulk;
mod commands;
mod faults;
mod rotation;
pub(crate) mod support;
