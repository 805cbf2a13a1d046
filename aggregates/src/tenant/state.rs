//! What is known about a tenant.

use super::TenantEvent;
use crate::values::{Region, SuspendReason};

/// What is known about a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TenantState {
    /// It has no log.
    #[default]
    Absent,
    /// Its commands are taken.
    Active {
        /// Its permanent number in anchors.
        slot: u32,
        /// Where its data lives.
        region: Region,
    },
    /// Its commands are refused.
    Suspended {
        /// Its permanent number in anchors.
        slot: u32,
        /// Where its data lives.
        region: Region,
        /// Why.
        reason: SuspendReason,
    },
}

impl TenantState {
    pub(super) fn after(self, event: &TenantEvent) -> Self {
        match (self, event) {
            (_, TenantEvent::Onboarded(e)) => Self::Active { slot: e.slot, region: e.region.clone() },
            (
                Self::Active { slot, region } | Self::Suspended { slot, region, .. },
                TenantEvent::Suspended(e),
            ) => Self::Suspended { slot, region, reason: e.reason },
            (Self::Suspended { slot, region, .. }, TenantEvent::Resumed(_)) => Self::Active { slot, region },
            (state, TenantEvent::Renamed(_) | TenantEvent::Suspended(_) | TenantEvent::Resumed(_)) => state,
        }
    }
}
