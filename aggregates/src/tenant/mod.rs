//! Tenants: who has a log.
//!
//! Slot, genesis and checkpoint key are given once and never change: anchors and auditors rely on them.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{OnboardTenant, TenantCommand};
pub use decide::{Tenant, TenantRefusal};
pub use event::*;
pub use state::TenantState;
