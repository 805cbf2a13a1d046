//! Frameworks and their controls, now or as of a day.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query as Params, State};
use axum::response::Response;
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query, Test};
use ledger::time::Timestamp;
use ledger_aggregates::values::{ControlStatus, FrameworkId};
use ledger_projections::audit::{AUDIT, AuditRow};
use ledger_projections::controls::{CONTROL, CONTROL_HISTORY, ControlHistoryRow, ControlRow, status_at};
use ledger_projections::frameworks::FrameworkRow;
use ledger_projections::scorecards::{SCORECARD_HISTORY, ScorecardHistoryRow, ScorecardRow};
use serde::Deserialize;

use super::overview::scores;
use crate::api::named;
use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::render::PAGE_ROWS;
use crate::console::view::{
    At, Choice, Mark, Pager, Score, counts, counts_then, day_end, spoken, status_mark,
};
use crate::console::viewer::Viewer;
use crate::error::{ApiError, MALFORMED};

#[derive(Template)]
#[template(path = "frameworks.html")]
struct Frameworks {
    frame: Frame,
    scores: Vec<Score>,
}

#[derive(Template)]
#[template(path = "framework.html")]
struct FrameworkPage {
    frame: Frame,
    framework: String,
    score: Score,
    as_of: Option<At>,
    as_of_date: String,
    statuses: Vec<Choice>,
    find: String,
    lines: Vec<Line>,
    pager: Pager,
}

struct Line {
    href: String,
    control: String,
    title: String,
    mark: Mark,
    last: Option<String>,
    sources: u64,
    failing: u64,
    since: Option<At>,
    stale_after: Option<At>,
}

/// Filters of the list, as they stand in its address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filters {
    status: String,
    find: String,
    as_of: String,
    cursor: String,
}

const STATUSES: [ControlStatus; 7] = [
    ControlStatus::Fail,
    ControlStatus::Error,
    ControlStatus::Stale,
    ControlStatus::Inconclusive,
    ControlStatus::Pass,
    ControlStatus::NotApplicable,
    ControlStatus::Unknown,
];

/// The history of a log up to the end of a day.
#[derive(Debug, Clone, Copy)]
pub struct AsOf {
    /// The moment behind the day.
    pub time: Timestamp,
    /// The number of entries whose running maximum of time lies before it.
    pub size: u64,
}

/// `GET /frameworks`
pub async fn list(State(console): State<Arc<Console>>, viewer: Viewer) -> Response {
    let made = async {
        let frame = console.frame(&viewer, "Frameworks").await?;
        let scores = scores(&console, viewer.tenant()).await?;
        Ok(Frameworks { frame, scores: scores.into_iter().map(|(_, score)| score).collect() })
    };
    console.answer(&viewer, made.await).await
}

/// `GET /frameworks/{framework}`
pub async fn show(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Path(framework): Path<String>,
    Params(filters): Params<Filters>,
) -> Response {
    let made = build(&console, &viewer, &framework, &filters).await;
    console.answer(&viewer, made).await
}

async fn build(
    console: &Console,
    viewer: &Viewer,
    framework: &str,
    filters: &Filters,
) -> Result<FrameworkPage, ApiError> {
    let tenant = viewer.tenant();
    let id: FrameworkId = named("framework", framework)?;
    let row: Option<FrameworkRow> = console.row(tenant, vec![Cell::of(&id)]).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("framework {framework}")))?;
    let as_of = console.as_of(tenant, &filters.as_of).await?;
    let mut query = Query::new(&CONTROL, tenant).is("framework", &id).limit(PAGE_ROWS);
    if let Ok(status) = filters.status.parse::<ControlStatus>() {
        query = query.is("status", &status);
    }
    if !filters.find.is_empty() {
        query = query.filter("control", Test::Contains(filters.find.to_lowercase()));
    }
    let found = console.rows::<ControlRow>(query, Some(&filters.cursor)).await?;
    let mut lines = Vec::with_capacity(found.rows.len());
    for row in &found.rows {
        lines.push(line(console, tenant, row, as_of).await?);
    }
    let path = format!("/frameworks/{framework}");
    let kept = [("status", filters.status.as_str()), ("find", &filters.find), ("as_of", &filters.as_of)];
    Ok(FrameworkPage {
        frame: console.frame(viewer, row.title.to_string()).await?,
        framework: framework.to_owned(),
        score: score(console, tenant, &row, as_of).await?,
        as_of: as_of.map(|as_of| as_of.time.into()),
        as_of_date: filters.as_of.clone(),
        statuses: STATUSES
            .map(|word| Choice::new(word.as_str(), spoken(word.as_str()), &filters.status))
            .into(),
        find: filters.find.clone(),
        lines,
        pager: Pager::new(&path, &kept, Some(&filters.cursor), found.next),
    })
}

async fn score(
    console: &Console,
    tenant: &TenantId,
    row: &FrameworkRow,
    as_of: Option<AsOf>,
) -> Result<Score, ApiError> {
    let (title, href) = (row.title.to_string(), format!("/frameworks/{}", row.framework));
    let nothing = [("unknown", row.controls)];
    let counted = match as_of {
        None => {
            let card = console.row::<ScorecardRow>(tenant, vec![Cell::of(&row.framework)]).await?;
            card.map(|card| counts(&card))
        }
        Some(as_of) => {
            let query = Query::new(&SCORECARD_HISTORY, tenant)
                .is("framework", &row.framework)
                .filter("hour", Test::Below(Cell::time(as_of.time)))
                .descending();
            let hours = console.rows::<ScorecardHistoryRow>(query.limit(1), None).await?.rows;
            hours.first().map(counts_then)
        }
    };
    Ok(match counted {
        Some(counts) => Score::new(title, href, &counts),
        None => Score::new(title, href, &nothing),
    })
}

async fn line(
    console: &Console,
    tenant: &TenantId,
    row: &ControlRow,
    as_of: Option<AsOf>,
) -> Result<Line, ApiError> {
    let href = format!("/frameworks/{}/{}", row.framework, row.control);
    let shown = Line {
        control: row.control.to_string().to_uppercase(),
        title: row.title.as_deref().unwrap_or_default().to_owned(),
        mark: status_mark(ControlStatus::Unknown),
        last: None,
        sources: row.sources,
        failing: row.failing,
        since: row.since.map(At::from),
        stale_after: row.stale_after.map(At::from),
        href,
    };
    let Some(as_of) = as_of else {
        let status = status_at(row, console.app.clock.now());
        let last = row
            .worst
            .filter(|_| status == ControlStatus::Stale)
            .map(|worst| spoken(worst.as_str()).to_lowercase());
        return Ok(Line { mark: status_mark(status), last, ..shown });
    };
    let then = console.control_then(tenant, row, as_of).await?;
    Ok(Line {
        mark: status_mark(then.as_ref().map_or(ControlStatus::Unknown, |change| change.status)),
        since: then.map(|change| change.time.into()),
        sources: 0,
        failing: 0,
        stale_after: None,
        ..shown
    })
}

impl Console {
    /// The history up to the end of a day; no day: now.
    ///
    /// # Errors
    /// It is no day, or the read models fail.
    pub async fn as_of(&self, tenant: &TenantId, day: &str) -> Result<Option<AsOf>, ApiError> {
        if day.is_empty() {
            return Ok(None);
        }
        let time = day_end(day)
            .ok_or_else(|| ApiError::new(MALFORMED, "as_of is not a day").hint("write it as 2026-03-01"))?;
        // The running maximum of time rises with the index: the prefix ends at its last entry below.
        let query = Query::new(&AUDIT, tenant).filter("as_of", Test::Below(Cell::time(time))).descending();
        let last = self.rows::<AuditRow>(query.limit(1), None).await?.rows.pop();
        Ok(Some(AsOf { time, size: last.map_or(0, |row| row.index + 1) }))
    }

    /// The last change of a control within a history.
    ///
    /// # Errors
    /// The read models.
    pub async fn control_then(
        &self,
        tenant: &TenantId,
        row: &ControlRow,
        as_of: AsOf,
    ) -> Result<Option<ControlHistoryRow>, ApiError> {
        let query = Query::new(&CONTROL_HISTORY, tenant)
            .is("framework", &row.framework)
            .is("control", &row.control)
            .filter("index", Test::Below(Cell::of(&as_of.size)))
            .descending();
        Ok(self.rows::<ControlHistoryRow>(query.limit(1), None).await?.rows.pop())
    }
}
