//! Alerts: what asks for attention.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::ids::CommandId;
use ledger::readmodel::Query;
use ledger_aggregates::alert::{Alert, AlertCommand};
use ledger_aggregates::values::AlertId;
use ledger_projections::alerts::{ALERT, AlertRow};
use serde::Deserialize;

use crate::api::named;
use crate::auth::policy::Permission;
use crate::commands::Order;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::render::PAGE_ROWS;
use crate::console::view::{At, Choice, Link, Mark, Pager, alert_mark, spoken, stream_href};
use crate::console::viewer::Viewer;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Alerts {
    frame: Frame,
    states: Vec<Choice>,
    lines: Vec<Line>,
    may_manage: bool,
    pager: Pager,
}

struct Line {
    id: String,
    mark: Mark,
    words: String,
    state: String,
    open: bool,
    subject: Link,
    at: At,
}

/// Which alerts.
#[derive(Debug, Deserialize)]
pub struct Which {
    #[serde(default = "open")]
    state: String,
    #[serde(default)]
    cursor: String,
}

fn open() -> String {
    "open".to_owned()
}

/// `GET /alerts`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<Which>,
) -> Response {
    let made = build(&console, &viewer, &which).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, which: &Which) -> Result<Alerts, ApiError> {
    let frame = console.frame(viewer, "Alerts").await?;
    let query = Query::new(&ALERT, viewer.tenant()).order_by("raised_index").descending().limit(PAGE_ROWS);
    let query = if which.state == "any" { query } else { query.is_text("state", &which.state) };
    let found = console.rows::<AlertRow>(query, Some(&which.cursor)).await?;
    let line = |row: AlertRow| Line {
        id: row.alert.to_string(),
        mark: alert_mark(row.severity, row.kind),
        words: spoken(row.severity.as_str()),
        open: &*row.state == "open",
        state: match &row.acknowledged_by {
            Some(who) if &*row.state == "acknowledged" => format!("{} by {who}", spoken(&row.state)),
            _ => spoken(&row.state),
        },
        subject: Link::to(&*row.subject, stream_href(&row.subject)),
        at: row.raised_at.into(),
    };
    Ok(Alerts {
        frame,
        states: Choice::all(&["open", "acknowledged", "resolved", "any"], &which.state),
        lines: found.rows.into_iter().map(line).collect(),
        may_manage: viewer.may(Permission::Manage),
        pager: Pager::new("/alerts", &[("state", &which.state)], Some(&which.cursor), found.next),
    })
}

/// `POST /alerts/{id}/acknowledge`
pub async fn acknowledge(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, ()): Posted<()>,
) -> Response {
    let outcome = order(&console, &viewer, &id).await;
    console.done(&viewer, outcome.map(|()| "The alert is acknowledged."), "/alerts").await
}

async fn order(console: &Console, viewer: &Viewer, id: &str) -> Result<(), ApiError> {
    viewer.needs(Permission::Manage)?;
    let alert: AlertId = named("alert", id)?;
    // The same alert is acknowledged once: a second click is the same command.
    let command = CommandId::new(format!("console-acknowledge-{id}")).map_err(ApiError::internal)?;
    let order = Order::new(&viewer.caller, alert.stream(), command, id.as_bytes());
    console.app.command::<Alert>(&order, &AlertCommand::Acknowledge { note: None }).await?;
    Ok(())
}
