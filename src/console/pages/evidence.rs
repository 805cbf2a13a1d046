//! The evidence repository, and the whole story of one piece of evidence.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::ids::{EventId, TenantId};
use ledger::readmodel::{Cell, Query, Test};
use ledger_aggregates::values::{CheckResult, ControlRef, ControlStatus, EvidenceId};
use ledger_projections::audit::{AUDIT, AuditRow};
use ledger_projections::controls::{ControlRow, status_at};
use ledger_projections::evidence::{EVIDENCE, EvidenceIdRow, EvidenceRow};
use serde::Deserialize;
use serde_json::Value;

use super::story::{Step, Told, tell};
use crate::api::named;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::render::{PAGE_ROWS, evidence_href};
use crate::console::view::{
    At, Choice, Fact, Finding, Link, Mark, Pager, duration_words, findings_of, result_mark, spoken,
    status_mark, stream_href, text_of, visible,
};
use crate::console::viewer::Viewer;
use crate::error::ApiError;
use crate::history::proof;

#[derive(Template)]
#[template(path = "evidence_list.html")]
struct EvidenceList {
    frame: Frame,
    results: Vec<Choice>,
    check: String,
    probe: String,
    lines: Vec<Line>,
    pager: Pager,
}

struct Line {
    href: String,
    title: String,
    check: String,
    mark: Mark,
    controls: Vec<ControlLink>,
    more_controls: usize,
    checked: u64,
    skipped: u64,
    source: Link,
    at: At,
}

struct ControlLink {
    href: String,
    text: String,
}

#[derive(Template)]
#[template(path = "evidence.html")]
struct EvidencePage {
    frame: Frame,
    id: String,
    title: String,
    mark: Mark,
    doubt: Option<String>,
    summary: Option<String>,
    findings: Vec<Finding>,
    more_findings: usize,
    nothing_found: &'static str,
    blobs: Vec<Blob>,
    story: Vec<Step>,
    controls: Vec<ControlNow>,
    facts: Vec<Fact>,
    index: u64,
}

struct Blob {
    name: String,
    about: String,
}

struct ControlNow {
    href: String,
    text: String,
    title: String,
    mark: Mark,
}

/// Filters of the list, as they stand in its address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filters {
    result: String,
    check: String,
    probe: String,
    cursor: String,
}

/// Controls of a piece of evidence that the list names.
const CONTROLS_SHOWN: usize = 3;
/// Results that can be asked for.
const RESULTS: [CheckResult; 5] = [
    CheckResult::Fail,
    CheckResult::Error,
    CheckResult::Inconclusive,
    CheckResult::Pass,
    CheckResult::NotApplicable,
];
/// Events that a piece of evidence caused elsewhere and that its story tells.
const EFFECTS_MAX: usize = 32;

/// `GET /evidence`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(filters): Params<Filters>,
) -> Response {
    let made = build_list(&console, &viewer, &filters).await;
    console.answer(&viewer, made).await
}

async fn build_list(console: &Console, viewer: &Viewer, filters: &Filters) -> Result<EvidenceList, ApiError> {
    let tenant = viewer.tenant();
    let frame = console.frame(viewer, "Evidence").await?;
    let mut query = Query::new(&EVIDENCE, tenant).descending().limit(PAGE_ROWS);
    if let Ok(result) = filters.result.parse::<CheckResult>() {
        query = query.is("result", &result);
    }
    if !filters.check.is_empty() {
        query = query.filter("check", Test::Prefix(filters.check.to_lowercase()));
    }
    if !filters.probe.is_empty() {
        query = query.is_text("probe", &filters.probe);
    }
    let found = console.rows::<EvidenceRow>(query, Some(&filters.cursor)).await?;
    let indexes: Vec<u64> = found.rows.iter().map(|row| row.index).collect();
    let mut titles = console.texts(tenant, &indexes, "title").await?;
    let lines = found.rows.into_iter().map(|row| line(&row, titles.remove(&row.index))).collect();
    let kept = [("result", filters.result.as_str()), ("check", &filters.check), ("probe", &filters.probe)];
    Ok(EvidenceList {
        frame,
        results: RESULTS
            .map(|result| Choice::new(result.as_str(), spoken(result.as_str()), &filters.result))
            .into(),
        check: filters.check.clone(),
        probe: filters.probe.clone(),
        lines,
        pager: Pager::new("/evidence", &kept, Some(&filters.cursor), found.next),
    })
}

fn line(row: &EvidenceRow, title: Option<String>) -> Line {
    let controls = controls_of(&row.controls);
    Line {
        href: evidence_href(&row.evidence),
        title: title.unwrap_or_else(|| row.check.to_string()),
        check: row.check.to_string(),
        mark: result_mark(row.result),
        more_controls: controls.len().saturating_sub(CONTROLS_SHOWN),
        controls: controls
            .iter()
            .take(CONTROLS_SHOWN)
            .map(|control| ControlLink {
                href: control_href(control),
                text: control.control.to_string().to_uppercase(),
            })
            .collect(),
        checked: row.checked,
        skipped: row.skipped,
        source: source(row),
        at: row.received_at.into(),
    }
}

fn source(row: &EvidenceRow) -> Link {
    match &row.probe {
        Some(probe) => Link::to(probe.to_string(), format!("/probes/{probe}")),
        None => Link::plain(&*row.actor),
    }
}

/// The page of a control.
pub fn control_href(control: &ControlRef) -> String {
    format!("/frameworks/{}/{}", control.framework, control.control)
}

fn controls_of(text: &str) -> Vec<ControlRef> {
    text.split(' ').filter_map(|control| control.parse().ok()).collect()
}

/// `GET /evidence/{id}`
pub async fn show(State(console): State<Arc<Console>>, viewer: Viewer, Path(id): Path<String>) -> Response {
    let made = build(&console, &viewer, &id).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, id: &str) -> Result<EvidencePage, ApiError> {
    let tenant = viewer.tenant();
    let evidence: EvidenceId = named("evidence", id)?;
    let missing = || ApiError::not_found(format!("evidence {id}"));
    let place: EvidenceIdRow = console.row(tenant, vec![Cell::of(&evidence)]).await?.ok_or_else(missing)?;
    let row: EvidenceRow = console.row(tenant, vec![Cell::of(&place.index)]).await?.ok_or_else(missing)?;
    let opened = console.app.opened(tenant, &[row.index]).await?.remove(&row.index).unwrap_or_default();
    let member = |name: &str| opened.iter().find(|(found, _)| found == name).map(|(_, value)| value);
    let text = |name: &str| member(name).map(|value| text_of(value).0);
    let title = text("title").unwrap_or_else(|| row.check.to_string());
    let (findings, more_findings) = findings_of(member("findings"));
    Ok(EvidencePage {
        frame: console.frame(viewer, title.clone()).await?,
        id: id.to_owned(),
        title,
        mark: result_mark(row.result),
        doubt: doubt(&row),
        summary: text("summary"),
        findings,
        more_findings,
        nothing_found: if opened.is_empty() {
            "Its details are not disclosed, or were erased."
        } else {
            "The sender added no details."
        },
        blobs: blobs(member("blobs")),
        story: story(console, tenant, &row).await?,
        controls: controls(console, tenant, &row).await?,
        facts: facts(&row, text("target")),
        index: row.index,
    })
}

/// What a reader must know before believing the result.
fn doubt(row: &EvidenceRow) -> Option<String> {
    if let Some(reported) = row.reported_result {
        return Some(format!(
            "The sender reported “{}” but had checked nothing: the ledger records “{}”.",
            spoken(reported.as_str()).to_lowercase(),
            spoken(row.result.as_str()).to_lowercase(),
        ));
    }
    match &*row.state {
        "rejected" => Some("A reviewer rejected this evidence: it no longer counts.".to_owned()),
        "superseded" => Some("Other evidence takes its place: it no longer counts.".to_owned()),
        "expired" => Some("It is too old to count.".to_owned()),
        _ => None,
    }
}

fn blobs(value: Option<&Value>) -> Vec<Blob> {
    let items = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let text =
        |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(visible).unwrap_or_default();
    items
        .iter()
        .map(|item| {
            let size = item.get("size").and_then(Value::as_u64).unwrap_or(0);
            Blob { name: text(item, "name"), about: format!("{}, {size} bytes", text(item, "media_type")) }
        })
        .collect()
}

/// Its own events, then what they caused elsewhere.
async fn story(console: &Console, tenant: &TenantId, row: &EvidenceRow) -> Result<Vec<Step>, ApiError> {
    let mut told = console.story(tenant, &row.evidence.stream(), &["note"]).await?;
    told.reverse();
    let submitted = proof::event(&*console.app.store, tenant, row.index).await?;
    let header = ledger::event::Header::parse_trusted(&submitted.header).map_err(ApiError::internal)?;
    for effect in effects(console, tenant, &header.id).await? {
        told.push(effect);
    }
    told.sort_by_key(|told| told.index);
    Ok(told.into_iter().map(|told| told.step).collect())
}

async fn effects(console: &Console, tenant: &TenantId, cause: &EventId) -> Result<Vec<Told>, ApiError> {
    let query = Query::new(&AUDIT, tenant).is("cause", cause).limit(EFFECTS_MAX);
    let mut told = Vec::new();
    for row in console.rows::<AuditRow>(query, None).await?.rows {
        let mut effect = tell(&proof::event(&*console.app.store, tenant, row.index).await?)?;
        let stream = format!("{}-{}", row.category, row.stream_id);
        effect.step.about = Some(Link::to(row.stream_id.to_string(), stream_href(&stream)));
        told.push(effect);
    }
    Ok(told)
}

async fn controls(
    console: &Console,
    tenant: &TenantId,
    row: &EvidenceRow,
) -> Result<Vec<ControlNow>, ApiError> {
    let now = console.app.clock.now();
    let mut shown = Vec::new();
    for control in controls_of(&row.controls) {
        let key = vec![Cell::of(&control.framework), Cell::of(&control.control)];
        let state = console.row::<ControlRow>(tenant, key).await?;
        shown.push(ControlNow {
            href: control_href(&control),
            text: format!("{} {}", control.framework, control.control.to_string().to_uppercase()),
            title: state.as_ref().and_then(|row| row.title.as_deref()).unwrap_or_default().to_owned(),
            mark: status_mark(state.map_or(ControlStatus::Unknown, |row| status_at(&row, now))),
        });
    }
    Ok(shown)
}

fn facts(row: &EvidenceRow, target: Option<String>) -> Vec<Fact> {
    let time = |time: ledger::time::Timestamp| At::from(time).short;
    let mut facts = vec![
        Fact::new("Check", row.check.to_string()).mono(),
        Fact::link("Source", source(row)),
        Fact::new(
            "Target",
            target.map_or_else(|| row.target_ref.to_string(), |name| format!("{name} ({})", row.target_ref)),
        ),
        Fact::new("Checked", row.checked.to_string()),
        Fact::new("Skipped", row.skipped.to_string()),
        Fact::new("Observed (UTC)", format!("{} to {}", time(row.observed_from), time(row.observed_to))),
        Fact::new("Sent (UTC)", time(row.sent_at)),
        Fact::new("Received (UTC)", time(row.received_at)),
        Fact::new("State", spoken(&row.state)),
    ];
    if let Some(stale) = row.stale_after {
        let cadence = u64::try_from(stale.micros() - row.observed_to.micros()).unwrap_or(0) / 1_000_000;
        facts.push(Fact::new(
            "Stale after (UTC)",
            format!("{}, expected every {}", time(stale), duration_words(cadence)),
        ));
    }
    if let Some(by) = &row.superseded_by {
        facts.push(Fact::link("Superseded by", Link::to(by.to_string(), evidence_href(by))));
    }
    facts
}
