//! One control: why it has its status, its sources, its history, and what it was on a day.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query};
use ledger_aggregates::values::{ControlRef, ControlStatus};
use ledger_projections::controls::{
    CONTROL_HISTORY, CONTROL_SOURCE, ControlHistoryRow, ControlRow, ControlSourceRow, status_at,
};
use serde::Deserialize;
use serde_json::Value;

use super::story::Step;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::render::{PAGE_ROWS, evidence_href};
use crate::console::view::{At, Link, Mark, Pager, result_mark, spoken, status_mark, text_of};
use crate::console::viewer::Viewer;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "control.html")]
struct ControlPage {
    frame: Frame,
    framework: String,
    path: String,
    control: String,
    title: String,
    mark: Mark,
    why: Option<Why>,
    sources: Vec<Source>,
    sources_words: String,
    history: Vec<Step>,
    as_of_date: String,
    was: Option<Was>,
    prose: Vec<String>,
    pager: Pager,
}

struct Why {
    kind: &'static str,
    text: String,
    link: Option<Link>,
}

struct Source {
    check: String,
    source: Link,
    target: String,
    mark: Mark,
    overdue: bool,
    observed: At,
    stale_after: Option<At>,
    evidence: String,
}

struct Was {
    at: At,
    mark: Mark,
    evidence: Option<Link>,
}

/// Which part of the history.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    as_of: String,
    cursor: String,
}

/// Sources among which the worst are looked for.
const SOURCES_READ: usize = 1_000;
/// Sources that a page lists, the worst first: more takes longer to draw than to read.
const SOURCES_SHOWN: usize = 50;

/// `GET /frameworks/{framework}/{control}`
pub async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path((framework, control)): Path<(String, String)>,
    Params(which): Params<Which>,
) -> Response {
    let made = build(&console, &viewer, &framework, &control, &which).await;
    console.answer(&viewer, made).await
}

async fn build(
    console: &Console,
    viewer: &Viewer,
    framework: &str,
    control: &str,
    which: &Which,
) -> Result<ControlPage, ApiError> {
    let tenant = viewer.tenant();
    let unknown = || ApiError::not_found(format!("control {framework}.{control}"));
    let id = ControlRef::new(framework, control).map_err(|_| unknown())?;
    let key = vec![Cell::of(&id.framework), Cell::of(&id.control)];
    let row: ControlRow = console.row(tenant, key).await?.ok_or_else(unknown)?;
    let now = console.app.clock.now();
    let status = status_at(&row, now);
    let query =
        Query::new(&CONTROL_HISTORY, tenant).is("framework", &id.framework).is("control", &id.control);
    let changes =
        console.rows::<ControlHistoryRow>(query.descending().limit(PAGE_ROWS), Some(&which.cursor)).await?;
    let was = match console.as_of(tenant, &which.as_of).await? {
        None => None,
        Some(as_of) => {
            let then = console.control_then(tenant, &row, as_of).await?;
            Some(Was {
                at: as_of.time.into(),
                mark: status_mark(then.as_ref().map_or(ControlStatus::Unknown, |change| change.status)),
                evidence: then
                    .and_then(|change| change.evidence)
                    .map(|id| Link::to("this evidence", evidence_href(&id))),
            })
        }
    };
    let path = format!("/frameworks/{framework}/{control}");
    let title = row.title.as_deref().unwrap_or_default().to_owned();
    let sources = sources(console, tenant, &id).await?;
    Ok(ControlPage {
        frame: console.frame(viewer, format!("{} {title}", control.to_uppercase())).await?,
        framework: framework.to_owned(),
        path: path.clone(),
        control: control.to_uppercase(),
        title,
        mark: status_mark(status),
        why: why(&row, status),
        sources_words: match row.sources as usize {
            all if all > sources.len() => format!("The worst {} of {all}; the worst decides", sources.len()),
            _ => "The latest result of each source counts; the worst decides".to_owned(),
        },
        sources,
        history: changes.rows.iter().map(step).collect(),
        as_of_date: which.as_of.clone(),
        was,
        prose: prose(console, tenant, &row).await?,
        pager: Pager::new(&path, &[("as_of", &which.as_of)], Some(&which.cursor), changes.next),
    })
}

fn why(row: &ControlRow, status: ControlStatus) -> Option<Why> {
    let link =
        row.evidence.as_ref().map(|id| Link::to("See the evidence that changed it last.", evidence_href(id)));
    let text = match status {
        ControlStatus::Fail => {
            format!("{} of {} sources say that this control does not hold.", row.failing, row.sources)
        }
        ControlStatus::Stale => {
            let last = row.worst.map_or("nothing", |worst| worst.as_str());
            format!(
                "At least one source has missed its cadence. Together they said “{}” last.",
                spoken(last).to_lowercase()
            )
        }
        ControlStatus::Inconclusive => {
            "At least one source could say neither, or had checked nothing.".to_owned()
        }
        ControlStatus::Error => {
            "At least one check failed itself, so that nothing is known of the control.".to_owned()
        }
        ControlStatus::Pass | ControlStatus::NotApplicable | ControlStatus::Unknown => return None,
    };
    let kind = if matches!(status, ControlStatus::Fail | ControlStatus::Error) { "bad" } else { "warn" };
    Some(Why { kind, text, link })
}

async fn sources(console: &Console, tenant: &TenantId, id: &ControlRef) -> Result<Vec<Source>, ApiError> {
    let now = console.app.clock.now();
    let query = Query::new(&CONTROL_SOURCE, tenant).is("framework", &id.framework).is("control", &id.control);
    let rows = console.rows::<ControlSourceRow>(query.limit(SOURCES_READ), None).await?.rows;
    let mut sources: Vec<_> = rows.into_iter().map(|row| (row.result.weight(), row)).collect();
    sources.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let shown = |(_, row): (u8, ControlSourceRow)| Source {
        check: row.check.to_string(),
        source: Link::plain(row.source.to_string()),
        target: row.target_ref.to_string(),
        mark: result_mark(row.result),
        overdue: row.stale_after.is_some_and(|deadline| now > deadline),
        observed: row.observed_to.into(),
        stale_after: row.stale_after.map(At::from),
        evidence: evidence_href(&row.evidence),
    };
    Ok(sources.into_iter().take(SOURCES_SHOWN).map(shown).collect())
}

fn step(change: &ControlHistoryRow) -> Step {
    let words = match (&*change.change, change.previous) {
        ("status_changed", Some(previous)) => {
            format!("was {} before", spoken(previous.as_str()).to_lowercase())
        }
        ("observation_raised", _) => format!("failure {} began", change.failure.unwrap_or(0)),
        ("observation_resolved", _) => format!("failure {} ended", change.failure.unwrap_or(0)),
        ("went_stale", _) => "a source missed its cadence".to_owned(),
        (other, _) => spoken(other).to_lowercase(),
    };
    Step {
        mark: Some(status_mark(change.status)),
        words,
        about: change.evidence.as_ref().map(|id| Link::to("by this evidence", evidence_href(id))),
        note: None,
        at: change.time.into(),
        index: Some(change.index),
        actor: String::new(),
    }
}

/// The statement and guidance of the control, as the catalogue's event discloses them.
async fn prose(console: &Console, tenant: &TenantId, row: &ControlRow) -> Result<Vec<String>, ApiError> {
    let Some(index) = row.prose_index else { return Ok(Vec::new()) };
    let opened = console.app.opened(tenant, &[index]).await?.remove(&index).unwrap_or_default();
    let all = opened.into_iter().find(|(name, _)| name == "prose").map(|(_, value)| value);
    let own = all.as_ref().and_then(|all| all.get(row.control.as_str()));
    Ok(match own {
        None => Vec::new(),
        Some(Value::Object(parts)) => parts.values().map(|part| text_of(part).0).collect(),
        Some(text) => vec![text_of(text).0],
    })
}
