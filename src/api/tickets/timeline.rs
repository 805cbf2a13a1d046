//! The events of one stream with what they disclose, newest first.

use ledger::event::Header;
use ledger::ids::{StreamId, TenantId};
use ledger_store::Read;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::ApiError;

/// Events that one answer tells; `GET /v1/events?stream=…` has all.
const EVENTS_MAX: usize = 100;

/// One event of a timeline.
#[derive(Debug, Serialize)]
pub struct Happened {
    index: u64,
    time: String,
    actor: String,
    r#type: String,
    data: Map<String, Value>,
    disclosed: Map<String, Value>,
}

/// The newest events of a stream.
///
/// # Errors
/// The store.
pub async fn of(app: &App, tenant: &TenantId, stream: &StreamId) -> Result<Vec<Happened>, ApiError> {
    let read = Read::stream(tenant, stream, u64::MAX).backward().limit(EVENTS_MAX);
    let events = app.store.read(read).await?.events;
    let indexes: Vec<u64> = events.iter().map(|event| event.index).collect();
    let mut opened = app.opened(tenant, &indexes).await?;
    let mut told = Vec::with_capacity(events.len());
    for event in &events {
        let header = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
        told.push(Happened {
            index: event.index,
            time: header.time.to_string(),
            actor: format!("{}:{}", header.actor.kind.as_str(), header.actor.id),
            r#type: header.event_type.to_string(),
            data: serde_json::from_slice(header.data).map_err(ApiError::internal)?,
            disclosed: opened.remove(&event.index).unwrap_or_default().into_iter().collect(),
        });
    }
    Ok(told)
}
