//! `/v1/routes`: which failures become tasks, and which tasks become tickets where.

pub mod explain;
pub mod list;
pub mod remove;
pub mod set;
