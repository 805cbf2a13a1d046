//! Where read models are stored: the contract of a backend, and the backend in memory.
//!
//! A **generation** is one complete set of read models at one schema. The current one is queried and followed;
//! a rebuild fills a second one beside it and publishes it in one step.

mod contract;
mod error;
mod memory;

pub use contract::{Claim, Generation, Progress, TenantDigests, ViewCommit, ViewStore};
pub use error::ViewError;
pub use memory::MemoryViews;
