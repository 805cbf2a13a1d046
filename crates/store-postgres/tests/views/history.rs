//! The ledger's own events, in memory, so that what is tested is the read models.

use std::sync::Arc;

use ledger_projections::testing::History;
use ledger_store::conformance::Recorded;

/// Shows those who follow so many events of a history; gives the position of the last one.
pub fn show(events: &Recorded, history: &History, count: usize) -> u64 {
    for event in &history.events[events.len()..count] {
        events.keep(&event.tenant, Arc::clone(&event.event_type), Arc::clone(&event.header));
    }
    events.tell()
}

/// All events of a history.
pub fn recorded(history: &History) -> Arc<Recorded> {
    let events = Arc::default();
    show(&events, history, history.events.len());
    events
}
