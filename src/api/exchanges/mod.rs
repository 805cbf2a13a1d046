//! `/v1/exchanges`: every request to another system, and what came back.

pub mod get;
pub mod list;
