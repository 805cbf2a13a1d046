//! `GET /v1/integrations/{id}/health`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use ledger::ids::TenantId;
use ledger::readmodel::{Query, TypedRow};
use ledger::time::Timestamp;
use ledger_aggregates::values::{IntegrationId, RunKind};
use ledger_projections::integrations::IntegrationRow;
use ledger_projections::intents::INTENT;
use ledger_projections::runs::{SYNC, SyncRow};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::models::disclosed;
use crate::connect::{validate, webhooks};
use crate::error::ApiError;

/// More pieces of work in one state than this are not counted.
pub const COUNTED_MAX: usize = 100;
/// An integration has one row for each kind of run.
const KINDS_MAX: usize = 8;

/// How an integration stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Health {
    /// `registered`, `enabled`, `paused` or `retired`.
    pub state: String,
    /// Why it works badly; absent: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degraded: Option<String>,
    /// What the other side said then, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degraded_detail: Option<String>,
    /// When a poll last read everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_sync: Option<Timestamp>,
    /// When the connection was last seen to work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_look: Option<Timestamp>,
    /// The last run that did not read everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// When the next poll is due, or the next look where nothing is polled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_run: Option<Timestamp>,
    /// The messages of the other side that the ledger has registered for itself; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<Webhooks>,
    /// Pieces of work that wait for somebody; 100 stands for more.
    pub parked: usize,
    /// Pieces of work that are due; 100 stands for more.
    pub due: usize,
}

/// A registration of messages at the other side.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Webhooks {
    /// When it was last seen to stand.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Timestamp,
    /// When it ends unless it is renewed, which the ledger does before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// The last run that failed or read less than everything.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LastError {
    /// `poll`, `health`, `reconcile`, `subscribe` or `unsubscribe`.
    pub what: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Which kind of failure; absent: it was broken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Has the same kind of run succeeded since?
    pub over: bool,
}

/// How an integration stands: its last sync, its last error, what waits, and when it works next.
#[utoipa::path(get, path = "/v1/integrations/{id}/health", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    responses((status = 200, description = "How it stands", body = Health), (status = 404, description = "There is none")))]
pub async fn health(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Health>, ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    let row = app.integration(&caller.tenant, &id).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("integration {id}")))?;
    of(&app, &caller.tenant, &row).await.map(Json)
}

/// How an integration stands.
///
/// # Errors
/// The read models or the store.
pub async fn of(app: &App, tenant: &TenantId, row: &IntegrationRow) -> Result<Health, ApiError> {
    let query = Query::new(&SYNC, tenant).is("integration", &row.integration).limit(KINDS_MAX);
    let rows = app.query(query).await?.rows;
    let syncs: Vec<SyncRow> = rows.iter().filter_map(|row| SyncRow::from_row(row)).collect();
    let of_kind = |what| syncs.iter().find(|sync| sync.what == what);
    let finished = |what| of_kind(what).and_then(|sync| sync.finished_at);
    let next_run = match &*row.state {
        "enabled" => next_run(app, tenant, row, of_kind(RunKind::Poll), of_kind(RunKind::Health)).await?,
        _ => None,
    };
    let degraded_detail = match row.degraded_index.filter(|_| row.degraded.is_some()) {
        Some(index) => text(app, tenant, index, "detail").await?,
        None => None,
    };
    let webhooks = webhooks::standing(app, tenant, &row.integration).await?;
    Ok(Health {
        state: row.state.to_string(),
        degraded: row.degraded.as_ref().map(ToString::to_string),
        degraded_detail,
        last_sync: finished(RunKind::Poll),
        last_look: finished(RunKind::Health),
        last_error: last_error(app, tenant, &syncs).await?,
        next_run,
        webhooks: webhooks.map(|found| Webhooks { seen_at: found.seen_at, expires_at: found.expires_at }),
        parked: count(app, tenant, &row.integration, "parked").await?,
        due: count(app, tenant, &row.integration, "due").await?,
    })
}

async fn count(app: &App, tenant: &TenantId, id: &IntegrationId, state: &str) -> Result<usize, ApiError> {
    let query = Query::new(&INTENT, tenant).is_text("state", state).is("integration", id).limit(COUNTED_MAX);
    Ok(app.query(query).await?.rows.len())
}

async fn last_error(app: &App, tenant: &TenantId, syncs: &[SyncRow]) -> Result<Option<LastError>, ApiError> {
    let Some(last) = syncs.iter().filter(|sync| sync.failed_at.is_some()).max_by_key(|sync| sync.failed_at)
    else {
        return Ok(None);
    };
    let detail = match last.failed_index {
        Some(index) => text(app, tenant, index, "detail").await?,
        None => None,
    };
    Ok(last.failed_at.map(|at| LastError {
        what: last.what.as_str().to_owned(),
        at,
        failure: last.failure.map(|failure| failure.as_str().to_owned()),
        detail,
        over: last.finished_at.is_some_and(|finished| finished > at),
    }))
}

async fn text(app: &App, tenant: &TenantId, index: u64, member: &str) -> Result<Option<String>, ApiError> {
    Ok(disclosed(app, tenant, index, member).await?.map(|value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    }))
}

/// When an integration that works does so next; nothing of it is kept, so it is worked out again here.
async fn next_run(
    app: &App,
    tenant: &TenantId,
    row: &IntegrationRow,
    poll: Option<&SyncRow>,
    look: Option<&SyncRow>,
) -> Result<Option<Timestamp>, ApiError> {
    let config = app.integration_config(tenant, row).await?;
    let Ok(document) = validate::read(&config) else { return Ok(None) };
    let last = |sync: Option<&SyncRow>| sync.map(|sync| sync.due.unwrap_or(sync.started_at));
    // A first run is due at once.
    let now = app.clock.now();
    if let Some(schedule) = document.schedule.as_ref().and_then(|spec| spec.compile().ok()) {
        let Some(last) = last(poll) else { return Ok(Some(now)) };
        return Ok(schedule.next_after(last, row.integration.as_str()).map(|next| next.max(now)));
    }
    let every = Duration::from_secs(document.health_every_seconds);
    Ok(last(look).map(|last| last.plus(every).max(now)))
}
