//! Whether an integration works well, as its log tells it. Degrading it raises an alert that says what to do.

use std::sync::Arc;

use ledger::ids::{CommandId, TenantId, uuid_v7};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::{DegradedReason, IntegrationId};
use ledger_connectors::protocol::FailureKind;

use super::attempt::{Verdict, told_to_people};
use super::record::PART;
use super::validate::Misfit;
use crate::app::App;
use crate::commands::Order;
use crate::error::ApiError;

/// One lost answer is the internet; so many in a row are an outage.
const FAILURES_MIN: u32 = 3;

/// Notes what a piece of work says about the connection.
///
/// # Errors
/// The store.
pub async fn note(
    app: &Arc<App>,
    tenant: &TenantId,
    integration: &IntegrationId,
    verdict: &Verdict,
) -> Result<(), ApiError> {
    let Some(row) = app.integration(tenant, integration).await? else { return Ok(()) };
    match verdict {
        Verdict::Silent => Ok(()),
        Verdict::Well => {
            app.connect.failures_forgotten(tenant, integration);
            if row.degraded.is_none() {
                return Ok(());
            }
            order(app, tenant, integration, &IntegrationCommand::Recover).await
        }
        Verdict::Ill(failure) => {
            let Some(reason) = reason(failure.kind) else { return Ok(()) };
            let passes = failure.kind.is_retryable();
            if passes && app.connect.failed_again(tenant, integration) < FAILURES_MIN {
                return Ok(());
            }
            // The aggregate knows that it is degraded already; the row spares asking it each time.
            if row.degraded.as_ref().is_some_and(|known| known.as_str() == reason.as_str()) {
                return Ok(());
            }
            degrade(app, tenant, integration, reason, told_to_people(failure)).await
        }
    }
}

/// Notes that the configuration does not fit, so that no work can be begun.
///
/// # Errors
/// The store.
pub async fn misfits(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    misfits: &[Misfit],
) -> Result<(), ApiError> {
    let told: Vec<String> = misfits
        .iter()
        .map(|misfit| {
            let hint = misfit.hint.as_deref().map_or_else(String::new, |hint| format!(" ({hint})"));
            format!("{}: {}{hint}", misfit.pointer, misfit.detail)
        })
        .collect();
    degrade(app, tenant, integration, DegradedReason::Configuration, told.join("; ")).await
}

/// Notes that an integration works badly.
///
/// # Errors
/// The store.
pub async fn degrade(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    reason: DegradedReason,
    detail: String,
) -> Result<(), ApiError> {
    let command = IntegrationCommand::Degrade { reason, detail: Some(detail) };
    order(app, tenant, integration, &command).await
}

async fn order(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    command: &IntegrationCommand,
) -> Result<(), ApiError> {
    let id = CommandId::new(uuid_v7(&*app.clock, &*app.entropy).to_string()).map_err(ApiError::internal)?;
    let order = Order::system(PART, tenant, integration.stream(), id);
    app.command::<Integration>(&order, command).await.map(drop)
}

/// A failure as a reason for working badly; none: it concerns one ticket alone.
const fn reason(kind: FailureKind) -> Option<DegradedReason> {
    match kind {
        FailureKind::Unavailable => Some(DegradedReason::Unreachable),
        FailureKind::RateLimited => Some(DegradedReason::RateLimited),
        FailureKind::Unauthenticated | FailureKind::Forbidden => Some(DegradedReason::Unauthorized),
        FailureKind::NeedsConfiguration => Some(DegradedReason::Configuration),
        FailureKind::Malformed => Some(DegradedReason::RemoteError),
        FailureKind::Unsupported | FailureKind::Adapter => Some(DegradedReason::Adapter),
        FailureKind::Missing
        | FailureKind::Blocked
        | FailureKind::Conflict
        | FailureKind::Closed
        | FailureKind::Rejected => None,
    }
}
