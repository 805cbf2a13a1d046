//! Integrations with other systems.
//!
//! An integration needs a configuration before it is enabled. Degraded is a health, not a stop: work goes on or waits.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{IntegrationCommand, limits};
pub use decide::{Integration, IntegrationRefusal};
pub use event::*;
pub use state::{Activity, Health, IntegrationState, Registration};
