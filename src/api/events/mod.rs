//! `/v1/events`: the history itself, searched, read and proven.

pub mod get;
pub mod proof;
pub mod search;
