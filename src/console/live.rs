//! Live activity: one rendering for all viewers of a tenant.
//!
//! A task for each watched tenant waits for commits, reads the newest events at a bounded pace, renders them once and
//! hands the same bytes to every viewer. What it costs depends neither on how many events are appended nor on how many
//! people watch; appends never wait for it. A viewer that falls behind is told to begin anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use ledger::event::Header;
use ledger::ids::TenantId;
use ledger_store::{EventStore, Read, StoredEvent};
use tokio::sync::broadcast;

use super::view::{At, actor_words, event_words, stream_href};
use crate::error::ApiError;

/// Renderings that wait for a slow viewer before it must begin anew.
const WAITING_MAX: usize = 64;
/// Events of one rendering; what else happened meanwhile is in the audit explorer.
pub const ROWS_MAX: usize = 50;
/// Renderings follow each other no faster: people read slower, and appends need the machine more.
const PACE: Duration = Duration::from_millis(250);
/// More viewers are sent away: each costs a connection.
pub const VIEWERS_MAX: usize = 2_000;

/// One rendering.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// The index of its newest event.
    pub newest: u64,
    /// Its rows, newest last, on one line.
    pub html: Arc<str>,
}

/// The tenants that are watched.
#[derive(Debug, Default)]
pub struct Live {
    watched: Mutex<HashMap<TenantId, broadcast::Sender<Rendered>>>,
}

/// One event as a row.
pub struct Row {
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
}

#[derive(Template)]
#[template(path = "live_rows.html")]
struct RowsOnly<'a> {
    rows: &'a [Row],
}

impl Live {
    /// Watches a tenant's log; nothing: too many do.
    pub fn watch(
        &self,
        store: &Arc<dyn EventStore>,
        tenant: &TenantId,
    ) -> Option<broadcast::Receiver<Rendered>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, sender| sender.receiver_count() > 0);
        let viewers: usize = watched.values().map(broadcast::Sender::receiver_count).sum();
        if viewers >= VIEWERS_MAX {
            return None;
        }
        if let Some(sender) = watched.get(tenant) {
            return Some(sender.subscribe());
        }
        let (sender, receiver) = broadcast::channel(WAITING_MAX);
        watched.insert(tenant.clone(), sender.clone());
        tokio::spawn(follow(Arc::clone(store), tenant.clone(), sender));
        Some(receiver)
    }
}

/// Renders what is committed until nobody watches any more.
async fn follow(store: Arc<dyn EventStore>, tenant: TenantId, viewers: broadcast::Sender<Rendered>) {
    let mut head = store.subscribe();
    let mut next = match store.log_head(&tenant).await {
        Ok(head) => head.map_or(0, |head| head.size),
        Err(_) => return,
    };
    // A first look at once: something may have been committed between the page and this task.
    head.mark_changed();
    loop {
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = viewers.closed() => return,
        }
        match newest(&*store, &tenant, next).await {
            Ok(events) if events.is_empty() => {}
            Ok(events) => {
                next = events.last().map_or(next, |event| event.index + 1);
                if let Some(rendered) = render(&events) {
                    // Nobody there is no fault: `closed` ends the loop.
                    let _ = viewers.send(rendered);
                }
            }
            // The next commit brings another try; the pages say what is wrong with the store.
            Err(error) => tracing::warn!(%error, "the live page could not read the log"),
        }
        tokio::time::sleep(PACE).await;
    }
}

/// The newest events from `from` on, oldest first, at most [`ROWS_MAX`].
///
/// # Errors
/// The store.
pub async fn newest(
    store: &dyn EventStore,
    tenant: &TenantId,
    from: u64,
) -> Result<Vec<StoredEvent>, ledger_store::StoreError> {
    let read = Read::log(tenant, u64::MAX).backward().limit(ROWS_MAX);
    let mut events = store.read(read).await?.events;
    events.retain(|event| event.index >= from);
    events.reverse();
    Ok(events)
}

/// Events as rows; one that cannot be read is left to the audit explorer.
pub fn rows(events: &[StoredEvent]) -> Vec<Row> {
    let row = |event: &StoredEvent| {
        let header = Header::parse_trusted(&event.header).ok()?;
        Some(Row {
            index: event.index,
            at: header.time.into(),
            words: event_words(&header.event_type),
            stream_href: stream_href(header.stream.as_str()),
            stream: header.stream.to_string(),
            actor: actor_words(header.actor.kind.as_str(), header.actor.id.as_str()),
            event_type: header.event_type.into_owned(),
        })
    };
    events.iter().filter_map(row).collect()
}

/// Events as one rendering.
pub fn render(events: &[StoredEvent]) -> Option<Rendered> {
    let newest = events.last()?.index;
    let html = RowsOnly { rows: &rows(events) }.render().map_err(ApiError::internal).ok()?;
    // An SSE field is one line; nothing in a row depends on its line breaks.
    Some(Rendered { newest, html: html.replace(['\n', '\r'], " ").into() })
}
