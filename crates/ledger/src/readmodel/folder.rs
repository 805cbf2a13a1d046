//! Folds events into rows, one projection beside the other, and keeps an event that cannot be folded from doing harm.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::digest::{DigestState, ProjectionDigest};
use super::progress::{Parsed, RawEvent};
use super::rows::{FoldError, Rows, SourceError};
use super::table::Schema;
use super::working_set::{RowSource, WorkingSet};
use crate::ids::{StreamId, TenantId};
use crate::time::Timestamp;

/// A set of projections that fold the same events: `ledger-projections` has the product's.
pub trait ReadModels: Send + Sync + 'static {
    /// An event, parsed once for all projections.
    type Event: Send + 'static;

    /// The projections and their tables.
    fn schema(&self) -> &Arc<Schema>;

    /// Parses a committed event. `as_of` is the running maximum of time before it. Data that does not fit its type is
    /// kept in the event as such: it concerns only the projections that use it.
    ///
    /// # Errors
    /// The header is not one.
    fn parse(&self, raw: RawEvent<'_>, as_of: Timestamp) -> Result<Self::Event, String>;

    /// The running maximum of time with this event in it.
    fn as_of(event: &Self::Event) -> Timestamp;

    /// The event's stream.
    fn stream(event: &Self::Event) -> &StreamId;

    /// Folds an event into the rows of one projection (by its place in the schema).
    ///
    /// # Errors
    /// The event cannot be folded, or rows cannot be read.
    fn fold(&self, projection: usize, event: &Self::Event, rows: &mut dyn Rows) -> Result<(), FoldError>;
}

/// An event that a projection could not fold. The later events of its stream are held back from that projection, because
/// they may build on it; other streams and other projections go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poisoned {
    /// The projection's name.
    pub projection: String,
    /// Whose log.
    pub tenant: TenantId,
    /// The stream held back.
    pub stream: StreamId,
    /// The first event that failed.
    pub index: u64,
    /// Why.
    pub reason: String,
    /// How many later events of the stream are held back.
    pub held: u64,
}

#[derive(PartialEq, Eq, Hash)]
struct Place {
    projection: usize,
    stream: StreamId,
}

/// Folds parsed events into a [`WorkingSet`].
pub struct Folder<M: ReadModels> {
    models: Arc<M>,
    quarantine: HashMap<TenantId, HashMap<Place, Poisoned>>,
}

impl<M: ReadModels> Folder<M> {
    /// Goes on with what is in quarantine. Entries of projections that the schema no longer has are dropped.
    pub fn new(models: Arc<M>, poisoned: Vec<Poisoned>) -> Self {
        let mut folder = Self { models, quarantine: HashMap::new() };
        for entry in poisoned {
            let named = |projection: &super::ProjectionDef| projection.name == entry.projection;
            if let Some(projection) = folder.models.schema().projections().iter().position(named) {
                let place = Place { projection, stream: entry.stream.clone() };
                folder.quarantine.entry(entry.tenant.clone()).or_default().insert(place, entry);
            }
        }
        folder
    }

    /// Folds one event into all projections. Gives the quarantine entries that came new or hold back one more event.
    ///
    /// # Errors
    /// Rows could not be read; the working set may hold half of the event and must be dropped.
    pub fn fold<S: RowSource>(
        &mut self,
        parsed: &Parsed<M::Event>,
        working: &mut WorkingSet<S>,
    ) -> Result<Vec<Poisoned>, SourceError> {
        let mut changed = Vec::new();
        let mut rows = working.rows(&parsed.tenant);
        for projection in 0..self.models.schema().projections().len() {
            if let Some(held) = self.hold(projection, parsed) {
                changed.push(held);
                continue;
            }
            rows.keep();
            // A panic in a fold is a fault of that fold with that event: the rest must go on all the same.
            // The rows it touched are rolled back below, so nothing half-done is seen.
            let folded =
                catch_unwind(AssertUnwindSafe(|| self.models.fold(projection, &parsed.event, &mut rows)));
            let reason = match folded {
                Ok(Ok(())) => continue,
                Ok(Err(FoldError::Source(error))) => return Err(error),
                Ok(Err(FoldError::Poison(reason))) => reason,
                Err(panic) => format!("the fold panicked: {}", panic_text(&*panic)),
            };
            rows.roll_back();
            changed.push(self.quarantine(projection, parsed, reason));
        }
        Ok(changed)
    }

    /// Everything in quarantine, in order.
    pub fn poisoned(&self) -> Vec<Poisoned> {
        let mut entries: Vec<_> = self.quarantine.values().flat_map(HashMap::values).cloned().collect();
        entries.sort_by(|a, b| (&a.tenant, a.index, &a.projection).cmp(&(&b.tenant, b.index, &b.projection)));
        entries
    }

    fn hold(&mut self, projection: usize, parsed: &Parsed<M::Event>) -> Option<Poisoned> {
        let places = self.quarantine.get_mut(&parsed.tenant)?;
        let entry = places.get_mut(&Place { projection, stream: M::stream(&parsed.event).clone() })?;
        entry.held += 1;
        Some(entry.clone())
    }

    fn quarantine(&mut self, projection: usize, parsed: &Parsed<M::Event>, reason: String) -> Poisoned {
        let stream = M::stream(&parsed.event).clone();
        let entry = Poisoned {
            projection: self.models.schema().projections()[projection].name.to_owned(),
            tenant: parsed.tenant.clone(),
            stream: stream.clone(),
            index: parsed.log.size - 1,
            reason,
            held: 0,
        };
        let places = self.quarantine.entry(parsed.tenant.clone()).or_default();
        places.insert(Place { projection, stream }, entry.clone());
        entry
    }
}

/// Marks the digests of projections that have an event of this tenant in quarantine.
pub fn degrade(digests: &mut [ProjectionDigest], tenant: &TenantId, poisoned: &[Poisoned]) {
    for digest in digests {
        if poisoned.iter().any(|entry| entry.tenant == *tenant && entry.projection == digest.projection) {
            digest.digest = DigestState::Degraded;
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
