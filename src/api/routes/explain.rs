//! `GET /v1/routes/explain/{index}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::domain::DomainEvent;
use ledger::event::Header;
use ledger::ids::TenantId;
use ledger::readmodel::{Query, TypedRow};
use ledger_aggregates::control::ControlEvent;
use ledger_aggregates::route::{Occasion, RouteRule};
use ledger_aggregates::task::TaskEvent;
use ledger_aggregates::values::{ControlRef, RouteTrigger, Severity};
use ledger_projections::reactors::FAILURE;
use ledger_projections::routes::{ROUTE, RouteRow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, CONFLICT};
use crate::history::proof;

/// Routes that one answer weighs; deployments have a handful.
const ROUTES_MAX: usize = 1000;

/// What the routes that are in force now make of an event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explained {
    /// The event's number in the log.
    index: u64,
    /// Its type.
    r#type: String,
    /// What routes act on; absent: no route acts on events of this type.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    /// The control that it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<String>,
    /// How severe it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
    /// Each route with its verdict.
    routes: Vec<Verdict>,
}

/// What one route makes of the event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verdict {
    /// The route.
    route: String,
    /// Does it match?
    matches: bool,
    /// The first condition that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
    /// What it does.
    action: String,
    /// Where its tickets go.
    #[serde(skip_serializing_if = "Option::is_none")]
    integration: Option<String>,
}

/// What a route is asked about, out of an event.
struct Asked {
    on: RouteTrigger,
    control: Option<ControlRef>,
    severity: Severity,
}

/// Which routes match an event, and why the others do not.
#[utoipa::path(get, path = "/v1/routes/explain/{index}", tag = "integrations", params(("index" = u64, Path, description = "The event's number in the log")),
    responses((status = 200, description = "Each route with its verdict", body = Explained), (status = 404, description = "The log is shorter")))]
pub async fn explain(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(index): Path<String>,
) -> Result<Json<Explained>, ApiError> {
    let index: u64 = named("event", &index)?;
    let event = proof::event(&*app.store, &caller.tenant, index).await?;
    let header = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
    let asked = asked(&header)?;
    let verdicts = match &asked {
        Some(asked) => weigh(&app, &caller.tenant, asked).await?,
        None => Vec::new(),
    };
    Ok(Json(Explained {
        index,
        r#type: header.event_type.to_string(),
        on: asked.as_ref().map(|asked| asked.on.as_str().to_owned()),
        control: asked.as_ref().and_then(|asked| asked.control.as_ref()).map(ToString::to_string),
        severity: asked.as_ref().map(|asked| asked.severity.as_str().to_owned()),
        routes: verdicts,
    }))
}

/// The occasion that an event is; none: routes do not act on its type.
fn asked(header: &Header<'_>) -> Result<Option<Asked>, ApiError> {
    let data = serde_json::from_slice(header.data).map_err(ApiError::internal)?;
    let unread = |error| ApiError::new(CONFLICT, format!("the event cannot be read: {error}"));
    if let Some(ControlEvent::ObservationRaised(_)) =
        ControlEvent::decode(&header.event_type, &data).map_err(unread)?
    {
        let control = ControlRef::from_stream(&header.stream);
        return Ok(Some(Asked { on: RouteTrigger::ControlFailed, control, severity: FAILURE }));
    }
    let task = TaskEvent::decode(&header.event_type, &data)
        .map_err(|error| ApiError::new(CONFLICT, format!("the event cannot be read: {error}")))?;
    Ok(match task {
        Some(TaskEvent::Opened(e)) => {
            let (on, severity) = match e.epoch {
                Some(_) => (RouteTrigger::ControlFailed, FAILURE),
                None => (RouteTrigger::TaskOpenedByHand, e.severity),
            };
            Some(Asked { on, control: e.control, severity })
        }
        _ => None,
    })
}

async fn weigh(app: &App, tenant: &TenantId, asked: &Asked) -> Result<Vec<Verdict>, ApiError> {
    let occasion = Occasion { on: asked.on, control: asked.control.as_ref(), severity: asked.severity };
    let query = Query::new(&ROUTE, tenant).is_text("state", "set").limit(ROUTES_MAX);
    let rows = app.query(query).await?.rows;
    let verdict = |row: RouteRow| {
        let outcome = rule(&row).matches(&occasion);
        Verdict {
            route: row.route.to_string(),
            matches: outcome.is_ok(),
            why_not: outcome.err().map(|why| why.to_string()),
            action: row.action.as_str().to_owned(),
            integration: row.integration.map(|integration| integration.to_string()),
        }
    };
    Ok(rows.iter().filter_map(|row| RouteRow::from_row(row)).map(verdict).collect())
}

fn rule(row: &RouteRow) -> RouteRule {
    RouteRule {
        on: row.on,
        framework: row.framework.clone(),
        control: row.control.clone(),
        severity_min: row.severity_min,
        action: row.action,
        integration: row.integration.clone(),
        conflict: row.conflict,
        severity: row.severity,
        due_seconds: row.due_seconds.and_then(|seconds| seconds.try_into().ok()),
    }
}
