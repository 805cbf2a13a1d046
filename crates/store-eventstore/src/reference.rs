//! What appends are held against: the same entries in one stream of the same server, nothing decided, signed or derived.

use std::time::Duration;

use kurrentdb::EventData;
use ledger::clock::{OsEntropy, Stopwatch, SystemClock};
use ledger::event::entry_bytes;
use ledger::ids::uuid_v7;
use ledger::keys::Kid;
use ledger_store::{EventStore, Read, StoreError};

use crate::entry::json;
use crate::link::{Link, Sent};
use crate::options::APPEND_BYTES_MAX;

/// In the place of the key's id, which is as long.
const NOBODY: Kid = Kid([0; 16]);

/// Appends the last `events` of a store to a stream of their own, which stays on the server: at most `rows` at once, and no
/// more bytes than the server takes. How many there were, and how long that took.
///
/// # Errors
/// The store's or the server's.
pub async fn plain_appends(
    store: &dyn EventStore,
    url: &str,
    events: u64,
    rows: usize,
) -> Result<(u64, Duration), StoreError> {
    let last = *store.subscribe().borrow();
    let (mut next, mut parts, mut room) =
        (last.saturating_sub(events) + 1, vec![Vec::new()], APPEND_BYTES_MAX);
    while next <= last {
        let page = store.read(Read::all(next)).await?;
        next = page.next;
        for event in page.events {
            let entry = entry_bytes(&event.header, &event.signature, NOBODY);
            let full = parts.last().is_some_and(|part: &Vec<EventData>| part.len() >= rows.max(1));
            if full || entry.len() > room {
                parts.push(Vec::new());
                room = APPEND_BYTES_MAX;
            }
            room = room.saturating_sub(entry.len());
            parts.last_mut().expect("there is one").push(json(&event.event_type, entry));
        }
    }
    let link = Link::new(url).map_err(StoreError::invalid)?;
    let stream = format!("bench-{}", uuid_v7(&SystemClock, &OsEntropy));
    let (watch, mut after) = (Stopwatch::start(), None);
    for part in parts {
        let written = part.len() as u64;
        match link.append(&stream, after, part).await {
            Sent::Stored => after = Some(after.map_or(0, |last: u64| last + 1) + written - 1),
            other => return Err(StoreError::Unavailable { reason: format!("the reference: {other:?}") }),
        }
    }
    Ok((after.map_or(0, |last| last + 1), watch.elapsed()))
}
