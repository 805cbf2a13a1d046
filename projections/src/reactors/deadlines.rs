//! From deadlines that have passed to commands that note it.
//!
//! The scheduler reads rows whose deadline has passed from the read models and gives them here with the time.
//! The aggregates look at the clock themselves: a row that lags behind its aggregate causes nothing.

use std::time::Duration;

use ledger::domain::Cause;
use ledger::ids::{StreamId, TenantId};
use ledger::time::Timestamp;
use ledger_aggregates::alert::{AlertCommand, RaiseAlert};
use ledger_aggregates::control::{ControlCommand, status};
use ledger_aggregates::credential::CredentialCommand;
use ledger_aggregates::probe::ProbeCommand;
use ledger_aggregates::task::TaskCommand;
use ledger_aggregates::values::{AlertId, AlertKind, ControlRef, CredentialId, ProbeId, Severity, TaskId};

use super::intent::command_id;
use super::{Intent, IntentCommand};

/// How long before its end a credential is warned of: two weeks leave time to rotate it.
pub const CREDENTIAL_WARNING: Duration = Duration::from_secs(14 * 86_400);

/// A control's earliest deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlDeadline {
    /// Whose control.
    pub tenant: TenantId,
    /// Which.
    pub control: ControlRef,
    /// When its first source will have missed its cadence.
    pub stale_after: Timestamp,
}

/// A probe's deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeDeadline {
    /// Whose probe.
    pub tenant: TenantId,
    /// Which.
    pub probe: ProbeId,
    /// When it will count as silent.
    pub silent_after: Timestamp,
}

/// A credential's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialDeadline {
    /// Whose credential.
    pub tenant: TenantId,
    /// Which.
    pub credential: CredentialId,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// The end of an accepted risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskDeadline {
    /// Whose task.
    pub tenant: TenantId,
    /// Which.
    pub task: TaskId,
    /// When the risk is accepted no longer.
    pub reconsider_at: Timestamp,
}

/// Marks the controls stale whose deadline has passed.
pub fn overdue_controls(rows: impl IntoIterator<Item = ControlDeadline>, now: Timestamp) -> Vec<Intent> {
    let overdue = rows.into_iter().filter(|row| status::overdue(Some(row.stale_after), now));
    overdue
        .map(|row| {
            let stream = row.control.stream();
            let command = IntentCommand::Control(row.control, ControlCommand::MarkStale);
            intent("overdue-controls", row.tenant, &stream, row.stale_after, command)
        })
        .collect()
}

/// Marks the probes silent whose deadline has passed.
pub fn overdue_probes(rows: impl IntoIterator<Item = ProbeDeadline>, now: Timestamp) -> Vec<Intent> {
    let overdue = rows.into_iter().filter(|row| now > row.silent_after);
    overdue
        .map(|row| {
            let stream = row.probe.stream();
            let command = IntentCommand::Probe(row.probe, ProbeCommand::MarkSilent);
            intent("overdue-probes", row.tenant, &stream, row.silent_after, command)
        })
        .collect()
}

/// Ends the credentials whose end has come, and warns of those whose end is near.
pub fn overdue_credentials(
    rows: impl IntoIterator<Item = CredentialDeadline>,
    now: Timestamp,
) -> Vec<Intent> {
    rows.into_iter().filter_map(|row| credential(row, now)).collect()
}

fn credential(row: CredentialDeadline, now: Timestamp) -> Option<Intent> {
    let stream = row.credential.stream();
    if row.expires_at <= now {
        let command = IntentCommand::Credential(row.credential, CredentialCommand::Expire);
        return Some(intent("overdue-credentials", row.tenant, &stream, row.expires_at, command));
    }
    if row.expires_at > now.plus(CREDENTIAL_WARNING) {
        return None;
    }
    let kind = AlertKind::CredentialExpiring;
    let alert = AlertId::of(&row.tenant, kind, &stream, row.expires_at);
    let raise = RaiseAlert {
        kind,
        severity: Severity::Warning,
        subject: stream,
        deadline: Some(row.expires_at),
        detail: None,
    };
    let command = IntentCommand::Alert(alert, AlertCommand::Raise(raise));
    Some(intent("expiring-credentials", row.tenant, &alert.stream(), row.expires_at, command))
}

/// Looks again at the tasks whose accepted risk has ended.
pub fn ended_risks(rows: impl IntoIterator<Item = RiskDeadline>, now: Timestamp) -> Vec<Intent> {
    let ended = rows.into_iter().filter(|row| now > row.reconsider_at);
    ended
        .map(|row| {
            let stream = row.task.stream();
            let command = IntentCommand::Task(row.task, TaskCommand::Reconsider);
            intent("ended-risks", row.tenant, &stream, row.reconsider_at, command)
        })
        .collect()
}

/// Time is the cause, so there is no event to name.
fn intent(
    reactor: &str,
    tenant: TenantId,
    stream: &StreamId,
    deadline: Timestamp,
    command: IntentCommand,
) -> Intent {
    let id = command_id(reactor, &tenant, stream, [deadline]);
    Intent { tenant, id, cause: Cause::default(), command }
}
