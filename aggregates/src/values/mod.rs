//! The values that commands, events and states are made of, each a type of its own.

mod control;
mod ids;
mod keys;
mod words;

pub use control::{ControlId, ControlRef, FrameworkId};
pub use ids::{
    AlertId, CheckId, CredentialId, EvidenceId, ExportId, IntegrationId, IntegrationKind, OriginName,
    ProbeId, ProbeKind, PublishedTitle, Region, SourceId, TargetRef, Version,
};
pub use keys::{HashBase64, HashText, KeyIdText, PublicKeyText, SignatureText, VkeyText};
pub use words::{
    AlertKind, AlertResolution, CheckResult, ControlStatus, DegradedReason, DisputeReason, Environment,
    ExportFailure, ExportPurpose, FrameworkSource, PauseReason, RetireReason, ReviewVerdict, RevokeReason,
    RevokedKeyReason, Role, Severity, SuspendReason,
};
