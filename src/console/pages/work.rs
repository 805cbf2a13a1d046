//! Work in other systems: what is due, and what waits for somebody, with why and what to do.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::readmodel::Query;
use ledger_aggregates::intent::{Intent, IntentCommand};
use ledger_aggregates::values::{CancelReason, FailureWord, IntegrationId, IntentId};
use ledger_projections::intents::{INTENT, IntentRow};
use serde::Deserialize;
use serde_json::Value;

use crate::api::named;
use crate::auth::policy::Permission;
use crate::connect::operate;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::render::PAGE_ROWS;
use crate::console::view::{
    At, Choice, Link, Mark, Pager, address, failure_hint, spoken, state_mark, text_of, visible,
};
use crate::console::viewer::Viewer;
use crate::error::{ApiError, NOT_FOUND};

#[derive(Template)]
#[template(path = "work.html")]
struct Work {
    frame: Frame,
    states: Vec<Choice>,
    integration: String,
    lines: Vec<Line>,
    may_manage: bool,
    replay_all: bool,
    pager: Pager,
}

struct Line {
    id: String,
    kind: String,
    mark: Mark,
    integration: Link,
    ticket: Option<Link>,
    attempts: u64,
    reason: Option<String>,
    said: Option<String>,
    hint: Option<String>,
    due: Option<At>,
    at: At,
    index: u64,
    parked: bool,
    waits: bool,
}

/// Which work.
#[derive(Debug, Deserialize)]
pub struct Which {
    #[serde(default = "parked")]
    state: String,
    #[serde(default)]
    integration: String,
    #[serde(default)]
    cursor: String,
}

fn parked() -> String {
    "parked".to_owned()
}

const ROOM: &str = "/intents";

/// `GET /intents`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<Which>,
) -> Response {
    let made = build(&console, &viewer, &which).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, which: &Which) -> Result<Work, ApiError> {
    let tenant = viewer.tenant();
    let mut query = Query::new(&INTENT, tenant).order_by("requested_index").descending().limit(PAGE_ROWS);
    if which.state != "any" {
        query = query.is_text("state", &which.state);
    }
    if !which.integration.is_empty() {
        query = query.is_text("integration", &which.integration);
    }
    let found = console.rows::<IntentRow>(query, Some(&which.cursor)).await?;
    let indexes: Vec<u64> = found.rows.iter().filter_map(|row| row.detail_index).collect();
    let opened = console.app.opened(tenant, &indexes).await?;
    let detail = |row: &IntentRow| {
        let members = opened.get(&row.detail_index?)?;
        members.iter().find(|(name, _)| name == "detail").map(|(_, value)| value)
    };
    let lines: Vec<Line> = found.rows.iter().map(|row| line(row, detail(row))).collect();
    let kept = [("state", which.state.as_str()), ("integration", which.integration.as_str())];
    let may_manage = viewer.may(Permission::Manage);
    Ok(Work {
        frame: console.frame(viewer, "Work").await?,
        states: Choice::all(
            &["parked", "due", "running", "uncertain", "succeeded", "cancelled", "any"],
            &which.state,
        ),
        replay_all: may_manage && !which.integration.is_empty() && lines.iter().any(|line| line.parked),
        integration: which.integration.clone(),
        lines,
        may_manage,
        pager: Pager::new(ROOM, &kept, Some(&which.cursor), found.next),
    })
}

fn line(row: &IntentRow, detail: Option<&Value>) -> Line {
    let waits = matches!(&*row.state, "parked" | "due" | "uncertain");
    let reason = row.reason.filter(|_| waits);
    let (said, hint) = told(reason, detail);
    Line {
        id: row.intent.to_string(),
        kind: spoken(row.kind.as_str()),
        mark: state_mark(&row.state),
        integration: Link::to(
            row.integration.to_string(),
            address(ROOM, &[("state", &row.state), ("integration", row.integration.as_str())]),
        ),
        ticket: row.ticket.map(|ticket| Link::to("ticket", format!("/tickets/{ticket}"))),
        attempts: row.attempts,
        reason: reason.map(|reason| spoken(reason.as_str())),
        said,
        hint,
        due: row.due.map(At::from),
        at: row.requested_at.into(),
        index: row.changed_index,
        parked: &*row.state == "parked",
        waits,
    }
}

/// What the other side said, and what to do: the adapter's own hint where it gave one.
fn told(reason: Option<FailureWord>, detail: Option<&Value>) -> (Option<String>, Option<String>) {
    let Some(reason) = reason else { return (None, None) };
    let member = |name: &str| detail.and_then(|detail| detail.get(name)).and_then(Value::as_str);
    let said = match detail {
        Some(Value::String(text)) => Some(visible(text)),
        Some(detail) => Some(member("message").map_or_else(|| text_of(detail).0, visible)),
        None => None,
    };
    (said, Some(member("hint").map_or_else(|| failure_hint(reason).to_owned(), visible)))
}

/// `POST /intents/{id}/replay`
pub async fn replay(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, ()): Posted<()>,
) -> Response {
    let outcome = one(&console, &viewer, &id, &IntentCommand::Replay).await;
    console.done(&viewer, outcome.map(|()| "It is tried again."), ROOM).await
}

/// `POST /intents/{id}/cancel`
pub async fn cancel(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, ()): Posted<()>,
) -> Response {
    let command = IntentCommand::Cancel { reason: CancelReason::Requested };
    let outcome = one(&console, &viewer, &id, &command).await;
    console.done(&viewer, outcome.map(|()| "It is not carried out any more."), ROOM).await
}

async fn one(console: &Console, viewer: &Viewer, id: &str, command: &IntentCommand) -> Result<(), ApiError> {
    let intent: IntentId = named("intent", id)?;
    console.order::<Intent>(viewer, intent.stream(), command).await
}

/// Whose parked work.
#[derive(Debug, Deserialize)]
pub struct AllForm {
    integration: Option<String>,
}

/// `POST /intents/replay`
pub async fn replay_all(
    State(console): State<Arc<Console>>,
    Posted(viewer, form): Posted<AllForm>,
) -> Response {
    let outcome = async {
        viewer.needs(Permission::Manage)?;
        let name = form.integration.ok_or_else(|| ApiError::new(NOT_FOUND, "no integration is named"))?;
        let integration: IntegrationId = named("integration", &name)?;
        let replayed = operate::replay_all(&console.app, &viewer.caller, &integration).await?;
        Ok(format!("{replayed} pieces of work are tried again."))
    };
    let outcome = outcome.await;
    console.done(&viewer, outcome, ROOM).await
}
