//! The audit explorer: every event, searched as one types, the search in the address.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query as Params, State};
use axum::response::Response;
use ledger::ids::{StreamId, TenantId};
use ledger::readmodel::{Cell, Query, Test};
use ledger_aggregates::all_schemas;
use ledger_projections::audit::{AUDIT, AuditRow, in_stream};
use serde::Deserialize;

use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::render::PAGE_ROWS;
use crate::console::view::{
    At, Choice, Pager, actor_words, address, day_end, day_start, day_text, event_words, spoken, stream_href,
};
use crate::console::viewer::Viewer;
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    q: String,
    kinds: Vec<Choice>,
    actor: String,
    from: String,
    to: String,
    problem: Option<String>,
    empty_words: &'static str,
    rows: Vec<EventLine>,
    pager: Pager,
}

/// One event in a list.
pub struct EventLine {
    /// Its number in the log.
    pub index: u64,
    /// When.
    pub at: At,
    /// What happened.
    pub words: String,
    /// Its type.
    pub event_type: String,
    /// Its stream.
    pub stream: String,
    /// The stream's page.
    pub stream_href: String,
    /// Who.
    pub actor: String,
    /// What else he did.
    pub actor_href: String,
}

/// The search, as it stands in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Search {
    q: String,
    kind: String,
    actor: String,
    from: String,
    to: String,
    cursor: String,
}

/// `GET /audit`
pub async fn search(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(search): Params<Search>,
) -> Response {
    let made = build(&console, &viewer, &search).await;
    console.answer(&viewer, made).await
}

async fn build(console: &Console, viewer: &Viewer, search: &Search) -> Result<Audit, ApiError> {
    let frame = console.frame(viewer, "Audit explorer").await?;
    let (query, problem) = query(viewer.tenant(), search);
    let found = console.rows::<AuditRow>(query.descending().limit(PAGE_ROWS), Some(&search.cursor)).await?;
    let kept = [
        ("q", search.q.as_str()),
        ("kind", &search.kind),
        ("actor", &search.actor),
        ("from", &search.from),
        ("to", &search.to),
    ];
    let mut kinds: Vec<&str> = all_schemas().filter_map(|schema| category(schema.event_type)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(Audit {
        frame,
        q: search.q.clone(),
        kinds: kinds.into_iter().map(|kind| Choice::new(kind, spoken(kind), &search.kind)).collect(),
        actor: search.actor.clone(),
        from: day_text(&search.from),
        to: day_text(&search.to),
        problem,
        empty_words: if found.next.is_some() {
            "Nothing among the events looked at so far. The next page goes on with older ones."
        } else {
            "No event of this tenant fits the search."
        },
        rows: found.rows.iter().map(line).collect(),
        pager: Pager::new("/audit", &kept, Some(&search.cursor), found.next),
    })
}

fn category(event_type: &str) -> Option<&str> {
    event_type.strip_prefix("ledger.")?.split('.').next()
}

/// The query of a search, and what of it cannot be understood.
fn query(tenant: &TenantId, search: &Search) -> (Query, Option<String>) {
    let mut query = Query::new(&AUDIT, tenant);
    let mut problem = None;
    if !search.kind.is_empty() {
        query = query.is_text("category", &search.kind);
    }
    if !search.actor.trim().is_empty() {
        query = query.is_text("actor", search.actor.trim());
    }
    for (day, moment, test) in [
        (&search.from, day_start(&search.from), Test::AtLeast as fn(Cell) -> Test),
        (&search.to, day_end(&search.to), Test::Below),
    ] {
        match moment {
            Some(moment) => query = query.filter("as_of", test(Cell::time(moment))),
            None if day.is_empty() => {}
            None => problem = Some(format!("“{day}” is not a day: write it as 2026-03-01.")),
        }
    }
    (worded(query, search.q.trim()), problem)
}

/// The free words: an index, a stream, an id, or a part of an event type.
fn worded(query: Query, words: &str) -> Query {
    if words.is_empty() {
        return query;
    }
    if let Ok(index) = words.parse::<u64>() {
        return query.is("index", &index);
    }
    let lower = words.to_lowercase();
    let types: Vec<Cell> = all_schemas()
        .map(|schema| schema.event_type)
        .filter(|name| name.contains(&lower) || event_words(name).to_lowercase().contains(&lower))
        .map(Cell::text)
        .collect();
    // One known type is found by index, several by walking; a text that names none of them is a stream.
    match <[Cell; 1]>::try_from(types) {
        Ok([only]) => return query.filter("event_type", Test::Is(only)),
        Err(types) if !types.is_empty() => return query.filter("event_type", Test::AnyOf(types)),
        Err(_) => {}
    }
    match lower.split_once('-') {
        Some((category, id)) if id.len() >= 36 || is_category(category) => match StreamId::new(&lower) {
            Ok(stream) if is_category(category) && !id.is_empty() => in_stream(query, &stream),
            _ => query.is_text("stream_id", &lower),
        },
        _ => query.is_text("stream_id", &lower),
    }
}

fn is_category(word: &str) -> bool {
    all_schemas().any(|schema| category(schema.event_type) == Some(word))
}

fn line(row: &AuditRow) -> EventLine {
    let stream = format!("{}-{}", row.category, row.stream_id);
    EventLine {
        index: row.index,
        at: row.time.into(),
        words: event_words(&row.event_type),
        event_type: row.event_type.to_string(),
        stream_href: stream_href(&stream),
        stream,
        actor: actor_words(&row.actor_kind, &row.actor),
        actor_href: address("/audit", &[("actor", &row.actor)]),
    }
}
