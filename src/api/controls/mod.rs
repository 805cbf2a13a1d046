//! `/v1/controls`: how the tenant stands, control by control, now and at any time before.

pub mod get;
pub mod history;
pub mod list;
