//! Integrations: the registry of systems on the other side of the border.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::readmodel::{Cell, Query};
use ledger_aggregates::values::IntegrationId;
use ledger_projections::integrations::{INTEGRATION, IntegrationRow};
use serde_json::Value;

use super::probes::{RoomLink, Thing, Which};
use crate::api::named;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::render::PAGE_ROWS;
use crate::console::view::{At, Fact, Mark, Pager, duration_words, spoken, state_mark, text_of, visible};
use crate::console::viewer::Viewer;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "integrations.html")]
struct Integrations {
    frame: Frame,
    lines: Vec<Line>,
    pager: Pager,
}

struct Line {
    href: String,
    id: String,
    name: String,
    kind: String,
    version: String,
    mark: Mark,
    reason: Option<String>,
    config: String,
    at: At,
}

/// `GET /integrations`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<Which>,
) -> Response {
    let made = build_list(&console, &viewer, &which).await;
    console.answer(&viewer, made).await
}

async fn build_list(console: &Console, viewer: &Viewer, which: &Which) -> Result<Integrations, ApiError> {
    let tenant = viewer.tenant();
    let query = Query::new(&INTEGRATION, tenant).limit(PAGE_ROWS);
    let found = console.rows::<IntegrationRow>(query, Some(&which.cursor)).await?;
    let indexes: Vec<u64> = found.rows.iter().map(|row| row.name_index).collect();
    let mut names = console.texts(tenant, &indexes, "name").await?;
    let line = |row: IntegrationRow| Line {
        href: format!("/integrations/{}", row.integration),
        name: names.remove(&row.name_index).unwrap_or_else(|| row.integration.to_string()),
        kind: row.kind.to_string(),
        version: row.adapter_version.to_string(),
        mark: mark(&row),
        reason: row.degraded.as_ref().or(row.reason.as_ref()).map(|reason| spoken(reason).to_lowercase()),
        config: row.config_version.map_or_else(|| "none".to_owned(), |version| format!("version {version}")),
        at: row.changed_at.into(),
        id: row.integration.to_string(),
    };
    Ok(Integrations {
        frame: console.frame(viewer, "Integrations").await?,
        lines: found.rows.into_iter().map(line).collect(),
        pager: Pager::new("/integrations", &[], Some(&which.cursor), found.next),
    })
}

fn mark(row: &IntegrationRow) -> Mark {
    state_mark(if row.degraded.is_some() { "degraded" } else { &row.state })
}

/// `GET /integrations/{id}`
pub async fn show(State(console): State<Arc<Console>>, viewer: Viewer, Path(id): Path<String>) -> Response {
    let made = build(&console, &viewer, &id).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, id: &str) -> Result<Thing, ApiError> {
    let tenant = viewer.tenant();
    let integration: IntegrationId = named("integration", id)?;
    let row: Option<IntegrationRow> = console.row(tenant, vec![Cell::of(&integration)]).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("integration {id}")))?;
    let indexes: Vec<u64> = [row.name_index].into_iter().chain(row.config_index).collect();
    let opened = console.app.opened(tenant, &indexes).await?;
    let member = |index: Option<u64>, name: &str| {
        let members = index.and_then(|index| opened.get(&index))?;
        members.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    };
    let title =
        member(Some(row.name_index), "name").and_then(Value::as_str).map_or_else(|| id.to_owned(), visible);
    let endpoint = member(row.config_index, "endpoint").or_else(|| member(Some(row.name_index), "endpoint"));
    let mut facts = facts(&row);
    facts.extend(endpoint.map(|value| Fact::new("Endpoint", text_of(value).0)));
    facts.extend(
        member(row.config_index, "config").map(|value| Fact::new("Configuration", text_of(value).0).mono()),
    );
    let told = console.story(tenant, &integration.stream(), &["name", "detail"]).await?;
    Ok(Thing {
        frame: console.frame(viewer, title.clone()).await?,
        room: RoomLink { href: "/integrations", label: "Integrations" },
        id: id.to_owned(),
        title,
        mark: mark(&row),
        story: told.into_iter().map(|told| told.step).collect(),
        facts,
    })
}

fn facts(row: &IntegrationRow) -> Vec<Fact> {
    vec![
        Fact::new("Kind", row.kind.to_string()),
        Fact::new("Adapter", row.adapter_version.to_string()),
        Fact::new("Works every", row.cadence_seconds.map_or_else(|| "–".to_owned(), duration_words)),
        Fact::new(
            "Configuration",
            row.config_version.map_or_else(|| "none".to_owned(), |version| format!("version {version}")),
        ),
        Fact::new("Registered (UTC)", At::from(row.registered_at).short),
        Fact::new("Changed (UTC)", At::from(row.changed_at).short),
    ]
}
