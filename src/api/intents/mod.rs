//! `/v1/intents`: what is to be brought about in other systems.

pub mod cancel;
pub mod dry_run;
pub mod get;
pub mod list;
pub mod preview;
pub mod replay;
