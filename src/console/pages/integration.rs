//! One integration: how it stands, what it is configured to do, what it did.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query};
use ledger_aggregates::values::IntegrationId;
use ledger_projections::configurations::{CONFIGURATION, ConfigurationRow};
use ledger_projections::exchanges::{EXCHANGE, ExchangeRow};
use ledger_projections::integrations::IntegrationRow;
use ledger_projections::runs::{RUN, RunRow};
use serde_json::Value;

use super::integrations::{Card, card, mark};
use super::story::Step;
use crate::api::integrations::compare::differences;
use crate::api::integrations::health;
use crate::api::named;
use crate::auth::policy::Permission;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::view::{At, Fact, Mark, duration_words, spoken, state_mark, text_of, visible};
use crate::console::viewer::Viewer;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "integration.html")]
struct IntegrationPage {
    frame: Frame,
    card: Card,
    mark: Mark,
    paused: bool,
    startable: bool,
    may_manage: bool,
    facts: Vec<Fact>,
    config: Option<String>,
    versions: Vec<Version>,
    runs: Vec<RunLine>,
    exchanges: Vec<ExchangeLine>,
    story: Vec<Step>,
}

/// One configuration.
struct Version {
    number: u64,
    current: bool,
    restores: Option<u64>,
    at: At,
    by: String,
    index: u64,
    changes: Vec<Change>,
}

/// A member that a configuration changed.
struct Change {
    pointer: String,
    was: String,
    is: String,
}

struct RunLine {
    at: At,
    what: String,
    trigger: String,
    mark: Mark,
    facts: u64,
    detail: String,
    index: u64,
}

struct ExchangeLine {
    at: At,
    method: String,
    url: String,
    mark: Mark,
    ms: u64,
    index: u64,
}

/// Configurations, runs and exchanges that the page shows; the API pages all of them.
const SHOWN_MAX: usize = 20;
/// Changes of one configuration that the page shows.
const CHANGES_MAX: usize = 50;

/// `GET /integrations/{id}`
pub async fn show(State(console): State<Arc<Console>>, viewer: Viewer, Path(id): Path<String>) -> Response {
    let made = build(&console, &viewer, &id).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, id: &str) -> Result<IntegrationPage, ApiError> {
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
    let name = member(Some(row.name_index), "name").and_then(Value::as_str);
    let name = name.map_or_else(|| id.to_owned(), visible);
    let endpoint = member(row.config_index, "endpoint").or_else(|| member(Some(row.name_index), "endpoint"));
    let mut facts = facts(&row);
    facts.extend(endpoint.map(|value| Fact::new("Endpoint", text_of(value).0)));
    let config = member(row.config_index, "config").map(|value| text_of(value).0);
    let health = health::of(&console.app, tenant, &row).await?;
    let story = console.story(tenant, &integration.stream(), &["name", "detail"]).await?;
    Ok(IntegrationPage {
        frame: console.frame(viewer, name.clone()).await?,
        mark: mark(&row),
        paused: &*row.state == "paused",
        startable: &*row.state == "registered" && row.config_version.is_some(),
        may_manage: viewer.may(Permission::Manage),
        facts,
        config,
        versions: versions(console, tenant, &row).await?,
        runs: runs(console, tenant, &integration).await?,
        exchanges: exchanges(console, tenant, &integration).await?,
        story: story.into_iter().map(|told| told.step).collect(),
        card: card(&row, name, health),
    })
}

fn facts(row: &IntegrationRow) -> Vec<Fact> {
    vec![
        Fact::new("Adapter", format!("{} {}", row.kind, row.adapter_version)),
        Fact::new(
            "Works every",
            row.cadence_seconds.map_or_else(|| "as scheduled".to_owned(), duration_words),
        ),
        Fact::new(
            "Configuration",
            row.config_version.map_or_else(|| "none".to_owned(), |version| format!("version {version}")),
        ),
        Fact::new("Registered (UTC)", At::from(row.registered_at).short),
        Fact::new("Changed (UTC)", At::from(row.changed_at).short),
    ]
}

async fn versions(
    console: &Console,
    tenant: &TenantId,
    row: &IntegrationRow,
) -> Result<Vec<Version>, ApiError> {
    // One more than is shown, so that the last one shown can be compared too.
    let query = Query::new(&CONFIGURATION, tenant).is("integration", &row.integration).descending();
    let rows = console.rows::<ConfigurationRow>(query.limit(SHOWN_MAX + 1), None).await?.rows;
    let indexes: Vec<u64> = rows.iter().map(|row| row.config_index).collect();
    let opened = console.app.opened(tenant, &indexes).await?;
    let config = |row: &ConfigurationRow| {
        let found = opened.get(&row.config_index)?.iter().find(|(name, _)| name == "config");
        found.map(|(_, value)| value)
    };
    let version = |(at, kept): (usize, &ConfigurationRow)| {
        let changes = match (rows.get(at + 1).and_then(config), config(kept)) {
            (Some(was), Some(is)) => differences(was, is),
            _ => Vec::new(),
        };
        let shown =
            |value: &Option<Value>| value.as_ref().map_or_else(|| "–".to_owned(), |value| text_of(value).0);
        let change = |it: &crate::api::integrations::compare::Difference| Change {
            pointer: it.pointer.clone(),
            was: shown(&it.was),
            is: shown(&it.is),
        };
        Version {
            number: kept.version,
            current: Some(kept.version) == row.config_version,
            restores: kept.restores,
            at: kept.set_at.into(),
            by: kept.set_by.to_string(),
            index: kept.config_index,
            changes: changes.iter().take(CHANGES_MAX).map(change).collect(),
        }
    };
    Ok(rows.iter().enumerate().take(SHOWN_MAX).map(version).collect())
}

async fn runs(console: &Console, tenant: &TenantId, id: &IntegrationId) -> Result<Vec<RunLine>, ApiError> {
    let query = Query::new(&RUN, tenant).is("integration", id).order_by("started_index").descending();
    let rows = console.rows::<RunRow>(query.limit(SHOWN_MAX), None).await?.rows;
    let indexes: Vec<u64> = rows.iter().filter_map(|row| row.ended_index).collect();
    let mut details = console.texts(tenant, &indexes, "detail").await?;
    let line = |row: RunRow| {
        let said = row.ended_index.and_then(|index| details.remove(&index));
        let why = row.failure.map(|it| it.as_str()).or_else(|| row.gap.map(|it| it.as_str()));
        RunLine {
            at: row.started_at.into(),
            what: spoken(row.what.as_str()),
            trigger: spoken(row.trigger.as_str()).to_lowercase(),
            mark: state_mark(&row.state),
            facts: row.facts,
            detail: said.or_else(|| why.map(spoken)).unwrap_or_default(),
            index: row.ended_index.unwrap_or(row.started_index),
        }
    };
    Ok(rows.into_iter().map(line).collect())
}

async fn exchanges(
    console: &Console,
    tenant: &TenantId,
    id: &IntegrationId,
) -> Result<Vec<ExchangeLine>, ApiError> {
    let query = Query::new(&EXCHANGE, tenant).is("integration", id).order_by("index").descending();
    let rows = console.rows::<ExchangeRow>(query.limit(SHOWN_MAX), None).await?.rows;
    let indexes: Vec<u64> = rows.iter().map(|row| row.index).collect();
    let mut urls = console.texts(tenant, &indexes, "url").await?;
    let line = |row: ExchangeRow| ExchangeLine {
        at: row.started_at.into(),
        method: row.method.as_str().to_owned(),
        url: urls.remove(&row.index).unwrap_or_else(|| "–".to_owned()),
        mark: match row.status {
            Some(status) if status < 400 => Mark { label: status.to_string(), ..state_mark("completed") },
            Some(status) => Mark { label: status.to_string(), ..state_mark("failed") },
            None => state_mark(&row.outcome),
        },
        ms: row.duration_ms,
        index: row.index,
    };
    Ok(rows.into_iter().map(line).collect())
}
