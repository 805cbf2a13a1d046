//! Probes: who reports, how often, and what waits at them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::readmodel::{Cell, Query};
use ledger::time::Timestamp;
use ledger_aggregates::values::ProbeId;
use ledger_projections::evidence::{EVIDENCE, EvidenceRow};
use ledger_projections::probes::{PROBE, ProbeRow};
use serde::Deserialize;

use super::story::Step;
use crate::api::named;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::render::{PAGE_ROWS, evidence_href};
use crate::console::view::{
    At, Fact, Link, Mark, Pager, address, duration_words, result_mark, size_words, state_mark,
};
use crate::console::viewer::Viewer;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "probes.html")]
struct Probes {
    frame: Frame,
    lines: Vec<Line>,
    pager: Pager,
}

struct Line {
    href: String,
    id: String,
    name: String,
    mark: Mark,
    heard: Option<At>,
    cadence: String,
    spool: String,
    spool_size: String,
    version: String,
}

/// The page of one probe.
#[derive(Template)]
#[template(path = "thing.html")]
pub struct Thing {
    /// The frame.
    pub frame: Frame,
    /// The list that it stands in.
    pub room: RoomLink,
    /// Its id.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Its state.
    pub mark: Mark,
    /// What happened to it, newest first.
    pub story: Vec<Step>,
    /// What is known of it.
    pub facts: Vec<Fact>,
}

/// The way back to a list.
pub struct RoomLink {
    /// Its address.
    pub href: &'static str,
    /// Its name.
    pub label: &'static str,
}

/// Which page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    /// Where the page before ended.
    pub cursor: String,
}

/// Evidence that the story of a probe tells.
const EVIDENCE_TOLD: usize = 10;

/// `GET /probes`
pub async fn list(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(which): Params<Which>,
) -> Response {
    let made = build_list(&console, &viewer, &which).await;
    console.answer(&viewer, made).await
}

async fn build_list(console: &Console, viewer: &Viewer, which: &Which) -> Result<Probes, ApiError> {
    let tenant = viewer.tenant();
    let query = Query::new(&PROBE, tenant).limit(PAGE_ROWS);
    let found = console.rows::<ProbeRow>(query, Some(&which.cursor)).await?;
    let indexes: Vec<u64> = found.rows.iter().filter_map(|row| row.name_index).collect();
    let names = console.texts(tenant, &indexes, "name").await?;
    let now = console.app.clock.now();
    let line = |row: ProbeRow| Line {
        href: format!("/probes/{}", row.probe),
        id: row.probe.to_string(),
        name: name(&row, &names),
        mark: mark(&row, now),
        heard: row.last_seen.map(At::from),
        cadence: row.cadence_seconds.map_or_else(|| "–".to_owned(), duration_words),
        spool: format!("{} waiting", row.spool_events),
        spool_size: size_words(row.spool_kib),
        version: row.version.map_or_else(|| "–".to_owned(), |version| version.to_string()),
    };
    Ok(Probes {
        frame: console.frame(viewer, "Probes").await?,
        lines: found.rows.into_iter().map(line).collect(),
        pager: Pager::new("/probes", &[], Some(&which.cursor), found.next),
    })
}

fn name(row: &ProbeRow, names: &std::collections::BTreeMap<u64, String>) -> String {
    row.name_index.and_then(|index| names.get(&index)).cloned().unwrap_or_else(|| row.probe.to_string())
}

fn mark(row: &ProbeRow, now: Timestamp) -> Mark {
    state_mark(if row.is_silent_at(now) { "silent" } else { &row.state })
}

/// `GET /probes/{id}`
pub async fn show(State(console): State<Arc<Console>>, viewer: Viewer, Path(id): Path<String>) -> Response {
    let made = build(&console, &viewer, &id).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, id: &str) -> Result<Thing, ApiError> {
    let tenant = viewer.tenant();
    let probe: ProbeId = named("probe", id)?;
    let row: Option<ProbeRow> = console.row(tenant, vec![Cell::of(&probe)]).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("probe {id}")))?;
    let names = console.texts(tenant, &row.name_index.into_iter().collect::<Vec<_>>(), "name").await?;
    let told = console.story(tenant, &probe.stream(), &["name"]).await?;
    let mut story: Vec<Step> = told.into_iter().map(|told| told.step).collect();
    let query =
        Query::new(&EVIDENCE, tenant).is("probe", &Some(probe.clone())).descending().limit(EVIDENCE_TOLD);
    story.extend(console.rows::<EvidenceRow>(query, None).await?.rows.into_iter().map(handed_in));
    story.sort_by(|a, b| b.at.exact.cmp(&a.at.exact));
    let title = name(&row, &names);
    Ok(Thing {
        frame: console.frame(viewer, title.clone()).await?,
        room: RoomLink { href: "/probes", label: "Probes" },
        id: id.to_owned(),
        title,
        mark: mark(&row, console.app.clock.now()),
        story,
        facts: facts(&row),
    })
}

fn handed_in(row: EvidenceRow) -> Step {
    Step {
        mark: Some(result_mark(row.result)),
        words: "Evidence handed in".to_owned(),
        about: Some(Link::to(row.check.to_string(), evidence_href(&row.evidence))),
        note: None,
        at: row.received_at.into(),
        index: Some(row.index),
        actor: row.actor.to_string(),
    }
}

fn facts(row: &ProbeRow) -> Vec<Fact> {
    let time = |time: Option<Timestamp>| time.map_or_else(|| "–".to_owned(), |time| At::from(time).short);
    let all = address("/evidence", &[("probe", &row.probe.to_string())]);
    vec![
        Fact::new("Looks at", row.kind.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string)),
        Fact::new("Last heard (UTC)", time(row.last_seen)),
        Fact::new("Last heartbeat recorded (UTC)", time(row.heartbeat_at)),
        Fact::new("Expected every", row.cadence_seconds.map_or_else(|| "–".to_owned(), duration_words)),
        Fact::new("Silent after (UTC)", time(row.silent_after)),
        Fact::new(
            "Waiting at the probe",
            format!("{} events, {}", row.spool_events, size_words(row.spool_kib)),
        ),
        Fact::new("Version", row.version.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string)),
        Fact::link("Evidence", Link::to(format!("{} handed in", row.evidence_count), all)),
    ]
}
