//! What may be asked of a tenant.

use ledger::ids::SubjectId;

use crate::values::{HashText, Region, SuspendReason, VkeyText};

/// What may be asked of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantCommand {
    /// Give a tenant its log.
    Onboard(Box<OnboardTenant>),
    /// Call it otherwise.
    Rename {
        /// What people call it now.
        display_name: String,
    },
    /// Refuse its commands from here on.
    Suspend {
        /// Why.
        reason: SuspendReason,
    },
    /// Take its commands again.
    Resume,
}

/// A tenant's log, made just before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnboardTenant {
    /// Its permanent number in anchors; the caller gives the next free one.
    pub slot: u32,
    /// The event hash of entry 0 of its log.
    pub genesis: HashText,
    /// The verifier key of its checkpoints.
    pub checkpoint_vkey: VkeyText,
    /// Where its data lives.
    pub region: Region,
    /// What people call it.
    pub display_name: String,
    /// Whom to ask, and under which subject that is kept.
    pub contact: Option<(SubjectId, String)>,
}
