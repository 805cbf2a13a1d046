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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn principal(role: Role, tenant: &str, operator: bool) -> Principal {
        let tenant = TenantId::new(tenant).expect("a tenant id");
        Principal { credential: Arc::from("0011223344556677"), tenant, role, operator, probe: None }
    }

    /// Written as a table on purpose: a change of the rules must be made twice to go unnoticed.
    #[test]
    fn each_role_has_its_permissions_and_no_other() {
        let own = TenantId::new("own").expect("a tenant id");
        for (role, operator, allowed) in [
            (Role::Admin, false, "public known read submit manage"),
            (Role::Admin, true, "public known read submit manage operate"),
            (Role::Viewer, false, "public known read"),
            (Role::Probe, false, "public known submit"),
        ] {
            let names: Vec<_> = Permission::ALL
                .into_iter()
                .filter(|permission| allows(&principal(role, "own", operator), &own, *permission))
                .map(Permission::as_str)
                .collect();
            assert_eq!(names.join(" "), allowed, "{role:?}");
        }
    }

    #[test]
    fn nobody_but_an_operator_may_do_anything_for_another_tenant() {
        let other = TenantId::new("other").expect("a tenant id");
        for permission in Permission::ALL {
            for role in [Role::Admin, Role::Viewer, Role::Probe] {
                assert!(
                    !allows(&principal(role, "own", false), &other, permission),
                    "{role:?} {permission:?}"
                );
            }
        }
        assert!(allows(&principal(Role::Admin, "system", true), &other, Permission::Read));
    }
}
