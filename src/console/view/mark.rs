//! Marks: a colour, a shape and always a word.

use ledger_aggregates::values::{AlertKind, CheckResult, ControlStatus, Severity};

use super::words::spoken;

/// How a state is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The colours, by class.
    pub class: &'static str,
    /// The shape.
    pub icon: &'static str,
    /// The word.
    pub label: String,
}

impl Mark {
    fn of(class: &'static str, label: impl Into<String>) -> Self {
        let icon = match class {
            "" => "unknown",
            "warn" => "alert",
            class => class,
        };
        Self { class, icon, label: label.into() }
    }
}

/// The mark of a control's status.
pub fn status_mark(status: ControlStatus) -> Mark {
    let class = match status {
        ControlStatus::Unknown => "unknown",
        ControlStatus::Pass => "pass",
        ControlStatus::Fail => "fail",
        ControlStatus::NotApplicable => "not_applicable",
        ControlStatus::Inconclusive => "inconclusive",
        ControlStatus::Error => "error",
        ControlStatus::Stale => "stale",
    };
    Mark::of(class, spoken(class))
}

/// The mark of a check's result.
pub fn result_mark(result: CheckResult) -> Mark {
    status_mark(result.into())
}

/// The mark of a thing's state, by its word.
pub fn state_mark(state: &str) -> Mark {
    let class = match state {
        "active" | "enabled" | "reporting" | "completed" | "accepted" | "disclosed" | "finished"
        | "succeeded" => "pass",
        "silent" | "failed" | "rejected" | "gone" | "conflict" => "fail",
        "erased" | "revoked" | "expired" | "retired" | "superseded" | "resolved" | "closed" | "over"
        | "cancelled" => "not_applicable",
        "paused" | "suspended" | "unregistered" | "degraded" | "acknowledged" | "parked" | "uncertain"
        | "suspected" | "claimed" | "unsent" => "warn",
        _ => "unknown",
    };
    Mark::of(class, spoken(state))
}

/// The mark of an alert: its urgency, and what it is about.
pub fn alert_mark(severity: Severity, kind: AlertKind) -> Mark {
    Mark { label: spoken(kind.as_str()), ..severity_mark(severity) }
}

/// The mark of how severe something is.
pub fn severity_mark(severity: Severity) -> Mark {
    let class = match severity {
        Severity::Critical => "fail",
        Severity::Warning => "warn",
        Severity::Info => "unknown",
    };
    Mark::of(class, spoken(severity.as_str()))
}
