//! Ids of alerts.

use std::fmt::Display;

use ledger::ids::{StreamId, TenantId};
use uuid::Uuid;

use crate::values::{AlertId, AlertKind};

/// The namespace of alert ids: UUIDv5 of the URL namespace and `urn:integration-ledger:alert`.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x28ec_b90d_6b43_5917_9c14_a434_f643_d37f);

impl AlertId {
    /// The alert of one occurrence: `occurrence` tells this one from the next about the same subject
    /// (the number of a failure, a missed deadline).
    pub fn of(tenant: &TenantId, kind: AlertKind, subject: &StreamId, occurrence: impl Display) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("{tenant}\n{kind}\n{subject}\n{occurrence}").as_bytes()))
    }
}
