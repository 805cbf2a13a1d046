//! What the server says of itself: health, metrics, documents, who is asking.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, CODES};

/// Is the process alive?
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "Alive", body = str)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The queue server between workers.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueStanding {
    /// Where it is.
    server: String,
    /// Is there a connection?
    connected: bool,
    /// What is wrong, in words.
    problem: Option<String>,
}

/// Whether the server can do its work, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Can it take commands and answer from read models that are not far behind?
    ready: bool,
    /// Can the store commit?
    store: bool,
    /// Highest committed position.
    position: u64,
    /// Events that the read models have not folded yet.
    projection_lag: u64,
    /// Events that the reactors have not looked at yet: what follows from them is still to come. Nothing: another process
    /// reacts.
    reaction_lag: Option<u64>,
    /// The queue server that this process takes work from. Nothing: it takes it from the log, or does none.
    queue: Option<QueueStanding>,
    /// The ledger's name.
    ledger: String,
    /// How this process calls itself among others: host, process, and a part of its own.
    process: String,
    /// What this process is there for: `all`, `serve` or `work`.
    role: &'static str,
    /// What this process does as the only one.
    duties: Vec<String>,
    /// Events that could not be folded.
    quarantined: u64,
    /// What is wrong, in words.
    problems: Vec<String>,
    /// What should be looked at though the ledger works, in words.
    warnings: Vec<String>,
}

/// The read models may lag this far behind before the server says that it is not ready.
pub const LAG_EVENTS_MAX: u64 = 200_000;

/// Can it do its work?
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "Ready", body = Readiness), (status = 503, description = "Not ready", body = Readiness)))]
pub async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let (position, lag) = (*app.store.subscribe().borrow(), app.views.lag());
    let mut problems = app.problems();
    if lag > LAG_EVENTS_MAX {
        problems.push(format!("the read models are {lag} events behind"));
    }
    let store = !app.store_in_trouble.load(std::sync::atomic::Ordering::Relaxed);
    let ready = problems.is_empty();
    let quarantined = app.views.poisoned().len() as u64;
    let body = Readiness {
        ready,
        store,
        position,
        projection_lag: lag,
        reaction_lag: app.reaction_lag(),
        queue: app.queue.as_ref().map(|queue| {
            let standing = queue.standing().borrow().clone();
            QueueStanding { server: queue.shown(), connected: standing.connected, problem: standing.trouble }
        }),
        ledger: app.name.clone(),
        process: app.duties.holder().to_owned(),
        role: app.role.as_str(),
        duties: app.duties.held(),
        quarantined,
        problems,
        warnings: app.warnings(),
    };
    (if ready { StatusCode::OK } else { crate::error::UNAVAILABLE.http() }, Json(body))
}

/// Metrics for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "OpenMetrics text", body = str)))]
pub async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    app.metrics.position.set(*app.store.subscribe().borrow());
    app.metrics.projection_lag.set(app.views.lag());
    app.metrics.reaction_lag.set(app.reaction_lag().unwrap_or(0));
    app.metrics.duties.set(app.duties.held().len() as u64);
    let connected = app.queue.as_ref().is_some_and(|queue| queue.standing().borrow().connected);
    app.metrics.queue_connected.set(u64::from(connected));
    app.metrics.quarantined.set(app.views.poisoned().len() as u64);
    (
        [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
        app.metrics.encode(),
    )
}

/// The page of a kind of problem.
#[utoipa::path(get, path = "/problems/{code}", tag = "documents", params(("code" = String, Path, description = "The last part of a problem's type")),
    responses((status = 200, description = "What it means and how to mend it", content_type = "text/markdown"), (status = 404, description = "No such kind")))]
pub async fn problem(Path(slug): Path<String>) -> Result<Response, ApiError> {
    let code = CODES
        .iter()
        .find(|code| code.slug == slug)
        .ok_or_else(|| ApiError::not_found("this kind of problem"))?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], code.page).into_response())
}

/// Who asks, and what he may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct WhoAmI {
    /// The credential's id.
    credential: String,
    /// Its role.
    role: &'static str,
    /// The tenant that this request acts for.
    tenant: String,
    /// May it act for every tenant?
    operator: bool,
    /// The ledger's name.
    ledger: String,
    /// The origin line of the tenant's checkpoints.
    origin: String,
    /// The tenant's trust file: what a verifier is given out of band.
    trust: String,
}

/// Who am I?
#[utoipa::path(get, path = "/v1/whoami", tag = "credentials", responses((status = 200, body = WhoAmI)))]
pub async fn whoami(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<WhoAmI>, ApiError> {
    let log = app.log(&caller.tenant)?;
    Ok(Json(WhoAmI {
        credential: caller.principal.credential.to_string(),
        role: caller.principal.role.as_str(),
        tenant: caller.tenant.to_string(),
        operator: caller.principal.operator,
        ledger: app.name.clone(),
        origin: log.info.origin.clone(),
        trust: crate::history::export::trust_file(&app, &log).to_string(),
    }))
}
