//! The processes of adapters: spawned shut in, asked under deadlines, killed when they misbehave, replaced later.
//!
//! One long-lived process an integration instance. Nothing that it does can hurt another: it has no shared state,
//! its lines and its silence are bounded, and a call to it waits for it alone.
//!
//! | it | is ended by |
//! | --- | --- |
//! | leaks | its address space limit: allocation fails and it aborts |
//! | spins, hangs, is never ready | the deadline of the message (and RLIMIT_CPU if the host is gone) |
//! | floods | the bound on a line, on stderr, and on what comes unasked |
//! | writes garbage, deep JSON, a wrong id | the protocol's checks |
//! | dies | the end of its stream |
//!
//! After each it is killed with its whole process group and replaced at the next call, not before a backoff.

mod backoff;
mod instance;
pub mod package;
mod process;
mod program;
pub mod schema;
mod spawner;

pub use backoff::Backoff;
pub use instance::{CallError, Instance, Limits, Running};
pub use package::{Package, PackageError, Packages};
pub use process::ProcessError;
pub use program::Program;
