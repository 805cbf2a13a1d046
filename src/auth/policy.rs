//! The one seam that decides who may do what. Everything that is not allowed here is refused.

use ledger::ids::TenantId;

use super::principal::{Principal, Role};

/// What an operation needs. The OpenAPI document names it in `x-permission`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Nothing: health, documentation.
    Public,
    /// A good key of any role.
    Known,
    /// To read read models, events, proofs and exports of the tenant.
    Read,
    /// To submit evidence, blobs and heartbeats.
    Submit,
    /// To change frameworks, integrations, probes, alerts and credentials of the tenant.
    Manage,
    /// To make tenants and read those of others.
    Operate,
}

impl Permission {
    /// The name in the OpenAPI document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Known => "known",
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Manage => "manage",
            Self::Operate => "operate",
        }
    }

    /// All of them, for tests and documents.
    #[cfg(test)]
    pub const ALL: [Self; 6] =
        [Self::Public, Self::Known, Self::Read, Self::Submit, Self::Manage, Self::Operate];
}

/// May `principal` use `permission` on `tenant`?
pub fn allows(principal: &Principal, tenant: &TenantId, permission: Permission) -> bool {
    if principal.tenant != *tenant && !principal.operator {
        return false;
    }
    match (principal.role, permission) {
        (_, Permission::Public | Permission::Known)
        | (Role::Admin, Permission::Read | Permission::Submit | Permission::Manage)
        | (Role::Viewer, Permission::Read)
        | (Role::Probe, Permission::Submit) => true,
        (Role::Admin, Permission::Operate) => principal.operator,
        (Role::Viewer | Role::Probe, _) => false,
    }
}
