//! `/v1/evidence`: handing in what probes found, and reading it back.

pub mod batch;
pub mod get;
pub mod input;
pub mod list;
pub mod submit;
