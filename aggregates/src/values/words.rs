//! The closed sets of words.

use crate::choices;

choices! {
    /// What a check found.
    CheckResult {
        /// The control holds.
        Pass = "pass",
        /// The control does not hold.
        Fail = "fail",
        /// The check does not apply to the target.
        NotApplicable = "not_applicable",
        /// The check ran and can say neither; nothing checked is inconclusive.
        Inconclusive = "inconclusive",
        /// The check itself failed.
        Error = "error",
    }
}

impl CheckResult {
    /// The order in which results of several sources outweigh each other: fail, error, inconclusive, pass, not applicable.
    pub const fn weight(self) -> u8 {
        match self {
            Self::NotApplicable => 0,
            Self::Pass => 1,
            Self::Inconclusive => 2,
            Self::Error => 3,
            Self::Fail => 4,
        }
    }

    /// Does a failure end with this result?
    pub const fn is_recovery(self) -> bool {
        matches!(self, Self::Pass | Self::NotApplicable)
    }
}

choices! {
    /// What a control is like.
    ControlStatus {
        /// No evidence yet.
        Unknown = "unknown",
        /// Every source says that it holds, or does not apply.
        Pass = "pass",
        /// At least one source says that it does not hold.
        Fail = "fail",
        /// Every source says that it does not apply.
        NotApplicable = "not_applicable",
        /// At least one source can say neither, and none says worse.
        Inconclusive = "inconclusive",
        /// At least one source could not check, and none says fail.
        Error = "error",
        /// At least one source missed its cadence.
        Stale = "stale",
    }
}

impl From<CheckResult> for ControlStatus {
    fn from(result: CheckResult) -> Self {
        match result {
            CheckResult::Pass => Self::Pass,
            CheckResult::Fail => Self::Fail,
            CheckResult::NotApplicable => Self::NotApplicable,
            CheckResult::Inconclusive => Self::Inconclusive,
            CheckResult::Error => Self::Error,
        }
    }
}

choices! {
    /// What a credential may do.
    Role {
        /// Everything in its tenant.
        Admin = "admin",
        /// Hand in evidence and heartbeats.
        Probe = "probe",
        /// Read.
        Viewer = "viewer",
    }
}

choices! {
    /// What a credential is for.
    Environment {
        /// Real data.
        Live = "live",
        /// Trials.
        Test = "test",
    }
}

choices! {
    /// Why a signing key was revoked; the words of `ledger::epochs`.
    RevokedKeyReason {
        /// Someone else may have it.
        Compromised = "compromised",
        /// Nobody has it any more.
        Lost = "lost",
        /// It is no longer needed.
        Retired = "retired",
    }
}

choices! {
    /// Why a range of entries is in doubt; the words of `ledger::epochs`.
    DisputeReason {
        /// The key was in other hands.
        Compromised = "compromised",
        /// The clock was wrong.
        Clock = "clock",
        /// An operator's or a program's error.
        Error = "error",
    }
}

choices! {
    /// Why a credential was revoked.
    RevokeReason {
        /// Someone else may know it.
        Compromised = "compromised",
        /// Another takes its place.
        Superseded = "superseded",
        /// It is no longer needed.
        NoLongerNeeded = "no_longer_needed",
    }
}

choices! {
    /// Why a tenant was suspended.
    SuspendReason {
        /// The operator decided so.
        Operator = "operator",
        /// The contract has ended.
        ContractEnded = "contract_ended",
        /// A security incident is looked into.
        Security = "security",
    }
}

choices! {
    /// Where a framework's catalogue came from.
    FrameworkSource {
        /// An OSCAL catalog.
        Oscal = "oscal",
        /// The catalogue that ships with the product.
        Starter = "starter",
        /// A request to the API.
        Api = "api",
    }
}

choices! {
    /// What a reviewer thinks of a piece of evidence.
    ReviewVerdict {
        /// It shows what it claims.
        Accepted = "accepted",
        /// It does not, and no longer counts.
        Rejected = "rejected",
    }
}

choices! {
    /// Why an integration was paused.
    PauseReason {
        /// Somebody asked for it.
        Requested = "requested",
        /// Its budget of failures is used up.
        TooManyFailures = "too_many_failures",
        /// Its credentials no longer work.
        Credentials = "credentials",
    }
}

choices! {
    /// Why an integration or a probe was retired.
    RetireReason {
        /// Somebody asked for it.
        Requested = "requested",
        /// Another takes its place.
        Replaced = "replaced",
    }
}

choices! {
    /// Why an integration works badly.
    DegradedReason {
        /// The other side cannot be reached.
        Unreachable = "unreachable",
        /// The other side refuses the credentials.
        Unauthorized = "unauthorized",
        /// The other side limits the rate.
        RateLimited = "rate_limited",
        /// The other side answers with errors.
        RemoteError = "remote_error",
        /// The configuration does not fit the other side.
        Configuration = "configuration",
        /// The adapter fails.
        Adapter = "adapter",
    }
}

choices! {
    /// What an alert is about.
    AlertKind {
        /// A control fails.
        ControlFailed = "control_failed",
        /// A control's evidence missed its cadence.
        ControlStale = "control_stale",
        /// A probe sends no heartbeat.
        ProbeSilent = "probe_silent",
        /// A credential is about to expire.
        CredentialExpiring = "credential_expiring",
        /// An integration works badly.
        IntegrationDegraded = "integration_degraded",
        /// A projection holds back an event that it cannot fold.
        ProjectionQuarantined = "projection_quarantined",
        /// Work in another system waits for somebody.
        WorkParked = "work_parked",
        /// Both sides changed the same field of a ticket.
        TicketConflict = "ticket_conflict",
        /// A ticket is gone, or may not be seen any more.
        TicketMissing = "ticket_missing",
        /// An integration was not heard of in time.
        IntegrationSilent = "integration_silent",
        /// The other side limits the rate.
        RateLimited = "rate_limited",
        /// A token of a connection is about to expire.
        TokenExpiring = "token_expiring",
        /// A token of a connection has expired, or is refused.
        TokenExpired = "token_expired",
        /// The other side cannot be made to send its messages here.
        WebhooksFailing = "webhooks_failing",
    }
}

choices! {
    /// How urgent an alert is.
    Severity {
        /// To be known.
        Info = "info",
        /// To be looked at.
        Warning = "warning",
        /// To be acted on.
        Critical = "critical",
    }
}

choices! {
    /// Why an alert is over.
    AlertResolution {
        /// What it was about has recovered.
        Recovered = "recovered",
        /// Somebody closed it.
        Closed = "closed",
    }
}

choices! {
    /// What an export is for.
    ExportPurpose {
        /// An audit.
        Audit = "audit",
        /// A regulator's request.
        Regulator = "regulator",
        /// The tenant's own copy.
        Portability = "portability",
        /// A backup.
        Backup = "backup",
    }
}

choices! {
    /// Why an export failed.
    ExportFailure {
        /// The target could not be written.
        Target = "target",
        /// The ledger did not verify.
        Integrity = "integrity",
        /// It was stopped.
        Cancelled = "cancelled",
    }
}
