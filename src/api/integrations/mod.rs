//! `/v1/integrations`: the registry of what the platform is connected with.

pub mod act;
pub mod authorise;
pub mod compare;
pub mod configurations;
pub mod configure;
pub mod dry_run;
pub mod get;
pub mod health;
pub mod list;
pub mod register;
pub mod replay;
pub mod restore;
pub mod run;
pub mod runs;
pub mod upgrade;
pub mod validate;
