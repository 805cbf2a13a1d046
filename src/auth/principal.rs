//! Who asks: the outcome of authentication.

use std::sync::Arc;

use ledger::ids::{Actor, ActorKind, CommandId, TenantId};
use ledger_aggregates::values::ProbeId;

pub use ledger_aggregates::values::Role;

use crate::error::{ApiError, FORBIDDEN};

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The credential's id: the actor in the events that follow.
    pub credential: Arc<str>,
    /// The tenant that the credential belongs to.
    pub tenant: TenantId,
    /// What he may do there.
    pub role: Role,
    /// May he act for any tenant, and on tenants themselves?
    pub operator: bool,
    /// The only probe that he may speak for.
    pub probe: Option<ProbeId>,
}

impl Principal {
    /// The operator at the machine: whoever may open the data directory's socket.
    pub fn local_operator(tenant: TenantId) -> Self {
        Self { credential: "local-operator".into(), tenant, role: Role::Admin, operator: true, probe: None }
    }

    /// The actor that events name.
    pub fn actor(&self) -> Actor {
        let kind = if self.role == Role::Probe { ActorKind::Probe } else { ActorKind::ApiKey };
        let id = CommandId::new(&*self.credential)
            .expect("credential ids are 16 hex digits or the operator's name");
        Actor { id, kind }
    }
}

/// A caller, and the tenant that he acts for.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who asks.
    pub principal: Arc<Principal>,
    /// For whom: his own tenant, or the one an operator named.
    pub tenant: TenantId,
}

impl Caller {
    /// The probe that counts: the one that is named, or the one that the key is bound to.
    ///
    /// # Errors
    /// `forbidden`: the key is bound to another probe.
    pub fn speaks_for(&self, named: Option<ProbeId>) -> Result<Option<ProbeId>, ApiError> {
        match (&self.principal.probe, named) {
            (Some(bound), Some(named)) if *bound != named => {
                Err(ApiError::new(FORBIDDEN, format!("the key speaks for the probe {bound} only")))
            }
            (Some(bound), _) => Ok(Some(bound.clone())),
            (None, named) => Ok(named),
        }
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        // The guard put it there; a route without a guard has no caller and answers nobody.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| ApiError::internal("route without a guard"))
    }
}
