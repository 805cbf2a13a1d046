//! Live activity: the page, and the stream of server-sent events that feeds it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Query as Params, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ledger::clock::Stopwatch;
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::console::Console;
use crate::console::frame::Frame;
use crate::console::live::{Rendered, Row, newest, render, rows};
use crate::console::viewer::{Viewer, find};
use crate::error::ApiError;

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    frame: Frame,
    after: u64,
    rows: Vec<Row>,
}

/// Where the page ends and the stream begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: u64,
}

/// A stream ends after this and the browser comes again: it is then let in anew.
const STREAM_MAX: Duration = Duration::from_secs(300);
/// Proxies must not take a quiet stream for a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `GET /live`
pub async fn show(State(console): State<Arc<Console>>, viewer: Viewer) -> Response {
    let made = async {
        let frame = console.frame(&viewer, "Live activity").await?;
        let events = newest(&*console.app.store, viewer.tenant(), 0).await?;
        let after = events.last().map_or(0, |event| event.index + 1);
        let mut rows = rows(&events);
        rows.reverse();
        Ok::<_, ApiError>(LivePage { frame, after, rows })
    };
    let made = made.await;
    console.answer(&viewer, made).await
}

/// A viewer's place in the stream.
struct Place {
    console: Arc<Console>,
    headers: HeaderMap,
    waiting: Option<Rendered>,
    live: broadcast::Receiver<Rendered>,
    since: Stopwatch,
}

/// `GET /live/stream`
pub async fn stream(
    State(console): State<Arc<Console>>,
    viewer: Viewer,
    Params(after): Params<After>,
    headers: HeaderMap,
) -> Response {
    let Some(live) = console.live.watch(&console.app.store, viewer.tenant()) else {
        return (crate::error::OVERLOADED.http(), [(header::RETRY_AFTER, "30")], "too many viewers")
            .into_response();
    };
    // A browser that comes again says what it had last; that is newer than what its page had.
    let last =
        headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse::<u64>().ok());
    let from = last.map_or(after.after, |last| last + 1);
    let missed = match newest(&*console.app.store, viewer.tenant(), from).await {
        Ok(events) => render(&events),
        Err(error) => return ApiError::from(error).into_response(),
    };
    let place = Place { console, headers, waiting: missed, live, since: Stopwatch::start() };
    let events = stream::unfold(place, |mut place| async move {
        let event = next(&mut place).await?;
        Some((Ok::<_, Infallible>(event), place))
    });
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // A proxy that collects answers would make it anything but live.
    ([("x-accel-buffering", HeaderValue::from_static("no"))], sse).into_response()
}

/// The next message; none: the stream ends.
async fn next(place: &mut Place) -> Option<Event> {
    if let Some(missed) = place.waiting.take() {
        return Some(message(&missed));
    }
    let left = STREAM_MAX.checked_sub(place.since.elapsed())?;
    let received = tokio::time::timeout(left, place.live.recv()).await.ok()?;
    // A session that ended meanwhile sees no more.
    find(&place.console, &place.headers, "/live")?;
    match received {
        Ok(rendered) => Some(message(&rendered)),
        Err(RecvError::Lagged(_)) => Some(Event::default().event("resync").data("1")),
        Err(RecvError::Closed) => None,
    }
}

fn message(rendered: &Rendered) -> Event {
    Event::default().event("rows").id(rendered.newest.to_string()).data(&*rendered.html)
}
