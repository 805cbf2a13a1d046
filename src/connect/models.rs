//! What the read models say about work: which integrations work, what is open or parked, where a poll goes on.

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, PAGE_ROWS_MAX, Query, TypedRow};
use ledger::time::Timestamp;
use ledger_aggregates::values::{IntegrationId, IntentId, RunKind, TicketId, ValueMac};
use ledger_projections::integrations::{INTEGRATION, IntegrationRow};
use ledger_projections::intents::{INTENT, IntentRow};
use ledger_projections::runs::{SYNC, SyncRow};
use ledger_projections::tickets::{TICKET, TicketRow};
use serde_json::Value;

use crate::app::App;
use crate::error::ApiError;

/// The states of intents that are not over.
const OPEN: [&str; 4] = ["due", "running", "uncertain", "parked"];

async fn typed<T: TypedRow>(app: &App, query: Query) -> Result<Vec<T>, ApiError> {
    Ok(app.query(query).await?.rows.iter().filter_map(|row| T::from_row(row)).collect())
}

/// The integrations of a tenant that are enabled.
///
/// # Errors
/// The read models.
pub async fn working(app: &App, tenant: &TenantId) -> Result<Vec<IntegrationId>, ApiError> {
    let query = Query::new(&INTEGRATION, tenant).is_text("state", "enabled").limit(PAGE_ROWS_MAX);
    Ok(typed::<IntegrationRow>(app, query).await?.into_iter().map(|row| row.integration).collect())
}

/// All intents of a tenant that are not over.
///
/// # Errors
/// The read models.
pub async fn open(app: &App, tenant: &TenantId) -> Result<Vec<IntentRow>, ApiError> {
    let mut open = Vec::new();
    for state in OPEN {
        let mut after = None;
        loop {
            let query = Query::new(&INTENT, tenant)
                .is_text("state", state)
                .order_by("requested_index")
                .after(after)
                .limit(PAGE_ROWS_MAX);
            let page = app.query(query).await?;
            open.extend(page.rows.iter().filter_map(|row| IntentRow::from_row(row)));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    Ok(open)
}

/// The parked intents of an integration, the oldest first.
///
/// # Errors
/// The read models.
pub async fn parked(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    limit: usize,
) -> Result<Vec<IntentId>, ApiError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let query = Query::new(&INTENT, tenant)
            .is_text("state", "parked")
            .is("integration", integration)
            .order_by("requested_index")
            .after(after)
            .limit(PAGE_ROWS_MAX);
        let page = app.query(query).await?;
        found.extend(page.rows.iter().filter_map(|row| IntentRow::from_row(row)).map(|row| row.intent));
        after = match page.next {
            Some(next) if found.len() < limit => Some(next),
            _ => break,
        };
    }
    found.truncate(limit);
    Ok(found)
}

/// How an integration stands with a kind of run.
///
/// # Errors
/// The read models.
pub async fn sync(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    what: RunKind,
) -> Result<Option<SyncRow>, ApiError> {
    let row = app.row(&SYNC, tenant, vec![Cell::of(integration), Cell::of(&what)]).await?;
    Ok(row.and_then(|row| SyncRow::from_row(&row)))
}

/// Where a poll goes on: behind the last whole one; none: at the beginning.
///
/// # Errors
/// The read models or the store.
pub async fn cursor(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
) -> Result<Option<Value>, ApiError> {
    let Some(index) = sync(app, tenant, integration, RunKind::Poll).await?.and_then(|row| row.cursor_index)
    else {
        return Ok(None);
    };
    disclosed(app, tenant, index, "cursor").await
}

/// A member that the event at an index discloses; none: it does not, or it is erased.
///
/// # Errors
/// The store.
pub async fn disclosed(
    app: &App,
    tenant: &TenantId,
    index: u64,
    member: &str,
) -> Result<Option<Value>, ApiError> {
    let members = app.opened(tenant, &[index]).await?.remove(&index).unwrap_or_default();
    Ok(members.into_iter().find(|(name, _)| name == member).map(|(_, value)| value))
}

/// When a kind of run was last due, or began where nobody scheduled it.
///
/// # Errors
/// The read models.
pub async fn last_run(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    what: RunKind,
) -> Result<Option<Timestamp>, ApiError> {
    let row = sync(app, tenant, integration, what).await?;
    // One that broke off with the server is made again: it is the same run.
    Ok(row.filter(|row| row.state.as_str() != "running").map(|row| row.due.unwrap_or(row.started_at)))
}

/// When a kind of run last ended well.
///
/// # Errors
/// The read models.
pub async fn last_finished(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    what: RunKind,
) -> Result<Option<Timestamp>, ApiError> {
    Ok(sync(app, tenant, integration, what).await?.and_then(|row| row.finished_at))
}

/// The tickets of an integration that stand at the other side, with the marks by which they are found there.
///
/// # Errors
/// The read models.
pub async fn standing(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
) -> Result<Vec<(TicketId, ValueMac)>, ApiError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let query = Query::new(&TICKET, tenant)
            .is("integration", integration)
            .order_by("integration")
            .order_by("requested_index")
            .after(after)
            .limit(PAGE_ROWS_MAX);
        let page = app.query(query).await?;
        let rows = page.rows.iter().filter_map(|row| TicketRow::from_row(row));
        let rows = rows.filter(|row| matches!(row.state.as_str(), "open" | "suspected"));
        found.extend(rows.filter_map(|row| Some((row.ticket, row.remote_mac?))));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// The ticket of ours that a thing at the other side is.
///
/// # Errors
/// The read models.
pub async fn ticket(
    app: &App,
    tenant: &TenantId,
    integration: &IntegrationId,
    remote: &ValueMac,
) -> Result<Option<TicketId>, ApiError> {
    let query = Query::new(&TICKET, tenant).is("remote_mac", remote);
    let rows = typed::<TicketRow>(app, query).await?;
    Ok(rows.into_iter().find(|row| row.integration == *integration).map(|row| row.ticket))
}
