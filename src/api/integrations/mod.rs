//! `/v1/integrations`: the registry of what the platform is connected with.

pub mod act;
pub mod configure;
pub mod get;
pub mod list;
pub mod register;
