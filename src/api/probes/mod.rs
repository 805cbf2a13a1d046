//! `/v1/probes`: who hands in evidence, how often it should be heard of, and whether it is.

pub mod get;
pub mod heartbeat;
pub mod list;
pub mod register;
pub mod retire;
