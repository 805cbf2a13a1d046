//! The first page: how the frameworks stand, what needs attention, what happened last.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use ledger::ids::TenantId;
use ledger::readmodel::Query;
use ledger::time::Timestamp;
use ledger_aggregates::values::ControlStatus;
use ledger_projections::alerts::{ALERT, AlertRow};
use ledger_projections::controls::{CONTROL, ControlRow, status_at};
use ledger_projections::evidence::{EVIDENCE, EvidenceRow};
use ledger_projections::frameworks::{FRAMEWORK, FrameworkRow};
use ledger_projections::scorecards::{SCORECARD, SCORECARD_HISTORY, ScorecardHistoryRow, ScorecardRow};

use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::render::evidence_href;
use crate::console::view::{
    At, Link, Mark, Score, alert_mark, counts, result_mark, spoken, status_mark, stream_href,
};
use crate::console::viewer::Viewer;
use crate::error::ApiError;

/// Days that the trend shows.
const TREND_DAYS: i64 = 30;
/// Hours that it shows while a ledger is too young for days.
const TREND_HOURS: i64 = 24;
const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// Controls that need attention, of each status, that are listed.
const ATTENTION_MAX: usize = 8;
/// Alerts and evidence that are listed.
const LATEST: usize = 6;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    summary: String,
    scores: Vec<Score>,
    trend: Option<Trend>,
    attention: Vec<Attention>,
    attention_words: String,
    alerts: Vec<AlertLine>,
    latest: Vec<LatestLine>,
}

struct Trend {
    framework: String,
    unit: &'static str,
    columns: [Column; 3],
    rows: Vec<TrendRow>,
}

struct Column {
    label: &'static str,
    class: &'static str,
    token: &'static str,
}

struct TrendRow {
    name: String,
    exact: String,
    values: [String; 3],
}

struct Attention {
    href: String,
    control: String,
    title: String,
    mark: Mark,
    since: Option<At>,
    evidence: Option<Link>,
}

struct AlertLine {
    mark: Mark,
    subject: Link,
    words: String,
    at: At,
}

struct LatestLine {
    mark: Mark,
    href: String,
    title: String,
    check: String,
    at: At,
}

/// `GET /`
pub async fn show(State(console): State<Arc<Console>>, viewer: Viewer) -> Response {
    let made = build(&console, &viewer).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer) -> Result<Overview, ApiError> {
    let tenant = viewer.tenant();
    let frame = console.frame(viewer, "Overview").await?;
    let scores = scores(console, tenant).await?;
    let attention = attention(console, tenant).await?;
    let alerts = alerts(console, tenant).await?;
    let waiting =
        [(attention.len(), "control", "needs", "need"), (alerts.len(), "open alert", "asks for", "ask for")];
    let words: Vec<_> = waiting
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, noun, one, many)| match count {
            1 => format!("1 {noun} {one} attention"),
            count => format!("{count} {noun}s {many} attention"),
        })
        .collect();
    Ok(Overview {
        frame,
        summary: if words.is_empty() {
            "Nothing asks for attention.".to_owned()
        } else {
            words.join(", ") + "."
        },
        trend: trend(console, tenant, &scores).await?,
        scores: scores.into_iter().map(|(_, score)| score).collect(),
        attention_words: "Failing, in doubt or overdue".to_owned(),
        attention,
        alerts,
        latest: latest(console, tenant).await?,
    })
}

/// The scorecards of a tenant by framework.
///
/// # Errors
/// The read models.
pub async fn scores(console: &Console, tenant: &TenantId) -> Result<Vec<(String, Score)>, ApiError> {
    let titles = console.rows::<FrameworkRow>(Query::new(&FRAMEWORK, tenant), None).await?.rows;
    let titles: BTreeMap<_, _> =
        titles.into_iter().map(|row| (row.framework.to_string(), row.title)).collect();
    let cards = console.rows::<ScorecardRow>(Query::new(&SCORECARD, tenant), None).await?.rows;
    let score = |card: ScorecardRow| {
        let id = card.framework.to_string();
        let title = titles.get(&id).map_or_else(|| id.clone(), |title| title.to_string());
        let score = Score::new(title, format!("/frameworks/{id}"), &counts(&card));
        (id, score)
    };
    Ok(cards.into_iter().map(score).collect())
}

/// How each of the last days (of a young ledger: hours) ended; one without a change is as the one before.
async fn trend(
    console: &Console,
    tenant: &TenantId,
    scores: &[(String, Score)],
) -> Result<Option<Trend>, ApiError> {
    let Some((framework, score)) = scores.iter().max_by_key(|(_, score)| score.assessed) else {
        return Ok(None);
    };
    let query = Query::new(&SCORECARD_HISTORY, tenant).is_text("framework", framework).descending();
    let hours = console.rows::<ScorecardHistoryRow>(query.limit(1000), None).await?.rows;
    let Some(oldest) = hours.last().map(|row| row.hour.micros()) else { return Ok(None) };
    let now = console.app.clock.now().micros();
    let (unit, step, steps, shown) = if now - oldest < 3 * DAY_MICROS {
        ("hour", HOUR_MICROS, TREND_HOURS, 16)
    } else {
        ("day", DAY_MICROS, TREND_DAYS, 10)
    };
    // One step before the first row nothing was assessed: that is where the lines begin.
    let (first, last) = (oldest.div_euclid(step) - 1, now.div_euclid(step));
    let rows = (first.max(last - steps + 1)..=last).map(|at| {
        // Rows are newest first: the first one that is not later is how the step ended.
        let row = hours.iter().find(|row| row.hour.micros().div_euclid(step) <= at);
        let counts = row.map_or([0; 3], |row| [row.pass, row.fail + row.error, row.stale + row.inconclusive]);
        let time = At::from(Timestamp::from_micros(at * step));
        TrendRow {
            name: time.short.chars().take(shown).collect(),
            exact: time.exact,
            values: counts.map(|n| n.to_string()),
        }
    });
    let mut rows: Vec<_> = rows.collect();
    // The last step is not over: what holds now is shown to hold until now.
    if let Some(last) = rows.last().map(|row| row.values.clone()) {
        let time = At::from(Timestamp::from_micros(now));
        rows.push(TrendRow { name: "now".to_owned(), exact: time.exact, values: last });
    }
    let columns = [
        Column { label: "pass", class: "pass", token: "--pass-fill" },
        Column { label: "fail or error", class: "fail", token: "--fail-fill" },
        Column { label: "stale or inconclusive", class: "stale", token: "--warn-fill" },
    ];
    Ok(Some(Trend { framework: score.title.clone(), unit, columns, rows }))
}

async fn attention(console: &Console, tenant: &TenantId) -> Result<Vec<Attention>, ApiError> {
    let now = console.app.clock.now();
    let mut lines = Vec::new();
    for status in
        [ControlStatus::Fail, ControlStatus::Error, ControlStatus::Stale, ControlStatus::Inconclusive]
    {
        let query = Query::new(&CONTROL, tenant).is("status", &status).limit(ATTENTION_MAX);
        for row in console.rows::<ControlRow>(query, None).await?.rows {
            lines.push(Attention {
                href: format!("/frameworks/{}/{}", row.framework, row.control),
                control: format!("{} {}", row.framework, row.control.to_string().to_uppercase()),
                title: row.title.as_deref().unwrap_or_default().to_owned(),
                mark: status_mark(status_at(&row, now)),
                since: row.since.map(At::from),
                evidence: row.evidence.as_ref().map(|id| Link::to("Explain", evidence_href(id))),
            });
        }
    }
    Ok(lines)
}

async fn alerts(console: &Console, tenant: &TenantId) -> Result<Vec<AlertLine>, ApiError> {
    let query = Query::new(&ALERT, tenant).is_text("state", "open").order_by("raised_index").descending();
    let rows = console.rows::<AlertRow>(query.limit(LATEST), None).await?.rows;
    let line = |row: AlertRow| AlertLine {
        mark: alert_mark(row.severity, row.kind),
        subject: Link::to(&*row.subject, stream_href(&row.subject)),
        words: spoken(row.severity.as_str()),
        at: row.raised_at.into(),
    };
    Ok(rows.into_iter().map(line).collect())
}

async fn latest(console: &Console, tenant: &TenantId) -> Result<Vec<LatestLine>, ApiError> {
    let rows = console
        .rows::<EvidenceRow>(Query::new(&EVIDENCE, tenant).descending().limit(LATEST), None)
        .await?
        .rows;
    let indexes: Vec<u64> = rows.iter().map(|row| row.index).collect();
    let mut titles = console.texts(tenant, &indexes, "title").await?;
    let line = |row: EvidenceRow| LatestLine {
        mark: result_mark(row.result),
        href: evidence_href(&row.evidence),
        title: titles.remove(&row.index).unwrap_or_else(|| row.check.to_string()),
        check: row.check.to_string(),
        at: row.received_at.into(),
    };
    Ok(rows.into_iter().map(line).collect())
}
