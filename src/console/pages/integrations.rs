//! Integrations: how each system on the other side of the border stands.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::ids::StreamId;
use ledger::readmodel::Query;
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::{IntegrationId, PauseReason};
use ledger_projections::integrations::{INTEGRATION, IntegrationRow};
use serde::Deserialize;

use super::probes::Which;
use crate::api::integrations::health::{self, COUNTED_MAX, Health};
use crate::api::integrations::restore::restore as restore_by_api;
use crate::api::named;
use crate::auth::policy::Permission;
use crate::connect::operate;
use crate::connect::runs::Made;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::posted::Posted;
use crate::console::render::PAGE_ROWS;
use crate::console::view::{At, Mark, Pager, address, spoken, state_mark, visible};
use crate::console::viewer::Viewer;
use crate::error::{ApiError, CONFLICT, NOT_FOUND};

#[derive(Template)]
#[template(path = "integrations.html")]
struct Integrations {
    frame: Frame,
    cards: Vec<Card>,
    may_manage: bool,
    pager: Pager,
}

/// How one integration stands, as people read it.
pub struct Card {
    /// Its page.
    pub href: String,
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its adapter, with the version.
    pub kind: String,
    /// Its state.
    pub mark: Mark,
    /// What is wrong with it, and what to do.
    pub wrong: Option<String>,
    /// Does it work, so that a run can be made?
    pub enabled: bool,
    /// When everything was last read.
    pub last_sync: Option<At>,
    /// When the connection was last seen to work.
    pub last_look: Option<At>,
    /// The last run that did not read everything.
    pub last_error: Option<CardError>,
    /// When it works next.
    pub next_run: Option<At>,
    /// Pieces of work that wait for somebody.
    pub parked: String,
    /// Do any?
    pub any_parked: bool,
    /// Where they are shown.
    pub parked_href: String,
    /// Pieces of work that are due.
    pub due: String,
}

/// The last run that did not read everything.
pub struct CardError {
    /// When.
    pub at: At,
    /// What, in a few words.
    pub words: String,
    /// Has one succeeded since?
    pub over: bool,
}

/// `GET /integrations`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<Which>,
) -> Response {
    let made = build(&console, &viewer, &which).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, which: &Which) -> Result<Integrations, ApiError> {
    let tenant = viewer.tenant();
    let query = Query::new(&INTEGRATION, tenant).limit(PAGE_ROWS);
    let found = console.rows::<IntegrationRow>(query, Some(&which.cursor)).await?;
    let indexes: Vec<u64> = found.rows.iter().map(|row| row.name_index).collect();
    let mut names = console.texts(tenant, &indexes, "name").await?;
    let mut cards = Vec::with_capacity(found.rows.len());
    for row in found.rows {
        let health = health::of(&console.app, tenant, &row).await?;
        let name = names.remove(&row.name_index).unwrap_or_else(|| row.integration.to_string());
        cards.push(card(&row, name, health));
    }
    Ok(Integrations {
        frame: console.frame(viewer, "Integrations").await?,
        cards,
        may_manage: viewer.may(Permission::Manage),
        pager: Pager::new("/integrations", &[], Some(&which.cursor), found.next),
    })
}

/// How an integration stands, as people read it.
pub fn card(row: &IntegrationRow, name: String, health: Health) -> Card {
    let count =
        |count: usize| if count < COUNTED_MAX { count.to_string() } else { format!("{count} or more") };
    let reason = row.degraded.as_ref().or(row.reason.as_ref()).map(|reason| spoken(reason));
    let wrong = match (reason, health.degraded_detail) {
        (Some(reason), Some(detail)) => Some(format!("{reason}: {}", visible(&detail))),
        (reason, _) => reason,
    };
    let last_error = health.last_error.map(|error| CardError {
        at: error.at.into(),
        words: visible(&error.detail.or(error.failure).unwrap_or_else(|| "broken off".to_owned())),
        over: error.over,
    });
    let id = row.integration.to_string();
    Card {
        href: format!("/integrations/{id}"),
        name,
        kind: format!("{} {}", row.kind, row.adapter_version),
        mark: mark(row),
        wrong,
        enabled: &*row.state == "enabled",
        last_sync: health.last_sync.map(At::from),
        last_look: health.last_look.map(At::from),
        last_error,
        next_run: health.next_run.map(At::from),
        parked: count(health.parked),
        any_parked: health.parked > 0,
        parked_href: address("/intents", &[("state", "parked"), ("integration", &id)]),
        due: count(health.due),
        id,
    }
}

/// The mark of an integration.
pub fn mark(row: &IntegrationRow) -> Mark {
    state_mark(if row.degraded.is_some() { "degraded" } else { &row.state })
}

/// A run to be made.
#[derive(Debug, Deserialize)]
pub struct RunForm {
    what: Option<String>,
}

/// `POST /integrations/{id}/run`
pub async fn run(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, form): Posted<RunForm>,
) -> Response {
    let outcome = run_now(&console, &viewer, &id, &form).await;
    console.done(&viewer, outcome, &format!("/integrations/{id}")).await
}

async fn run_now(console: &Console, viewer: &Viewer, id: &str, form: &RunForm) -> Result<String, ApiError> {
    viewer.needs(Permission::Manage)?;
    let integration: IntegrationId = named("integration", id)?;
    let what = operate::run_kind(form.what.as_deref().unwrap_or("poll"))?;
    match operate::run_now(&console.app, viewer.tenant(), &integration, what).await? {
        Made::Before => Ok("This run was made before.".to_owned()),
        Made::Whole { facts, .. } => Ok(format!("{}: done, {facts} facts found.", spoken(what.as_str()))),
        Made::Broken(failure) => Err(ApiError::new(CONFLICT, operate::to_people(&failure))
            .hint("the run is recorded; mend what it says, then run it again")),
    }
}

/// What is to be done with an integration.
#[derive(Debug, Deserialize)]
pub struct ActForm {
    action: String,
}

/// `POST /integrations/{id}/act`
pub async fn act(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, form): Posted<ActForm>,
) -> Response {
    let wanted = command(&id, &form.action);
    console.act::<Integration>(&viewer, wanted, &format!("/integrations/{id}")).await
}

fn command(id: &str, action: &str) -> Result<(StreamId, IntegrationCommand, &'static str), ApiError> {
    let integration: IntegrationId = named("integration", id)?;
    let (command, said) = match action {
        "enable" => (IntegrationCommand::Enable, "The integration works from now on."),
        "pause" => {
            let command = IntegrationCommand::Pause { reason: PauseReason::Requested };
            (command, "The integration stands still; its work waits.")
        }
        "resume" => (IntegrationCommand::Resume, "The integration works again."),
        _ => return Err(ApiError::new(NOT_FOUND, "there is no such action")),
    };
    Ok((integration.stream(), command, said))
}

/// A configuration to be put in force again.
#[derive(Debug, Deserialize)]
pub struct RestoreForm {
    version: u32,
}

/// `POST /integrations/{id}/restore`
pub async fn restore(
    State(console): State<Arc<Console>>,
    Path(id): Path<String>,
    Posted(viewer, form): Posted<RestoreForm>,
) -> Response {
    let outcome = async {
        viewer.needs(Permission::Manage)?;
        let path = Path((id.clone(), form.version.to_string()));
        let app = State(Arc::clone(&console.app));
        let (_, _) = restore_by_api(app, viewer.caller.clone(), path, axum::http::HeaderMap::new()).await?;
        Ok(format!("Configuration {} is in force again.", form.version))
    };
    let outcome = outcome.await;
    console.done(&viewer, outcome, &format!("/integrations/{id}")).await
}
