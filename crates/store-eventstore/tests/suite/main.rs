//! The EventStoreDB backend, on the stand-in and on a real server if there is one.

mod conformance;
mod life;
#[path = "../../../store-postgres/tests/support/mod.rs"]
mod postgres;
mod processes;
mod recovery;
mod same;
mod shared;
mod support;
