//! What a store on PostgreSQL is held against: the same bytes on the same server, without a ledger.

mod message_db;
mod notify;
mod plain;

pub use message_db::{MessageDb, message_db};
pub use notify::notify_round_trips;
pub use plain::{PlainTable, plain_table};

use ledger_store::{EventStore, Read, StoreError, StoredEvent};

use crate::error::{OpenError, PgError};

/// The last events of a store, in order.
async fn last(store: &dyn EventStore, events: u64) -> Result<Vec<StoredEvent>, StoreError> {
    let last = *store.subscribe().borrow();
    let (mut next, mut all) = (last.saturating_sub(events) + 1, Vec::new());
    while next <= last {
        let page = store.read(Read::all(next)).await?;
        next = page.next;
        all.extend(page.events);
    }
    Ok(all)
}

fn opened(error: OpenError) -> StoreError {
    StoreError::Unavailable { reason: error.to_string() }
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    PgError::from(error).nothing_happened()
}
