//! `/v1/frameworks`: catalogues of controls, and how the tenant stands in each.

pub mod import;
pub mod list;
pub mod scorecard;
pub mod starter;
