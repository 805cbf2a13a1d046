//! What happens to a tenant. Its stream stands in the log of the system.

use crate::events;
use crate::schema::{Confidential, Personal};
use crate::values::{HashText, Region, SuspendReason, VkeyText};

events! {
    /// What happened to a tenant.
    "tenant" TenantEvent {
        /// A tenant got its log: the slot in anchors is permanent, the genesis and the checkpoint key are pinned.
        Onboarded(TenantOnboarded) = "ledger.tenant.onboarded.v1" {
            /// Its permanent number in anchors.
            slot: u32,
            /// The event hash of entry 0 of its log.
            genesis: HashText,
            /// The verifier key of its checkpoints.
            checkpoint_vkey: VkeyText,
            /// Where its data lives.
            region: Region,
            /// What people call it.
            display_name: Confidential<String>,
            /// Whom to ask.
            contact: Personal<Contact>,
        }
        /// A tenant is called otherwise.
        Renamed(TenantRenamed) = "ledger.tenant.renamed.v1" {
            /// What people call it now.
            display_name: Confidential<String>,
        }
        /// A tenant's commands are refused from here on; reading stays possible.
        Suspended(TenantSuspended) = "ledger.tenant.suspended.v1" {
            /// Why.
            reason: SuspendReason,
        }
        /// A tenant's commands are taken again.
        Resumed(TenantResumed) = "ledger.tenant.resumed.v1" {
        }
    }
}

/// The name or address of a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact(pub String);

impl crate::schema::Private for Contact {
    const KIND: crate::schema::Kind = crate::schema::Kind::Contact;

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::String(self.0.clone())
    }
}
