//! Events as reactors read them: with the confidential members that they need, opened, and nothing more.

use ledger::domain::DomainEvent;
use ledger::event::Header;
use ledger::ids::{StreamId, TenantId};
use ledger_aggregates::ticket::{TicketEvent, TicketValues};
use ledger_projections::reactors::{OPENED_TYPES, SeenEvent, VALUES_TYPES};
use ledger_store::{Read, StoredEvent};
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::ApiError;
use crate::history::disclose;

/// Reads events. What cannot be read is the projections' to quarantine; a reactor passes over it.
///
/// # Errors
/// The store, or disclosures that do not open although they should.
pub async fn read(app: &App, events: &[StoredEvent]) -> Result<Vec<SeenEvent>, ApiError> {
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        let Ok(header) = Header::parse_trusted(&event.header) else { continue };
        let Ok(Some(mut seen)) = SeenEvent::read(&header) else { continue };
        let event_type = &*event.event_type;
        if OPENED_TYPES.contains(&event_type) {
            seen.opened = members(app, &event.tenant, std::slice::from_ref(event)).await?.remove(0);
        }
        if VALUES_TYPES.contains(&event_type) {
            seen.ticket = Some(Box::new(ticket(app, &event.tenant, &header.stream, header.seq).await?));
        }
        all.push(seen);
    }
    Ok(all)
}

/// The opened members of each event.
async fn members(
    app: &App,
    tenant: &TenantId,
    events: &[StoredEvent],
) -> Result<Vec<Map<String, Value>>, ApiError> {
    let opened = disclose::open(&*app.side, &app.keyring, tenant, events).await;
    let mut opened = opened.map_err(ApiError::internal)?;
    let members = |event: &StoredEvent| {
        let of = opened.remove(&event.index).unwrap_or_default();
        of.into_iter().map(|disclosure| (disclosure.name, disclosure.value)).collect()
    };
    Ok(events.iter().map(members).collect())
}

/// The values of a ticket, up to one of its events.
async fn ticket(app: &App, tenant: &TenantId, stream: &StreamId, seq: u64) -> Result<TicketValues, ApiError> {
    let (mut values, mut from) = (TicketValues::default(), 0);
    loop {
        let page = app.store.read(Read::stream(tenant, stream, from)).await?;
        let opened = members(app, tenant, &page.events).await?;
        for (stored, opened) in page.events.iter().zip(&opened) {
            let Ok(header) = Header::parse_trusted(&stored.header) else { continue };
            if header.seq > seq {
                return Ok(values);
            }
            let Ok(data) = serde_json::from_slice(header.data) else { continue };
            if let Ok(Some(told)) = TicketEvent::decode(&stored.event_type, &data) {
                values.fold(&told, opened);
            }
        }
        if page.end {
            return Ok(values);
        }
        from = page.next;
    }
}
