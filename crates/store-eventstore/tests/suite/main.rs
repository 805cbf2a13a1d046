//! The EventStoreDB backend, on the stand-in and on a real server if there is one.

mod conformance;
mod processes;
mod recovery;
mod support;
