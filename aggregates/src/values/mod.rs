//! The values that commands, events and states are made of, each a type of its own.

mod control;
mod derived;
mod ids;
mod keys;
mod words;
mod work;

pub use control::{ControlId, ControlRef, FrameworkId};
pub use ids::{
    AlertId, CheckId, CredentialId, EvidenceId, ExchangeId, ExportId, FieldName, IntegrationId,
    IntegrationKind, IntentId, OriginName, ProbeId, ProbeKind, PublishedTitle, Region, RouteId, RunId,
    SecretName, SourceId, TargetRef, TaskId, TicketId, ValueMac, Version,
};
pub use keys::{HashBase64, HashText, KeyIdText, PublicKeyText, SignatureText, VkeyText};
pub use words::{
    AlertKind, AlertResolution, CheckResult, ControlStatus, DegradedReason, DisputeReason, Environment,
    ExportFailure, ExportPurpose, FrameworkSource, PauseReason, RetireReason, ReviewVerdict, RevokeReason,
    RevokedKeyReason, Role, Severity, SuspendReason,
};
pub use work::{
    CancelReason, ClaimSource, CloseReason, ConflictChoice, ConflictPolicy, EffectKind, EffectPurpose,
    ExchangePurpose, FailureWord, HttpMethod, RepeatRule, RouteAction, RouteTrigger, RunGap, RunKind,
    RunTrigger, Side, TicketEnd, TicketStatus,
};
